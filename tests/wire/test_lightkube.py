"""lightkube, as operators (charms among them) are written with it: apply, patches, subresources, waiting, generic kinds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.wire.serving import Served, serving

MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {made: here}}
data: {a: "1"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {made: here}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1"}]}
"""
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ropes.sea.example.com}
spec:
  group: sea.example.com
  scope: Namespaced
  names: {plural: ropes, kind: Rope}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
AVAILABLE = {"status": {"conditions": [{"type": "Available", "status": "True"}]}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture(scope="module")
def lightkube() -> ModuleType:
    return pytest.importorskip("lightkube")


@pytest.fixture
def client(lightkube: ModuleType, served: Served) -> Any:
    """A client that has a name as a manager of fields."""
    config = lightkube.KubeConfig.from_file(str(served.kubeconfig))
    return lightkube.Client(config=config, namespace="default", field_manager="charm")


@pytest.mark.slow
def test_a_manifest_is_applied(lightkube, client):
    """Its objects come from YAML, are applied twice, taken over by force, found by their label, and deleted together."""
    from lightkube.codecs import load_all_yaml
    from lightkube.resources.apps_v1 import Deployment
    from lightkube.resources.core_v1 import ConfigMap

    objects = load_all_yaml(MANIFEST)
    first = [client.apply(one) for one in objects]
    again = [client.apply(one) for one in objects]
    assert [one.metadata.resourceVersion for one in first] == [one.metadata.resourceVersion for one in again]
    with pytest.raises(lightkube.ApiError) as refused:
        client.apply(load_all_yaml(MANIFEST.replace('"1"', '"2"'))[0], field_manager="other")
    assert (409, "Conflict") == (refused.value.status.code, refused.value.status.reason)
    assert 'conflict with "charm": .data.a' in refused.value.status.message
    taken = client.apply(load_all_yaml(MANIFEST.replace('"1"', '"2"'))[0], field_manager="other", force=True)
    assert {"a": "2"} == taken.data
    assert ["web"] == [one.metadata.name for one in client.list(Deployment, labels={"made": "here"}, fields={"metadata.name": "web"})]
    client.deletecollection(ConfigMap)
    client.delete(Deployment, "web", cascade=lightkube.types.CascadeType.BACKGROUND)
    assert [] == list(client.list(Deployment, labels={"made": "here"}))


@pytest.mark.slow
def test_patches_and_subresources(lightkube, client):
    """Strategic, merge and JSON patches, a dry run; a scale is read and replaced, a status applied; somebody waits for it."""
    from lightkube.codecs import load_all_yaml
    from lightkube.resources.apps_v1 import Deployment
    from lightkube.types import PatchType

    client.create(load_all_yaml(MANIFEST)[1])
    side = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "s"}]}}}}
    client.patch(Deployment, "web", side, dry_run=True)
    assert 1 == len(client.get(Deployment, "web").spec.template.spec.containers)
    client.patch(Deployment, "web", side)
    client.patch(Deployment, "web", {"metadata": {"annotations": {"a": "b"}}}, patch_type=PatchType.MERGE)
    client.patch(Deployment, "web", [{"op": "add", "path": "/spec/paused", "value": True}], patch_type=PatchType.JSON)
    found = client.get(Deployment, "web")
    assert ({"side", "c"}, True) == ({one.name for one in found.spec.template.spec.containers}, found.spec.paused)
    scale = client.get(Deployment.Scale, "web")
    scale.spec.replicas = 3
    client.replace(scale, "web")
    assert 3 == client.get(Deployment, "web").spec.replicas

    later = threading.Timer(0.2, lambda: client.patch(Deployment.Status, "web", AVAILABLE, patch_type=PatchType.MERGE))
    later.start()
    ready = client.wait(Deployment, "web", for_conditions=["Available"])
    later.join()
    assert "True" == ready.status.conditions[0].status
    found.metadata.resourceVersion = "1"
    with pytest.raises(lightkube.ApiError) as refused:
        client.replace(found)
    assert 409 == refused.value.status.code
    client.delete(Deployment, "web")


@pytest.mark.slow
def test_long_lists_and_watches(client):
    """Ten maps are listed in chunks of three; a watch whose server-side time runs out goes on by itself."""
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import ConfigMap

    def make(number: int) -> None:
        client.create(ConfigMap(metadata=ObjectMeta(name=f"page-{number}", labels={"paged": "yes"})))

    for number in range(10):
        make(number)
    listed = client.list(ConfigMap, chunk_size=3, labels={"paged": "yes"})
    assert [f"page-{number}" for number in range(10)] == [one.metadata.name for one in listed]
    later = threading.Timer(1.2, make, [10])  # after the first watch has ended
    later.start()
    watch = client.watch(ConfigMap, labels={"paged": "yes"}, resource_version=listed.resourceVersion, server_timeout=1)
    kind, found = next(iter(watch))
    later.join()

    assert ("ADDED", "page-10") == (kind, found.metadata.name)
    client.deletecollection(ConfigMap)


@pytest.mark.slow
def test_a_generic_kind(lightkube, client):
    """A kind that lightkube has no types for: made from its definition, created, its status written, deleted."""
    from lightkube import generic_resource
    from lightkube.codecs import load_all_yaml
    from lightkube.resources.apiextensions_v1 import CustomResourceDefinition

    client.create(load_all_yaml(DEFINITION)[0])
    client.wait(CustomResourceDefinition, "ropes.sea.example.com", for_conditions=["Established"])
    rope = generic_resource.create_namespaced_resource("sea.example.com", "v1", "Rope", "ropes")
    client.create(rope(metadata={"name": "long"}, spec={"length": 9}))
    client.patch(rope.Status, "long", {"status": {"tied": True}}, patch_type=lightkube.types.PatchType.MERGE)
    found = client.get(rope, "long")
    assert (9, True) == (found.spec["length"], found.status["tied"])
    client.delete(CustomResourceDefinition, "ropes.sea.example.com")
    with pytest.raises(lightkube.ApiError) as refused:
        client.get(CustomResourceDefinition, "ropes.sea.example.com")
    assert 'customresourcedefinitions.apiextensions.k8s.io "ropes.sea.example.com" not found' == refused.value.status.message


@pytest.mark.slow
async def test_many_at_once(lightkube, served):
    """The asynchronous client makes fifty objects side by side, and counts them across all namespaces."""
    import asyncio

    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import ConfigMap

    client = lightkube.AsyncClient(config=lightkube.KubeConfig.from_file(str(served.kubeconfig)), namespace="default")
    maps = [ConfigMap(metadata=ObjectMeta(generateName="drawn-", labels={"drawn": "yes"})) for _ in range(50)]
    made = await asyncio.gather(*(client.create(one) for one in maps))

    assert 50 == len({one.metadata.name for one in made})
    assert 50 == len([one async for one in client.list(ConfigMap, namespace="*", labels={"drawn": "yes"})])
    await client.deletecollection(ConfigMap)
    await client.close()
