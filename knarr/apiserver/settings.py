"""Hold what the API server is told at start. Nothing here changes while it runs."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

KUBERNETES_VERSION = "v1.36.2"  # the release whose API this is
BODY_BYTES_MAX = 3 << 20  # of a request. Source: kube apiserver server/config.go, MaxRequestBodyBytes
NODE_PORT_FIRST, NODE_PORT_LAST = 30000, 32767  # Source: kube options/options.go, DefaultServiceNodePortRange
REQUESTS_MAX, CHANGES_MAX = 400, 200  # Source: kube server/config.go, MaxRequestsInFlight, MaxMutatingRequestsInFlight
DNS_OFFSET = 10  # the cluster DNS address is this far into the service range, by custom of kubeadm


@dataclass(frozen=True, slots=True)
class ProxyFiles:
    """Paths of PEM files: the certificate by which extension servers know us, its key, and who has signed it."""

    certificate: str
    key: str
    ca: str


@dataclass(frozen=True, slots=True)
class PodSecurityDefaults:
    """What Pod Security asks of namespaces that say nothing themselves, and who is exempt.

    labels: those that such a namespace is taken to have.
    """

    labels: tuple[tuple[str, str], ...] = ()
    usernames: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    runtime_classes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between two servers.

    advertise_address, port: where other machines reach this server; they become the endpoints of the Service
    `kubernetes`. service_cidr: IPv4 range of ClusterIPs. agent_tls: how to speak to the nodes' agents (None: they
    cannot be reached). front_proxy: how extension servers know us (None: they cannot). requests_max,
    changes_max: together the seats that requests under way share. unreachable_s: how long a pod that does not say so
    itself stays on a node that is out of reach. Source: kube --default-unreachable-toleration-seconds.
    """

    advertise_address: str = "127.0.0.1"
    port: int = 6443
    service_cidr: str = "10.96.0.0/16"
    node_ports: range = range(NODE_PORT_FIRST, NODE_PORT_LAST + 1)
    knarr_version: str = "0.1.0"
    agent_tls: ssl.SSLContext | None = None
    front_proxy: ProxyFiles | None = None
    requests_max: int = REQUESTS_MAX
    changes_max: int = CHANGES_MAX
    unreachable_s: int = 300
    pod_security: PodSecurityDefaults = PodSecurityDefaults()

    @property
    def git_version(self) -> str:
        """Return what `/version` says."""
        return f"{KUBERNETES_VERSION}+knarr.{self.knarr_version}"
