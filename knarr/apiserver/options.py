"""Read the options of a request out of its query. Pure; each fault gets Kubernetes' words.

Source: kube apimachinery meta/internalversion/validation/validation.go, ValidateListOptions; apiserver
storage/continue.go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import orjson

from knarr.api.errors import BadRequest, Cause, Invalid, invalid
from knarr.api.gojson import json_fault
from knarr.apiserver.route import TRUE

Query = Mapping[str, str]
MATCHES = ("Exact", "NotOlderThan")
SAME_CAUSE = "resourceVersionMatch"
TOKEN_VERSION = "meta.k8s.io/v1"
NOW = -1  # a revision in a token. Source: kube storage/etcd3/errors.go
FALSE = frozenset({"", "0", "false", "False", "FALSE", "f", "F"})


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list asks for. revision: -1 where none was given. continued: the place a page starts after."""

    revision: int = -1
    match: str = ""
    limit: int = 0
    continued: Continue | None = None


class Continue(msgspec.Struct, frozen=True):
    """The inside of a `continue` token: the state that is being paged through, and the last key already shown.

    rv: NOW where the state is forgotten and the client takes what is there.
    """

    v: str
    rv: int
    start: str

    def token(self) -> str:
        """Return the token that clients send back."""
        return (
            base64.urlsafe_b64encode(orjson.dumps({"v": self.v, "rv": self.rv, "start": self.start}))
            .decode()
            .rstrip("=")
        )


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What a watch asks for. timeout_s: 0 where none was given.

    initial: begin with the state as it is now. listing: the client uses the watch as a list, and is told where that
    ends.
    """

    revision: int = -1
    initial: bool = False
    listing: bool = False
    bookmarks: bool = False
    timeout_s: int = 0


def list_options(query: Query) -> ListOptions:
    """Read a list's options; BadRequest or Invalid."""
    revision = _revision(query)
    limit = _number(query, "limit")
    match = query.get("resourceVersionMatch", "")
    token = query.get("continue", "")
    causes = _match_causes(match, query.get("resourceVersion", ""), continued=bool(token))
    if query.get("sendInitialEvents"):
        causes.append(_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    _refuse(causes)
    if token and revision > 0:
        raise BadRequest("specifying resource version is not allowed when using continue")
    return ListOptions(revision, match, limit, read_token(token) if token else None)


def _match_causes(match: str, revision: str, *, continued: bool) -> list[Cause]:
    if not match:
        return []
    causes = []
    if not revision:
        causes.append(_forbidden(SAME_CAUSE, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
    if continued:
        causes.append(_forbidden(SAME_CAUSE, "resourceVersionMatch is forbidden when continue is provided"))
    if match not in MATCHES:
        supported = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        causes.append(Cause("FieldValueNotSupported", SAME_CAUSE, supported))
    if match == "Exact" and revision == "0":
        causes.append(_forbidden(SAME_CAUSE, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    return causes


def watch_options(query: Query) -> WatchOptions:
    """Read a watch's options; BadRequest or Invalid."""
    match = query.get("resourceVersionMatch", "")
    asked = "sendInitialEvents" in query
    causes = []
    if match and not asked:
        causes.append(
            _forbidden(SAME_CAUSE, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
        )
    if asked and match != "NotOlderThan":
        causes.append(_forbidden(SAME_CAUSE, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
    if match and match != "NotOlderThan":
        causes.append(
            Cause(
                "FieldValueNotSupported", SAME_CAUSE, f'Unsupported value: "{match}": supported values: "NotOlderThan"'
            )
        )
    if query.get("continue"):
        causes.append(_forbidden(SAME_CAUSE, "resourceVersionMatch is forbidden when continue is provided"))
    _refuse(causes)
    revision = _revision(query)
    initial = boolean(query, "sendInitialEvents") if asked else revision <= 0
    bookmarks, timeout_s = boolean(query, "allowWatchBookmarks"), _number(query, "timeoutSeconds")
    return WatchOptions(revision, initial, initial and asked, bookmarks, timeout_s)


def boolean(query: Query, name: str) -> bool:
    """Read a flag; BadRequest if it is neither true nor false."""
    text = query.get(name, "")
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise BadRequest(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def dry_run(query: Query) -> bool:
    """Say whether `dryRun=All` was asked; Invalid for any other value."""
    text = query.get("dryRun", "")
    if text in ("", "All"):
        return text == "All"
    cause = Cause("FieldValueNotSupported", "dryRun", f'Unsupported value: "{text}": supported values: "All"')
    raise invalid("CreateOptions", "meta.k8s.io", "", [cause])


def read_token(token: str) -> Continue:
    """Decode a `continue` token; BadRequest if it is none of ours."""
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        found = msgspec.json.decode(text, type=Continue)
    except msgspec.MsgspecError as fault:
        raise BadRequest(f"invalid continue token: continue key is not valid: {json_fault(text) or fault}") from fault
    except (binascii.Error, ValueError) as fault:
        raise BadRequest(f"invalid continue token: continue key is not valid: {fault}") from fault
    if found.v != TOKEN_VERSION:
        raise BadRequest(f'invalid continue token: server does not recognize this encoded version "{found.v}"')
    if not found.rv:
        raise BadRequest(f"invalid continue token: incorrect encoded start resourceVersion (version {TOKEN_VERSION})")
    if not found.start:
        raise BadRequest(f"invalid continue token: encoded start key empty (version {TOKEN_VERSION})")
    return found


def _revision(query: Query) -> int:
    text = query.get("resourceVersion", "")
    if not text:
        return -1
    if not (text.isascii() and text.isdigit()):
        raise BadRequest(
            f'invalid resource version: resourceVersion: Invalid value: "{text}": '
            f'strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text)


def _number(query: Query, name: str) -> int:
    text = query.get(name, "")
    if not text:
        return 0
    if not text.isascii() or not text.lstrip("-").isdigit():
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return max(0, int(text))


def _forbidden(field: str, why: str) -> Cause:
    return Cause("FieldValueForbidden", field, f"Forbidden: {why}")


def _refuse(causes: list[Cause]) -> None:
    if causes:
        raise _list_options_invalid(causes)


def _list_options_invalid(causes: list[Cause]) -> Invalid:
    return invalid("ListOptions", "meta.k8s.io", "", causes)
