"""The older form says the same."""

from __future__ import annotations

from msgspec.structs import replace

from knarr.api.types.core_v1 import Endpoints
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.controllers.endpoints import CONTROLLER as ENDPOINTS
from knarr.controllers.endpoints.plan import ADDRESSES_MAX, OVER_CAPACITY, View, plan
from knarr.controllers.endpointslices import CONTROLLER as SLICES
from knarr.reconcile.actions import Create, Delete, Update
from tests.unit.controllers.making import backend, service
from tests.unit.controllers.story import load, take
from tests.unit.stage import asyncio, play


def decide(pods, held=None, **spec):
    return plan(View(service(**spec), tuple(pods), held))


def test_ready_and_unready_stand_apart():
    """One pod is ready, one is not, one is going."""
    gone = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    (create,) = decide([backend(1), backend(2, ready=False), backend(3, metadata=gone)])
    (subset,) = create.obj.subsets

    assert (["10.0.0.2"], ["10.0.0.3"]) == ([a.ip for a in subset.addresses], [a.ip for a in subset.notReadyAddresses])
    assert ("http", 8080) == (subset.ports[0].name, subset.ports[0].port)


def test_nothing_new_is_not_written():
    """A second pass over the same pods."""
    (create,) = decide([backend(1)])

    assert isinstance(create, Create)
    assert [] == decide([backend(1)], create.obj)
    assert isinstance(decide([backend(1), backend(2)], create.obj)[0], Update)


def test_a_thousand_addresses_at_most():
    """Too many pods: the object says that it does not say all; and says so no more when it does."""
    (create,) = decide([backend(n) for n in range(ADDRESSES_MAX + 5)])
    assert "truncated" == create.obj.metadata.annotations[OVER_CAPACITY]
    assert ADDRESSES_MAX == sum(len(subset.addresses) for subset in create.obj.subsets)

    (update,) = decide([backend(1)], create.obj)
    assert OVER_CAPACITY not in update.obj.metadata.annotations


def test_ours_goes_with_its_service():
    """The Service is gone; an object somebody else wrote stays."""
    theirs = Endpoints(metadata=ObjectMeta(name="svc", namespace="d", uid="e"))
    labels = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    ours = replace(theirs, metadata=replace(theirs.metadata, labels=labels))

    assert [] == plan(View(None, (), theirs))
    assert [Delete(ours)] == plan(View(None, (), ours))


def test_a_recorded_service():
    """The Service of the recorded story, with pods made by hand: slice and Endpoints are the recorded ones."""
    story = load("service-endpoints")

    async def act(api):
        await take(api, story["story"][1]["step"])
        for number in (1, 2):
            one = {"apiVersion": "v1", "kind": "Pod", "spec": {
                "nodeName": "n", "containers": [{"name": "c", "ports": [{"name": "web", "containerPort": 8080}]}]}}
            ready = [{"type": "Ready", "status": "True" if number == 1 else "False"}]
            status = {"phase": "Running", "podIP": f"10.0.0.{number}", "podIPs": [{"ip": f"10.0.0.{number}"}]}
            meta = {"namespace": "d", "name": f"p{number}", "uid": f"u{number}", "labels": {"a": "b"}}
            api.put({**one, "metadata": meta, "status": {**status, "conditions": ready}})
        await asyncio.sleep(1)

    api = play([ENDPOINTS, SLICES], act)
    (one,), (older,) = api.all("endpointslices"), api.all("endpoints")
    recorded = [e for e in story["story"] if e.get("kind") == "EndpointSlice" and len(e.get("endpoints") or ()) == 2]

    assert recorded[0]["labels"] == one["metadata"]["labels"]
    assert [port.items() for port in recorded[0]["ports"]] == [port.items() for port in one["ports"]]
    assert [set(e) for e in recorded[0]["endpoints"]] == [set(e) for e in one["endpoints"]]
    assert {"ready": True, "serving": True, "terminating": False} == one["endpoints"][0]["conditions"]
    target = {"kind": "Pod", "namespace": "d", "name": "p2", "uid": "u2"}
    assert [{"ip": "10.0.0.2", "nodeName": "n", "targetRef": target}] == older["subsets"][0]["notReadyAddresses"]
