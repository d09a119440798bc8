"""ResourceClaims from templates: made for their pod, named in its status, and gone with it."""

from __future__ import annotations

import asyncio

from knarr.api.types import core_v1, meta_v1, resource_v1
from knarr.controllers.resourceclaims import CONTROLLER
from knarr.controllers.resourceclaims.plan import PodView
from knarr.controllers.resourceclaims.plan import plan as plan
from knarr.reconcile.actions import Delete
from tests.unit.stage import events, play

TEMPLATE = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate",
            "metadata": {"name": "gpu", "namespace": "d", "uid": "t-1"},
            "spec": {"metadata": {"labels": {"of": "gpu"}}, "spec": {"devices": {"requests": [{"name": "r"}]}}}}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "d", "uid": "p-1"},
       "status": {}, "spec": {"resourceClaims": [{"name": "card", "resourceClaimTemplateName": "gpu"}]}}


def claim(**status):
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
            "metadata": {"name": "shared", "namespace": "d", "uid": "c-1"}, "spec": {}, "status": status}


def test_a_claim_is_made_and_named():
    """A pod names a template that comes a little later: its event says so, then the claim is made, owned and named."""
    async def story(api):
        api.put(POD)
        await asyncio.sleep(1)
        api.put(TEMPLATE)
        await asyncio.sleep(1)

    api = play([CONTROLLER], story)
    (made,), (pod,) = api.all("resourceclaims"), api.all("pods")

    assert ('FailedResourceClaimCreation: PodResourceClaim card: resource claim template "gpu": '
            'resourceclaimtemplate.resource.k8s.io "gpu" not found') in events(api)
    assert {"resource.kubernetes.io/pod-claim-name": "card"} == made["metadata"]["annotations"]
    assert ("p-1", {"of": "gpu"}) == (made["metadata"]["ownerReferences"][0]["uid"], made["metadata"]["labels"])
    assert TEMPLATE["spec"]["spec"].items() <= made["spec"].items()
    assert [{"name": "card", "resourceClaimName": made["metadata"]["name"]}] == pod["status"]["resourceClaimStatuses"]


def test_a_finished_pods_claim_goes():
    """The pod has succeeded: nobody will use its claim again."""
    pod = core_v1.Pod(metadata=meta_v1.ObjectMeta(name="p"), status=core_v1.PodStatus(phase="Succeeded"))
    own = resource_v1.ResourceClaim(metadata=meta_v1.ObjectMeta(name="p-card-1"))
    assert [Delete(own)] == plan(PodView(pod, (own,), {}))


def test_a_reservation_ends_with_its_pod():
    """A claim that two pods had reserved: one is gone, then the other, and what was allocated is given back."""
    consumers = [{"resource": "pods", "name": name, "uid": f"{name}-1"} for name in ("p", "q")]
    other = {**POD, "metadata": {**POD["metadata"], "name": "q", "uid": "q-1"}}
    kept = []

    async def story(api):
        for one in (POD, other):
            api.put({**one, "spec": {"resourceClaims": [{"name": "card", "resourceClaimName": "shared"}]}})
        api.put(claim(reservedFor=consumers, allocation={"devices": {}}))
        await asyncio.sleep(1)
        api.drop("pods", "d", "q")
        await asyncio.sleep(1)
        kept.extend(api.all("resourceclaims")[0]["status"]["reservedFor"])
        api.drop("pods", "d", "p")
        await asyncio.sleep(1)

    (left,) = play([CONTROLLER], story).all("resourceclaims")

    assert ["p-1"] == [one["uid"] for one in kept]
    assert not left["status"].get("reservedFor")
    assert "allocation" not in left["status"]
