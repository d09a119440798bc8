"""The IPAddress of every ClusterIP: who has which address can be read, and an address is taken while its object stands.

The API server hands the addresses out; here they only get their objects.
"""

from __future__ import annotations

from typing import NoReturn

from knarr.controllers.ipaddresses.observe import observe, watches
from knarr.controllers.ipaddresses.plan import View, plan
from knarr.reconcile.runner import Controller, Setup

CONTROLLER: Controller[View] = Controller(
    name="ipaddresses", component="ipallocator-repair-controller", watches=watches(), observe=observe, plan=plan)


async def run(setup: Setup) -> NoReturn:
    """Keep addresses and their objects in step for ever."""
    await CONTROLLER.run(setup)
