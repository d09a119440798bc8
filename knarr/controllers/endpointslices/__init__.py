"""EndpointSlices: which pods stand behind a Service, for proxies and DNS."""

from __future__ import annotations

from knarr.controllers.endpointslices.observe import observe, watches
from knarr.controllers.endpointslices.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="endpointslices", component="endpoint-slice-controller", watches=watches(), observe=observe, plan=plan,
)
run = CONTROLLER.run
