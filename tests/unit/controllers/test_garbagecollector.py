"""Owners go, and what they own goes with them, before them, or stays."""

from __future__ import annotations

import pytest

from tests.unit.controllers.cluster import live

GC = ("garbagecollector",)
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
