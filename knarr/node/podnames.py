"""Say what a pod calls itself: the kernel's name for it, and its names in /etc/hosts. Pure.

Source: kube kubelet/kubelet_pods.go (GeneratePodHostNameAndDomain), util/util.go (GetNodenameForKernel).
"""

from __future__ import annotations

from knarr.api.types.core_v1 import Pod
from knarr.node.faces import ConfigError

HOSTNAME_MAX = 63      # characters. Source: kube kubelet_pods.go, hostnameMaxLen
FQDN_MAX = 64          # characters. Source: linux/utsname.h, __NEW_UTS_LEN; kube util.go, fqdnMaxLen


def hostname(pod: Pod) -> str:
    """Return the pod's host name: what it says itself, or its object's name, cut and without an end in `-` or `.`."""
    spec = pod.spec
    return spec.hostnameOverride or spec.hostname or (pod.metadata.name or "")[:HOSTNAME_MAX].rstrip("-.")


def full(pod: Pod, cluster_domain: str) -> str:
    """Return the pod's name with its domain; without a subdomain it has none. What overrides its name has none either.

    >>> from knarr.api.types.core_v1 import PodSpec
    >>> full(Pod(spec=PodSpec(hostname="db-0", subdomain="db")), "cluster.local")
    'db-0.db.default.svc.cluster.local'
    """
    spec = pod.spec
    if not spec.subdomain or spec.hostnameOverride:
        return hostname(pod)
    return f"{hostname(pod)}.{spec.subdomain}.{pod.metadata.namespace or 'default'}.svc.{cluster_domain}"


def in_kernel(pod: Pod, cluster_domain: str) -> str:
    """Return what the kernel is told. Raises ConfigError where the pod asks for its full name, and that is too long."""
    if not pod.spec.setHostnameAsFQDN:
        return hostname(pod)
    name = full(pod, cluster_domain)
    if len(name) > FQDN_MAX:
        raise ConfigError(f"failed to construct FQDN from pod hostname and cluster domain, FQDN {name} is too long "
                          f"({FQDN_MAX} characters is the max, {len(name)} characters requested)")
    return name
