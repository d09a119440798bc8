"""Pods find names: hosts files and resolver settings as kubelet writes them."""

from __future__ import annotations

import doctest
from typing import Any

import msgspec
import pytest

from knarr.api.types.core_v1 import Pod
from knarr.node import resolv
from knarr.node.faces import DnsConfig
from knarr.node.resolv import dns_config, hosts_file

HOST = "nameserver 9.9.9.9\nnameserver 8.8.8.8\nsearch corp.example\noptions edns0\n"
CLUSTER = ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local")


def pod(**spec: Any) -> Pod:
    """Return pod web-1 of namespace shop."""
    return msgspec.convert({"metadata": {"name": "web-1", "namespace": "shop"}, "spec": spec}, Pod)


@pytest.mark.parametrize(("spec", "expected"), [
    pytest.param({}, DnsConfig(("10.96.0.10",), (*CLUSTER, "corp.example"), ("ndots:5",)), id="cluster first"),
    pytest.param({"hostNetwork": True}, DnsConfig(("9.9.9.9", "8.8.8.8"), ("corp.example",), ("edns0",)),
                 id="host network falls back"),
    pytest.param({"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"},
                 DnsConfig(("10.96.0.10",), (*CLUSTER, "corp.example"), ("ndots:5",)),
                 id="host network, cluster names"),
    pytest.param({"dnsPolicy": "Default"}, DnsConfig(("9.9.9.9", "8.8.8.8"), ("corp.example",), ("edns0",)),
                 id="the machine's"),
    pytest.param({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.2.3.4"], "searches": ["a.b"], "options": [
        {"name": "ndots", "value": "2"}, {"name": "edns0"}]}},
        DnsConfig(("1.2.3.4",), ("a.b",), ("ndots:2", "edns0")), id="the pod's alone"),
    pytest.param({"dnsConfig": {"nameservers": ["10.96.0.10", "1.1.1.1", "1.1.1.2", "1.1.1.3"],
                                "options": [{"name": "ndots", "value": "1"}]}},
                 DnsConfig(("10.96.0.10", "1.1.1.1", "1.1.1.2"), (*CLUSTER, "corp.example"), ("ndots:1",)),
                 id="three servers at most, no doubles, the pod's option wins"),
])
def test_dns_config(spec: dict[str, Any], expected: DnsConfig) -> None:
    """Each policy, and what dnsConfig adds."""
    got = dns_config(pod(**spec), cluster_dns=("10.96.0.10",), cluster_domain="cluster.local", host_resolv=HOST)

    assert expected == got


def test_without_any_server() -> None:
    """The machine has no resolver: something must stand there, or the runtime copies the machine's file."""
    got = dns_config(pod(dnsPolicy="Default"), cluster_dns=(), cluster_domain="cluster.local", host_resolv="")

    assert ("127.0.0.1",) == got.servers


def test_searches_are_bounded() -> None:
    """A machine with a hundred search domains: the first 32 are kept."""
    host = "search " + " ".join(f"d{number}.example" for number in range(100))
    got = dns_config(pod(), cluster_dns=("10.96.0.10",), cluster_domain="cluster.local", host_resolv=host)

    assert (32, "d28.example") == (len(got.searches), got.searches[-1])


def test_hosts_file() -> None:
    """A pod of a headless service, with an alias."""
    text = hosts_file(pod(hostname="db-0", subdomain="db", hostAliases=[{"ip": "1.2.3.4", "hostnames": ["x", "y"]}]),
                      "10.244.0.7", "cluster.local")

    assert text == (
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
        "fe00::\tip6-localnet\nfe00::\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
        "10.244.0.7\tdb-0.db.shop.svc.cluster.local db-0\n"
        "\n# Entries added by HostAliases.\n1.2.3.4\tx\ty\n")


def test_hosts_file_in_the_hosts_network() -> None:
    """The machine's own file is kept as it is."""
    text = hosts_file(pod(hostNetwork=True), "10.0.0.1", "cluster.local", host_file="127.0.0.1 localhost\n")

    assert "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n" == text


def test_examples() -> None:
    """The docstrings' examples hold."""
    assert 0 == doctest.testmod(resolv).failed
