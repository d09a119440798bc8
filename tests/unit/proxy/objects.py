"""Make Services and slices in few words."""

from __future__ import annotations

from typing import Any

from knarr.api.types.core_v1 import (
    LoadBalancerIngress,
    LoadBalancerStatus,
    Service,
    ServicePort,
    ServiceSpec,
    ServiceStatus,
)
from knarr.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from knarr.api.types.meta_v1 import ObjectMeta

READY = EndpointConditions(ready=True, serving=True, terminating=False)
UNREADY = EndpointConditions(ready=False, serving=False, terminating=False)
ENDING = EndpointConditions(ready=False, serving=True, terminating=True)
ENDED = EndpointConditions(ready=False, serving=False, terminating=True)


def service(
    name: str = "web", *ports: ServicePort, ip: str = "10.96.0.1", ingress: tuple[str, ...] = (), **spec: Any,
) -> Service:
    status = ServiceStatus(loadBalancer=LoadBalancerStatus(ingress=tuple(LoadBalancerIngress(ip=i) for i in ingress)))
    return Service(
        metadata=ObjectMeta(name=name, namespace="default"), status=status,
        spec=ServiceSpec(clusterIP=ip, clusterIPs=(ip,), ports=ports or (port(),), **{"type": "ClusterIP", **spec}))


def port(
    number: int = 80, *, name: str | None = None, protocol: str = "TCP", node_port: int | None = None,
) -> ServicePort:
    return ServicePort(name=name, port=number, protocol=protocol, nodePort=node_port)


def slice_of(
    name: str, *endpoints: Endpoint, ports: tuple[EndpointPort, ...] = (), family: str = "IPv4",
) -> EndpointSlice:
    return EndpointSlice(
        metadata=ObjectMeta(name=f"{name}-x", namespace="default", labels={"kubernetes.io/service-name": name}),
        addressType=family, endpoints=endpoints, ports=ports or (EndpointPort(name="", port=8080, protocol="TCP"),))


def at(ip: str, conditions: EndpointConditions | None = READY, *, node: str = "here") -> Endpoint:
    return Endpoint(addresses=(ip,), conditions=conditions, nodeName=node)
