"""The official Python client does what its users do: typed and dynamic, patches, pages, watches, informers, elections."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.wire.serving import Served, serve_locked, serving

PATIENCE_S = 60
APPLY = "application/apply-patch+yaml"
SHIPS = ("sea.example.com", "v1", "default", "ships")
SHIP = {"apiVersion": "sea.example.com/v1", "kind": "Ship"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served"), serve=serve_locked) as found:
        yield found


@pytest.fixture(scope="module")
def kubernetes(served: Served) -> ModuleType:
    """The library, told where the server is."""
    module = pytest.importorskip("kubernetes")
    module.config.load_kube_config(str(served.kubeconfig))
    return module


@pytest.fixture
def core(kubernetes: ModuleType) -> Any:
    """The core group; what the test made of it goes when it ends."""
    api = kubernetes.client.CoreV1Api()
    yield api
    api.delete_collection_namespaced_config_map("default", grace_period_seconds=0)
    api.delete_collection_namespaced_pod("default", grace_period_seconds=0)


def deployment(**spec: Any) -> dict[str, Any]:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template, **spec}}


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"made": "here"}}, "data": data}


@pytest.mark.slow
def test_reading_in_pages(core):
    """Seven maps are listed by three; the last page says that nothing is left; selectors find what they name."""
    for number in range(7):
        core.create_namespaced_config_map("default", config_map(f"page-{number}"))
    sizes, left, token = [], [], None
    while token != "":
        page = core.list_namespaced_config_map("default", limit=3, _continue=token)
        sizes.append(len(page.items))
        left.append(page.metadata.remaining_item_count)
        token = page.metadata._continue or ""

    assert ([3, 3, 1], [4, 1, None]) == (sizes, left)
    assert 7 == len(core.list_config_map_for_all_namespaces(label_selector="made=here").items)
    assert ["page-3"] == [one.metadata.name for one in core.list_namespaced_config_map(
        "default", field_selector="metadata.name=page-3").items]


@pytest.mark.slow
def test_patching_in_every_way(kubernetes, core):
    """A list is a JSON patch, a map a strategic one; merge and apply are named; a dry run changes nothing."""
    apps = kubernetes.client.AppsV1Api()
    apps.create_namespaced_deployment("default", deployment())
    side = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "s:1"}]}}}}
    apps.patch_namespaced_deployment("web", "default", side, dry_run="All")
    assert 1 == len(apps.read_namespaced_deployment("web", "default").spec.template.spec.containers)
    both = apps.patch_namespaced_deployment("web", "default", side).spec.template.spec.containers
    assert {"side", "c"} == {one.name for one in both}
    apps.patch_namespaced_deployment("web", "default", [{"op": "replace", "path": "/spec/replicas", "value": 4}])
    apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 5}})
    assert 5 == apps.read_namespaced_deployment_scale("web", "default").spec.replicas

    def apply(manager: str, image: str, **options: Any) -> Any:
        wanted = deployment()
        wanted["spec"]["template"]["spec"]["containers"][0]["image"] = image
        return apps.patch_namespaced_deployment("web", "default", wanted, field_manager=manager, _content_type=APPLY, **options)

    with pytest.raises(kubernetes.client.exceptions.ApiException) as refused:
        apply("me", "nginx:2")
    assert 409 == refused.value.status
    assert "FieldManagerConflict" in refused.value.body
    applied = apply("me", "nginx:2", force=True)
    assert "me" in [one.manager for one in applied.metadata.managed_fields if one.operation == "Apply"]
    status = apps.patch_namespaced_deployment_status("web", "default", {"status": {"observedGeneration": 9, "replicas": 2}})
    assert (9, 2) == (status.status.observed_generation, status.status.replicas)
    stale = apps.read_namespaced_deployment("web", "default")
    apps.patch_namespaced_deployment("web", "default", {"metadata": {"labels": {"x": "y"}}})
    with pytest.raises(kubernetes.client.exceptions.ApiException) as refused:
        apps.replace_namespaced_deployment("web", "default", stale)
    assert (409, "Conflict") == (refused.value.status, refused.value.reason)
    apps.delete_namespaced_deployment("web", "default", propagation_policy="Background")


@pytest.mark.slow
def test_watching_on(kubernetes, core):
    """A watch ends by its time limit, and goes on where it was: nothing is told twice, nothing is missed."""
    watch = kubernetes.watch.Watch()
    seen = []
    core.create_namespaced_config_map("default", config_map("a", n="1"))
    for event in watch.stream(core.list_namespaced_config_map, "default", timeout_seconds=1):
        seen.append((event["type"], event["object"].metadata.name))
    core.patch_namespaced_config_map("a", "default", {"data": {"n": "2"}})
    core.create_namespaced_config_map("default", config_map("b"))
    core.delete_namespaced_config_map("a", "default")
    after = watch.stream(core.list_namespaced_config_map, "default", resource_version=watch.resource_version, timeout_seconds=PATIENCE_S)
    for event in after:
        seen.append((event["type"], event["object"].metadata.name))
        if event["type"] == "DELETED":
            watch.stop()

    assert [("ADDED", "a"), ("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")] == seen


@pytest.mark.slow
def test_an_informer(kubernetes, core):
    """The library's informer keeps a cache of what is labelled, and calls back."""
    informer = pytest.importorskip("kubernetes.informer")
    core.create_namespaced_config_map("default", config_map("early", n="1"))
    shared = informer.SharedInformer(core.list_namespaced_config_map, namespace="default", label_selector="made=here")
    gone, changed = threading.Event(), threading.Event()
    shared.add_event_handler(informer.MODIFIED, lambda _: changed.set())
    shared.add_event_handler(informer.DELETED, lambda _: gone.set())
    added = threading.Event()
    shared.add_event_handler(informer.ADDED, lambda _: added.set())
    shared.start()
    try:
        assert added.wait(PATIENCE_S)
        assert ["default/early"] == shared.cache.list_keys()
        core.patch_namespaced_config_map("early", "default", {"data": {"n": "2"}})
        assert changed.wait(PATIENCE_S)
        core.delete_namespaced_config_map("early", "default")
        assert gone.wait(PATIENCE_S)
        assert [] == shared.cache.list_keys()
    finally:
        core.create_namespaced_config_map("default", config_map("last"))  # wakes the watch, which looks whether to stop
        shared.stop()


