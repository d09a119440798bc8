"""Say why another server could not be reached, in the words that Kubernetes' clients know.

Source: Go net and crypto/tls, whose error texts Kubernetes passes on.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl

import aiohttp

from knarr.api.errors import ApiError

WORDS = {
    errno.ECONNREFUSED: "connect: connection refused",
    errno.EHOSTUNREACH: "connect: no route to host",
    errno.ENETUNREACH: "connect: network is unreachable",
    errno.ETIMEDOUT: "connect: connection timed out",
    errno.ECONNRESET: "read: connection reset by peer",
    errno.EPIPE: "write: broken pipe",
}


class Unreached(Exception):
    """Another server could not be asked, or broke off before it had answered. The text says where and why."""


class BackendDown(ApiError):
    """A node's agent cannot be reached. Source: kube says this without a reason, as an error of no kind."""

    code, reason = 500, ""


def dialling(address: str, fault: BaseException) -> Unreached:
    """Word a fault. address: host and port."""
    cause = fault.os_error if isinstance(fault, aiohttp.ClientConnectorError) else fault
    certificate = getattr(fault, "certificate_error", cause)
    if isinstance(certificate, ssl.SSLCertVerificationError):
        return Unreached(f"tls: failed to verify certificate: x509: {certificate.verify_message}")
    if isinstance(cause, (aiohttp.ServerDisconnectedError, asyncio.IncompleteReadError, ssl.SSLEOFError)):
        return Unreached("EOF")
    if isinstance(cause, ssl.SSLError):
        return Unreached(f"tls: {cause.reason or cause}")
    if isinstance(cause, socket.gaierror):
        return Unreached(f"dial tcp: lookup {address.rpartition(':')[0]}: no such host")
    if isinstance(cause, TimeoutError) and not getattr(cause, "errno", None):
        return Unreached(f"dial tcp {address}: i/o timeout")
    return Unreached(f"dial tcp {address}: {_words(cause)}")


def _words(cause: BaseException) -> str:
    known = WORDS.get(getattr(cause, "errno", None) or 0)
    return known or str(cause) or type(cause).__name__
