"""CronJobs: Jobs made by the clock."""

from __future__ import annotations

from knarr.controllers.cronjob.observe import observe, watches
from knarr.controllers.cronjob.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="cronjob", component="cronjob-controller", watches=watches(), observe=observe, plan=plan,
)
run = CONTROLLER.run
