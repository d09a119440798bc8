"""Add up what a pod asks for. Pure. cpu in milli, everything else in whole units, rounded up.

Source: kube component-helpers resource/helpers.go, PodRequests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from knarr.api import quantity
from knarr.api.types import core_v1

# What a container counts as when it asks for nothing, for scores only. Source: kube scheduler util/pod_resources.go.
DEFAULT_CPU_MILLI = 100
DEFAULT_MEMORY_BYTES = 200 * 1024 * 1024

# Resources that `spec.resources` may set for the whole pod. Source: kube resource/helpers.go.
POD_LEVEL = ("cpu", "memory", "hugepages-")


def of_pod(spec: core_v1.PodSpec) -> dict[str, int]:
    """Return the pod's requests by resource name; what it does not name it does not need."""
    return _total(spec, defaults={})


def nonzero(spec: core_v1.PodSpec) -> tuple[int, int]:
    """Return cpu (milli) and memory (bytes), each container counted as something even if it asks for nothing."""
    total = _total(spec, defaults={"cpu": DEFAULT_CPU_MILLI, "memory": DEFAULT_MEMORY_BYTES})
    return total.get("cpu", 0), total.get("memory", 0)


def as_counted(pod: core_v1.Pod) -> core_v1.Pod:
    """Return a placed pod whose containers ask for what counts while they are resized: the most of spec and status.

    What its node will never grant does not count. Source: kube resource/helpers.go, determineContainerReqs.
    """
    granted = {one.name: one.allocatedResources
               for one in (*pod.status.containerStatuses, *pod.status.initContainerStatuses) if one.allocatedResources}
    never = any(one.type == "PodResizePending" and one.reason == "Infeasible" for one in pod.status.conditions)

    def counted(container: core_v1.Container) -> core_v1.Container:
        held, own = granted.get(container.name), container.resources
        if held is None or own is None or held == own.requests:
            return container
        asked = own.requests
        most = {name: _larger(name, asked.get(name, "0"), text) for name, text in held.items()}
        return msgspec.structs.replace(container, resources=msgspec.structs.replace(
            own, requests={**asked, **(held if never else most)}))

    whole, allocated = pod.spec.resources, pod.status.allocatedResources
    if whole is not None and allocated and whole.requests:
        most = {name: text if never else _larger(name, whole.requests[name], text)
                for name, text in allocated.items() if name in whole.requests}
        whole = msgspec.structs.replace(whole, requests={**whole.requests, **most})
    spec = msgspec.structs.replace(pod.spec, resources=whole, containers=tuple(map(counted, pod.spec.containers)),
                                   initContainers=tuple(map(counted, pod.spec.initContainers)))
    return msgspec.structs.replace(pod, spec=spec)


def _larger(name: str, one: str, other: str) -> str:
    return one if amount(name, one) >= amount(name, other) else other


@lru_cache(maxsize=4096)  # the same few amounts come again and again
def amount(name: str, text: str) -> int:
    """Read one quantity in the frame's units, rounded up.

    >>> amount("cpu", "1500m"), amount("memory", "1Ki")
    (1500, 1024)
    """
    found = quantity.parse(text)
    return found.milli if name == "cpu" else found.value


def amounts(found: Mapping[str, str]) -> dict[str, int]:
    """Read a resource list in the frame's units."""
    return {name: amount(name, text) for name, text in found.items()}


def _total(spec: core_v1.PodSpec, *, defaults: Mapping[str, int]) -> dict[str, int]:
    running = _sum(_asked(one, defaults) for one in spec.containers)
    sidecars: dict[str, int] = {}
    starting: dict[str, int] = {}
    for one in spec.initContainers:
        asked = _asked(one, defaults)
        if one.restartPolicy == "Always":
            sidecars = _sum([sidecars, asked])
            asked = sidecars
        else:
            asked = _sum([sidecars, asked])
        starting = {name: max(starting.get(name, 0), asked.get(name, 0)) for name in {*starting, *asked}}
    running = _sum([running, sidecars])
    total = {name: max(starting.get(name, 0), running.get(name, 0)) for name in {*starting, *running}}
    if spec.resources is not None:
        whole = amounts(spec.resources.requests)
        total.update({name: value for name, value in whole.items() if name.startswith(POD_LEVEL)})
    return _sum([total, amounts(spec.overhead)])


def _asked(container: core_v1.Container, defaults: Mapping[str, int]) -> dict[str, int]:
    own = amounts(container.resources.requests) if container.resources else {}
    return {**defaults, **own}


def _sum(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return total
