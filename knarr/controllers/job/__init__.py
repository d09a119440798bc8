"""Jobs: pods that run until enough of them have ended well."""

from __future__ import annotations

from knarr.controllers.job.observe import observe, watches
from knarr.controllers.job.plan import Orphan, View, plan
from knarr.reconcile.runner import Controller

CONTROLLER: Controller[View | Orphan] = Controller(
    name="job", component="job-controller", watches=watches(), observe=observe, plan=plan, reports_failures=True,
)
run = CONTROLLER.run
