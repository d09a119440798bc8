"""Read-only networking/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import core_v1, meta_v1


class HTTPIngressPath(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 HTTPIngressPath."""

    backend: IngressBackend = field(default_factory=lambda: IngressBackend())
    path: str | None = None
    pathType: str = field(default_factory=str)


class HTTPIngressRuleValue(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 HTTPIngressRuleValue."""

    paths: tuple[HTTPIngressPath, ...] = ()


class IPAddress(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IPAddress."""

    apiVersion: str = field(default_factory=lambda: "networking.k8s.io/v1")
    kind: str = field(default_factory=lambda: "IPAddress")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: IPAddressSpec = field(default_factory=lambda: IPAddressSpec())


class IPAddressList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IPAddressList."""

    apiVersion: str = field(default_factory=lambda: "networking.k8s.io/v1")
    items: tuple[IPAddress, ...] = ()
    kind: str = field(default_factory=lambda: "IPAddressList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class IPAddressSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IPAddressSpec."""

    parentRef: ParentReference = field(default_factory=lambda: ParentReference())


class IPBlock(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IPBlock."""

    cidr: str = field(default_factory=str)
    except_: tuple[str, ...] = field(default=(), name="except")


class Ingress(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 Ingress."""

    apiVersion: str = field(default_factory=lambda: "networking.k8s.io/v1")
    kind: str = field(default_factory=lambda: "Ingress")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: IngressSpec = field(default_factory=lambda: IngressSpec())
    status: IngressStatus = field(default_factory=lambda: IngressStatus())


class IngressBackend(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressBackend."""

    resource: core_v1.TypedLocalObjectReference | None = None
    service: IngressServiceBackend | None = None


class IngressClass(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressClass."""

    apiVersion: str = field(default_factory=lambda: "networking.k8s.io/v1")
    kind: str = field(default_factory=lambda: "IngressClass")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: IngressClassSpec = field(default_factory=lambda: IngressClassSpec())


class IngressClassList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressClassList."""

    apiVersion: str = field(default_factory=lambda: "networking.k8s.io/v1")
    items: tuple[IngressClass, ...] = ()
    kind: str = field(default_factory=lambda: "IngressClassList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class IngressClassParametersReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressClassParametersReference."""

    apiGroup: str | None = None
    kind: str = field(default_factory=str)
    name: str = field(default_factory=str)
    namespace: str | None = None
    scope: str | None = None


class IngressClassSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressClassSpec."""

    controller: str | None = None
    parameters: IngressClassParametersReference | None = None


class IngressList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressList."""

    apiVersion: str = field(default_factory=lambda: "networking.k8s.io/v1")
    items: tuple[Ingress, ...] = ()
    kind: str = field(default_factory=lambda: "IngressList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class IngressLoadBalancerIngress(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressLoadBalancerIngress."""

    hostname: str | None = None
    ip: str | None = None
    ports: tuple[IngressPortStatus, ...] = ()


class IngressLoadBalancerStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressLoadBalancerStatus."""

    ingress: tuple[IngressLoadBalancerIngress, ...] = ()


class IngressPortStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressPortStatus."""

    error: str | None = None
    port: int = field(default_factory=int)
    protocol: str = field(default_factory=str)


class IngressRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressRule."""

    host: str | None = None
    http: HTTPIngressRuleValue | None = None


class IngressServiceBackend(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressServiceBackend."""

    name: str = field(default_factory=str)
    port: ServiceBackendPort | None = None


class IngressSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressSpec."""

    defaultBackend: IngressBackend | None = None
    ingressClassName: str | None = None
    rules: tuple[IngressRule, ...] = ()
    tls: tuple[IngressTLS, ...] = ()


class IngressStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressStatus."""

    loadBalancer: IngressLoadBalancerStatus | None = None


class IngressTLS(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 IngressTLS."""

    hosts: tuple[str, ...] = ()
    secretName: str | None = None


class NetworkPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 NetworkPolicy."""

    apiVersion: str = field(default_factory=lambda: "networking.k8s.io/v1")
    kind: str = field(default_factory=lambda: "NetworkPolicy")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: NetworkPolicySpec = field(default_factory=lambda: NetworkPolicySpec())


class NetworkPolicyEgressRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 NetworkPolicyEgressRule."""

    ports: tuple[NetworkPolicyPort, ...] = ()
    to: tuple[NetworkPolicyPeer, ...] = ()


class NetworkPolicyIngressRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 NetworkPolicyIngressRule."""

    from_: tuple[NetworkPolicyPeer, ...] = field(default=(), name="from")
    ports: tuple[NetworkPolicyPort, ...] = ()


class NetworkPolicyList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 NetworkPolicyList."""

    apiVersion: str = field(default_factory=lambda: "networking.k8s.io/v1")
    items: tuple[NetworkPolicy, ...] = ()
    kind: str = field(default_factory=lambda: "NetworkPolicyList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class NetworkPolicyPeer(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 NetworkPolicyPeer."""

    ipBlock: IPBlock | None = None
    namespaceSelector: meta_v1.LabelSelector | None = None
    podSelector: meta_v1.LabelSelector | None = None


class NetworkPolicyPort(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 NetworkPolicyPort."""

    endPort: int | None = None
    port: int | str | None = None
    protocol: str | None = None


class NetworkPolicySpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 NetworkPolicySpec."""

    egress: tuple[NetworkPolicyEgressRule, ...] = ()
    ingress: tuple[NetworkPolicyIngressRule, ...] = ()
    podSelector: meta_v1.LabelSelector | None = None
    policyTypes: tuple[str, ...] = ()


class ParentReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 ParentReference."""

    group: str | None = None
    name: str = field(default_factory=str)
    namespace: str | None = None
    resource: str = field(default_factory=str)


class ServiceBackendPort(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 ServiceBackendPort."""

    name: str | None = None
    number: int | None = None


class ServiceCIDR(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 ServiceCIDR."""

    apiVersion: str = field(default_factory=lambda: "networking.k8s.io/v1")
    kind: str = field(default_factory=lambda: "ServiceCIDR")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: ServiceCIDRSpec = field(default_factory=lambda: ServiceCIDRSpec())
    status: ServiceCIDRStatus = field(default_factory=lambda: ServiceCIDRStatus())


class ServiceCIDRList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 ServiceCIDRList."""

    apiVersion: str = field(default_factory=lambda: "networking.k8s.io/v1")
    items: tuple[ServiceCIDR, ...] = ()
    kind: str = field(default_factory=lambda: "ServiceCIDRList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ServiceCIDRSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 ServiceCIDRSpec."""

    cidrs: tuple[str, ...] = ()


class ServiceCIDRStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """networking/v1 ServiceCIDRStatus."""

    conditions: tuple[meta_v1.Condition, ...] = ()
