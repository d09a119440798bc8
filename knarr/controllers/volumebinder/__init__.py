"""Bring claims and volumes together, and say how each stands."""

from __future__ import annotations

from knarr.controllers.volumebinder.observe import observe, watches
from knarr.controllers.volumebinder.plan import View, plan
from knarr.reconcile.runner import Controller

CONTROLLER: Controller[View] = Controller(
    name="volumebinder", component="persistentvolume-controller", watches=watches(), observe=observe, plan=plan)
run = CONTROLLER.run
