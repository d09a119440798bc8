"""Generic ephemeral volumes: a claim for each, which lives as long as its pod."""

from __future__ import annotations

from knarr.controllers.ephemeralvolume.observe import observe, watches
from knarr.controllers.ephemeralvolume.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="ephemeralvolume", component="ephemeral_volume", watches=watches(), observe=observe, plan=plan)
run = CONTROLLER.run
