"""Say what the node's core asks of devices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from knarr.api.types.core_v1 import Container, Pod
from knarr.node.alignment.hints import Offer
from knarr.node.faces import Device, Mount


@dataclass(frozen=True, slots=True)
class Grant:
    """The devices of one resource that a container has, and what the plugin wants the container to be given with them.

    cdi: whole names of devices that the runtime knows by the Container Device Interface.
    """

    resource: str
    ids: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    devices: tuple[Device, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    cdi: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many devices there are, and how many are well, by resource."""

    capacity: Mapping[str, int] = field(default_factory=dict)
    allocatable: Mapping[str, int] = field(default_factory=dict)


class DeviceFault(Exception):
    """A plugin does not let a container start; the text is kubelet's."""


class DeviceService(Protocol):
    """One node's devices."""

    async def run(self) -> None:
        """Hear plugins until cancelled."""
        ...

    def amounts(self) -> Amounts:
        """Return how many devices there are."""
        ...

    def offers(self, pod: Pod, containers: Sequence[Container], nodes: frozenset[int]) -> Mapping[str, Offer]:
        """Return by resource which of the machine's NUMA nodes have what containers ask for together."""
        ...

    async def give(self, pod: Pod, container: Container, near: frozenset[int] | None) -> None:
        """Give one container the devices it asks for, once. near: NUMA nodes. Raises Unavailable and PluginFault."""
        ...

    def record(self, pod_uid: str) -> None:
        """Write down what a pod has been given. Raises OSError."""
        ...

    def grants(self, pod_uid: str, container: str) -> tuple[Grant, ...]:
        """Return what a container has."""
        ...

    async def starting(self, pod_uid: str, container: str) -> None:
        """Tell the plugins that want to know it that a container is about to start. Raises DeviceFault."""
        ...

    def on_change(self, tell: Callable[[str], None]) -> None:
        """Have each pod's uid told when the health of what it has may have changed."""
        ...

    def release(self, pod_uid: str) -> None:
        """Take back what a pod has. Idempotent."""
        ...

    def keep(self, pod_uids: set[str]) -> None:
        """Take back what all other pods have."""
        ...

    def health(self, pod_uid: str) -> Mapping[str, list[dict[str, Any]]]:
        """Return container -> allocatedResourcesStatus, for those that have devices."""
        ...


class NoDevices:
    """A node without plugins."""

    async def run(self) -> NoReturn:
        """Wait for ever."""
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    def amounts(self) -> Amounts:
        """There are none."""
        return Amounts()

    def offers(self, pod: Pod, containers: Sequence[Container], nodes: frozenset[int]) -> Mapping[str, Offer]:
        """Nothing is asked for."""
        return {}

    async def give(self, pod: Pod, container: Container, near: frozenset[int] | None) -> None:
        """Nothing is given, nothing refused."""

    def record(self, pod_uid: str) -> None:
        """There is nothing to write."""

    def grants(self, pod_uid: str, container: str) -> tuple[Grant, ...]:
        """Nobody has any."""
        return ()

    async def starting(self, pod_uid: str, container: str) -> None:
        """Nobody wants to know."""

    def on_change(self, tell: Callable[[str], None]) -> None:
        """Nothing changes."""

    def release(self, pod_uid: str) -> None:
        """There is nothing to take back."""

    def keep(self, pod_uids: set[str]) -> None:
        """There is nothing to take back."""

    def health(self, pod_uid: str) -> Mapping[str, list[dict[str, Any]]]:
        """Nobody has any."""
        return {}
