"""Objects of custom kinds own, are owned and end with their namespace like all others."""

from __future__ import annotations

import pytest

from tests.unit.controllers.cluster import live

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SHIPS, MAPS = "/apis/sea.example.com/v1/namespaces/shop/ships", "/api/v1/namespaces/shop/configmaps"
SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
DEFINITION = {
    "metadata": {"name": "ships.sea.example.com"},
    "spec": {
        "group": "sea.example.com", "scope": "Namespaced", "names": {"plural": "ships", "kind": "Ship"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": SCHEMA}],
    },
}


async def fleet(cluster):
    """Make a namespace, and in it a ship that owns its hold and a boat."""
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    await cluster.ask("POST", DEFINITIONS, DEFINITION)
    made = await cluster.ask("POST", SHIPS, ship("knarr"))
    await cluster.ask("POST", MAPS, {"metadata": {"name": "hold", "ownerReferences": [owner(made)]}})
    await cluster.ask("POST", SHIPS, ship("boat", ownerReferences=[owner(made)]))
    await cluster.pass_time()


def ship(name, **metadata):
    return {"apiVersion": "sea.example.com/v1", "kind": "Ship", "metadata": {"name": name, **metadata}}


def owner(made):
    meta = made["metadata"]
    return {"apiVersion": "sea.example.com/v1", "kind": "Ship", "name": meta["name"], "uid": meta["uid"], "blockOwnerDeletion": True}


@pytest.mark.parametrize(("policy", "ships", "maps"), [
    pytest.param("Background", [], [], id="background"),
    pytest.param("Foreground", [], [], id="foreground"),
    pytest.param("Orphan", ["boat"], ["hold"], id="orphan"),
])
def test_a_custom_object_has_a_family(policy, ships, maps):
    """A ship owns a config map and another ship; what becomes of them is as whoever deletes it says."""
    async def story(cluster):
        await fleet(cluster)
        await cluster.ask("DELETE", f"{SHIPS}/knarr", propagationPolicy=policy)
        await cluster.pass_time(3)
        assert (ships, maps) == (await cluster.names(SHIPS), await cluster.names(MAPS))

    live(("garbagecollector",), story)


def test_a_kind_that_goes_takes_what_its_objects_own():
    """The definition is deleted, all ships with it; the hold has lost its owner, and goes."""
    async def story(cluster):
        await fleet(cluster)
        await cluster.ask("DELETE", f"{DEFINITIONS}/ships.sea.example.com")
        await cluster.pass_time(3)
        assert [] == await cluster.names(DEFINITIONS)
        assert [] == await cluster.names(MAPS)

    live(("garbagecollector",), story)


def test_a_namespace_ends_with_its_custom_objects():
    """One of them is held by its operator: the namespace names kind and finalizer, and goes when it is let go."""
    async def story(cluster):
        await fleet(cluster)
        held = {"metadata": {"finalizers": ["sea.example.com/crew"]}}
        await cluster.ask("PATCH", f"{SHIPS}/knarr", held, kind="application/merge-patch+json")
        await cluster.ask("DELETE", "/api/v1/namespaces/shop")
        await cluster.pass_time(3)
        conditions = (await cluster.ask("GET", "/api/v1/namespaces/shop"))["status"]["conditions"]
        told = {one["type"]: one["message"] for one in conditions if one["status"] == "True"}
        assert "ships.sea.example.com has 1 resource instances" in told["NamespaceContentRemaining"]
        assert "sea.example.com/crew in 1 resource instances" in told["NamespaceFinalizersRemaining"]
        assert ["knarr"] == await cluster.names(SHIPS)

        await cluster.ask("PATCH", f"{SHIPS}/knarr", {"metadata": {"finalizers": None}}, kind="application/merge-patch+json")
        await cluster.pass_time(5)
        assert await cluster.ask("GET", "/api/v1/namespaces/shop") is None

    live(("namespace", "garbagecollector"), story)
