"""Keep this node's packets going to the right endpoints: watch Services and slices, tell the kernel what changed.

A change of an endpoint costs one line to `nft` (under a millisecond, whatever the number of Services). The first
pass, a refused line and a table that somebody took away are answered with the whole table, in one transaction. When
this process ends the table stays, and traffic with it.

Cluster DNS is a pinned frontend: the DNS Service's address leads to the server on this very node, whatever the API
says or whether it answers at all. So names resolve while the API server is down or restarts, and every node asks its
own server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

import structlog

from knarr.api.types.core_v1 import Service
from knarr.api.types.discovery_v1 import EndpointSlice
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.client.informers import Informers
from knarr.proxy.act import Kernel, NftError
from knarr.proxy.bridge import MODULE, filtered, open_loopback, remember
from knarr.proxy.conntrack import Way, forget
from knarr.proxy.desired import Desired, Diff
from knarr.proxy.elements import Element, elements
from knarr.proxy.guard import Guard
from knarr.proxy.observe import Watched, name_of, owner_of
from knarr.proxy.plan import Backend, Frontend, local_ips, plan
from knarr.proxy.render import Names, chains_of, change, table

LINE_ELEMENTS_MAX = 20_000  # more than this in one go: the whole table is as quick
NFT_IDLE_S = 30.0  # then the child (6 MB) goes; starting it again costs a change some milliseconds
RETRY = Backoff(first_s=0.2, factor=2, cap_s=30)
PINNED = ""  # the owner of pinned frontends sorts before every Service, so its claims win

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Settings:
    """What is fixed while we run.

    names: table and networks. node_name: endpoints there are local. bridge: the pods' interface, where connections
    from 127.0.0.1 to node ports may leave; empty leaves them unserved. pinned: frontends that are there whatever the
    API says. note: where it is written down how the machine's bridge switch stood before us.
    """

    names: Names
    node_name: str
    bridge: str = ""
    pinned: tuple[Frontend, ...] = field(default=())
    note: Path | None = None


def dns_frontends(address: str, server: str, *, port: int = 53) -> tuple[Frontend, ...]:
    """Return the pinned frontends that lead from the DNS Service's address to this node's DNS server."""
    backends = (Backend(server, port),)
    return tuple(Frontend(address, protocol, 53, backends) for protocol in ("udp", "tcp"))


async def run(
    informers: Informers, settings: Settings, *, clock: Clock, rng: Rng, kernel: Kernel | None = None,
) -> NoReturn:
    """Serve until cancelled. Faults of nft are retried with the whole table and backoff."""
    kernel = kernel or Kernel()
    if settings.note is not None:
        remember(settings.note)
    await kernel.load_module(MODULE)
    if not filtered():
        log.warning("proxy.bridge_unfiltered", effect="pods of one node see the node as their client")
        settings = replace(settings, names=replace(settings.names, bridge_hides=True))
    proxy = Proxy(informers, settings, kernel)
    await proxy.watched.wait_synced()
    guard = Guard(settings.names.table, proxy.table_lost)
    failures = 0
    try:
        while True:
            await next_news(proxy)
            try:
                await proxy.catch_up()
                failures = 0
            except (NftError, OSError, TimeoutError) as error:
                failures += 1
                proxy.start_over()
                log.warning("proxy.retry", failures=failures, error=str(error))
                await clock.sleep(RETRY.delay_s(failures - 1, rng))
    finally:
        guard.close()
        await proxy.kernel.close()


async def next_news(proxy: Proxy) -> None:
    """Wait for something to do; meanwhile do not keep nft in memory for long."""
    try:
        async with asyncio.timeout(NFT_IDLE_S):
            await proxy.news.wait()
    except TimeoutError:
        await proxy.kernel.close()
        await proxy.news.wait()


class Proxy:
    """What is wanted, what changed since the last pass, and the kernel to tell."""

    def __init__(self, informers: Informers, settings: Settings, kernel: Kernel) -> None:
        self.kernel = kernel
        self.watched = Watched(informers)
        self.news = asyncio.Event()
        self._settings = settings
        self._desired = Desired()
        self._dirty: set[str] = {PINNED}
        self._udp: dict[str, dict[Way, frozenset[Backend]]] = {}
        self._chains: set[str] = set()  # those that choose backends, as they stand in the kernel
        self._whole = True
        self.watched.services.on_change(self._service_changed)
        self.watched.slices.on_change(self._slice_changed)
        self.news.set()

    def table_lost(self) -> None:
        """Somebody took the table away: put it back."""
        log.warning("proxy.table_lost", table=self._settings.names.table)
        self.start_over()

    def start_over(self) -> None:
        """Write the whole table at the next pass."""
        self._whole = True
        self.news.set()

    async def catch_up(self) -> None:
        """Bring what changed since the last pass into the kernel, all in one transaction."""
        self.news.clear()
        dirty, self._dirty = self._dirty, set()
        frontends = {owner: self._frontends(owner) for owner in dirty}
        diff = self._desired.update((owner, self._elements(owner, ways)) for owner, ways in frontends.items())
        try:
            await self._tell(diff)
        except BaseException:
            self._dirty |= dirty  # their flows are still to be forgotten
            raise
        if self._settings.bridge:
            open_loopback(self._settings.bridge)
        await self._forget_flows(frontends)

    async def _tell(self, diff: Diff) -> None:
        names = self._settings.names
        if self._whole or len(diff.added) + len(diff.removed) > LINE_ELEMENTS_MAX:
            wanted = self._desired.all()
            await self.kernel.load(table(names, wanted))
            self._chains = chains_of(wanted.values())
            self._whole = False
            log.info("proxy.loaded", elements=len(wanted))
        elif diff:
            chains = chains_of(diff.added.values()) - self._chains
            await self.kernel.change(change(names, diff, chains))
            self._chains |= chains

    async def _forget_flows(self, frontends: dict[str, list[Frontend]]) -> None:
        """Delete UDP flows to backends that a changed Service no longer has."""
        stale: dict[Way, frozenset[Backend]] = {}
        for owner, ways in frontends.items():
            now = udp_ways(ways)
            before = self._udp.pop(owner, {})
            if now:
                self._udp[owner] = now
            changed = (way for way in before.keys() | now.keys() if before.get(way) != now.get(way))
            stale |= {way: now.get(way, frozenset()) for way in changed}
        if not stale:
            return
        try:
            count = await asyncio.to_thread(forget, stale)
            log.debug("proxy.flows_forgotten", count=count)
        except OSError as error:
            log.warning("proxy.flows_kept", error=str(error))  # they end by themselves when their clients pause

    def _frontends(self, owner: str) -> list[Frontend]:
        if owner == PINNED:
            return list(self._settings.pinned)
        return plan(self.watched.view(owner, self._settings.node_name))

    def _elements(self, owner: str, frontends: list[Frontend]) -> dict[Element, str]:
        locals_ = local_ips(self.watched.view(owner, self._settings.node_name)) if owner != PINNED else ()
        return elements(frontends, locals_)

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        self._note(name_of(service) for service in (old, new) if service is not None)

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        self._note(owner_of(piece) for piece in (old, new) if piece is not None)

    def _note(self, owners: Iterable[str]) -> None:
        self._dirty.update(owners)
        self.news.set()


def udp_ways(frontends: list[Frontend]) -> dict[Way, frozenset[Backend]]:
    """Return the UDP frontends with all backends that any of their sides may have chosen."""
    ways: dict[Way, frozenset[Backend]] = {}
    for frontend in frontends:
        if frontend.protocol == "udp":
            way = (frontend.address, frontend.port)
            ways[way] = ways.get(way, frozenset()) | frozenset(frontend.backends)
    return ways
