"""Rules that the recordings do not reach: metadata, updates, and corners of pods, services and storage."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from knarr.api import defaults, kinds, strategy, validation
from knarr.api.kinds import Kind

TIME = "2026-01-01T00:00:00Z"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n", "uid": "u"}}


def kind_of(obj: dict[str, Any]) -> Kind:
    group, _, version = obj["apiVersion"].rpartition("/")
    found = kinds.by_kind(group, version, obj["kind"])
    assert found is not None
    return found


def created(obj: dict[str, Any]) -> dict[str, Any]:
    draft = copy.deepcopy(obj)
    if kind_of(draft).namespaced:
        draft["metadata"].setdefault("namespace", "n")
    defaults.apply(kind_of(draft), draft)
    strategy.prepare_create(kind_of(draft), draft)
    return draft


def refusals(obj: dict[str, Any]) -> list[str]:
    return [str(cause) for cause in validation.create(kind_of(obj), created(obj))]


def changed(old: dict[str, Any], path: str, value: Any, subresource: str = "") -> list[str]:
    """Set one field of a stored object and return what refuses the write."""
    new = copy.deepcopy(old)
    put(new, path, value)
    row = kind_of(old)
    defaults.apply(row, new)
    strategy.prepare_update(row, new, old, subresource)
    return [str(cause) for cause in validation.update(row, new, old, subresource)]


def put(obj: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = (int(word) if word.isdigit() else word for word in path.split("/"))
    inner: Any = obj
    for word in parents:
        inner = inner[word]
    inner[last] = value


def first(found: list[str], *, like: str) -> str:
    """Return the beginning of the first refusal, as long as `like`; empty if there is none."""
    return found[0][:len(like) or None] if found else ""


def pod(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"},
            "spec": {"containers": [{"name": "c", "image": "i:1"}], **spec}}


def test_annotations_have_a_size():
    """A client keeps its whole manifest in an annotation, and the manifest has grown."""
    obj = copy.deepcopy(CONFIG_MAP)
    obj["metadata"]["annotations"] = {"a": "x" * 262_144}

    assert ["metadata.annotations: Too long: may not be more than 262144 bytes"] == refusals(obj)


@pytest.mark.parametrize(("metadata", "refusal"), [
    pytest.param({"generateName": "Bad-"}, "metadata.generateName: Invalid value", id="a bad prefix"),
    pytest.param({"generateName": "good-", "name": ""}, "", id="a name will be made"),
    pytest.param({"namespace": "A"}, "metadata.namespace: Invalid value", id="a bad namespace"),
    pytest.param({"generation": -1}, "metadata.generation: Invalid value: -1", id="a negative count"),
    pytest.param({"finalizers": ["orphan", "foregroundDeletion"]},
                 "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]", id="two minds"),
    pytest.param({"ownerReferences": [{"apiVersion": "v1", "kind": "Event", "name": "e", "uid": "1"}]},
                 "metadata.ownerReferences: Invalid value", id="owned by an event"),
])
def test_metadata_of_a_new_object(metadata, refusal):
    """Any kind: the same rules for all."""
    obj = {**CONFIG_MAP, "metadata": {**CONFIG_MAP["metadata"], **metadata}}

    found = refusals(obj)

    assert refusal == first(found, like=refusal)


def test_cluster_objects_have_no_namespace():
    """A Node that claims to live in a namespace."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "namespace": "n"}}

    assert ["metadata.namespace: Forbidden: not allowed on this type"] == refusals(node)


def test_a_dying_object_takes_no_new_finalizer():
    """Deletion has begun; a late controller wants to hold it up. Kubernetes says so twice."""
    old = copy.deepcopy(CONFIG_MAP)
    old["metadata"] |= {"deletionTimestamp": TIME, "finalizers": ["example.com/x"]}

    expected = ("metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
                'found new finalizers []string{"example.com/y"}')
    assert [expected, expected] == changed(old, "metadata/finalizers", ["example.com/x", "example.com/y"])
    assert [] == changed(old, "metadata/finalizers", [])


