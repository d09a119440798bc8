"""ReplicaSets, and the ReplicationControllers before them: as many pods of one template as are wanted."""

from __future__ import annotations

import asyncio

from knarr.api.types.apps_v1 import ReplicaSet
from knarr.api.types.core_v1 import ReplicationController
from knarr.controllers.replicaset.observe import observer, watches
from knarr.controllers.replicaset.plan import plan
from knarr.reconcile.runner import Controller, Setup

CONTROLLER = Controller(
    name="replicaset", component="replicaset-controller", watches=watches(ReplicaSet), observe=observer(ReplicaSet),
    plan=plan, reports_failures=True,
)
ELDER = Controller(
    name="replicationcontroller", component="replication-controller", watches=watches(ReplicationController),
    observe=observer(ReplicationController), plan=plan, reports_failures=True,
)


async def run(setup: Setup) -> None:
    """Run both kinds' controllers until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(CONTROLLER.run(setup))
        group.create_task(ELDER.run(setup))
