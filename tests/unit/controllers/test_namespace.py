"""A namespace ends: first all that is in it, then itself; and what each new one is given."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest
from msgspec.structs import replace

from knarr.api.http import Answer, Call
from knarr.api.types.core_v1 import Namespace, NamespaceSpec
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.client.client import Client
from knarr.client.transport import InProcess
from knarr.controllers.namespace.observe import observe
from knarr.controllers.namespace.plan import Remaining, View, plan
from tests.unit.controllers.cluster import live, pod

ALL = ("namespace", "serviceaccounts", "rootca", "garbagecollector")
SHOP = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
HERE = "/api/v1/namespaces/shop"


def test_a_new_namespace_gets_an_account_and_the_ca():
    """One is made; what it is given comes back when somebody deletes it."""
    async def story(cluster):
        await cluster.create(SHOP)
        await cluster.pass_time()
        assert ["default"] == await cluster.names(f"{HERE}/serviceaccounts")
        assert {"ca.crt": "PEM"} == (await cluster.ask("GET", f"{HERE}/configmaps/kube-root-ca.crt"))["data"]
        await cluster.ask("DELETE", f"{HERE}/serviceaccounts/default")
        await cluster.ask("DELETE", f"{HERE}/configmaps/kube-root-ca.crt")
        await cluster.pass_time()
        assert ["default"] == await cluster.names(f"{HERE}/serviceaccounts")
        assert ["kube-root-ca.crt"] == await cluster.names(f"{HERE}/configmaps")

    live(ALL, story)


def test_a_full_namespace_ends():
    """Pods, a secret and a job are in it; all goes, and fast."""
    async def story(cluster):
        await cluster.create(SHOP)
        await cluster.pass_time()
        await cluster.create(pod("web"), "shop")
        await cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}}, "shop")
        await cluster.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}}, "shop")
        await cluster.ask("DELETE", HERE)
        await cluster.pass_time()
        assert await cluster.ask("GET", HERE) is None

    live(ALL, story)


def test_a_finalizer_holds_the_namespace():
    """A config map is held by somebody; the namespace says so, and goes when it is let go."""
    async def story(cluster):
        await cluster.create(SHOP)
        held = {"name": "stay", "finalizers": ["example.com/hold"]}
        await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held}, "shop")
        await cluster.ask("DELETE", HERE)
        await cluster.pass_time()
        shop = await cluster.ask("GET", HERE)
        said = {one["type"]: (one["status"], one["reason"], one["message"]) for one in shop["status"]["conditions"]}
        assert SAID == said
        patch = {"metadata": {"finalizers": None}}
        await cluster.ask("PATCH", f"{HERE}/configmaps/stay", patch, "application/merge-patch+json")
        await cluster.pass_time(4)
        assert await cluster.ask("GET", HERE) is None

    live(ALL, story)


THINGS = "/apis/ext.example/v1/namespaces/shop/things"
EXTENSION = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.ext.example"}, "spec": {
    "group": "ext.example", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100,
    "service": {"name": "ext", "namespace": "default"}}}


class Extended:
    """A client of an API that has an extension server: its discovery, and one object in the namespace."""

    def __init__(self, cluster, *, away=False):
        self.handle, self.away, self.things, self.asked = cluster.server.handle, away, ["one"], []

    async def answer(self, call: Call) -> Answer:
        if not call.path.startswith("/apis/ext.example/"):
            return await self.handle(call)
        self.asked.append((call.method, call.path))
        if self.away:
            return Answer(503, b"service unavailable\n", "text/plain")
        if call.path == THINGS and call.method == "DELETE":
            self.things = []
        if call.path == THINGS:
            items = [{"metadata": {"name": name, "namespace": "shop"}} for name in self.things]
            return streamed({"kind": "ThingList", "apiVersion": "ext.example/v1", "metadata": {}, "items": items})
        rows = [{"name": "things", "kind": "Thing", "namespaced": True, "verbs": ["delete", "deletecollection", "list"]},
                {"name": "things/status", "kind": "Thing", "namespaced": True, "verbs": ["list", "delete"]},
                {"name": "metrics", "kind": "Metrics", "namespaced": True, "verbs": ["get", "list"]}]
        return streamed({"kind": "APIResourceList", "resources": rows})


def streamed(body):
    """Answer in pieces, as what is passed on from another server comes."""
    async def pieces():
        data = orjson.dumps(body)
        for start in range(0, len(data), 16):
            yield data[start:start + 16]

    return Answer(200, stream=pieces())


@pytest.mark.parametrize("away", [False, True])
def test_what_extension_servers_hold_goes_too(away):
    """An extension server has an object in the namespace; while it is away nobody knows what it has, and the namespace says so."""
    async def story(cluster):
        await cluster.create(SHOP)
        await cluster.ask("POST", "/apis/apiregistration.k8s.io/v1/apiservices", EXTENSION)
        extended = Extended(cluster, away=away)
        client = Client(InProcess(extended.answer))
        shop = await client.get(Namespace, "", "shop")
        view = await observe(client, shop, now_s=0.0)
        assert () == view.remaining
        assert away == view.swept
        if not away:
            assert (await observe(client, shop, now_s=0.0)).swept
            assert ([], ()) == (extended.things, view.undiscovered)
            assert {path for _, path in extended.asked} == {"/apis/ext.example/v1", THINGS}
            return
        step = plan(view)
        assert step.final is None
        said = next(one for one in step.status.status.conditions if one.type == "NamespaceDeletionDiscoveryFailure")
        assert ("True", "DiscoveryFailed") == (said.status, said.reason)
        assert "1 failing: unable to retrieve the complete list of server APIs: ext.example/v1: " in said.message

    live((), story)


SAID = {
    "NamespaceDeletionDiscoveryFailure": ("False", "ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "False", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    "NamespaceDeletionContentFailure": (
        "False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    "NamespaceContentRemaining": (
        "True", "SomeResourcesRemain", "Some resources are remaining: configmaps. has 1 resource instances"),
    "NamespaceFinalizersRemaining": (
        "True", "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"),
}

LEAVING = Namespace(
    metadata=ObjectMeta(name="shop", deletionTimestamp="2026-01-01T00:00:00Z"),
    spec=NamespaceSpec(finalizers=("kubernetes",)))
REST = Remaining("pods.", 2, Counter({"a/b": 2}))


@pytest.mark.parametrize(("view", "final"), [
    pytest.param(View(LEAVING, (), (), 0.0), True, id="empty: it may go"),
    pytest.param(View(LEAVING, (REST,), (), 0.0), False, id="pods are left"),
    pytest.param(View(LEAVING, (), ("no",), 0.0), False, id="a kind could not be deleted"),
    pytest.param(View(LEAVING, (), (), 0.0, swept=False), False, id="emptied just now: a create may be on its way"),
])
def test_when_it_may_go(view, final):
    """The finalizer goes only with the last object."""
    step = plan(view)

    assert final == (step.final is not None)
    assert () == (step.final.spec.finalizers if step.final else ())


def test_nothing_new_is_not_written_twice():
    """Two looks find the same two pods, a minute apart."""
    first = plan(View(LEAVING, (REST,), (), 0.0)).status
    again = plan(View(replace(LEAVING, status=first.status), (REST,), (), 60.0))

    assert again.status is None