def test_identity_is_for_life():
    """A client writes another object's uid."""
    expected = 'metadata.uid: Invalid value: "other": field is immutable'
    assert [expected, expected] == changed(CONFIG_MAP, "metadata/uid", "other")


@pytest.mark.parametrize(("spec", "refusal"), [
    pytest.param({"hostNetwork": True, "containers": [
        {"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 81}]}]},
        "spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` "
        "is true",
        id="two ports in one network"),
    pytest.param({"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {
        "path": "t", "expirationSeconds": 10}}]}}]},
        "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 10: "
        "may not specify a duration less than 10 minutes", id="a token that hardly lives"),
    pytest.param({"volumes": [{"name": "v", "downwardAPI": {"items": [{"path": "p"}]}}]},
                 "spec.volumes[0].downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef "
                 "is required",
                 id="a file of nothing"),
    pytest.param({"dnsPolicy": "None", "dnsConfig": {"searches": ["x"]}},
                 "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when "
                 "`dnsPolicy` is None", id="no server to ask"),
    pytest.param({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "Maybe"}]},
                 'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Maybe": supported values: '
                 '"DoNotSchedule", "ScheduleAnyway"', id="neither do nor leave"),
    pytest.param({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 0, "preference": {}}]}}},
        "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: "
        "must be in the range 1-100", id="a wish of no weight"),
    pytest.param({"securityContext": {"seccompProfile": {"type": "Localhost"}}},
                 "spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type "
                 "is Localhost", id="which profile"),
    pytest.param({"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "../etc/shadow"}}},
                 'spec.securityContext.seccompProfile.localhostProfile: Invalid value: "../etc/shadow": must not contain '
                 "'..'", id="a profile out of the folder"),
    pytest.param({"containers": [{"name": "c", "image": "i", "lifecycle": {"stopSignal": "SIGUSR1"}}]},
                 "spec.containers[0].lifecycle.stopSignal: Forbidden: may not be set for containers with empty "
                 "`spec.os.name`", id="a signal of which system"),
    pytest.param({"containers": [{"name": "c", "image": "i", "lifecycle": {"stopSignal": "SIGUSR1"}}], "os": {"name": "windows"}},
                 'spec.containers[0].lifecycle.stopSignal: Unsupported value: "SIGUSR1": supported values: "SIGKILL", '
                 '"SIGTERM"', id="a signal of another system"),
    pytest.param({"containers": [{"name": "c", "image": "i", "lifecycle": {"stopSignal": "SIGRTMIN+3"}}], "os": {"name": "linux"}},
                 "", id="a signal of its own"),
    pytest.param({"hostnameOverride": "www.example.com"}, "", id="a name of its own choice"),
    pytest.param({"hostnameOverride": f"{'a' * 60}.test"}, "spec.hostnameOverride: Too long: may not be more than 64 bytes",
                 id="a name that the kernel cannot hold"),
    pytest.param({"hostnameOverride": "www.example.com", "setHostnameAsFQDN": True}, "spec.setHostnameAsFQDN: Forbidden: may not "
                 "be true when `hostnameOverride` is set", id="two names"),
    pytest.param({"hostnameOverride": "www.example.com", "hostNetwork": True},
                 "spec.hostNetwork: Forbidden: may not be true when `hostnameOverride` is set", id="the host's name"),
    pytest.param({"initContainers": [{"name": "s", "image": "i", "restartPolicy": "Always", "readinessProbe": {
        "exec": {"command": ["true"]}}}]}, "", id="a sidecar may have probes"),
])
def test_corners_of_a_pod(spec, refusal):
    """Each breaks one rule, or none."""
    assert ([refusal] if refusal else []) == refusals(pod(**spec))


