"""Deployments: from one template to the next, without a gap."""

from __future__ import annotations

from knarr.controllers.deployment.observe import observe, watches
from knarr.controllers.deployment.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="deployment", component="deployment-controller", watches=watches(), observe=observe, plan=plan,
    reports_failures=True,
)
run = CONTROLLER.run
