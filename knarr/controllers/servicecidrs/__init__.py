"""Ranges of Service addresses: declared Ready when they come, kept until no Service has an address of theirs.

The API server hands addresses out of the ranges that are Ready.
"""

from __future__ import annotations

from typing import NoReturn

from knarr.controllers.servicecidrs.observe import observe, watches
from knarr.controllers.servicecidrs.plan import View, plan
from knarr.reconcile.runner import Controller, Setup

CONTROLLER: Controller[View] = Controller(
    name="servicecidrs", component="service-cidr-controller", watches=watches(), observe=observe, plan=plan)


async def run(setup: Setup) -> NoReturn:
    """Look after the ranges for ever."""
    await CONTROLLER.run(setup)
