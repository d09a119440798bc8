"""Gather what a machine's owner says of its resources: a KubeletConfiguration file, and options that win over it."""

from __future__ import annotations

from pathlib import Path

import yaml

from knarr.assembly.failure import Failure
from knarr.assembly.instance import Config
from knarr.node import alignmentfile, allocatable, kubeletfile
from knarr.node.alignment import topology
from knarr.node.filefields import BadRules
from knarr.node.nodestatus import meminfo
from knarr.node.rules import Rules

ROOT = Path("/sys/fs/cgroup")
HEAD = {"apiVersion": kubeletfile.API_VERSION, "kind": kubeletfile.KIND}


def node_rules(config: Config) -> Rules:
    """Return the node's rules. Raises Failure, with the fix, for what cannot be followed here."""
    if not config.kubelet_config and not config.node_options:
        return Rules()
    where = config.kubelet_config or "the node's options"
    try:
        document = yaml.safe_load(Path(config.kubelet_config).read_bytes()) if config.kubelet_config else HEAD
        said = document if document is HEAD or not isinstance(document, dict) else {**document}
        rules = kubeletfile.read({**said, **kubeletfile.flags(config.node_options)} if config.node_options else said)
        fits(rules)
    except OSError as error:
        raise Failure(f"{where} cannot be read: {error.strerror}", "mend the path, or leave the option out") from error
    except (yaml.YAMLError, BadRules) as error:
        raise Failure(f"{where} cannot be followed: {error}", "mend it, then: knarr up") from error
    return rules


def fits(rules: Rules) -> None:
    """Refuse what this machine cannot do. Raises BadRules."""
    if rules.swap == "LimitedSwap" and not (ROOT / "cgroup.controllers").exists():
        raise BadRules("memorySwap.swapBehavior: LimitedSwap needs control groups of version 2")
    if rules.fail_on_swap and len(Path("/proc/swaps").read_text().splitlines()) > 1:
        raise BadRules("failSwapOn: running with swap on is not supported, please disable swap or set "
                                   "failSwapOn to false")
    if rules.alignment.pins or rules.alignment.policy != "none":
        kept = allocatable.kept_bytes(rules, meminfo()["MemTotal"])
        alignmentfile.check(rules.alignment, kept, topology.read())
