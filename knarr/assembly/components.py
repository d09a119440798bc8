"""Run what works through the API within the server's process: controllers and scheduler.

Imported once the API answers, in a thread, so that it goes on to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from knarr.api.http import User
from knarr.apiserver.authn.tokens import Signer
from knarr.apiserver.server import ApiServer
from knarr.assembly.instance import Instance
from knarr.base.clock import Clock, SystemClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.informers import Informers
from knarr.client.transport import InProcess
from knarr.controllers import Starter, starters
from knarr.reconcile.runner import Setup
from knarr.scheduler import run as scheduler

AGENT = "kube-controller-manager"  # tools that compare objects are told to leave this manager's fields alone
CONTROLLER_USER = User("system:kube-controller-manager", groups=("system:masters", "system:authenticated"))
PARTS: Mapping[str, Starter] = {**starters(), "scheduler": scheduler.run}


async def run(instance: Instance, server: ApiServer, clock: SystemClock, rng: Rng) -> None:
    """Run all of an instance's server."""
    client = Client(InProcess(server.handle, CONTROLLER_USER, agent=AGENT))
    await together(PARTS, client, clock=clock, rng=rng, settings=_controller_settings(instance))


async def together(
    parts: Mapping[str, Starter], client: Client, *, clock: Clock, rng: Rng, settings: ControllerSettings,
) -> None:
    """Run some parts over fresh informers. A bug in one ends all, so that none is left listening."""
    informers = Informers(client, clock=clock, rng=rng.child("informers"))
    setup = Setup(informers, clock, rng, settings=settings)
    async with asyncio.TaskGroup() as group:
        group.create_task(informers.run())
        for name, start in parts.items():
            group.create_task(start(setup), name=name)


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """What controllers are told.

    ca_pem: the certificate that pods verify the API server by. ca_key_pem: its key, which signs certificate requests.
    account_token: signs the tokens that lie in Secrets. public_url: where other machines reach the API.
    """

    ca_pem: str
    ca_key_pem: str
    account_token: Callable[..., str]
    public_url: str


def _controller_settings(instance: Instance) -> ControllerSettings:
    signer = Signer((instance.pki / "sa.key").read_bytes())
    ca, key = ((instance.pki / name).read_text() for name in ("ca.crt", "ca.key"))
    return ControllerSettings(ca, key, signer.legacy, f"https://{instance.config.node_ip}:{instance.config.port}")
