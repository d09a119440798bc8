"""Make ResourceClaims for pods from templates, and take both claims and reservations away after them."""

from __future__ import annotations

from knarr.controllers.resourceclaims.observe import observe, watches
from knarr.controllers.resourceclaims.plan import View, plan
from knarr.reconcile.runner import Controller

CONTROLLER: Controller[View] = Controller(
    name="resourceclaims", component="resource_claim", watches=watches(), observe=observe, plan=plan)
run = CONTROLLER.run
