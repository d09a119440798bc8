"""kr8s, which asks discovery what there is: objects that know their ways, watches, kinds of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from types import ModuleType
from typing import Any

import pytest

from tests.wire.serving import Served, serve_locked, serving
from tests.wire.test_kubectl import WIDGETS

PATIENCE_S = 60
WEB = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
    "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {
        "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served"), serve=serve_locked) as found:
        yield found


@pytest.fixture
def kr8s() -> ModuleType:
    return pytest.importorskip("kr8s")


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default", "labels": {"made": "here"}},
            "data": data}


@pytest.mark.slow
async def test_what_there_is(kr8s, served):
    """The server's version and resources, and who one is."""
    api = await kr8s.asyncio.api(kubeconfig=str(served.kubeconfig))
    resources = await api.api_resources()
    versions = [one async for one in api.api_versions()]

    assert "36" == (await api.version())["minor"]
    assert "admin" == await api.whoami()
    assert {"pods", "deployments", "apiservices"} <= {one["name"] for one in resources}
    assert {"v1", "apps/v1"} <= set(versions)
    assert ("deployment.apps/v1", "deployments", True) == await api.lookup_kind("deploy")


@pytest.mark.slow
async def test_the_life_of_an_object(kr8s, served):
    """Made, labelled, annotated, patched both ways, refreshed, listed by its label, deleted, and waited for."""
    from kr8s.asyncio.objects import ConfigMap

    api = await kr8s.asyncio.api(kubeconfig=str(served.kubeconfig))
    made = await ConfigMap(config_map("kr", a="1"), api=api)
    await made.create()
    await made.label(sea="north")
    await made.annotate(note="this")
    await made.patch({"data": {"b": "2"}})
    await made.patch([{"op": "remove", "path": "/data/a"}], type="json")
    stale = await ConfigMap.get("kr", namespace="default", api=api)
    await made.remove_label("sea")
    await stale.refresh()

    assert ({"b": "2"}, {"made": "here"}, "this") == (dict(stale.data), dict(stale.labels), stale.annotations["note"])
    assert ["kr"] == [one.name async for one in api.get("configmaps", namespace="default", label_selector={"made": "here"})]
    with pytest.raises(kr8s.ServerError, match="already exists"):
        await (await ConfigMap(config_map("kr"), api=api)).create()
    await made.delete()
    async with asyncio.timeout(PATIENCE_S):
        await made.wait("delete")
    assert not await made.exists()
    with pytest.raises(kr8s.NotFoundError):
        await ConfigMap.get("kr", namespace="default", api=api)


@pytest.mark.slow
async def test_scaling_and_watching(kr8s, served):
    """A watch sees a Deployment come, grow and go; its status is written by its subresource, and somebody waits for that."""
    from kr8s.asyncio.objects import Deployment

    api = await kr8s.asyncio.api(kubeconfig=str(served.kubeconfig))
    seen: list[tuple[str, int]] = []
    come = asyncio.Event()

    async def follow() -> None:
        async with aclosing(api.watch("deployments", namespace="default")) as events:
            async for event, one in events:
                seen.append((event, one.replicas))
                come.set()
                if event == "DELETED":
                    return

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(follow())
        made = await Deployment(WEB, api=api)
        await made.create()
        await come.wait()
        await made.scale(3)
        available = {"status": {"conditions": [{"type": "Available", "status": "True"}]}}
        waiting = group.create_task(made.wait("condition=Available"))
        await (await Deployment.get("web", namespace="default", api=api)).patch(available, subresource="status")
        await waiting
        await made.delete()

    assert [("ADDED", 1), ("MODIFIED", 3), ("MODIFIED", 3), ("DELETED", 3)] == seen


@pytest.mark.slow
async def test_a_kind_of_ones_own(kr8s, served):
    """A definition is made from its YAML; a class comes from discovery, and another one is written by hand."""
    import yaml
    from kr8s.asyncio.objects import CustomResourceDefinition, new_class, object_from_spec

    api = await kr8s.asyncio.api(kubeconfig=str(served.kubeconfig))
    definition = await CustomResourceDefinition(yaml.safe_load(WIDGETS), api=api)
    await definition.create()
    async with asyncio.timeout(PATIENCE_S):
        await definition.wait("condition=Established")
    by_hand = new_class(kind="Widget", version="example.com/v1", plural="widgets", namespaced=True, scalable=True, scalable_spec="size",
                        asyncio=True)
    spec = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "default"}, "spec": {"size": 3}}
    made = await by_hand(spec, api=api)
    await made.create()
    await made.scale(5)
    with pytest.raises(kr8s.ServerError, match="should be less than or equal to 9"):
        await made.patch({"spec": {"size": 10}})
    (found,) = [one async for one in api.get("widgets.example.com", namespace="default")]

    assert (5, "Widget") == (found.spec.size, found.kind)
    assert object_from_spec(found.to_dict(), api=api).name == "w"
    await definition.delete()
    async with asyncio.timeout(PATIENCE_S):
        await definition.wait("delete")
