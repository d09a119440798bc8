"""Tell node agents for how long they may trust a cached object: longer in a large cluster."""

from __future__ import annotations

from knarr.controllers.ttl.observe import observe, watches
from knarr.controllers.ttl.plan import View, plan
from knarr.reconcile.runner import Controller

CONTROLLER: Controller[View] = Controller(
    name="ttl", component="ttl-controller", watches=watches(), observe=observe, plan=plan)
run = CONTROLLER.run
