"""Options of `knarr up` about the machine's resources, under kubelet's own names. They are checked where read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

OPTIONS: Final = {
    "eviction-hard": ("LIST", 'Pods go at once below these: memory.available<1Gi,…; "" for the default.'),
    "eviction-soft": ("LIST", "Pods go below these once a grace period is over."),
    "eviction-soft-grace-period": ("LIST", "How long soft thresholds may be crossed, as memory.available=1m30s."),
    "eviction-minimum-reclaim": ("LIST", "How much above a threshold there must be again, as nodefs.available=500Mi."),
    "eviction-pressure-transition-period": ("TIME", "How long a pressure condition outlives its cause. Default: 5m."),
    "eviction-max-pod-grace-period": ("SECONDS", "What a soft eviction leaves a pod to end, at most. Default: 0."),
    "kube-reserved": ("LIST", "Kept from pods for Knarr itself, as cpu=200m,memory=150Mi."),
    "system-reserved": ("LIST", "Kept from pods for the rest of the machine, likewise."),
    "enforce-node-allocatable": ("LIST", "Whose bounds are enforced: none, pods, kube-reserved, system-reserved."),
    "pod-max-pids": ("N", "Tasks that one pod may have. Default: 4096; -1: no bound."),
    "max-pods": ("N", "Pods on this node. Default: 250."),
    "allowed-unsafe-sysctls": ("LIST", "Kernel parameters pods may set beyond the safe ones, as kernel.msg*."),
}


def node_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets those that were given as one dict `node_options`, with None where none was."""
    def gathered(**given: Any) -> Any:
        said = {name: given.pop(name.replace("-", "_")) for name in OPTIONS}
        chosen = {name: value for name, value in said.items() if value is not None}
        return command(**given, node_options=chosen or None)

    wrapped = gathered
    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    wrapped.__click_params__ = getattr(command, "__click_params__", [])     # type: ignore[attr-defined]
    for name, (metavar, text) in reversed(OPTIONS.items()):
        wrapped = click.option(f"--{name}", metavar=metavar, help=text)(wrapped)
    return wrapped
