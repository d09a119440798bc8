"""What an agent may write: its own node's things, as Kubernetes' NodeRestriction has it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from knarr.api import kinds
from knarr.api.errors import Forbidden
from knarr.api.http import User
from knarr.apiserver.admission.node_restriction import restrict
from knarr.apiserver.admission.words import Admission
from tests.unit.controllers.test_certificates import pem

ME = User("system:node:n1", groups=("system:nodes", "system:authenticated"))
MIRROR = {"annotations": {"kubernetes.io/config.mirror": "x"}}


def pod(node="n1", meta=None, **spec):
    return {"metadata": {"name": "p", "namespace": "d", **(meta or {})}, "spec": {"nodeName": node, "containers": [{"name": "c"}], **spec}}


def node(name="n1", labels=None, **spec):
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": spec}


def lease(name, namespace="kube-node-lease"):
    return {"metadata": {"name": name, "namespace": namespace}}


def request(name):
    return {"metadata": {"name": "r"}, "spec": {"signerName": "kubernetes.io/kubelet-serving", "request": pem(name, "system:nodes", dns=("x",))}}


SA = {"serviceAccountName": "default"}
SECRET = {"volumes": [{"name": "v", "secret": {}}]}
ENV = {"containers": [{"name": "c", "env": [{"name": "e", "valueFrom": {"configMapKeyRef": {}}}]}]}
FLEX = {"volumes": [{"name": "v", "flexVolume": {"driver": "a/b", "secretRef": {"name": "s"}}}]}
DOWNWARD = {"volumes": [{"name": "v", "projected": {"sources": [{"downwardAPI": {}}]}}]}
OWNER = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "u1", "controller": True}


def mirror(*owners):
    return pod(meta={**MIRROR, "ownerReferences": list(owners)})


def served(**status):
    return {"metadata": {"name": "p", "namespace": "d"}, "spec": {"nodeName": "n1"}, "status": status}


def claim(size="1Gi", phase="Bound", **meta):
    return {"metadata": {"name": "c", "namespace": "d", **meta}, "spec": {}, "status": {"phase": phase, "capacity": {"storage": size}}}


class Core:
    """A cluster with the node n1."""

    class store:
        @staticmethod
        def get(key):
            return SimpleNamespace(obj={"metadata": {"name": "n1", "uid": "u1"}}) if key.endswith("/n1") else None

    class parsed:
        @staticmethod
        def of(entry):
            return entry.obj


@pytest.mark.parametrize(("kind", "operation", "obj", "old", "said"), [
    pytest.param("Pod", "create", pod(meta=MIRROR), None, "", id="the mirror of a pod of its own"),
    pytest.param("Pod", "create", pod(), None, "can only create mirror pods", id="a pod"),
    pytest.param("Pod", "create", pod("n2", MIRROR), None, "can only create pods with spec.nodeName set to itself", id="elsewhere"),
    pytest.param("Pod", "create", pod(meta=MIRROR, **SA), None, "can not create pods that reference a service account", id="with an account"),
    pytest.param("Pod", "create", pod(meta=MIRROR, **SECRET), None, "can not create pods that reference secrets", id="with a Secret"),
    pytest.param("Pod", "create", pod(meta=MIRROR, **ENV), None, "can not create pods that reference configmaps", id="with a ConfigMap"),
    pytest.param("Pod", "create", pod(meta=MIRROR, **FLEX), None, "can not create pods that reference secrets", id="with a driver's Secret"),
    pytest.param("Pod", "create", pod(meta=MIRROR, **DOWNWARD), None, "", id="with its own name in a file"),
    pytest.param("Pod", "create", mirror(OWNER), None, "", id="a mirror of the node's"),
    pytest.param("Pod", "create", mirror(OWNER, OWNER), None, "a single owner reference set to itself", id="of two"),
    pytest.param("Pod", "create", mirror({**OWNER, "name": "n2"}), None, "with an owner reference set to itself", id="of another"),
    pytest.param("Pod", "create", mirror({**OWNER, "controller": False}), None, "a controller owner reference set to itself", id="of none that controls"),
    pytest.param("Pod", "create", mirror({**OWNER, "blockOwnerDeletion": True}), None, "must not set blockOwnerDeletion", id="that holds the node"),
    pytest.param("Pod", "create", mirror({**OWNER, "uid": "u0"}), None, "node n1 UID mismatch: expected u0 got u1", id="of the node before"),
    pytest.param("Pod/eviction", "create", pod(), None, "", id="evicts its own"),
    pytest.param("Pod/eviction", "create", pod("n2"), None, "can only evict pods with spec.nodeName set to itself", id="evicts another's"),
    pytest.param("Pod/status", "update", served(resourceClaimStatuses=[{"name": "a"}]), served(), "cannot update resource claim statuses", id="claims"),
    pytest.param("PersistentVolumeClaim/status", "update", claim("2Gi"), claim(), "", id="a volume has grown"),
    pytest.param("PersistentVolumeClaim/status", "update", claim(phase="Lost"), claim(),
                 "not allowed to update fields other than status.quantity and status.conditions", id="a volume is lost"),
    pytest.param("PersistentVolumeClaim/status", "update", claim(labels={"a": "b"}), claim(), "not allowed to update fields", id="marks a claim"),
    pytest.param("Pod", "delete", pod(), None, "", id="ends its own"),
    pytest.param("Pod", "delete", pod("n2"), None, "can only delete pods with spec.nodeName set to itself", id="ends another's"),
    pytest.param("Pod/status", "update", pod(), pod(), "", id="tells of its own"),
    pytest.param("Pod/status", "update", pod("n2"), pod("n2"), "can only update pod status for pods with", id="tells of another's"),
    pytest.param("Pod/status", "update", pod(meta={"labels": {"a": "b"}}), pod(), "cannot update labels through pod status", id="labels"),
    pytest.param("Pod", "update", pod(), pod(), 'unexpected operation "UPDATE"', id="changes a pod"),
    pytest.param("Node", "create", node(labels={"kubernetes.io/os": "linux", "mine": "x"}), None, "", id="registers"),
    pytest.param("Node", "create", node("n2"), None, 'is not allowed to modify node "n2"', id="registers another"),
    pytest.param("Node", "create", node(labels={"node-role.kubernetes.io/control-plane": ""}), None,
                 "is not allowed to set the following labels: node-role.kubernetes.io/control-plane", id="takes a role"),
    pytest.param("Node", "update", node(labels={"node-restriction.kubernetes.io/x": "y"}), node(),
                 "is not allowed to modify labels: node-restriction.kubernetes.io/x", id="a label that keeps agents apart"),
    pytest.param("Node", "update", node(labels={"kubelet.kubernetes.io/x": "y"}), node(), "", id="a label of agents"),
    pytest.param("Node", "update", node(), node(taints=[{"key": "a"}]), "is not allowed to modify taints", id="takes a taint off"),
    pytest.param("Node", "delete", node(), None, "is not allowed to delete node", id="goes"),
    pytest.param("Lease", "update", lease("n1"), lease("n1"), "", id="lives"),
    pytest.param("Lease", "update", lease("n2"), lease("n2"), "with the same name as the requesting node", id="lives for another"),
    pytest.param("Lease", "update", lease("n1", "default"), lease("n1", "default"), 'leases in the "kube-node-lease"', id="another lease"),
    pytest.param("CertificateSigningRequest", "create", request("system:node:n1"), None, "", id="asks for itself"),
    pytest.param("CertificateSigningRequest", "create", request("system:node:n2"), None,
                 "can only create a node CSR with CN=system:node:n1", id="asks for another"),
])
async def test_what_an_agent_may_write(kind, operation, obj, old, said):
    name, _, subresource = kind.partition("/")
    row = next(one for one in kinds.KINDS if one.kind == name)
    admission = Admission(Core(), ME, row, operation, obj, old, subresource)
    if said:
        with pytest.raises(Forbidden) as caught:
            await restrict(admission)
        assert said in str(caught.value)
    else:
        await restrict(admission)


async def test_people_are_not_agents():
    """A name alone makes no agent."""
    row = next(one for one in kinds.KINDS if one.kind == "Pod")
    await restrict(Admission(SimpleNamespace(), User("system:node:n1"), row, "update", pod("n2"), pod("n2")))
