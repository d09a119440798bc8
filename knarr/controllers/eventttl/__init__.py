"""Forget events an hour after they were last seen, so that they never fill the store.

No informer follows events for this: every five minutes they are listed once, and the old ones deleted in turn.
Source: kube apiserver --event-ttl, default 1h.
"""

from __future__ import annotations

from typing import NoReturn

import structlog

from knarr.api.errors import ApiError
from knarr.api.types.core_v1 import Event
from knarr.client.client import EVERYTHING
from knarr.controllers.eventttl.plan import expired
from knarr.reconcile.runner import Setup

LOOK_EVERY_S = 300.0

log = structlog.get_logger()


async def run(setup: Setup) -> NoReturn:
    """Forget for ever. A server that does not answer is asked again at the next look."""
    while True:
        await setup.clock.sleep(LOOK_EVERY_S)
        try:
            await forget(setup)
        except (ApiError, OSError) as error:
            log.info("eventttl.retry", error=str(error))


async def forget(setup: Setup) -> None:
    """Delete what has expired now."""
    client = setup.informers.client
    events = (await client.list(Event, EVERYTHING)).items
    for event in expired(events, setup.clock.now_s()):
        meta = event.metadata
        await client.delete(Event, meta.namespace or "", meta.name or "", uid=meta.uid)
