"""Owners go, and what they own goes with them, before them, or stays."""

from __future__ import annotations

import pytest

from tests.unit.controllers.cluster import live

GC = ("garbagecollector",)
ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
MAPS = "/api/v1/namespaces/default/configmaps"


def config(name, *owners, block=True):
    refs = [{"apiVersion": "v1", "kind": "ConfigMap", "name": one["metadata"]["name"], "uid": one["metadata"]["uid"],
             "blockOwnerDeletion": block} for one in owners]
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": refs}}


async def family(cluster):
    """Three generations."""
    top = await cluster.create(config("top"))
    middle = await cluster.create(config("middle", top))
    await cluster.create(config("leaf-1", middle))
    await cluster.create(config("leaf-2", middle))
    await cluster.pass_time()


async def family_maps(cluster):
    return [name for name in await cluster.names(MAPS) if name != "kube-root-ca.crt"]


@pytest.mark.parametrize(("policy", "left"), [
    pytest.param("Background", [], id="the owner first"),
    pytest.param("Foreground", [], id="the owner last"),
    pytest.param("Orphan", ["leaf-1", "leaf-2", "middle"], id="the owner alone"),
])
def test_a_family(policy, left):
    """The eldest of three generations is deleted."""
    async def story(cluster):
        await family(cluster)
        await cluster.ask("DELETE", f"{MAPS}/top", {"propagationPolicy": policy})
        await cluster.pass_time()
        assert left == await family_maps(cluster)
        if policy == "Orphan":
            middle = await cluster.ask("GET", f"{MAPS}/middle")
            assert "ownerReferences" not in middle["metadata"]

    live(GC, story)


def test_it_is_quick():
    """A hundred objects of one owner are gone within a tenth of a second."""
    async def story(cluster):
        top = await cluster.create(config("top"))
        for number in range(100):
            await cluster.create(config(f"leaf-{number}", top))
        await cluster.pass_time()
        await cluster.ask("DELETE", f"{MAPS}/top", {"propagationPolicy": "Background"})
        await cluster.pass_time(0.1)
        assert [] == await family_maps(cluster)

    live(GC, story)


def test_one_of_two_owners_goes():
    """A child of two stays with the other, which alone it names."""
    async def story(cluster):
        one = await cluster.create(config("one"))
        two = await cluster.create(config("two"))
        await cluster.create(config("child", one, two))
        await cluster.pass_time()
        await cluster.ask("DELETE", f"{MAPS}/one")
        await cluster.pass_time()
        child = await cluster.ask("GET", f"{MAPS}/child")
        assert ["two"] == [ref["name"] for ref in child["metadata"]["ownerReferences"]]

    live(GC, story)


def test_an_owner_that_never_was():
    """A child names an owner with a uid that nobody has; the server is asked, and the child goes."""
    async def story(cluster):
        await cluster.create(config("child", {"metadata": {"name": "ghost", "uid": "u-1"}}))
        await cluster.pass_time()
        assert [] == await family_maps(cluster)

    live(GC, story)


def test_an_owner_waits_for_a_dependent_with_a_finalizer():
    """Foreground deletion: the child is held by somebody's finalizer; the owner stays until that is taken off."""
    async def story(cluster):
        top = await cluster.create(config("top"))
        held = config("child", top)
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await cluster.create(held)
        await cluster.pass_time()
        await cluster.ask("DELETE", f"{MAPS}/top", {"propagationPolicy": "Foreground"})
        await cluster.pass_time()
        assert ["child", "top"] == await family_maps(cluster)
        patch = {"metadata": {"finalizers": None}}
        await cluster.ask("PATCH", f"{MAPS}/child", patch, "application/merge-patch+json")
        await cluster.pass_time()
        assert [] == await family_maps(cluster)

    live(GC, story)


async def warned(cluster, namespace="default"):
    events = await cluster.ask("GET", f"/api/v1/namespaces/{namespace}/events")
    return [(event["involvedObject"]["name"], event["type"], event["reason"], event["message"]) for event in events["items"]]


def test_what_lies_in_no_namespace_is_kept():
    """A role for the whole cluster names a ConfigMap as its owner, as many charts did: it is warned of, and outlives the map."""
    async def story(cluster):
        top = await cluster.create(config("top"))
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "top", "uid": top["metadata"]["uid"], "blockOwnerDeletion": True}
        for name, ref in (("held", owner), ("lost", {**owner, "uid": "u-1", "name": "ghost"})):
            await cluster.ask("POST", ROLES, {"metadata": {"name": name, "ownerReferences": [ref]}, "rules": []})
        await cluster.pass_time()
        await cluster.ask("DELETE", f"{MAPS}/top", {"propagationPolicy": "Foreground"})
        await cluster.pass_time()
        assert [] == await family_maps(cluster)
        roles = await cluster.names(ROLES)
        assert {"held", "lost"} <= set(roles)
        assert ("held", "Warning", "OwnerRefInvalidNamespace", f'ownerRef [v1/ConfigMap, namespace: , name: top, uid: {owner["uid"]}] '
                'does not exist in namespace ""') in await warned(cluster)

    live(GC, story)


def test_an_owner_in_another_namespace_owns_nothing():
    """Who names one has no owner that exists: it goes, with a warning that says why."""
    async def story(cluster):
        top = await cluster.create(config("top"))
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
        await cluster.create(config("child", top), "other")
        await cluster.pass_time()
        assert ["top"] == await family_maps(cluster)
        assert "child" not in await cluster.names("/api/v1/namespaces/other/configmaps")
        assert [("child", "OwnerRefInvalidNamespace")] == [(name, reason) for name, _, reason, _ in await warned(cluster, "other")]

    live(GC, story)


def test_a_circle_goes_and_is_warned_of():
    """Two own each other; one is deleted in the foreground: both go, and an event says what to leave out."""
    async def story(cluster):
        one = await cluster.create(config("one"))
        two = await cluster.create(config("two", one))
        patch = {"metadata": {"ownerReferences": config("one", two)["metadata"]["ownerReferences"]}}
        await cluster.ask("PATCH", f"{MAPS}/one", patch, "application/merge-patch+json")
        await cluster.pass_time()
        await cluster.ask("DELETE", f"{MAPS}/one", {"propagationPolicy": "Foreground"})
        await cluster.pass_time()
        assert [] == await family_maps(cluster)
        assert [("two", "OwnerCycle")] == [(name, reason) for name, _, reason, _ in await warned(cluster)]

    live(GC, story)
