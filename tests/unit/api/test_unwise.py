"""What is warned of, in Kubernetes' words."""

from __future__ import annotations

from typing import Any

import pytest

from knarr.api import kinds
from knarr.api.validation import unwise
from tests.unit.apiserver.asking import MERGE, Asker

ZONE = "failure-domain.beta.kubernetes.io/zone"


def pod(container: dict[str, Any] | None = None, *, notes: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "annotations": notes or {}},
            "spec": {"containers": [{"name": "c", "image": "i", **(container or {})}], **spec}}


def ports(*several: dict[str, Any]) -> dict[str, Any]:
    return {"ports": [{"containerPort": 80, "protocol": "TCP", **one} for one in several]}


@pytest.mark.parametrize(("found", "told"), [
    pytest.param(pod(), [], id="nothing"),
    pytest.param(pod(nodeSelector={ZONE: "a"}),
                 [f'spec.nodeSelector[{ZONE}]: deprecated since v1.17; use "topology.kubernetes.io/zone" instead'], id="an old label"),
    pytest.param(pod(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "beta.kubernetes.io/os", "operator": "Exists"}]}]}}}),
        ["spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: "
         'beta.kubernetes.io/os is deprecated since v1.14; use "kubernetes.io/os" instead'], id="an old label of an affinity"),
    pytest.param(pod(topologySpreadConstraints=[{"topologyKey": ZONE}]), [
        f'spec.topologySpreadConstraints[0].topologyKey: {ZONE} is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
        "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod"], id="spreading"),
    pytest.param(pod(notes={"scheduler.alpha.kubernetes.io/critical-pod": ""}), [
        "metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the \"priorityClassName\" "
        "field instead"], id="an old note"),
    pytest.param(pod(volumes=[{"name": "v", "gitRepo": {"repository": "r"}}]), ["spec.volumes[0].gitRepo: deprecated in v1.11"], id="gitRepo"),
    pytest.param(pod(hostAliases=[{"ip": "1.1.1.1"}, {"ip": "1.1.1.1"}]), ['spec.hostAliases[1].ip: duplicate ip "1.1.1.1"'], id="an alias twice"),
    pytest.param(pod(imagePullSecrets=[{"name": "a"}, {"name": "a"}, {}]), [
        'spec.imagePullSecrets[1].name: duplicate name "a"', 'spec.imagePullSecrets[2].name: invalid empty name ""'], id="pull secrets"),
    pytest.param(pod({"resources": {"limits": {"memory": "100m"}, "requests": {"memory": "1Gi", "ephemeral-storage": "0.5"}}}), [
        'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
        'spec.containers[0].resources.requests[ephemeral-storage]: fractional byte value "500m" is invalid, must be an integer'],
        id="parts of bytes"),
    pytest.param(pod({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}, {"name": "A", "value": "3"}]}), [
        'spec.containers[0].env[2]: hides previous definition of "A", which may be dropped when using apply'], id="a variable twice"),
    pytest.param(pod(notes={unwise.SECCOMP_POD: "x", f"{unwise.SECCOMP}c": "x"}), [
        f'metadata.annotations[{unwise.SECCOMP_POD}]: non-functional in v1.27+; use the "seccompProfile" field instead',
        f'metadata.annotations[{unwise.SECCOMP}c]: non-functional in v1.27+; use the "seccompProfile" field instead'], id="seccomp by note"),
    pytest.param(pod(ports({}, {"name": "b"})), [
        "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]"], id="a port twice"),
    pytest.param(pod(ports({}, {"hostPort": 80})), [
        "spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]"], id="ports that overlap"),
    pytest.param(pod(ports({"hostPort": 80}, {"hostPort": 80, "hostIP": "1.1.1.1"})), [
        "spec.containers[0].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]"], id="ambiguous ports"),
    pytest.param(pod(ports({"hostIP": "1.1.1.1"})), ["spec.containers[0].ports[0]: hostIP set without hostPort: "
                 "{Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.1.1.1}"], id="an address without a port"),
    pytest.param(pod(terminationGracePeriodSeconds=-1), [
        "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"], id="negative grace"),
])
def test_warnings(found, told):
    kind = kinds.by_resource("", "v1", "pods")
    assert kind is not None

    assert (told, []) == (unwise.of_write(kind, found, None), unwise.of_write(kind, found, found))


async def test_the_writer_hears_of_it():
    """A Deployment and a pod with a pull secret of no name: both are made, with a warning each; a change of scale warns of nothing."""
    api = await Asker().start("web")
    spec = {"containers": [{"name": "c", "image": "i"}], "imagePullSecrets": [{"name": ""}]}
    labels = {"a": "b"}
    template = {"metadata": {"labels": labels, "annotations": {f"{unwise.APPARMOR}c": "unconfined"}}, "spec": spec}
    where = "/apis/apps/v1/namespaces/web/deployments"
    made = await api.call("POST", where, {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": labels}, "template": template}})
    bare = await api.call("POST", "/api/v1/namespaces/web/pods", {"metadata": {"name": "p"}, "spec": spec})
    labelled = await api.call("PATCH", f"{where}/d", {"metadata": {"labels": {"x": "y"}}}, content_type=MERGE)

    assert (201, 201, 200) == (made.status, bare.status, labelled.status)
    assert '299 - "spec.imagePullSecrets[0].name: invalid empty name \\"\\""' == bare.headers["Warning"]
    assert 'spec.template.spec.imagePullSecrets[0].name: invalid empty name' in made.headers["Warning"]
    assert f"spec.template.metadata.annotations[{unwise.APPARMOR}c]: deprecated since v1.30" in made.headers["Warning"]
    assert "Warning" not in labelled.headers


async def test_a_claim_of_part_of_a_byte():
    api = await Asker().start("web")
    answer = await api.call("POST", "/api/v1/namespaces/web/persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100m"}}}})

    assert (201, True) == (answer.status, "spec.resources.requests[storage]: fractional byte value" in answer.headers["Warning"])
