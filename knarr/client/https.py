"""Reach an API server over HTTPS. The only module that imports aiohttp's client.

Short calls share a bounded pool of kept-alive connections. Watches have a pool of their own, so that a hundred open
watches never leave a write waiting.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import aiohttp
from yarl import URL

from knarr.api.http import Answer, Call
from knarr.client.transport import Unreachable

CONNECTIONS_MAX = 32         # short calls at once; more wait for a connection
WATCHES_MAX = 512            # one connection each; a node agent needs about ten
CONNECT_S = 10.0
ANSWER_S = 60.0              # longest a server may think. Source: kube apiserver --request-timeout default
WATCH_SILENCE_S = 150.0      # bookmarks come each minute; a longer silence is a dead peer
BODY_BYTES_MAX = 512 << 20   # a list of every pod of a large cluster
AGENT = "knarr"


class Https:
    """A pooled connection to one server. Use and close it on one event loop.

    The TLS context is given with each call: connections made with another are not used for it.
    server_url: scheme, host and port. tls: trusts the cluster's CA, and holds the client certificate if there is one.
    token: asked before each call, so that a rotated token is used at once; None sends no header. agent: what it calls
    itself; the server takes that as the name of whoever writes.
    """

    def __init__(
        self, server_url: str, tls: ssl.SSLContext, *, token: Callable[[], str] | None = None, agent: str = AGENT
    ) -> None:
        self.server_url, self._agent = server_url.rstrip("/"), agent
        self._tls = tls
        self._token = token
        self._short: aiohttp.ClientSession | None = None
        self._long: aiohttp.ClientSession | None = None

    async def request(self, call: Call) -> Answer:
        """Send one call; Unreachable when no whole answer comes."""
        watching = call.query.get("watch") in ("1", "true") or call.query.get("follow") == "true"
        session = self._session(watching=watching)
        url = URL(self.server_url + _quote(call.path), encoded=True).with_query(dict(call.query))
        headers = {**call.headers, **self._authorization()}
        try:
            response = await session.request(call.method, url, data=call.body or None, headers=headers, ssl=self._tls)
            if watching and response.status < 400:
                return Answer(response.status, b"", response.content_type, stream=_chunks(response))
            return await _whole(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            raise Unreachable(f"{call.method} {url.path} at {self.server_url}: {why}") from error

    async def close(self) -> None:
        """Close every connection."""
        for session in (self._short, self._long):
            if session is not None:
                await session.close()
        self._short = self._long = None

    def trust(self, tls: ssl.SSLContext) -> None:
        """Use another client certificate or CA from the next call on (renewal); idle connections time out."""
        self._tls = tls

    def _session(self, *, watching: bool) -> aiohttp.ClientSession:
        kept = self._long if watching else self._short
        if kept is not None:
            return kept
        limit = WATCHES_MAX if watching else CONNECTIONS_MAX
        total_s, silence_s = (None, WATCH_SILENCE_S) if watching else (ANSWER_S, None)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limit),
            timeout=aiohttp.ClientTimeout(total=total_s, sock_connect=CONNECT_S, sock_read=silence_s),
            headers={"User-Agent": self._agent}, cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=1 << 18,
        )
        if watching:
            self._long = session
        else:
            self._short = session
        return session

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token()}"} if self._token is not None else {}


async def _whole(response: aiohttp.ClientResponse) -> Answer:
    async with response:
        if (response.content_length or 0) > BODY_BYTES_MAX:
            raise Unreachable(f"answer of {response.content_length} bytes is over {BODY_BYTES_MAX}")
        body = await response.read()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, body, response.content_type, headers)


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unreachable(f"stream broke: {error or type(error).__name__}") from error
    finally:
        with suppress(aiohttp.ClientError):
            response.close()


def _quote(path: str) -> str:
    return URL.build(path=path).raw_path
