"""What the server owns: status apart from spec, generations, identity, allocated addresses, grace."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from knarr.api import defaults, kinds, strategy
from knarr.api.kinds import Kind


def kind(group: str, name: str) -> Kind:
    found = next((row for row in kinds.KINDS if (row.group, row.kind) == (group, name)), None)
    assert found is not None, name
    return found


DEPLOYMENT, POD, SERVICE = kind("apps", "Deployment"), kind("", "Pod"), kind("", "Service")
NODE, NAMESPACE, DAEMON_SET = kind("", "Node"), kind("", "Namespace"), kind("apps", "DaemonSet")


def deployment(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "n", "uid": "u"},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template, **spec}}


def created(row: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    draft = copy.deepcopy(obj)
    defaults.apply(row, draft)
    strategy.prepare_create(row, draft)
    return draft


def updated(row: Kind, old: dict[str, Any], new: dict[str, Any], subresource: str = "") -> dict[str, Any]:
    draft = copy.deepcopy(new)
    defaults.apply(row, draft)
    strategy.prepare_update(row, draft, old, subresource)
    return draft


def test_a_new_object_has_no_past():
    """A client copies an object it read, status and deletion and all, and creates it anew."""
    copied = deployment() | {"status": {"replicas": 3}}
    past = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0}
    copied["metadata"] |= {"generation": 7, **past}

    draft = created(DEPLOYMENT, copied)

    assert {} == draft["status"]
    assert {"name": "d", "namespace": "n", "uid": "u", "generation": 1} == draft["metadata"]


def test_a_node_registers_with_its_status():
    """The agent creates its Node in one request: capacity must not be lost."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}, "status": {"capacity": {"cpu": "2"}}}

    assert {"cpu": "2"} == created(NODE, node)["status"]["allocatable"]


@pytest.mark.parametrize(("change", "generation"), [
    pytest.param({"spec": {"replicas": 5}}, 2, id="the spec"),
    pytest.param({"metadata": {"labels": {"x": "y"}}}, 1, id="labels are not the spec"),
    pytest.param({"metadata": {"annotations": {"x": "y"}}}, 2, id="annotations of a Deployment go to its ReplicaSets"),
    pytest.param({"status": {"replicas": 5}}, 1, id="a status sent with the spec is dropped"),
])
def test_a_generation_is_a_state_of_the_spec(change, generation):
    """Controllers compare observedGeneration with it: it must move with what they act on, and only then."""
    old = created(DEPLOYMENT, deployment())
    new = copy.deepcopy(old)
    for part, values in change.items():
        new[part] |= values

    draft = updated(DEPLOYMENT, old, new)

    assert generation == draft["metadata"]["generation"]
    assert old["status"] == draft["status"]


def test_a_status_write_leaves_the_spec():
    """A controller writes status from an old copy, with replicas that a user has changed since."""
    old = created(DEPLOYMENT, deployment(replicas=3))
    stale = copy.deepcopy(old) | {"status": {"observedGeneration": 1}}
    stale["spec"]["replicas"] = 1
    stale["metadata"]["labels"] = {"mine": "too"}

    draft = updated(DEPLOYMENT, old, stale, "status")

    assert 3 == draft["spec"]["replicas"]
    assert {"observedGeneration": 1} == draft["status"]
    assert "labels" not in draft["metadata"]
    assert 1 == draft["metadata"]["generation"]


