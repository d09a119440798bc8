"""Classes of volume attributes stay while claims or volumes name them: the finalizer `kubernetes.io/vac-protection`."""

from __future__ import annotations

from knarr.controllers.vacprotection.observe import observe, watches
from knarr.controllers.vacprotection.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="vacprotection", component="vac-protection-controller", watches=watches(), observe=observe, plan=plan)
run = CONTROLLER.run
