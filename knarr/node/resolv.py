"""Work out a pod's hosts file and what its resolv.conf says. Pure.

Source: kube kubelet/network/dns, kubelet_pods.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from knarr.api.types.core_v1 import Pod
from knarr.node import podnames
from knarr.node.faces import DnsConfig

HEADER: Final = "# Kubernetes-managed hosts file.\n"
HOST_HEADER: Final = "# Kubernetes-managed hosts file (host network).\n"
LOCAL: Final = (
    ("127.0.0.1", "localhost"), ("::1", "localhost ip6-localhost ip6-loopback"), ("fe00::", "ip6-localnet"),
    ("fe00::", "ip6-mcastprefix"), ("fe00::1", "ip6-allnodes"), ("fe00::2", "ip6-allrouters"),
)
NAMESERVERS_MAX: Final = 3           # Source: kube validation, MaxDNSNameservers; resolv.conf(5) MAXNS
SEARCHES_MAX: Final = 32             # Source: kube validation, MaxDNSSearchPaths
SEARCH_CHARS_MAX: Final = 2048       # Source: kube validation, MaxDNSSearchListChars
CLUSTER_OPTIONS: Final = ("ndots:5",)


def hosts_file(pod: Pod, pod_ip: str, cluster_domain: str, *, host_file: str = "") -> str:
    """Return a pod's /etc/hosts: the usual names, the pod's own, its aliases.

    host_file: the machine's own, which a pod in the host's network gets.
    """
    if pod.spec.hostNetwork and host_file:
        return HOST_HEADER + host_file + _aliases(pod)
    lines = [f"{ip}\t{names}\n" for ip, names in LOCAL]
    if pod_ip:
        lines.append(f"{pod_ip}\t{' '.join(own_names(pod, cluster_domain))}\n")
    return HEADER + "".join(lines) + _aliases(pod)


def own_names(pod: Pod, cluster_domain: str) -> tuple[str, ...]:
    """Return the names a pod has for itself: with a subdomain the full one first."""
    return tuple(dict.fromkeys((podnames.full(pod, cluster_domain), podnames.hostname(pod))))


def _aliases(pod: Pod) -> str:
    if not pod.spec.hostAliases:
        return ""
    lines = [f"{alias.ip}\t" + "\t".join(alias.hostnames) + "\n" for alias in pod.spec.hostAliases]
    return "\n# Entries added by HostAliases.\n" + "".join(lines)


def dns_config(pod: Pod, *, cluster_dns: tuple[str, ...], cluster_domain: str, host_resolv: str) -> DnsConfig:
    """Return a pod's resolver settings by its dnsPolicy, with its dnsConfig added.

    host_resolv: the machine's resolv.conf. Pods in the host's network that ask for ClusterFirst get the machine's.
    """
    machine = parse(host_resolv)
    policy = pod.spec.dnsPolicy or "ClusterFirst"
    cluster = policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not pod.spec.hostNetwork)
    if policy == "None":
        base = DnsConfig()
    elif cluster and cluster_dns:
        searches = (f"{pod.metadata.namespace}.svc.{cluster_domain}", f"svc.{cluster_domain}", cluster_domain)
        base = DnsConfig(cluster_dns, (*searches, *machine.searches), CLUSTER_OPTIONS)
    else:
        base = DnsConfig(machine.servers or ("127.0.0.1",), machine.searches, machine.options)
    return _bounded(_with_own(pod, base))


def _with_own(pod: Pod, base: DnsConfig) -> DnsConfig:
    """Add the pod's dnsConfig: servers and searches behind, options over those of the same name."""
    own = pod.spec.dnsConfig
    if own is None:
        return base
    options = {option.partition(":")[0]: option for option in base.options}
    for option in own.options:
        if option.name:
            options[option.name] = option.name if option.value is None else f"{option.name}:{option.value}"
    return DnsConfig((*base.servers, *own.nameservers), (*base.searches, *own.searches), tuple(options.values()))


def _bounded(config: DnsConfig) -> DnsConfig:
    """Drop doubles and what no resolver would read."""
    searches: list[str] = []
    for search in dict.fromkeys(config.searches):
        if len(searches) < SEARCHES_MAX and len(" ".join([*searches, search])) <= SEARCH_CHARS_MAX:
            searches.append(search)
    servers = tuple(dict.fromkeys(config.servers))[:NAMESERVERS_MAX]
    return DnsConfig(servers, tuple(searches), config.options)


@dataclass(slots=True)
class _Read:
    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def parse(text: str) -> DnsConfig:
    """Read a resolv.conf; the last search and options lines count, comments do not. Source: resolv.conf(5).

    >>> parse("nameserver 1.1.1.1\\nsearch a.example b.example\\noptions edns0 # x")
    DnsConfig(servers=('1.1.1.1',), searches=('a.example', 'b.example'), options=('edns0',))
    """
    found = _Read()
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver":
            found.servers = (*found.servers, words[1])
        elif words[0] in ("search", "domain"):
            found.searches = tuple(word.rstrip(".") or "." for word in words[1:] if word != ".")
        elif words[0] == "options":
            found.options = tuple(words[1:])
    return DnsConfig(found.servers, found.searches, found.options)
