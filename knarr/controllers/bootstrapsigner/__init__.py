"""The ConfigMap `cluster-info` in kube-public: how new machines reach this cluster, signed with each bootstrap token.

It is made when the first token for signing is, with a role that lets everybody read it. A machine that holds a token
proves by the signature that the CA in it is the right one. `settings.public_url` and `settings.ca_pem` are what it
says; assembly puts them there.
"""

from __future__ import annotations

from functools import partial
from typing import NoReturn

from knarr.controllers.bootstrapsigner.observe import observe, watches
from knarr.controllers.bootstrapsigner.plan import View, plan
from knarr.reconcile.runner import Controller, Setup


async def run(setup: Setup) -> NoReturn:
    """Publish and sign for ever."""
    controller: Controller[View] = Controller(
        name="bootstrapsigner", component="bootstrap-signer", watches=watches(),
        observe=partial(observe, setup.settings), plan=plan)  # fmt: skip
    await controller.run(setup)
