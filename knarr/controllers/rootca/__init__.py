"""The ConfigMap `kube-root-ca.crt` of every namespace, by which pods trust the API server.

`settings.ca_pem` (text) is the bundle; assembly puts it there.
"""

from __future__ import annotations

from functools import partial
from typing import NoReturn

from knarr.controllers.rootca.observe import observe, watches
from knarr.controllers.rootca.plan import View, plan
from knarr.reconcile.runner import Controller, Setup


def controller(ca_pem: str) -> Controller[View]:
    """Return the controller that publishes this bundle."""
    return Controller(
        name="rootca", component="root-ca-certificate-publisher-controller", watches=watches(),
        observe=partial(observe, ca_pem), plan=plan)


async def run(setup: Setup) -> NoReturn:
    """Publish `setup.settings.ca_pem` for ever."""
    await controller(setup.settings.ca_pem).run(setup)
