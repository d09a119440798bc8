"""Count how many pods of each PodDisruptionBudget may be disturbed; evictions spend from that."""

from __future__ import annotations

from knarr.controllers.disruption.observe import observe, watches
from knarr.controllers.disruption.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="disruption", component="controllermanager", watches=watches(), observe=observe, plan=plan)
run = CONTROLLER.run
