"""Make what every cluster has from its first second: namespaces, priorities, flows, and the Service `kubernetes`.

Source: kube controlplane/controller/systemnamespaces, controller/kubernetesservice, registry/scheduling/rest.
"""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Network
from typing import Any

from knarr.api import kinds
from knarr.api.errors import AlreadyExists
from knarr.api.http import Call, User
from knarr.api.kinds import Kind
from knarr.apiserver import encode
from knarr.apiserver.changes import Changer
from knarr.apiserver.core import Request
from knarr.apiserver.creates import Creator
from knarr.apiserver.flowcontrol import defaults as flows
from knarr.apiserver.route import Target
from knarr.apiserver.security import MASTERS
from knarr.apiserver.settings import DNS_OFFSET

Obj = dict[str, Any]
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
SYSTEM = User("system:apiserver", groups=(MASTERS,))
PRIORITIES = {  # Source: kube apis/scheduling/types.go
    "system-node-critical": (
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    "system-cluster-critical": (
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
}
LABELS = {"component": "apiserver", "provider": "kubernetes"}


async def bootstrap(creator: Creator, changer: Changer) -> None:
    """Make what is missing and mend the endpoints; what is right already costs no write."""
    for name in NAMESPACES:
        await ensure(creator, {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}})
    for name, (value, description) in PRIORITIES.items():
        await ensure(
            creator,
            {
                "kind": "PriorityClass",
                "apiVersion": "scheduling.k8s.io/v1",
                "metadata": {"name": name},
                "value": value,
                "description": description,
            },
        )
    async with asyncio.TaskGroup() as group:  # together: they share commits
        for wanted in (*flows.levels(), *flows.schemas()):
            group.create_task(ensure(creator, wanted))
    settings = creator.core.settings
    await ensure(creator, service_range(settings.service_cidr))
    await changer.edit(RANGE, RANGE.key("", "kubernetes"), lambda obj: declare_ready(obj, creator.core.timestamp()))
    await ensure(creator, kubernetes_service(settings.service_cidr, settings.port))
    for wanted in (
        endpoints(settings.advertise_address, settings.port),
        endpoint_slice(settings.advertise_address, settings.port),
    ):
        await ensure(creator, wanted)
        await mend(changer, wanted)


async def ensure(creator: Creator, draft: Obj) -> None:
    """Create an object unless its name is taken."""
    request = asking(draft)
    if creator.core.store.get(request.target.kind.key(request.target.namespace, draft["metadata"]["name"])) is not None:
        return
    try:
        await creator.insert(request, request.target.kind, draft)
    except AlreadyExists:
        return  # another server's bootstrap came first


async def mend(changer: Changer, wanted: Obj) -> None:
    """Bring an object's addresses and ports up to date."""
    kind = kind_of(wanted)
    key = kind.key(wanted["metadata"]["namespace"], wanted["metadata"]["name"])

    def edit(obj: Obj) -> None:
        obj.update({part: wanted[part] for part in ("subsets", "endpoints", "ports") if part in wanted})

    await changer.edit(kind, key, edit)


def asking(draft: Obj) -> Request:
    """Return the request by which the server asks itself to make an object."""
    kind = kind_of(draft)
    target = Target(kind, draft["metadata"].get("namespace", ""))
    return Request(Call("POST", kind.path(target.namespace), body=encode.dump(draft)), target, SYSTEM, "create")


def kind_of(obj: Obj) -> Kind:
    """Return the kind of one of our own objects."""
    found = kinds.of_object(obj)
    assert found is not None, obj
    return found


def service_range(cidr: str) -> Obj:
    """Return the ServiceCIDR of the range that this server hands addresses out of."""
    return {
        "kind": "ServiceCIDR",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {"name": "kubernetes", "finalizers": ["networking.k8s.io/service-cidr-finalizer"]},
        "spec": {"cidrs": [cidr]},
    }


def declare_ready(obj: Obj, now: str) -> None:
    """Say of the server's own range that addresses come from it; what is said already stays."""
    if obj["status"].get("conditions"):
        return
    message = "Kubernetes Service CIDR is ready"
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": now, "reason": "", "message": message}
    obj["status"]["conditions"] = [ready]


def kubernetes_service(cidr: str, port: int) -> Obj:
    """Return the Service by which pods reach this API; its address is the first of the range."""
    address = str(IPv4Network(cidr).network_address + 1)
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": dict(LABELS)},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "sessionAffinity": "None",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": port}],
        },
    }


def dns_service(cidr: str) -> Obj:
    """Return the Service that names are asked at; its address is the tenth of the range.

    It has no selector and no endpoints: every node's proxy leads its address to that node's own DNS server.
    """
    address = str(IPv4Network(cidr).network_address + DNS_OFFSET)
    labels = {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "KubeDNS"}
    ports = [{"name": "dns", "protocol": "UDP", "port": 53}, {"name": "dns-tcp", "protocol": "TCP", "port": 53}]
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
        "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ports": ports},
    }


def endpoints(address: str, port: int) -> Obj:
    """Return the Endpoints of that Service."""
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    return {
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "subsets": [{"addresses": [{"ip": address}], "ports": [{"name": "https", "port": port, "protocol": "TCP"}]}],
    }


def endpoint_slice(address: str, port: int) -> Obj:
    """Return the EndpointSlice of that Service."""
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }


def _range_kind() -> Kind:
    found = kinds.by_resource("networking.k8s.io", "v1", "servicecidrs")
    assert found is not None
    return found


RANGE = _range_kind()
