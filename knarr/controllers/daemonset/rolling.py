"""Replace a DaemonSet's old pods, a few nodes at a time. Pure. Source: kube daemon/update.go, rollingUpdate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from knarr.api.types.apps_v1 import DaemonSet
from knarr.api.types.core_v1 import Pod
from knarr.reconcile.pods import is_terminating

HASH = "controller-revision-hash"


@dataclass(frozen=True, slots=True)
class Step:
    """Old pods to delete now, and nodes that get a new pod beside the old one."""

    stop: list[Pod] = field(default_factory=list)
    surge: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Pair:
    """A node's pod of the present revision, and of another. clear: there is at most one of each."""

    new: Pod | None
    old: Pod | None
    clear: bool = True


def step(
    daemonset: DaemonSet, by_node: Mapping[str, Sequence[Pod]], *, short: str, wanted: int,
    available: Callable[[Pod], bool],
) -> Step:
    """Return the next replacements. by_node: pods on every node that shall have one; short: the revision's hash."""
    pairs = {name: pair(pods, short) for name, pods in by_node.items()}
    surge = max_surge(daemonset, wanted)
    if surge:
        return _surging(pairs, surge, available)
    return _in_place(pairs, max_unavailable(daemonset, wanted), available)


def pair(pods: Sequence[Pod], short: str) -> Pair:
    """Find a node's new and old pod; what is being deleted is neither."""
    staying = [pod for pod in pods if not is_terminating(pod)]
    new = [pod for pod in staying if pod.metadata.labels.get(HASH) == short]
    old = [pod for pod in staying if pod.metadata.labels.get(HASH) != short]
    return Pair(new[0] if new else None, old[0] if old else None, clear=len(new) < 2 and len(old) < 2)


def max_surge(daemonset: DaemonSet, wanted: int) -> int:
    """Return on how many nodes a new pod may stand beside the old one."""
    rolling = daemonset.spec.updateStrategy.rollingUpdate if daemonset.spec.updateStrategy is not None else None
    return _rounded_up(rolling.maxSurge, wanted) if rolling is not None and rolling.maxSurge is not None else 0


def max_unavailable(daemonset: DaemonSet, wanted: int) -> int:
    """Return on how many nodes the pod may be unavailable; at least one, as nothing may surge then."""
    rolling = daemonset.spec.updateStrategy.rollingUpdate if daemonset.spec.updateStrategy is not None else None
    value = rolling.maxUnavailable if rolling is not None and rolling.maxUnavailable is not None else 1
    return max(1, _rounded_up(value, wanted))


def _in_place(pairs: Mapping[str, Pair], limit: int, available: Callable[[Pod], bool]) -> Step:
    """Delete old pods that serve nobody at once, others as far as the limit allows."""
    down = 0
    useless: list[Pod] = []
    candidates: list[Pod] = []
    for one in pairs.values():
        if not one.clear or (one.new is None) == (one.old is None):
            down += 1        # this node's pods are being settled: it counts as unavailable
        elif one.new is not None:
            down += not available(one.new)
        elif one.old is not None and not available(one.old):
            useless.append(one.old)
        elif one.old is not None:
            candidates.append(one.old)
    return Step(stop=useless + candidates[: max(0, limit - down)])


def _surging(pairs: Mapping[str, Pair], limit: int, available: Callable[[Pod], bool]) -> Step:
    """Put new pods beside old ones as far as the limit allows; an old one goes when the new one serves."""
    stop: list[Pod] = []
    beside = 0
    useless: list[str] = []
    candidates: list[str] = []
    for name, one in pairs.items():
        if not one.clear:
            beside += 1
        elif one.new is not None and one.old is not None:
            if available(one.new) or not available(one.old):
                stop.append(one.old)
            else:
                beside += 1
        elif one.new is not None:
            beside += not available(one.new)
        elif one.old is not None:
            (candidates if available(one.old) else useless).append(name)
    return Step(stop=stop, surge=useless + candidates[: max(0, limit - beside)])


def _rounded_up(value: int | str, total: int) -> int:
    """Return a number, or a percentage of `total`, rounded up without floating point."""
    if isinstance(value, str):
        return -(-int(value.rstrip("%")) * total // 100)
    return value
