"""Claims stay while pods use them: the finalizer `kubernetes.io/pvc-protection`."""

from __future__ import annotations

from knarr.controllers.pvcprotection.observe import observe, watches
from knarr.controllers.pvcprotection.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="pvcprotection", component="pvc-protection-controller", watches=watches(), observe=observe, plan=plan)
run = CONTROLLER.run
