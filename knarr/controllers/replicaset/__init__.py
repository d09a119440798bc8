"""ReplicaSets: as many pods of one template as are wanted."""

from __future__ import annotations

from knarr.controllers.replicaset.observe import observe, watches
from knarr.controllers.replicaset.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="replicaset", component="replicaset-controller", watches=watches(), observe=observe, plan=plan,
    reports_failures=True,
)
run = CONTROLLER.run
