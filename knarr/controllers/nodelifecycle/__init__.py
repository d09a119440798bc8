"""Nodes that fall silent: their state becomes Unknown, they are tainted, and their pods are evicted in time."""

from __future__ import annotations

from typing import NoReturn

from knarr.base.clock import Clock
from knarr.controllers.nodelifecycle.observe import Observer, watches
from knarr.controllers.nodelifecycle.plan import View, plan
from knarr.reconcile.runner import Controller, Setup


def controller(clock: Clock) -> Controller[View]:
    """Return the controller, with a memory of its own for when each node was last heard."""
    return Controller(
        name="nodelifecycle", component="node-controller", watches=watches(), observe=Observer(clock).observe,
        plan=plan)


async def run(setup: Setup) -> NoReturn:
    """Watch over nodes for ever."""
    await controller(setup.clock).run(setup)
    raise AssertionError("unreachable: the controller ends only by an exception")
