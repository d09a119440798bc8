"""StatefulSets: pods with names and data of their own, one after the other."""

from __future__ import annotations

from knarr.controllers.statefulset.observe import observe, watches
from knarr.controllers.statefulset.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="statefulset", component="statefulset-controller", watches=watches(), observe=observe, plan=plan,
    reports_failures=True,
)
run = CONTROLLER.run
