"""Call other servers over HTTPS: admission webhooks. One door, bounded answers, certificates always verified."""

from __future__ import annotations

import ssl
from base64 import b64decode
from functools import lru_cache

import aiohttp

ANSWER_BYTES_MAX = 3 << 20  # as much as a request may have


class CallFailed(Exception):
    """The server could not be asked, or gave no answer that counts; the text says why."""


class Outbound:
    """A client for calls out of the API server; its connections are made on demand."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, *, ca: str = "", server_name: str = "", timeout_s: float = 10) -> bytes:
        """Send JSON, return the answer's body; CallFailed. ca: base64 PEM, empty for the system's own authorities."""
        if self._session is None:
            self._session = aiohttp.ClientSession()
        limit = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._session.post(
                url, data=body, headers={"content-type": "application/json", "accept": "application/json"},
                ssl=tls(ca), server_hostname=server_name or None, timeout=limit, allow_redirects=False,
            ) as answer:
                found = await bounded(answer.content)
                if answer.status >= 400:
                    raise CallFailed(f"the server answered {answer.status}: {found[:256].decode(errors='replace')}")
                return found
        except TimeoutError as fault:
            raise CallFailed("context deadline exceeded") from fault
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise CallFailed(str(fault)) from fault

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def bounded(content: aiohttp.StreamReader) -> bytes:
    """Read an answer's body; CallFailed if it is too long."""
    found = b""
    async for chunk in content.iter_any():
        found += chunk
        if len(found) > ANSWER_BYTES_MAX:
            raise CallFailed(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    return found


@lru_cache(maxsize=256)  # a cluster has few webhooks, each with one bundle
def tls(ca: str) -> ssl.SSLContext:
    """Return how to verify a server. ValueError for a bundle that is none."""
    try:
        return ssl.create_default_context(cadata=b64decode(ca).decode()) if ca else ssl.create_default_context()
    except ssl.SSLError as fault:
        raise ValueError(f"unable to load root certificates: {fault}") from fault
