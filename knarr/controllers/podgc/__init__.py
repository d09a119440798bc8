"""Pods that nobody else will clear away: their node is gone, they never had one, or too many have ended."""

from __future__ import annotations

from knarr.base.clock import Clock
from knarr.controllers.podgc.observe import Observer, watches
from knarr.controllers.podgc.plan import View, plan
from knarr.reconcile.runner import Controller, Setup


def controller(clock: Clock) -> Controller[View]:
    """Return the controller, with a memory of its own for nodes that are missing."""
    return Controller(
        name="podgc", component="pod-garbage-collector", watches=watches(), observe=Observer(clock).observe, plan=plan)


async def run(setup: Setup) -> None:
    """Clear away for ever."""
    await controller(setup.clock).run(setup)
