"""Turn refusals, faults and bugs into answers.

A bug is told to the log, with its traceback, and never to the client.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import structlog

from knarr.api.errors import ApiError, Forbidden, Internal, Invalid, MethodNotAllowed, NotAcceptable, Unavailable
from knarr.api.http import Answer, Call
from knarr.apiserver.patches import UnknownPatch
from knarr.apiserver.route import UnknownPath, UnknownResource, WrongMethod
from knarr.store.face import StoreUnavailable

log = structlog.get_logger("apiserver")
UNNAMED: tuple[type[ApiError], ...] = (
    UnknownResource, WrongMethod, UnknownPatch, NotAcceptable, MethodNotAllowed, Invalid, Forbidden,
)  # their Status has `details` even where there is nothing to say
RETRY_AFTER_S = "1"  # Source: kube server/filters/maxinflight.go, retryAfter
PLAIN_404 = b"404 page not found\n"


def refusal(error: ApiError) -> Answer:
    """Answer with the error's Status."""
    status = error.status()
    if isinstance(error, UNNAMED):
        status.setdefault("details", {})
    headers = {}
    retry_after_s = error.details.get("retryAfterSeconds")
    if retry_after_s:
        headers["Retry-After"] = str(retry_after_s)
    if error.code == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Answer(error.code, orjson.dumps(status), headers=headers)


def answer(error: Exception, call: Call) -> Answer:
    """Answer for whatever a handler raised. A bug ends its request, not the server; its traceback goes to the log."""
    if isinstance(error, UnknownPath):
        return page_not_found()
    if isinstance(error, ApiError):
        return refusal(error)
    if isinstance(error, StoreUnavailable):
        return refusal(Unavailable(str(error)))
    return bug(call, error)


def too_many(headers: Mapping[str, str]) -> Answer:
    """Refuse for want of a seat, in plain text. Source: kube server/filters/maxinflight.go, tooManyRequests."""
    text = b"Too many requests, please try again later.\n"
    sent = {"Retry-After": RETRY_AFTER_S, "X-Content-Type-Options": "nosniff", **headers}
    return Answer(429, text, "text/plain; charset=utf-8", sent)


def page_not_found() -> Answer:
    """Answer for a path of no group."""
    return Answer(404, PLAIN_404, "text/plain; charset=utf-8")


def bug(call: Call, error: Exception) -> Answer:
    """Log a bug and answer 500."""
    log.error("api.bug", method=call.method, path=call.path, exc_info=error)
    call.bug = True
    return refusal(Internal("Internal error occurred: the server met a bug; its log has the details"))
