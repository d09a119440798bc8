"""The `default` service account of every namespace."""

from __future__ import annotations

from knarr.controllers.serviceaccounts.observe import observe, watches
from knarr.controllers.serviceaccounts.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="serviceaccounts", component="serviceaccount-controller", watches=watches(), observe=observe, plan=plan)
run = CONTROLLER.run
