"""Pods that ask their node for what it refuses, or for what few ask: the kernel's parameters, profiles, names, signals."""

from __future__ import annotations

from tests.e2e.cluster import pod, until

PORTS = "net.ipv4.ip_local_port_range"


def failed(place, name):
    """Return why a pod was refused, once it was."""
    status = until(lambda: (now := place.get(f"pods/{name}")["status"]).get("phase") == "Failed" and now, f"{name} is refused")
    return status["reason"], status["message"]


def test_kernel_parameters(cluster, place):
    """A safe one is set, however it is written; another one the node refuses."""
    setting = [{"name": "net/ipv4/ip_local_port_range", "value": "20000 20999"}]
    place.make(pod("safe", securityContext={"sysctls": setting}),
               pod("unsafe", securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "8192"}]}))

    assert ("SysctlForbidden", 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted') == failed(place, "unsafe")
    said = cluster.exec("safe", "cat", "/proc/sys/net/ipv4/ip_local_port_range", namespace=place.namespace)
    assert ["20000", "20999"] == said.split()
