"""Clients that others wrote create, read, patch, watch and delete: the official Python client, lightkube, kr8s."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wire.serving import Served, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.mark.slow
def test_the_official_client(served):
    """Create, list, patch, watch from a revision, delete."""
    kubernetes = pytest.importorskip("kubernetes")
    api = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(str(served.kubeconfig)))
    made = api.create_namespaced_config_map("default", {"metadata": {"name": "off"}, "data": {"a": "1"}})
    api.patch_namespaced_config_map("off", "default", {"data": {"b": "2"}})
    api.delete_namespaced_config_map("off", "default")
    stream = kubernetes.watch.Watch().stream(
        api.list_namespaced_config_map, "default", resource_version=made.metadata.resource_version, timeout_seconds=1,
    )

    assert ["MODIFIED", "DELETED"] == [event["type"] for event in stream]
    assert "default" in [item.metadata.name for item in api.list_namespace().items]
    with pytest.raises(kubernetes.client.exceptions.ApiException) as refused:
        api.read_namespaced_config_map("off", "default")
    assert 404 == refused.value.status


@pytest.mark.slow
def test_lightkube(served):
    """The same with lightkube, and a scale subresource."""
    lightkube = pytest.importorskip("lightkube")
    from lightkube.models.apps_v1 import DeploymentSpec
    from lightkube.models.core_v1 import Container, PodSpec, PodTemplateSpec
    from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
    from lightkube.resources.apps_v1 import Deployment

    client = lightkube.Client(config=lightkube.KubeConfig.from_file(str(served.kubeconfig)), namespace="default")
    template = PodTemplateSpec(metadata=ObjectMeta(labels={"a": "b"}), spec=PodSpec([Container("c", image="i")]))
    spec = DeploymentSpec(selector=LabelSelector(matchLabels={"a": "b"}), template=template, replicas=1)
    client.create(Deployment(metadata=ObjectMeta(name="light"), spec=spec))
    scale = client.get(Deployment.Scale, "light")
    scale.spec.replicas = 3
    client.replace(scale, "light")

    assert 3 == client.get(Deployment, "light").spec.replicas
    client.delete(Deployment, "light")
    assert [] == [one.metadata.name for one in client.list(Deployment) if one.metadata.name == "light"]


@pytest.mark.slow
async def test_kr8s(served):
    """The same with kr8s, which asks discovery first."""
    kr8s = pytest.importorskip("kr8s")
    from kr8s.asyncio.objects import ConfigMap

    api = await kr8s.asyncio.api(kubeconfig=str(served.kubeconfig))
    made = await ConfigMap({"metadata": {"name": "kr", "namespace": "default"}, "data": {"a": "1"}}, api=api)
    await made.create()
    await made.patch({"data": {"b": "2"}})

    assert {"a": "1", "b": "2"} == dict((await ConfigMap.get("kr", namespace="default", api=api)).data)
    await made.delete()
    assert not await made.exists()
