"""DaemonSets: one pod on every node that fits."""

from __future__ import annotations

from typing import NoReturn

from knarr.controllers.daemonset.observe import Observer, watches
from knarr.controllers.daemonset.plan import View, plan
from knarr.reconcile.runner import Controller, Setup


def controller() -> Controller[View]:
    """Return a controller with a memory of its own for failed pods."""
    return Controller(
        name="daemonset", component="daemonset-controller", watches=watches(), observe=Observer().observe, plan=plan,
        reports_failures=True)


async def run(setup: Setup) -> NoReturn:
    """Run for ever, or until a bug."""
    await controller().run(setup)
