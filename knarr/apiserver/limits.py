"""Bound what a client may do before it is known: how long it may take, how much it may send, and how refusals read.

Every refusal is a `v1.Status`, also where no handler was ever asked. Source: kube server/config.go and Go's net/http
for the numbers; RFC 9110, RFC 6585 for the codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

import orjson
from aiohttp import http_exceptions

HEADER_BYTES_MAX = 16 << 10  # of one header line: a bearer token with many groups fits
HEADERS_MAX = 128
HANDSHAKE_S = 10.0  # for TLS, before which nothing is known of a client; arbitrary
HEAD_S = 32.0  # from the first byte of a request's head to its last. Source: kube secure_serving.go, ReadHeaderTimeout
BODY_S = 60.0  # for the body. Source: kube server/config.go, RequestTimeout
LINGER_S = 2.0  # a refused body is read on for so long, so that the refusal is not lost with the connection
SLICE_S = 60.0  # for a slice of a large answer; the same
REASONS = {400: "BadRequest", 408: "Timeout", 413: "RequestEntityTooLarge", 500: "InternalError"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a client may take, in seconds.

    handshake_s: to agree on TLS. head_s: to send a request's head. body_s: its body. slice_s: to take a slice of an
    answer.
    """

    handshake_s: float = HANDSHAKE_S
    head_s: float = HEAD_S
    body_s: float = BODY_S
    slice_s: float = SLICE_S


def code_of(fault: BaseException | None) -> int:
    """Return the code for what a parser refuses."""
    if isinstance(fault, http_exceptions.LineTooLong):
        line = fault.args[0]
        text = bytes(line).decode("latin-1") if isinstance(line, (bytes, bytearray)) else str(line)
        return 414 if text.startswith(("/", "http:", "https:")) else 431
    if isinstance(fault, http_exceptions.BadHttpMessage) and fault.message.startswith("Too many headers"):
        return 431
    return 400 if isinstance(fault, http_exceptions.HttpProcessingError) else 500


def words(code: int, fault: BaseException | None) -> str:
    """Say what is wrong with a request in one line, without its own bytes."""
    if code == 414:
        return f"the request line is longer than {HEADER_BYTES_MAX} bytes"
    if code == 431:
        return f"the header is too large: {HEADERS_MAX} lines of {HEADER_BYTES_MAX} bytes are read at most"
    said = fault.message.partition("\n")[0] if isinstance(fault, http_exceptions.HttpProcessingError) else ""
    return f"malformed HTTP request: {said.rstrip(': ')}" if said else HTTPStatus(code).phrase


def status_body(code: int, message: str) -> bytes:
    """Return a Status as JSON."""
    reason = {"reason": REASONS[code]} if code in REASONS else {}
    return orjson.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                         **reason, "code": code})


def raw_refusal(code: int, message: str) -> bytes:
    """Return a whole answer for a client whose request never became one."""
    body = status_body(code, message)
    first = f"HTTP/1.1 {code} {HTTPStatus(code).phrase}"
    head = (first, "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close", "", "")
    return "\r\n".join(head).encode() + body
