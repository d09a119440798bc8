"""Tokens in Secrets of type `kubernetes.io/service-account-token`: fill them in, remove those of no account.

`settings.account_token(namespace, account, account_uid=, secret=)` signs, `settings.ca_pem` is the CA bundle; assembly
puts both there.
"""

from __future__ import annotations

from functools import partial
from typing import NoReturn

from knarr.controllers.accounttokens.observe import observe, watches
from knarr.controllers.accounttokens.plan import View, plan
from knarr.reconcile.runner import Controller, Setup


async def run(setup: Setup) -> NoReturn:
    """Fill and remove for ever."""
    controller: Controller[View] = Controller(
        name="accounttokens", component="serviceaccount-token-controller", watches=watches(),
        observe=partial(observe, setup.settings), plan=plan)  # fmt: skip
    await controller.run(setup)
