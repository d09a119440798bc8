"""Endpoints: the older form of EndpointSlices, for clients that still read it."""

from __future__ import annotations

from knarr.controllers.endpoints.observe import observe, watches
from knarr.controllers.endpoints.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="endpoints", component="endpoint-controller", watches=watches(), observe=observe, plan=plan,
)
run = CONTROLLER.run
