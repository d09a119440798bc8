"""Change the key that seals Secrets while everything runs, so that nothing is lost whenever the power goes.

    key written before the old one ─▶ new writes use it ─▶ everything sealed anew ─▶ old key retired

A start that finds two keys goes on where the last process stopped.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Protocol

import orjson
import structlog

from knarr.api.errors import MethodNotAllowed
from knarr.api.http import Answer, Call, Handler
from knarr.assembly import pki
from knarr.assembly.instance import Instance
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.store.face import StoreUnavailable
from knarr.store.sealed import KEY_BYTES, Sealed

PATH = "/knarr/secrets/rotation"
RETRY = Backoff(first_s=1, factor=2, cap_s=300)

log = structlog.get_logger()


class Sealer(Protocol):
    """A store whose values lie sealed."""

    async def reseal(self) -> int:
        """Seal anew what lies under an older key."""


class Sealing:
    """The keys of one instance and the store they seal."""

    def __init__(self, instance: Instance, cipher: Sealed, store: Sealer) -> None:
        self._instance, self._cipher, self._store = instance, cipher, store
        self._turn = asyncio.Lock()

    def paths(self) -> Mapping[str, Handler]:
        """Return what to mount: for administrators, by the verb `post` on the path."""
        return {PATH: self.answer}

    async def answer(self, call: Call) -> Answer:
        """Change the key, and say how many Secrets were sealed anew."""
        if call.method != "POST":
            raise MethodNotAllowed("the key is changed by POST")
        return Answer(200, orjson.dumps({"sealed": await self.rotate()}))

    async def rotate(self) -> int:
        """Change the key; return how many values were sealed anew. Raises StoreUnavailable; nothing is lost."""
        async with self._turn:
            key = os.urandom(KEY_BYTES)
            pki.begin_sealing_with(self._instance, key)
            self._cipher.adopt(key)
            return await self._finish()

    async def resume(self, clock: Clock) -> None:
        """End a change that an earlier process began."""
        failures = 0
        while pki.change_is_under_way(self._instance):
            try:
                async with self._turn:
                    await self._finish()
            except StoreUnavailable as fault:
                log.warning("sealing.retry", error=str(fault))
                await clock.sleep(RETRY.delay_s(failures))
                failures += 1

    async def _finish(self) -> int:
        count = await self._store.reseal()
        pki.end_change(self._instance)
        log.info("sealing.changed", sealed=count)
        return count