@pytest.mark.parametrize(("written", "first", "every"), [
    pytest.param({"podIP": "192.0.2.7"}, "192.0.2.7", ["192.0.2.7"], id="the first alone"),
    pytest.param({"podIPs": [{"ip": "192.0.2.7"}, {"ip": "fd00::7"}]}, "192.0.2.7", ["192.0.2.7", "fd00::7"], id="the list alone"),
    pytest.param({"podIP": "192.0.2.8", "podIPs": [{"ip": "192.0.2.7"}]}, "192.0.2.8", ["192.0.2.8"], id="they differ"),
    pytest.param({}, None, [], id="none"),
])
def test_the_addresses_of_a_pod_agree(written, first, every):
    """Whoever writes a pod's status may name its address once; readers find it in both places."""
    old = created(POD, {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    status = updated(POD, old, copy.deepcopy(old) | {"status": written}, "status")["status"]

    assert (first, every) == (status.get("podIP"), [one["ip"] for one in status.get("podIPs", ())])


def test_a_revision_written_with_the_status_is_no_new_generation():
    """The deployment controller notes the revision in an annotation as it writes the status: no new rollout begins."""
    old = created(DEPLOYMENT, deployment())
    noted = copy.deepcopy(old)
    noted["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}

    assert 1 == updated(DEPLOYMENT, old, noted, "status")["metadata"]["generation"]


def test_identity_comes_back_when_left_out():
    """A client PUTs a bare object: uid and times are the server's, a deletion cannot be taken back."""
    old = created(DEPLOYMENT, deployment())
    old["metadata"] |= {"creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T00:00:00Z",
                        "deletionGracePeriodSeconds": 0}
    bare = deployment()
    del bare["metadata"]["uid"]

    assert old["metadata"] == updated(DEPLOYMENT, old, bare)["metadata"]


def test_a_namespace_keeps_its_finalizer_until_finalized():
    """Only the subresource lets the finalizer go, when everything inside is gone."""
    old = created(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
    emptied = {**copy.deepcopy(old), "spec": {}}

    assert {"finalizers": ["kubernetes"]} == updated(NAMESPACE, old, emptied)["spec"]
    assert {} == updated(NAMESPACE, old, emptied, "finalize")["spec"]
    assert {"phase": "Active"} == updated(NAMESPACE, old, emptied, "finalize")["status"]


def test_a_daemon_set_counts_its_templates():
    """Old clients read the count from an annotation; only a new template moves it."""
    daemons = {**deployment(), "kind": "DaemonSet"}
    old = created(DAEMON_SET, daemons)
    new = copy.deepcopy(old)
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "j"

    counts = [draft["metadata"]["annotations"]["deprecated.daemonset.template.generation"]
              for draft in (old, updated(DAEMON_SET, old, old), updated(DAEMON_SET, old, new))]

    assert ["1", "1", "2"] == counts


def service(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "n"},
            "spec": {"ports": [{"port": 80}], **spec}}


def test_a_service_keeps_what_it_was_given():
    """`kubectl replace` with the file it was made from: address and node port stay."""
    old = created(SERVICE, service(type="NodePort"))
    old["spec"] |= {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]}
    old["spec"]["ports"][0]["nodePort"] = 30080

    assert old["spec"] == updated(SERVICE, old, service(type="NodePort"))["spec"]


@pytest.mark.parametrize(("wanted", "gone"), [
    pytest.param("ClusterIP", {"externalTrafficPolicy"}, id="no longer outside"),
    pytest.param("ExternalName", {"externalTrafficPolicy", "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy",
                                  "internalTrafficPolicy"}, id="only a name"),
])
def test_a_service_gives_up_what_its_new_type_has_no_use_for(wanted, gone):
    """A client reads a NodePort service, changes the type, and writes it back."""
    old = created(SERVICE, service(type="NodePort"))
    old["spec"] |= {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]}
    old["spec"]["ports"][0]["nodePort"] = 30080
    new = copy.deepcopy(old)
    new["spec"]["type"] = wanted

    draft = updated(SERVICE, old, new)

    assert gone == set(old["spec"]) - set(draft["spec"])
    assert "nodePort" not in draft["spec"]["ports"][0]


@pytest.mark.parametrize(("node", "phase", "options", "grace_s"), [
    pytest.param("a", "Running", {}, 30, id="as the pod says"),
    pytest.param("a", "Running", {"gracePeriodSeconds": 5}, 5, id="as the client says"),
    pytest.param("a", "Running", {"gracePeriodSeconds": -1}, 1, id="never less than nothing"),
    pytest.param("", "Pending", {}, 0, id="nothing runs yet"),
    pytest.param("a", "Succeeded", {}, 0, id="nothing runs any more"),
])
def test_a_pod_gets_time_to_stop(node, phase, options, grace_s):
    """A pod is deleted; its node must have time for preStop hooks, if there is a node."""
    pod = {"spec": {"terminationGracePeriodSeconds": 30, "nodeName": node}, "status": {"phase": phase}}

    assert grace_s == strategy.graceful(POD, pod, options)
    assert strategy.graceful(SERVICE, service(), options) is None


@pytest.mark.parametrize(("resources", "expected"), [
    pytest.param([{}], "BestEffort", id="asks for nothing"),
    pytest.param([{"requests": {"cpu": "0"}}], "BestEffort", id="asks for zero"),
    pytest.param([{"limits": {"cpu": "1", "memory": "1Gi"}}], "Guaranteed", id="limits imply requests"),
    pytest.param([{"limits": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable", id="one of two asks"),
    pytest.param([{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}], "Burstable", id="may burst"),
    pytest.param([{"limits": {"memory": "1Gi"}}], "Burstable", id="only memory"),
])
def test_quality_of_service_follows_from_resources(resources, expected):
    """The class decides who is evicted first; it is settled once, at creation."""
    containers = [{"name": f"c{number}", "image": "i", "resources": part} for number, part in enumerate(resources)]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers}}

    assert expected == created(POD, pod)["status"]["qosClass"]


def test_only_ephemeral_containers_come_through_their_subresource():
    """A debugger adds a container and, by mistake, another image."""
    old = created(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
                        "spec": {"containers": [{"name": "c", "image": "i:1"}]}})
    new = copy.deepcopy(old)
    new["spec"]["containers"][0]["image"] = "i:2"
    new["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "busybox:1"}]

    spec = updated(POD, old, new, "ephemeralcontainers")["spec"]

    assert "i:1" == spec["containers"][0]["image"]
    assert ["debug"] == [item["name"] for item in spec["ephemeralContainers"]]
