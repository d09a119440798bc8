"""The life that Kubernetes' conformance suite leads every kind through: created, read, listed, watched, patched, updated, deleted in numbers.

Source: the "API operations" and "lifecycle" tests of kube test/e2e, in the areas api-machinery, apps, auth, network, node, scheduling, storage.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import orjson
import pytest

from knarr.api import kinds
from knarr.api.strategy import STATUS_ALONE
from tests.unit.apiserver.asking import MERGE, Asker
from tests.unit.apiserver.oracle import WIRE, recorded

LABEL = "story=told"
METADATA_STAYS = {kind for _, kind in STATUS_ALONE}


def cases() -> list[Any]:
    """Return one recorded creation of every kind that is stored."""
    if not WIRE.exists():
        return []
    found = {}
    for row in recorded("objects/created.json"):
        kind = kinds.of_object(row["request"]["body"])
        if row["code"] == 201 and kind is not None and kind.stored:
            found.setdefault((kind.group, kind.plural), pytest.param(kind, row["request"], id=f"{kind.kind}.{kind.group or 'core'}"))
    return list(found.values())


@pytest.mark.parametrize(("kind", "request_"), cases())
async def test_the_life_of_an_object_of_each_kind(kind, request_):
    """Somebody who knows nothing of a kind but its path does with it whatever can be done with every kind."""
    api = await Asker().start("rec")
    place = request_["path"].partition("?")[0]
    body = request_["body"]
    body["metadata"] = {**body["metadata"], "labels": {**body["metadata"].get("labels", {}), "story": "told"}}
    _, before = await api.ask("GET", f"{place}?labelSelector={LABEL}")
    made = await api.make(place, body)
    one = f"{place}/{made['metadata']['name']}"

    assert [] == before["items"]
    assert made["metadata"]["uid"] == (await api.ask("GET", one))[1]["metadata"]["uid"]
    for where in (place, place.replace("/namespaces/rec", "")):
        listed = (await api.ask("GET", f"{where}?labelSelector={LABEL}"))[1]
        assert (f"{kind.kind}List", [made["metadata"]["uid"]]) == (listed["kind"], [item["metadata"]["uid"] for item in listed["items"]])

    code, patched = await api.ask("PATCH", one, {"metadata": {"annotations": {"patched": "true"}}}, content_type=MERGE)
    assert (200, "true") == (code, patched["metadata"]["annotations"]["patched"]), patched
    patched["metadata"]["annotations"]["updated"] = "true"
    code, updated = await api.ask("PUT", one, patched)
    assert (200, "true") == (code, updated["metadata"]["annotations"]["updated"]), updated
    if any(subresource.name == "status" for subresource in kind.subresources):
        await write_status(api, kind, one)

    several = f"{place}?labelSelector={LABEL}" if "deletecollection" in kind.verbs else one
    code, deleted = await api.ask("DELETE", several, {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})
    assert 200 == code, deleted
    code, left = await api.ask("GET", f"{place}?labelSelector={LABEL}")
    assert all("deletionTimestamp" in item["metadata"] for item in left["items"]), left
    assert left["items"] == [] or left["items"][0]["metadata"].get("finalizers") or left["items"][0]["spec"]["finalizers"]
    events = [event["type"] for event in await seen(api, f"{place}?watch=1&labelSelector={LABEL}&resourceVersion={before['metadata']['resourceVersion']}")]
    assert ["ADDED", "MODIFIED", "MODIFIED"] == events[:3]
    assert left["items"] or events[-1] == "DELETED"


async def write_status(api: Asker, kind: kinds.Kind, one: str) -> None:
    """Read, patch and update the status alone: an annotation goes with it, what is asked for does not."""
    code, seen_by_itself = await api.ask("GET", f"{one}/status")
    assert (200, kind.kind) == (code, seen_by_itself["kind"])
    note = {"metadata": {"annotations": {"patchedstatus": "true"}}}
    code, patched = await api.ask("PATCH", f"{one}/status", note, content_type=MERGE)
    assert (200, None if kind.kind in METADATA_STAYS else "true") == (code, patched["metadata"]["annotations"].get("patchedstatus")), patched
    patched["metadata"]["annotations"]["updatedstatus"] = "true"
    code, updated = await api.ask("PUT", f"{one}/status", patched)
    assert (200, None if kind.kind in METADATA_STAYS else "true") == (code, updated["metadata"]["annotations"].get("updatedstatus")), updated
    assert updated.get("spec") == seen_by_itself.get("spec")


async def seen(api: Asker, path: str) -> list[dict[str, Any]]:
    """Return what a watch shows that begins in the past, up to now."""
    answer = await api.call("GET", path)
    assert 200 == answer.status, answer.body
    async with aclosing(answer.stream) as chunks:
        return [orjson.loads(line) for line in (await anext(chunks)).splitlines()]
