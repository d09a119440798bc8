"""Turn refusals, faults and bugs into answers.

A bug is told to the log, with its traceback, and never to the client.
"""

from __future__ import annotations

import orjson
import structlog

from knarr.api.errors import ApiError, Internal, Invalid, MethodNotAllowed, NotAcceptable
from knarr.api.http import Answer, Call
from knarr.apiserver.patches import UnknownPatch
from knarr.apiserver.route import UnknownResource, WrongMethod

log = structlog.get_logger("apiserver")
UNNAMED: tuple[type[ApiError], ...] = (
    UnknownResource, WrongMethod, UnknownPatch, NotAcceptable, MethodNotAllowed, Invalid,
)  # their Status has `details` even where there is nothing to say
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


def page_not_found() -> Answer:
    """Answer for a path of no group."""
    return Answer(404, PLAIN_404, "text/plain; charset=utf-8")


def bug(call: Call) -> Answer:
    """Log the exception under way and answer 500."""
    log.exception("api.bug", method=call.method, path=call.path)
    return refusal(Internal("Internal error occurred: the server met a bug; its log has the details"))