@pytest.mark.parametrize(("path", "value", "refused"), [
    pytest.param("spec/containers/0/image", "i:2", "", id="an image may change"),
    pytest.param("spec/tolerations", [{"key": "k", "operator": "Exists"}], "", id="tolerations may be added"),
    pytest.param("spec/nodeName", "b", "spec: Forbidden: pod updates may not change fields", id="it cannot move"),
    pytest.param("spec/schedulingGates", [{"name": "g"}],
                 "spec.schedulingGates: Forbidden: only deletion is allowed, but found new scheduling gates '{\"g\"}'",
                 id="no new gates"),
    pytest.param("spec/activeDeadlineSeconds", 5, "", id="a deadline may be set"),
])
def test_updates_of_a_pod(path, value, refused):
    """A running pod is what it is, but for a few fields."""
    found = changed(created(pod(nodeName="a")), path, value)

    assert refused == first(found, like=refused)


def test_a_gated_pod_may_only_be_narrowed():
    """An operator holds a pod back and says where it may go; it cannot take back what the user said."""
    old = created(pod(schedulingGates=[{"name": "g"}], nodeSelector={"disk": "ssd"}))

    assert [] == changed(old, "spec/nodeSelector", {"disk": "ssd", "zone": "a"})
    assert [] == changed(old, "spec/schedulingGates", [])
    assert ['spec.nodeSelector: Invalid value: {"disk":"hdd"}: only additions to spec.nodeSelector are allowed '
            "(no mutations or deletions)"] == changed(old, "spec/nodeSelector", {"disk": "hdd"})


def claim(phase: str) -> dict[str, Any]:
    obj = created({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "n"},
                   "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
    obj["status"] = {"phase": phase, **({"capacity": {"storage": "1Gi"}} if phase == "Bound" else {})}
    return obj


@pytest.mark.parametrize(("phase", "path", "value", "allowed"), [
    pytest.param("Pending", "spec/volumeName", "pv", True, id="binding names the volume"),
    pytest.param("Pending", "spec/storageClassName", "fast", True, id="a class is given later"),
    pytest.param("Pending", "spec/resources/requests/storage", "2Gi", False, id="nothing to grow yet"),
    pytest.param("Bound", "spec/resources/requests/storage", "2Gi", True, id="it grows"),
    pytest.param("Bound", "spec/resources/requests/storage", "500Mi", False, id="it does not shrink"),
    pytest.param("Bound", "spec/volumeMode", "Block", False, id="it stays a file system"),
])
def test_updates_of_a_claim(phase, path, value, allowed):
    """Data may lie in it: what it is cannot change."""
    assert allowed == (changed(claim(phase), path, value) == [])


@pytest.mark.parametrize(("obj", "path", "value", "refusal"), [
    pytest.param({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "s"},
                  "provisioner": "a/b"}, "reclaimPolicy", "Retain",
                 "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.", id="StorageClass"),
    pytest.param({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "p"}, "value": 1},
                 "value", 2, "value: Forbidden: may not be changed in an update.", id="PriorityClass"),
    pytest.param({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "e"},
                  "addressType": "IPv4"}, "addressType", "IPv6",
                 'addressType: Invalid value: "IPv6": field is immutable', id="EndpointSlice"),
    pytest.param({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"},
                  "spec": {"podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.0.0/24"]}}, "spec/podCIDRs", ["10.0.1.0/24"],
                 'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid', id="Node"),
    pytest.param({"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": "r"}, "revision": 1,
                  "data": {"x": 1}}, "data", {"x": 2}, 'data: Invalid value: {"x":2}: field is immutable',
                 id="ControllerRevision"),
])
def test_what_stays(obj, path, value, refusal):
    """Others rely on it: it is decided once."""
    assert [refusal] == changed(created(obj), path, value)


def test_a_stateful_set_mounts_its_claims():
    """The template mounts a volume that only the claim templates make."""
    container = {"name": "c", "image": "i", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    obj = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s", "namespace": "n"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}}, "serviceName": "s",
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}}

    assert [] == refusals(obj)
    obj["spec"]["volumeClaimTemplates"] = []
    assert ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"'] == refusals(obj)


def test_a_service_written_by_hand_may_have_any_family():
    """Headless and without selector: whoever writes its endpoints chooses the family."""
    obj = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"clusterIP": "None"}}

    assert [] == refusals(obj)
    assert ("RequireDualStack", ["IPv4", "IPv6"]) == tuple(
        created(obj)["spec"][name] for name in ("ipFamilyPolicy", "ipFamilies"))
