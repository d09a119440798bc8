"""A namespace ends: first all that is in it, then itself; and what each new one is given."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from knarr.api.types.core_v1 import Namespace, NamespaceSpec
from knarr.api.types.meta_v1 import ObjectMeta
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


@pytest.mark.parametrize(("remaining", "failures", "final"), [
    pytest.param((), (), True, id="empty: it may go"),
    pytest.param((REST,), (), False, id="pods are left"),
    pytest.param((), ("no",), False, id="a kind could not be deleted"),
])
def test_when_it_may_go(remaining, failures, final):
    """The finalizer goes only with the last object."""
    step = plan(View(LEAVING, remaining, failures, 0.0))

    assert final == (step.final is not None)
    assert () == (step.final.spec.finalizers if step.final else ())


def test_nothing_new_is_not_written_twice():
    """Two looks find the same two pods, a minute apart."""
    first = plan(View(LEAVING, (REST,), (), 0.0)).status
    again = plan(View(replace(LEAVING, status=first.status), (REST,), (), 60.0))

    assert again.status is None
