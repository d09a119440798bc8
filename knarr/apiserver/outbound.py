"""Call other servers over HTTPS: admission webhooks. One door, bounded answers, certificates always verified.

Faults are worded as Go's HTTP client and Kubernetes' REST client word them.
"""

from __future__ import annotations

import ssl
from base64 import b64decode
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import aiohttp

ANSWER_BYTES_MAX: Final = 3 << 20  # as much as a request may have
CONNECTIONS_MAX: Final = 1024  # a slow server must not keep others waiting
CONNECTIONS_TO_ONE_MAX: Final = 128
SHOWN_CHARS_MAX: Final = 512  # of a server's own words inside an error
REFUSED_FROM: Final = 300  # redirects are not followed
WORDS: Final = {  # Source: kube apimachinery api/errors, NewGenericServerResponse
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}
UNKNOWN_AUTHORITY: Final = frozenset({7, 18, 19, 20, 21})  # Source: OpenSSL x509_vfy.h
NOT_NOW: Final = frozenset({9, 10})
OTHER_NAME: Final = frozenset({62, 64})


class CallFailed(Exception):
    """The server could not be asked, or gave no answer that counts; the text says why. code: of its answer, or 503."""

    def __init__(self, why: str, code: int = 503) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Place:
    """Where to send something. shown: how errors name it. name: what the certificate must say, empty for the URL's."""

    url: str
    shown: str
    name: str = ""


class Outbound:
    """A client for calls out of the API server; its connections are made on demand."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(self, place: Place, body: bytes, *, ca: str = "", timeout_s: float = 10) -> bytes:
        """Send JSON, return the answer's body; CallFailed. ca: base64 PEM, empty for the system's own authorities."""
        try:
            status, found = await self._sent(place, body, ca=ca, timeout_s=timeout_s)
        except TimeoutError as fault:
            raise CallFailed(f'Post "{place.shown}": context deadline exceeded') from fault
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise CallFailed(f'Post "{place.shown}": {worded(fault)}') from fault
        if status >= REFUSED_FROM:
            raise CallFailed(refused(status, found.decode(errors="replace").strip()), status)
        return found

    async def _sent(self, place: Place, body: bytes, *, ca: str, timeout_s: float) -> tuple[int, bytes]:
        """Send once more over a new connection if one that was kept has been closed by the server meanwhile."""
        try:
            return await self._once(place, body, ca=ca, timeout_s=timeout_s)
        except aiohttp.ServerDisconnectedError:
            return await self._once(place, body, ca=ca, timeout_s=timeout_s)

    async def _once(self, place: Place, body: bytes, *, ca: str, timeout_s: float) -> tuple[int, bytes]:
        if self._session is None:
            places = aiohttp.TCPConnector(limit=CONNECTIONS_MAX, limit_per_host=CONNECTIONS_TO_ONE_MAX)
            self._session = aiohttp.ClientSession(connector=places)
        async with self._session.post(
            place.url, data=body, headers={"content-type": "application/json", "accept": "application/json"},
            ssl=tls(ca), server_hostname=place.name or None, allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        ) as answer:
            return answer.status, await bounded(answer.content)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def bounded(content: aiohttp.StreamReader) -> bytes:
    """Read an answer's body; CallFailed if it is too long."""
    found = bytearray()
    async for chunk in content.iter_any():
        found += chunk
        if len(found) > ANSWER_BYTES_MAX:
            raise CallFailed(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    return bytes(found)


def refused(status: int, said: str) -> str:
    """Word an answer that is none. said: its body."""
    said = said[:SHOWN_CHARS_MAX]
    if status in (403, 503) and said:
        return said
    if status in WORDS:
        return WORDS[status]
    if status >= 500:
        return f'an error on the server ("{said or "unknown"}") has prevented the request from succeeding'
    return f"the server responded with the status code {status} but did not return more information"


def worded(fault: Exception) -> str:
    """Word a connection's fault."""
    if isinstance(fault, aiohttp.ClientConnectorCertificateError):
        return _certificate(fault.certificate_error)
    if isinstance(fault, aiohttp.ClientConnectorError):
        why = (fault.os_error.strerror or str(fault.os_error)).lower()
        why = "connection refused" if "connect call failed" in why or "refused" in why else why
        return f"dial tcp {fault.host}:{fault.port}: connect: {why}"
    if isinstance(fault, aiohttp.ServerDisconnectedError):
        return "EOF"
    return str(fault) or type(fault).__name__


def _certificate(fault: Exception) -> str:
    code = getattr(fault, "verify_code", 0)
    if code in UNKNOWN_AUTHORITY:
        why = "certificate signed by unknown authority"
    elif code in NOT_NOW:
        why = "certificate has expired or is not yet valid"
    elif code in OTHER_NAME:
        why = f"certificate is not valid for the name asked for: {getattr(fault, 'verify_message', '')}"
    else:
        why = getattr(fault, "verify_message", "") or str(fault)
    return f"tls: failed to verify certificate: x509: {why}"


@lru_cache(maxsize=256)  # a cluster has few webhooks, each with one bundle
def tls(ca: str) -> ssl.SSLContext:
    """Return how to verify a server. ValueError for a bundle that is none."""
    try:
        return ssl.create_default_context(cadata=b64decode(ca).decode()) if ca else ssl.create_default_context()
    except ssl.SSLError as fault:
        raise ValueError("unable to load root certificates: unable to parse bytes as PEM block") from fault
