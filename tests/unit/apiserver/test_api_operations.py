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

NOT_RECORDED = {
    "APIService": {"metadata": {"name": "v1.a.example.com"}, "spec": {
        "group": "a.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10, "service": {"namespace": "rec", "name": "s"}}},
    "CSINode": {"metadata": {"name": "n"}, "spec": {"drivers": []}},
    "CSIStorageCapacity": {"metadata": {"name": "c"}, "storageClassName": "fast", "capacity": "1Gi"},
    "ClusterRole": {"metadata": {"name": "c"}, "rules": []},
    "IPAddress": {"metadata": {"name": "192.168.7.7"}, "spec": {"parentRef": {"resource": "services", "namespace": "rec", "name": "s"}}},
    "MutatingAdmissionPolicy": {"metadata": {"name": "m"}, "spec": {
        "reinvocationPolicy": "Never", "matchConstraints": {"resourceRules": [
            {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}]},
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'remove', path: '/a'}]"}}]}},
    "MutatingAdmissionPolicyBinding": {"metadata": {"name": "m"}, "spec": {"policyName": "m"}},
    "PriorityLevelConfiguration": {"metadata": {"name": "p"}, "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}},
    "ResourceClaimTemplate": {"metadata": {"name": "r"}, "spec": {"spec": {}}},
    "ServiceCIDR": {"metadata": {"name": "s"}, "spec": {"cidrs": ["10.77.0.0/16"]}},
    "VolumeAttributesClass": {"metadata": {"name": "v"}, "driverName": "d.example.com", "parameters": {"iops": "1"}},
}


def cases() -> list[Any]:
    """Return where and how to make one object of every kind that is stored."""
    if not WIRE.exists():
        return []
    made = [(row["request"]["path"].partition("?")[0], row["request"]["body"]) for row in recorded("objects/created.json") if row["code"] == 201]
    for kind in kinds.KINDS:
        if kind.kind in NOT_RECORDED:
            made.append((place_of(kind), {"apiVersion": kind.api_version, "kind": kind.kind, **NOT_RECORDED[kind.kind]}))
    found: dict[Any, Any] = {}
    for place, body in made:
        kind = kinds.of_object(body)
        if kind is not None and kind.stored:
            found.setdefault((kind.group, kind.plural), pytest.param(kind, place, body, id=f"{kind.kind}.{kind.group or 'core'}"))
    return list(found.values())


def place_of(kind: kinds.Kind) -> str:
    root = f"/apis/{kind.group}" if kind.group else "/api"
    return f"{root}/{kind.version}{'/namespaces/rec' if kind.namespaced else ''}/{kind.plural}"


def test_no_kind_is_left_out():
    """A kind that is served and stored has its life told below."""
    told = {param.values[0].kind for param in cases()}

    assert WIRE.exists() <= ({kind.kind for kind in kinds.KINDS if kind.stored and kind.served} <= told)


@pytest.mark.parametrize(("kind", "place", "body"), cases())
async def test_the_life_of_an_object_of_each_kind(kind, place, body):
    """Somebody who knows nothing of a kind but its path does with it whatever can be done with every kind."""
    api = await Asker().start("rec")
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
