"""Discovery and the registry: what we serve stands there exactly as a real server says it."""

from __future__ import annotations

from knarr.api import discovery, kinds
from knarr.api.types import apps_v1, core_v1, events_v1
from tests.unit.api.wire import kind_at, recorded


def test_resource_lists():
    """Verbs, short names, categories, subresources and hashes of every served kind are the recorded ones."""
    compared = 0
    for path, theirs in recorded("discovery/resources.json").items():
        words = path.strip("/").split("/")
        group, version = ("", words[1]) if words[0] == "api" else (words[1], words[2])
        ours = discovery.resource_list(group, version)
        if ours is None:
            continue
        served = {kind.plural for kind in kinds.KINDS if (kind.group, kind.version) == (group, version)}
        wanted = [row for row in theirs["resources"] if row["name"].partition("/")[0] in served]
        assert wanted == ours["resources"], path
        assert {key: theirs[key] for key in theirs if key != "resources"} == {
            key: ours[key] for key in ours if key != "resources"}
        compared += len(wanted)
    assert compared == sum(1 + len(kind.subresources) for kind in kinds.KINDS)


def test_groups():
    """Groups stand in the recorded order, each with its versions."""
    wire = recorded("discovery/groups.json")
    theirs = {row["name"]: row for row in wire["/apis"]["legacy"]["groups"]}
    ours = discovery.group_list()["groups"]

    assert [row["name"] for row in ours] == [name for name in theirs if name in discovery.groups()]
    assert all(theirs[row["name"]] == row for row in ours if row["name"] != "autoscaling")
    assert wire["/api"]["legacy"] == discovery.api_versions("<host>:6443")


def test_aggregated():
    """The one-document form says the same."""
    wire = recorded("discovery/groups.json")
    for path, core in (("/api", True), ("/apis", False)):
        ours = discovery.aggregated(core=core)
        theirs = {item["metadata"].get("name", ""): item for item in wire[path]["aggregated v2"]["items"]}
        for item in ours["items"]:
            for version in item["versions"]:
                recorded_versions = theirs[item["metadata"].get("name", "")]["versions"]
                rows = next(row["resources"] for row in recorded_versions if row["version"] == version["version"])
                mine = {row["resource"] for row in version["resources"]}
                assert [row for row in rows if row["resource"] in mine] == version["resources"]


def test_unknown_groups():
    """What is not served is not described."""
    assert discovery.group("nope") is None
    assert discovery.resource_list("apps", "v2") is None


def test_kinds_are_found():
    """By URL, by name, by struct, by what an object says of itself."""
    deployment = kinds.by_resource("apps", "v1", "deployments")

    assert deployment is kinds.by_kind("apps", "v1", "Deployment")
    assert deployment is kinds.of(apps_v1.Deployment)
    assert deployment is kinds.of_object({"apiVersion": "apps/v1", "kind": "Deployment"})
    assert apps_v1.Deployment is kinds.struct(deployment)
    assert kinds.by_resource("apps", "v1", "nope") is None
    assert kinds.of_object({"kind": "Deployment"}) is None


def test_every_kind_has_a_struct_and_a_definition():
    """No row of the registry points into the void."""
    for kind in kinds.KINDS + kinds.BODIES:
        assert kind.kind == kinds.struct(kind).__name__


def test_keys_and_paths():
    """Where an object lies in the store, and under which address it is served."""
    pod, node, event = kinds.of(core_v1.Pod), kinds.of(core_v1.Node), kinds.of(events_v1.Event)

    assert "/core/pods/default/web" == pod.key("default", "web")
    assert "/core/nodes/-/n1" == node.key("", "n1")
    assert "/core/events/default/e" == event.key("default", "e")
    assert kinds.of(core_v1.Event) is event.storage
    assert "/api/v1/namespaces/default/pods/web/log" == pod.path("default", "web", "log")
    assert "/apis/events.k8s.io/v1/events" == event.path()
    assert pod is kind_at("/api/v1/namespaces/default/pods/web")


def test_bodies_of_subresources():
    """A pod's eviction speaks policy/v1, its status speaks Pod."""
    pod = kinds.of(core_v1.Pod)
    eviction, status = pod.subresource("eviction"), pod.subresource("status")

    assert eviction is not None
    assert status is not None
    assert "policy_v1.Eviction" == pod.body_of(eviction).definition
    assert pod is pod.body_of(status)
