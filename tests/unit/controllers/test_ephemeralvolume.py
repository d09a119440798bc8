"""A claim for each generic ephemeral volume: made for its pod, and never another's."""

from __future__ import annotations

import asyncio

from knarr.controllers.ephemeralvolume import CONTROLLER
from tests.unit.stage import events, play

TEMPLATE = {"metadata": {"labels": {"of": "scratch"}},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "d", "uid": "p-1"},
       "status": {}, "spec": {"volumes": [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": TEMPLATE}},
                            {"name": "other", "emptyDir": {}}]}}
STRANGER = {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "p-scratch", "namespace": "d", "uid": "c-1"}, "spec": {}}


def test_each_ephemeral_volume_gets_its_claim():
    """A pod brings one ephemeral volume and one that is none: one claim, with the template's labels, owned by the pod."""
    async def story(api):
        api.put(POD)
        await asyncio.sleep(1)

    (made,) = play([CONTROLLER], story).all("persistentvolumeclaims")

    assert ("p-scratch", {"of": "scratch"}) == (made["metadata"]["name"], made["metadata"]["labels"])
    assert TEMPLATE["spec"].items() <= made["spec"].items()
    assert [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "p-1", "controller": True,
             "blockOwnerDeletion": True}] == made["metadata"]["ownerReferences"]


def test_a_stranger_in_the_place_is_told_of_and_left_alone():
    """A claim of that name was there before; when it is deleted, the pod gets its own."""
    async def story(api):
        api.put(STRANGER)
        api.put(POD)
        await asyncio.sleep(1)
        assert ["c-1"] == [one["metadata"]["uid"] for one in api.all("persistentvolumeclaims")]
        api.drop("persistentvolumeclaims", "d", "p-scratch")
        await asyncio.sleep(1)

    api = play([CONTROLLER], story)

    assert "FailedBinding: ephemeral volume scratch: PVC d/p-scratch was not created for pod d/p (pod is not owner)" \
        in events(api)
    assert "p-1" == api.all("persistentvolumeclaims")[0]["metadata"]["ownerReferences"][0]["uid"]


def test_a_pod_that_goes_gets_none():
    """The pod is being deleted when it is first seen."""
    async def story(api):
        api.put({**POD, "metadata": {**POD["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}})
        await asyncio.sleep(1)

    assert [] == play([CONTROLLER], story).all("persistentvolumeclaims")
