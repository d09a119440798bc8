"""Know the devices of each resource, and choose some of them for a container. Pure.

Source: kube kubelet/cm/devicemanager/manager.go (devicesToAllocate, filterByAffinity), topology_hints.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from knarr.api import quantity
from knarr.api.types.core_v1 import Container, Pod
from knarr.node.alignment.hints import Hint, Offer, subsets

GONE_S: Final = 300.0      # how long devices count after their plugin has gone. Source: endpointStopGracePeriod


class Unavailable(Exception):
    """A container cannot have what it asks for; the text is kubelet's."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The devices of one resource.

    devices: id -> whether it is well; gone_s: when its plugin went, if it did; nodes: id -> the NUMA nodes it lies at,
    where the plugin says so.
    """

    resource: str
    devices: Mapping[str, bool] = field(default_factory=dict)
    gone_s: float | None = None
    nodes: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def near(self, nodes: frozenset[int]) -> frozenset[str]:
        """Return the devices that lie at any of these nodes."""
        return frozenset(name for name, own in self.nodes.items() if own & nodes)

    @property
    def well(self) -> frozenset[str]:
        """Return the devices that can be given."""
        there = self.gone_s is None
        return frozenset(name for name, fine in self.devices.items() if fine and there)

    def shown(self, now_s: float) -> tuple[int, int]:
        """Return capacity and allocatable."""
        if self.gone_s is not None and now_s - self.gone_s >= GONE_S:
            return 0, 0
        return len(self.devices), len(self.well)


def wanted(container: Container, resources: Iterable[str]) -> dict[str, int]:
    """Return how many devices of which of these resources a container asks for."""
    limits = container.resources.limits if container.resources else {}
    return {name: count for name in resources if name in limits and (count := quantity.value(limits[name]))}


def in_order(pod: Pod) -> tuple[tuple[Container, bool], ...]:
    """Return the containers in the order in which they are served, and whether what each has is free again for others.

    What an init container had, the containers after it may have.
    """
    return (*((each, each.restartPolicy != "Always") for each in pod.spec.initContainers),
            *((each, False) for each in pod.spec.containers))


def needed(pod: Pod, containers: Iterable[Container], ask: Callable[[Container], Mapping[str, int]]) -> dict[str, int]:
    """Return what containers need together: init containers run before the others, sidecars beside all after them."""
    among = {each.name for each in containers}
    beside: dict[str, int] = {}
    most: dict[str, int] = {}
    for container, passing in in_order(pod):
        for name, amount in ask(container).items() if container.name in among else ():
            now = beside.get(name, 0) + amount
            most[name] = max(most.get(name, 0), now)
            if not passing:
                beside[name] = now
    return {name: amount for name, amount in most.items() if amount}


def offers(pool: Pool, count: int, all_nodes: frozenset[int], *, used: frozenset[str], again: frozenset[str]) -> Offer:
    """Return the sets of NUMA nodes that have so many; None where no device says where it lies."""
    if not pool.nodes:
        return None
    available = (pool.well - used) | (pool.well & again)
    if len(available) < count:
        return []
    fitting = [nodes for nodes in subsets(all_nodes) if len(pool.near(nodes)) >= count]
    least = min((len(nodes) for nodes in fitting), default=len(all_nodes))
    return [Hint(nodes, len(nodes) == least) for nodes in fitting
            if again & pool.well <= pool.near(nodes) and len(available & pool.near(nodes)) >= count]


def free(pool: Pool, needed: int, *, used: frozenset[str], again: frozenset[str]) -> frozenset[str]:
    """Return the devices to choose from. Raises Unavailable.

    used: by anyone; again: of those, what this pod may use again.
    """
    if not pool.devices:
        raise Unavailable(f"cannot allocate unregistered device {pool.resource}")
    if not pool.well:
        raise Unavailable(f"no healthy devices present; cannot allocate unhealthy devices {pool.resource}")
    found = (pool.well - used) | (pool.well & again)
    if len(found) < needed:
        raise Unavailable(f"requested number of devices unavailable for {pool.resource}. Requested: {needed}, "
                          f"Available: {len(found)}")
    return found


def chosen(available: frozenset[str], needed: int, *, first: frozenset[str] = frozenset(),
           preferred: Iterable[str] = ()) -> tuple[str, ...]:
    """Return so many of them: those that must be among them, those the plugin would take, the rest by name."""
    order = [*sorted(first & available), *(name for name in preferred if name in available), *sorted(available)]
    return tuple(sorted(list(dict.fromkeys(order))[:needed]))
