"""Turn objects into the bytes that are stored and sent.

Encoding happens once, at the write; every read splices these bytes.
"""

from __future__ import annotations

from typing import Any

import orjson

from knarr.api.errors import BadRequest
from knarr.api.http import Answer
from knarr.api.kinds import Kind
from knarr.apiserver.negotiate import YAML, Form
from knarr.store.face import Draft, Entry

JSON_TYPE = "application/json"
META_FIRST = ("name", "generateName", "namespace", "uid")
META_NEXT = (
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
HEAD = frozenset({"kind", "apiVersion", "metadata"})
HOLE = b'"resourceVersion":""'  # cannot stand inside a JSON string: there the quotes are escaped


def draft(obj: dict[str, Any]) -> Draft:
    """Encode an object around the place of its revision. Strings that JSON cannot hold are BadRequest."""
    data = dump(ordered(obj))
    cut = data.index(HOLE) + len(HOLE) - 1
    return Draft(data[:cut], data[cut:])


def ordered(obj: dict[str, Any]) -> dict[str, Any]:
    """Put kind, apiVersion and metadata first, and the metadata in the API's order, its revision empty."""
    meta = obj["metadata"]
    sorted_meta = {key: meta[key] for key in META_FIRST if key in meta}
    sorted_meta["resourceVersion"] = ""
    sorted_meta.update((key, meta[key]) for key in META_NEXT if key in meta)
    sorted_meta.update((key, value) for key, value in meta.items() if key not in sorted_meta)
    rest = {key: value for key, value in obj.items() if key not in HEAD}
    whole = {"kind": obj["kind"], "apiVersion": obj["apiVersion"], "metadata": sorted_meta, **rest}
    if "status" in whole:
        whole["status"] = whole.pop("status")
    return whole


def dump(value: Any) -> bytes:
    """Encode as JSON; what JSON cannot say is the sender's fault."""
    try:
        return orjson.dumps(value)
    except TypeError as fault:
        raise BadRequest(f"the object cannot be encoded: {fault}") from fault


def unstored(obj: dict[str, Any]) -> bytes:
    """Encode an object that has no revision: one that is answered and forgotten, or a dry run's."""
    whole = ordered(obj)
    del whole["metadata"]["resourceVersion"]
    return dump(whole)


def revised(obj: dict[str, Any], revision: int) -> dict[str, Any]:
    """Write the revision into an object, in place, and return it."""
    obj["metadata"]["resourceVersion"] = str(revision)
    return obj


def item_skip(kind: Kind) -> int:
    """Return how many bytes of a stored object its list leaves out: items bear no kind and apiVersion of their own."""
    return len('{"kind":"","apiVersion":"",') + len(kind.kind) + len(kind.api_version)


def join_items(kind: Kind, entries: list[Entry]) -> bytes:
    """Join stored bytes into the inside of `items`."""
    if not entries:
        return b""
    skip = item_skip(kind)
    return b"{" + b",{".join([entry.value[skip:] for entry in entries])


def list_body(kind: Kind, inner: bytes, list_meta: dict[str, Any]) -> bytes:
    """Return a whole `<Kind>List` around joined items."""
    head = b'{"kind":"%b","apiVersion":"%b","metadata":%b,"items":[' % (
        kind.list_kind.encode(),
        kind.api_version.encode(),
        orjson.dumps(list_meta),
    )
    return b"".join((head, inner, b"]}"))


def answer(status: int, body: bytes, form: Form) -> Answer:
    """Answer with JSON bytes, or with the same as YAML where that was asked."""
    if form.media == YAML:
        return Answer(status, as_yaml(body), YAML)
    return Answer(status, body)


def as_yaml(body: bytes) -> bytes:
    """Rewrite JSON as YAML."""
    import yaml  # few ask for it

    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(orjson.loads(body), Dumper=dumper, default_flow_style=False, allow_unicode=True)
    return text.encode()


def parse(body: bytes) -> dict[str, Any]:
    """Read back what `draft` wrote."""
    obj: dict[str, Any] = orjson.loads(body)
    return obj
