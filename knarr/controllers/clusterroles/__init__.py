"""ClusterRoles that are made of others: `aggregationRule` chooses by label whose rules they hold."""

from __future__ import annotations

from typing import NoReturn

from knarr.controllers.clusterroles.observe import observe, watches
from knarr.controllers.clusterroles.plan import View, plan
from knarr.reconcile.runner import Controller, Setup

CONTROLLER: Controller[View] = Controller(
    name="clusterroles", component="clusterrole-aggregation-controller", watches=watches(), observe=observe, plan=plan)


async def run(setup: Setup) -> NoReturn:
    """Keep aggregated roles in step for ever."""
    await CONTROLLER.run(setup)
