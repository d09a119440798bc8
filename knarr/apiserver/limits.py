"""Bound what a client may do before it is known: how long it may take, how much it may send, and how refusals read.

Every refusal is a `v1.Status`, also where no handler was ever asked. Source: kube server/config.go and Go's net/http
for the numbers; RFC 9110, RFC 6585 for the codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from knarr.api.http import Answer

LINE_BYTES_MAX = 16 << 10  # of one header line: a bearer token with many groups fits
HEADERS_MAX = 128
HEAD_BYTES_MAX = 1 << 20  # of a head that does not end. Source: Go net/http, DefaultMaxHeaderBytes
HANDSHAKE_S = 10.0  # for TLS, before which nothing is known of a client; arbitrary
HEAD_S = 32.0  # from the first byte of a request's head to its last. Source: kube secure_serving.go, ReadHeaderTimeout
BODY_S = 60.0  # for the body. Source: kube server/config.go, RequestTimeout
LINGER_S = 2.0  # a refused body is read on for so long, so that the refusal is not lost with the connection
SLICE_S = 60.0  # for an answer, a slice of a large one, or a part of a stream; the same
REASONS = {400: "BadRequest", 408: "Timeout", 413: "RequestEntityTooLarge", 500: "InternalError"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a client may take, in seconds.

    handshake_s: to agree on TLS. head_s: to send a request's head. body_s: its body. slice_s: to take an answer, a
    slice of a large one, or a part of a stream.
    """

    handshake_s: float = HANDSHAKE_S
    head_s: float = HEAD_S
    body_s: float = BODY_S
    slice_s: float = SLICE_S


class Refused(Exception):
    """A request that cannot be read, or is too much of one. Behind it the connection is of no more use."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message

    def answer(self) -> Answer:
        """Return its Status."""
        reason = {"reason": REASONS[self.code]} if self.code in REASONS else {}
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
                  **reason, "code": self.code}  # fmt: skip
        return Answer(self.code, orjson.dumps(status))


def malformed(what: str) -> Refused:
    """Refuse what is no HTTP."""
    return Refused(400, f"malformed HTTP request: {what}")


def long_line() -> Refused:
    """Refuse a path and query without end."""
    return Refused(414, f"the request line is longer than {LINE_BYTES_MAX} bytes")


def large_head() -> Refused:
    """Refuse too many headers, or too long ones."""
    return Refused(431, f"the header is too large: {HEADERS_MAX} lines of {LINE_BYTES_MAX} bytes are read at most")
