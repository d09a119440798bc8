"""Bootstrap tokens whose time is over: remove them."""

from __future__ import annotations

from knarr.controllers.tokencleaner.observe import observe, watches
from knarr.controllers.tokencleaner.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="tokencleaner", component="token-cleaner", watches=watches(), observe=observe, plan=plan)  # fmt: skip
run = CONTROLLER.run
