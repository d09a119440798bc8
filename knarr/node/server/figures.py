"""Answer what is asked of the node's figures: `/stats/summary`, `/metrics` and the three below it."""

from __future__ import annotations

import msgspec
from aiohttp import web

from knarr.base.clock import Clock
from knarr.node.cri.face import Runtime
from knarr.node.faces import Lookup
from knarr.node.server import agentmetrics, cadvisor, resourcemetrics, stats
from knarr.node.server.exposition import MEDIA
from knarr.node.server.look import Looker
from knarr.node.server.machinefigures import device_name
from knarr.node.server.refusal import Refusal
from knarr.node.settings import Settings


class Figures:
    """The handlers. All raise RuntimeFault where the runtime does not answer."""

    def __init__(self, settings: Settings, runtime: Runtime, lookup: Lookup, *, clock: Clock) -> None:
        self._settings, self._lookup = settings, lookup
        self._looker = Looker(settings, runtime, lookup, clock=clock)

    async def stats(self, _request: web.BaseRequest, what: str) -> web.Response:
        """Answer /stats/summary."""
        if what != "summary":
            raise Refusal(404, "404 page not found")
        document = stats.summary(self._settings.node_name, await self._looker.look())
        return web.Response(body=msgspec.json.encode(document), content_type="application/json")

    async def own(self, _request: web.BaseRequest) -> web.Response:
        """Answer /metrics: the agent's own."""
        return _shown(agentmetrics.own(self._settings, self._lookup.pods()))

    async def metrics(self, _request: web.BaseRequest, what: str) -> web.Response:
        """Answer what lies below /metrics/."""
        if what == "probes":
            return _shown(agentmetrics.probes(self._lookup.probes()))
        if what == "cadvisor":
            return _shown(cadvisor.text(await self._looker.look(), device_name))
        if what != "resource":
            raise Refusal(404, "404 page not found")
        look = await self._looker.look()
        return _shown(resourcemetrics.text(
            look.usages, look.host, now_s=look.at_s, started_s=stats.started_s(self._lookup.pods())))


def _shown(text: str) -> web.Response:
    return web.Response(text=text, headers={"Content-Type": MEDIA})
