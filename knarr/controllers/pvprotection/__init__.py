"""Volumes stay while claims are bound to them: the finalizer `kubernetes.io/pv-protection`."""

from __future__ import annotations

from knarr.api.types.core_v1 import PersistentVolume
from knarr.controllers.pvprotection.observe import observe
from knarr.controllers.pvprotection.plan import plan
from knarr.reconcile.runner import Controller, Watch

CONTROLLER = Controller(
    name="pvprotection", component="pv-protection-controller",
    watches=[Watch(PersistentVolume, lambda informers, obj: [("", obj.metadata.name or "")])],
    observe=observe, plan=plan)
run = CONTROLLER.run
