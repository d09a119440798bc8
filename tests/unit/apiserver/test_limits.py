"""LimitRanges, runtime classes, default classes and claims that grow: what admission adds, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.asking import MERGE

WEB = "/api/v1/namespaces/web"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


def pod(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    resources = {"requests": requests or {}, "limits": limits or {}}
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}], **spec}}


async def limited(api, *items: dict[str, Any]) -> None:
    await api.make(f"{WEB}/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": list(items)}})


async def test_containers_get_defaults_and_the_pod_a_note(api):
    """What a container does not say, its namespace says; the pod tells who said it."""
    await limited(api, {"type": "Container", "default": {"cpu": "200m"}, "defaultRequest": {"cpu": "100m", "memory": "1Mi"}})
    made = await api.make(f"{WEB}/pods", pod({"memory": "2Mi"}, initContainers=[{"name": "i", "image": "i"}]))

    assert {"limits": {"cpu": "200m"}, "requests": {"cpu": "100m", "memory": "2Mi"}} == made["spec"]["containers"][0]["resources"]
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu request for container c; cpu limit for container c; "
        "cpu, memory request for init container i; cpu limit for init container i"
    )


@pytest.mark.parametrize(("item", "asked", "told"), [
    pytest.param({"max": {"cpu": "1"}}, ({}, {"cpu": "3"}), "maximum cpu usage per Container is 1, but limit is 3", id="over"),
    pytest.param({"min": {"cpu": "50m"}}, ({"cpu": "10m"}, {}), "minimum cpu usage per Container is 50m, but request is 10m",
                 id="under"),
    pytest.param({"maxLimitRequestRatio": {"cpu": "2"}}, ({"cpu": "100m"}, {"cpu": "300m"}),
                 "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000", id="ratio"),
    pytest.param({"maxLimitRequestRatio": {"cpu": "2"}}, ({"cpu": "100m"}, {}),
                 "cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0", id="no limit"),
    pytest.param({"type": "Pod", "max": {"memory": "1Gi"}}, ({}, {}), "maximum memory usage per Pod is 1Gi.  No limit is specified",
                 id="nothing said"),
    pytest.param({"type": "Pod", "min": {"memory": "1Gi"}}, ({}, {}), "minimum memory usage per Pod is 1Gi.  No request is specified",
                 id="nothing asked"),
])
async def test_pods_out_of_bounds(api, item, asked, told):
    """403, and the bound stands beside what was asked for."""
    await limited(api, {"type": "Container", **item})
    code, refusal = await api.ask("POST", f"{WEB}/pods", pod(*asked))

    assert (403, f'pods "p" is forbidden: {told}') == (code, refusal["message"])


def claim(storage: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}, **spec}}


@pytest.mark.parametrize(("storage", "code"), [("1Gi", 403), ("2Gi", 201), ("5Gi", 403)])
async def test_claims_have_bounds_too(api, storage, code):
    """Between 2 and 4 GiB."""
    await limited(api, {"type": "PersistentVolumeClaim", "min": {"storage": "2Gi"}, "max": {"storage": "4Gi"}})

    assert code == (await api.ask("POST", f"{WEB}/persistentvolumeclaims", claim(storage)))[0]


async def test_a_claim_grows_only_where_its_class_lets_it(api):
    """Unbound: no. Bound, of a class that cannot: no. Once the class can: yes."""
    await api.make(CLASSES, {"metadata": {"name": "s"}, "provisioner": "x.example.com/y"})
    await api.make(f"{WEB}/persistentvolumeclaims", claim("1Gi", storageClassName="s", volumeName="v"))
    path, bigger = f"{WEB}/persistentvolumeclaims/c", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    await api.ask("PATCH", f"{path}/status", {"status": {"phase": "Bound"}}, content_type=MERGE)
    code, refusal = await api.ask("PATCH", path, bigger, content_type=MERGE)

    assert 403 == code
    assert "only dynamically provisioned pvc can be resized" in refusal["message"]
    await api.ask("PATCH", f"{CLASSES}/s", {"allowVolumeExpansion": True}, content_type=MERGE)
    assert 200 == (await api.ask("PATCH", path, bigger, content_type=MERGE))[0]


RUNTIMES = "/apis/node.k8s.io/v1/runtimeclasses"


async def test_a_runtime_class_brings_overhead_and_nodes(api):
    """A sandbox costs memory and runs on some nodes only."""
    toleration = {"key": "sandbox", "operator": "Exists"}
    await api.make(RUNTIMES, {"metadata": {"name": "r"}, "handler": "kata", "overhead": {"podFixed": {"memory": "64Mi"}},
                              "scheduling": {"nodeSelector": {"kata": "yes"}, "tolerations": [toleration]}})
    spec = (await api.make(f"{WEB}/pods", pod(runtimeClassName="r", nodeSelector={"disk": "ssd"})))["spec"]

    assert ({"memory": "64Mi"}, {"kata": "yes", "disk": "ssd"}) == (spec["overhead"], spec["nodeSelector"])
    assert toleration in spec["tolerations"]


@pytest.mark.parametrize(("spec", "told"), [
    pytest.param({"overhead": {"cpu": "1"}}, "Pod Overhead set without corresponding RuntimeClass", id="no class"),
    pytest.param({"runtimeClassName": "r", "overhead": {"cpu": "1"}}, "Pod's Overhead doesn't match", id="another overhead"),
    pytest.param({"runtimeClassName": "r", "nodeSelector": {"kata": "no"}}, "conflict: runtimeClass.scheduling.nodeSelector[kata]",
                 id="another node"),
])
async def test_pods_that_contradict_their_runtime_class(api, spec, told):
    """403."""
    await api.make(RUNTIMES, {"metadata": {"name": "r"}, "handler": "kata", "overhead": {"podFixed": {"memory": "64Mi"}},
                              "scheduling": {"nodeSelector": {"kata": "yes"}}})
    code, refusal = await api.ask("POST", f"{WEB}/pods", pod(**spec))

    assert (403, True) == (code, told in refusal["message"]), refusal


async def test_runtime_classes_are_checked(api):
    """A handler is a DNS label, and stays."""
    await api.make(RUNTIMES, {"metadata": {"name": "r"}, "handler": "runc"})

    assert 422 == (await api.ask("POST", RUNTIMES, {"metadata": {"name": "x"}, "handler": "No Label"}))[0]
    assert 422 == (await api.ask("PATCH", f"{RUNTIMES}/r", {"handler": "other"}, content_type=MERGE))[0]


async def test_an_ingress_gets_the_newest_default_class(api):
    """Two are marked; the newer one it is, unless the Ingress names its own."""
    marks = {"ingressclass.kubernetes.io/is-default-class": "true"}
    for name in ("old", "new"):
        await api.make("/apis/networking.k8s.io/v1/ingressclasses", {
            "metadata": {"name": name, "annotations": marks}, "spec": {"controller": "example.com/c"}})
        api.clock.advance(1)
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    path = "/apis/networking.k8s.io/v1/namespaces/web/ingresses"
    silent = await api.make(path, {"metadata": {"name": "a"}, "spec": {"defaultBackend": backend}})
    named = await api.make(path, {"metadata": {"name": "b"}, "spec": {"defaultBackend": backend, "ingressClassName": "old"}})

    assert ("new", "old") == (silent["spec"]["ingressClassName"], named["spec"]["ingressClassName"])


async def test_only_one_class_is_everybodys_default(api):
    """The default class gives pods their priority; a second default is refused."""
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"
    await api.make(path, {"metadata": {"name": "a"}, "value": 5, "globalDefault": True, "preemptionPolicy": "Never"})
    code, refusal = await api.ask("POST", path, {"metadata": {"name": "b"}, "value": 6, "globalDefault": True})
    spec = (await api.make(f"{WEB}/pods", pod()))["spec"]

    assert (403, True) == (code, "PriorityClass a is already marked as default" in refusal["message"])
    assert (5, "a", "Never") == (spec["priority"], spec["priorityClassName"], spec["preemptionPolicy"])
