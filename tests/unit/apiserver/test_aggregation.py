"""What aggregation decides without any network: the APIServices of our own groups, what a path asks, how a caller is named, what stands where."""

from __future__ import annotations

import orjson
import pytest

from knarr.api import discovery_remote
from knarr.api.discovery_remote import RemoteVersion
from knarr.api.http import Call, User
from knarr.apiserver.aggregation import local, requests
from knarr.apiserver.aggregation.identity import escaped, user_headers
from knarr.apiserver.aggregation.published import config_map
from tests.unit.apiserver.oracle import WIRE

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
RECORDED = "/apis/apiregistration.k8s.io/v1/apiservices"
USER = User("u")


def recorded():
    path = WIRE / "bootstrap/objects.json"
    if not path.exists():
        pytest.skip("no recordings")
    return {one["metadata"]["name"]: one for one in orjson.loads(path.read_bytes())[RECORDED]}


async def listed(api):
    await api.server.aggregator.settle()
    found = (await api.ask("GET", SERVICES))[1]["items"]
    return {one["metadata"]["name"]: one for one in found}


async def test_own_groups_are_as_recorded(api):
    """A fresh cluster has an APIService for each group and version: labels, priorities and conditions are Kubernetes'."""
    theirs, ours = recorded(), await listed(api)
    assert ours
    for name, one in ours.items():
        if name not in theirs:  # a group that is served here and was not there
            assert "onstart" == one["metadata"]["labels"][local.LABEL]
            continue
        assert theirs[name]["spec"] == one["spec"]
        assert theirs[name]["metadata"]["labels"] == one["metadata"]["labels"]
        assert [{**row, "lastTransitionTime": ""} for row in theirs[name]["status"]["conditions"]] == [
            {**row, "lastTransitionTime": ""} for row in one["status"]["conditions"]]


DEFINITION = {
    "kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1", "metadata": {"name": "things.example.com"},
    "spec": {"group": "example.com", "scope": "Cluster", "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
             "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}]},
}


async def test_custom_groups_come_and_go(api):
    """A definition is made: its group has an APIService, which is made again when somebody deletes it, and goes with the definition."""
    await api.make("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", DEFINITION)
    mine = (await listed(api))["v1.example.com"]
    assert {"group": "example.com", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 100} == mine["spec"]
    assert "true" == mine["metadata"]["labels"][local.LABEL]
    assert 200 == (await api.ask("DELETE", f"{SERVICES}/v1.example.com"))[0]
    assert "v1.example.com" in await listed(api)
    assert 200 == (await api.ask("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.com"))[0]
    assert "v1.example.com" not in await listed(api)


async def test_nothing_is_written_twice(api):
    """The second look finds everything as it should be."""
    await api.server.aggregator.settle()
    before = api.store.revision
    await api.server.aggregator.settle()
    assert before == api.store.revision


async def test_a_remote_takes_over_the_path_of_a_custom_kind(api):
    """An APIService with a service wins over a definition of the same group and version, and while it is away nobody else answers."""
    await api.make("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", DEFINITION)
    assert 200 == (await api.ask("GET", "/apis/example.com/v1/things"))[0]
    await api.make(SERVICES, {"metadata": {"name": "v1.example.com"}, "spec": {
        "group": "example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100, "service": {"name": "a", "namespace": "b"}}})
    api.server.aggregator.load()
    answer = await api.call("GET", "/apis/example.com/v1/things")
    assert (503, b"service unavailable\n", "text/plain; charset=utf-8") == (answer.status, answer.body, answer.content_type)


@pytest.mark.parametrize(("method", "path", "query", "expected"), [
    ("GET", "/apis/g/v1", {}, ("get", "", "", "", "")),
    ("GET", "/apis/g/v1/things", {}, ("list", "things", "", "", "")),
    ("GET", "/apis/g/v1/things", {"watch": "1"}, ("watch", "things", "", "", "")),
    ("GET", "/apis/g/v1/things", {"fieldSelector": "metadata.name=a"}, ("list", "things", "", "", "a")),
    ("GET", "/apis/g/v1/watch/namespaces/n/things", {}, ("watch", "things", "", "n", "")),
    ("HEAD", "/apis/g/v1/namespaces/n/things/a", {}, ("get", "things", "", "n", "a")),
    ("POST", "/apis/g/v1/namespaces/n/things", {}, ("create", "things", "", "n", "")),
    ("PUT", "/apis/g/v1/namespaces/n/things/a/status", {}, ("update", "things", "status", "n", "a")),
    ("DELETE", "/apis/g/v1/namespaces/n/things", {}, ("deletecollection", "things", "", "n", "")),
    ("DELETE", "/apis/g/v1/things/a", {}, ("delete", "things", "", "", "a")),
    ("GET", "/apis/g/v1/namespaces/n", {}, ("get", "namespaces", "", "n", "n")),
    ("GET", "/apis/g/v1/namespaces", {}, ("list", "namespaces", "", "", "")),
    ("OPTIONS", "/apis/g/v1/things/a", {}, ("", "things", "", "", "a")),
])
def test_what_a_path_asks(method, path, query, expected):
    """The kinds are unknown here, and still roles decide."""
    found = requests.attributes(Call(method, path, query), USER)
    assert expected == (found.verb, found.resource, found.subresource, found.namespace, found.name)
    assert ("g", "v1") == (found.group, found.version) or not found.resource


def test_how_a_caller_is_named():
    """Everything known of a caller is told; line breaks in a name cannot make another header."""
    user = User("a\r\nX-Remote-Group: system:masters", "7", ("g", "h"), {"example.com/Scopes%": ("x", "y")})
    assert [("X-Remote-User", "aX-Remote-Group: system:masters"), ("X-Remote-Uid", "7"), ("X-Remote-Group", "g"), ("X-Remote-Group", "h"),
            ("X-Remote-Extra-example.com%2FScopes%25", "x"), ("X-Remote-Extra-example.com%2FScopes%25", "y")] == user_headers(user)
    assert "%C3%A4" == escaped("ä")


def test_whom_extension_servers_shall_believe():
    """The ConfigMap is in the form that every extension server's library reads."""
    data = config_map("CLIENTS", "PROXIES")["data"]
    assert ("CLIENTS", "PROXIES", '["front-proxy-client"]') == (
        data["client-ca-file"], data["requestheader-client-ca-file"], data["requestheader-allowed-names"])


def test_groups_stand_by_priority():
    """A remote group with a high priority stands before those of this server, and one with a low behind; versions alike."""
    own = {"groups": [{"name": "apps", "versions": [{"version": "v1"}]}, {"name": "example.com", "versions": [{"version": "v1"}]}]}
    remotes = [RemoteVersion("first", "v1", 19000, 10), RemoteVersion("last", "v1", 10, 10), RemoteVersion("apps", "v2", 5, 99)]
    found = discovery_remote.groups(own, remotes)["groups"]
    assert ["first", "apps", "example.com", "last"] == [one["name"] for one in found]
    assert ["v2", "v1"] == [one["version"] for one in found[1]["versions"]]


def test_a_subresource_without_parent_is_listed():
    """custom-metrics servers list only names with a slash."""
    remote = RemoteVersion("m", "v1", 1, 1, ({"name": "pods/cpu", "kind": "Value", "namespaced": True, "verbs": ["get"]},))
    found = discovery_remote.aggregated({"items": []}, [remote])["items"][0]["versions"][0]["resources"]
    assert [("pods", "cpu")] == [(one["resource"], one["subresources"][0]["subresource"]) for one in found]