@pytest.mark.slow
def test_subresources_of_pods(kubernetes, core):
    """A pod is bound, its status written, its eviction asked for; a token is made for its account and reviewed."""
    client = kubernetes.client
    core.create_namespaced_service_account("default", {"metadata": {"name": "runner"}})
    pod = {"metadata": {"name": "one"}, "spec": {"serviceAccountName": "runner", "containers": [{"name": "c", "image": "i"}]}}
    core.create_namespaced_pod("default", pod)
    target = client.V1ObjectReference(kind="Node", name="n1")
    core.create_namespaced_pod_binding("one", "default", client.V1Binding(metadata={"name": "one"}, target=target), _preload_content=False)
    core.patch_namespaced_pod_status("one", "default", {"status": {"phase": "Running", "podIP": "192.0.2.7"}})
    found = core.read_namespaced_pod("one", "default")
    assert ("n1", "Running", ["192.0.2.7"]) == (found.spec.node_name, found.status.phase, [one.ip for one in found.status.pod_ips])
    with pytest.raises(client.exceptions.ApiException) as refused:
        core.read_namespaced_pod_log("one", "default", container="nope")
    assert (400, True) == (refused.value.status, "container nope is not valid for pod one" in refused.value.body)
    core.create_namespaced_pod_eviction("one", "default", client.V1Eviction(metadata={"name": "one"}, delete_options={"grace_period_seconds": 0}))
    assert [] == core.list_namespaced_pod("default").items

    asked = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=600))
    token = core.create_namespaced_service_account_token("runner", "default", asked).status.token
    review = client.AuthenticationV1Api().create_token_review(client.V1TokenReview(spec=client.V1TokenReviewSpec(token=token)))
    assert "system:serviceaccount:default:runner" == review.status.user.username
    access = client.AuthorizationV1Api().create_self_subject_access_review({"spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}}})
    assert access.status.allowed


@pytest.mark.slow
def test_the_dynamic_client(kubernetes, core):
    """A definition is made from its dict; its kind is discovered, applied, patched, watched and deleted without any types."""
    from kubernetes.dynamic import DynamicClient
    from kubernetes.dynamic.exceptions import ConflictError, ResourceNotFoundError
    from kubernetes.utils import create_from_dict

    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    create_from_dict(kubernetes.client.ApiClient(), {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "ships.sea.example.com"},
        "spec": {"group": "sea.example.com", "scope": "Namespaced", "names": {"plural": "ships", "kind": "Ship"},
                 "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}]}})
    dynamic = DynamicClient(kubernetes.client.ApiClient())
    ships = dynamic.resources.get(api_version="sea.example.com/v1", kind="Ship")
    made = ships.create(namespace="default", body={**SHIP, "metadata": {"name": "knarr"}, "spec": {"crew": 6}})
    with pytest.raises(ConflictError):
        ships.create(namespace="default", body={**SHIP, "metadata": {"name": "knarr"}})
    applied = ships.server_side_apply(
        namespace="default", name="knarr", field_manager="me", force_conflicts=True, body={**SHIP, "metadata": {"name": "knarr"}, "spec": {"crew": 7}})
    ships.status.patch(namespace="default", name="knarr", body={"status": {"afloat": True}}, content_type="application/merge-patch+json")
    ships.delete(namespace="default", name="knarr")
    since, seen = made.metadata.resourceVersion, []
    for event in ships.watch(namespace="default", resource_version=since, timeout=PATIENCE_S):
        seen.append((event["type"], event["object"].spec.crew))
        if event["type"] == "DELETED":
            break

    assert 7 == applied.spec.crew
    assert [("MODIFIED", 7), ("MODIFIED", 7), ("DELETED", 7)] == seen
    assert [] == kubernetes.client.CustomObjectsApi().list_namespaced_custom_object(*SHIPS)["items"]
    with pytest.raises(ResourceNotFoundError):
        dynamic.resources.get(api_version="sea.example.com/v1", kind="Boat")
    kubernetes.client.ApiextensionsV1Api().delete_custom_resource_definition("ships.sea.example.com")


@pytest.mark.slow
def test_refusals_are_exceptions(kubernetes, core):
    """What is wrong comes as the status that the library's users look into."""
    refusals = []
    core.create_namespaced_config_map("default", config_map("a"))
    for ask in (
        lambda: core.create_namespaced_config_map("default", config_map("a")),
        lambda: core.create_namespaced_config_map("default", config_map("No")),
        lambda: core.read_namespaced_config_map("nope", "default"),
        lambda: core.create_namespaced_config_map("nowhere", config_map("a")),
        lambda: core.list_namespaced_config_map("default", label_selector="a in ("),
    ):
        with pytest.raises(kubernetes.client.exceptions.ApiException) as refused:
            ask()
        refusals.append((refused.value.status, refused.value.reason, json.loads(refused.value.body)["reason"]))

    assert [
        (409, "Conflict", "AlreadyExists"), (422, "Unprocessable Entity", "Invalid"), (404, "Not Found", "NotFound"),
        (404, "Not Found", "NotFound"), (400, "Bad Request", "BadRequest"),
    ] == refusals
