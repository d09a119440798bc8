"""EndpointSlices of Services whose Endpoints a person or program writes by hand."""

from __future__ import annotations

from knarr.controllers.endpointslicemirroring.observe import observe, watches
from knarr.controllers.endpointslicemirroring.plan import plan
from knarr.reconcile.runner import Controller

CONTROLLER = Controller(
    name="endpointslicemirroring", component="endpoint-slice-mirroring-controller", watches=watches(),
    observe=observe, plan=plan,
)
run = CONTROLLER.run
