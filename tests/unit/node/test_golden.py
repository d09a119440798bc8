"""The files that the node writes for other programs, as a whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from knarr.node import cni, containerd, pausefilter
from knarr.node.settings import Settings

SETTINGS = Settings(Path("/var/lib/knarr"), "harbour", "192.0.2.1", cni_bin_dir=Path("/usr/lib/cni"))


def test_golden_containerd(golden):
    """Our own containerd's configuration: everything below the data directory."""
    golden("node/containerd.toml", containerd.config(SETTINGS, restrict_oom=False))


def test_golden_conflist(golden):
    """The pods' network, for the CNI plugins; pods with host ports have portmap behind."""
    golden("node/10-knarr.conflist", json.dumps(cni.conflist(SETTINGS, host_ports=False), indent=2) + "\n")
    golden("node/host-ports.conflist", json.dumps(cni.conflist(SETTINGS, host_ports=True), indent=2) + "\n")


def test_golden_plugin(golden):
    """The pods' plugin, with this node's names and numbers, for both families of addresses."""
    golden("node/knarr-pod.sh", cni.program(SETTINGS))
    golden("node/knarr-pod-ipv6.sh", cni.program(replace(SETTINGS, pod_cidr="fd00:1::/120")))


def test_golden_pause_filter(golden):
    """What a sandbox's own process may call."""
    golden("node/pause-seccomp.json", json.dumps(pausefilter.profile(), indent=1) + "\n")


def test_golden_masquerade(golden):
    """The one rule that lets pods reach the world."""
    golden("node/masquerade.nft", cni.masquerade(SETTINGS))
