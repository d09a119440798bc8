"""Read a patch and say how it changes an object.

Source: kube endpoints/handlers/patch.go. Objects to apply are read in `applying`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from knarr.api import patch as patching
from knarr.api import schema_decode
from knarr.api.errors import BadRequest, Cause, TooLarge, UnsupportedMedia, invalid
from knarr.api.kinds import Kind
from knarr.apiserver.core import Request

Obj: TypeAlias = dict[str, Any]


class Change(Protocol):
    """A way to change objects. It takes the object over: parts of it are in the result.

    members: those of the object that may come out otherwise than they were; None: any.
    """

    @property
    def members(self) -> frozenset[str] | None:
        """Return them."""

    def __call__(self, kind: Kind, old: Obj) -> Obj:
        """Return the changed object."""


@dataclass(frozen=True, slots=True)
class Merging:
    """A merge patch or a strategic one."""

    patch: Obj
    members: frozenset[str] | None
    strategic: bool

    def __call__(self, kind: Kind, old: Obj) -> Obj:
        """Merge."""
        if self.strategic:
            return patching.strategic_merge_into(kind, old, self.patch)
        return _whole(patching.merge_into(old, self.patch))


@dataclass(frozen=True, slots=True)
class Operations:
    """A JSON patch."""

    patch: list[Any]
    members: frozenset[str] | None = None

    def __call__(self, kind: Kind, old: Obj) -> Obj:
        """Carry the operations out."""
        return _whole(patching.json_patch(old, self.patch))


JSON_PATCH, MERGE, STRATEGIC = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
CUSTOM_TYPES = (JSON_PATCH, MERGE, "application/apply-patch+yaml")  # a strategic merge needs a built-in kind
OPERATIONS_MAX = 10_000  # of a JSON patch. Source: kube handlers/patch.go, maxJSONPatchOperations


class UnknownPatch(UnsupportedMedia):
    """A content type that is no patch."""

    def __init__(self) -> None:
        super().__init__("415: Unsupported Media Type")


def read(request: Request) -> Change:
    """Parse the body; UnsupportedMedia, BadRequest or TooLarge."""
    media = request.call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == STRATEGIC and request.target.kind.rules is not None:
        raise patching.unsupported(CUSTOM_TYPES)
    if media not in (JSON_PATCH, MERGE, STRATEGIC):
        raise UnknownPatch()
    _refuse_force(request)
    try:
        patch, _ = schema_decode.parse(request.call.body, "application/json")
    except ValueError as fault:
        raise BadRequest(f"error decoding patch: {fault}") from fault
    if media == JSON_PATCH:
        return _json_patch(patch)
    if not isinstance(patch, dict):
        raise BadRequest(
            "error decoding patch: json: cannot unmarshal the patch into Go value of type map[string]interface {}"
        )
    directed = any(key.startswith("$") for key in patch)
    return Merging(patch, None if directed else frozenset(patch), media == STRATEGIC)


def _refuse_force(request: Request) -> None:
    if "force" in request.call.query:
        cause = Cause("FieldValueForbidden", "force", "Forbidden: may not be specified for non-apply patch")
        raise invalid("PatchOptions", "meta.k8s.io", "", [cause])


def _json_patch(patch: Any) -> Change:
    if not isinstance(patch, list):
        raise BadRequest("error decoding patch: json: cannot unmarshal the patch into Go value of type jsonpatch.Patch")
    if len(patch) > OPERATIONS_MAX:
        raise TooLarge(f"The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {len(patch)}")
    return Operations(patch)


def _whole(result: Any) -> Obj:
    if not isinstance(result, dict):
        raise BadRequest("the patch leaves no object behind")
    return result
