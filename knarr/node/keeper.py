"""Give each container its processors, memory and devices once, close to each other, and keep what was given.

Theory of operation: a pod that comes is served container by container. All providers offer sets of NUMA nodes, `hints`
agrees on one, then each gives something there; what cannot be had refuses the pod. What is given stands in a file, so
that an agent that comes back knows it. Whoever has no processors of its own shares the rest, which shrinks and grows:
the runtime is told for all of them. Source: kube kubelet/cm/topologymanager/scope_container.go, scope_pod.go,
cpumanager/cpu_manager.go (reconcileState).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias

import structlog

from knarr.api.types.core_v1 import Container, Pod
from knarr.node.alignment import cpus, memory
from knarr.node.alignment.book import Book, Share
from knarr.node.alignment.hints import ANY_DISTANCE, UNASKED, Hint, Offer, agree
from knarr.node.alignment.packing import NotEnough
from knarr.node.alignment.topology import Topology, listed
from knarr.node.cri.face import NO_PIN, Pin, RuntimeFault
from knarr.node.devices.face import DeviceService
from knarr.node.devices.pool import Unavailable, in_order, needed
from knarr.node.plugins.rpc import PluginFault
from knarr.node.podmachine.state import Refusal
from knarr.node.rules import Alignment

CPU: Final = "cpu"
LOOK_S: Final = 10.0       # between two looks at what containers have. Source: cpuManagerReconcilePeriod
UNFIT: Final = Refusal("TopologyAffinityError", "Resources cannot be allocated with Topology locality")

Update: TypeAlias = Callable[[str, Pin], Awaitable[None]]       # of the container with this id; raises RuntimeFault
Running: TypeAlias = Callable[[], Iterable["Runner"]]

log = structlog.get_logger()


class Unsuited(Exception):
    """A pod cannot be served as it asks."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Runner:
    """A container that runs now."""

    pod_uid: str
    name: str
    container_id: str


class Keeper:
    """One node's processors, memory and devices. Raises NotEnough where the machine has less than is reserved."""

    def __init__(self, rules: Alignment, topology: Topology, book: Book, devices: DeviceService) -> None:
        self._rules, self._topology, self._book, self._devices = rules, topology, book, devices
        self._giving = asyncio.Lock()
        self._moved = asyncio.Event()
        self._pinned: dict[str, Pin] = {}
        self._reserved = reserved_cpus(rules, topology) if rules.cpus == "static" else frozenset()
        self._memory = {node: {name: max(0, size - rules.reserved_memory.get(node, {}).get(name, 0))
                               for name, size in amounts.items()} for node, amounts in topology.memory.items()}

    async def admit(self, pod: Pod, *, runs: bool = False) -> Refusal | None:
        """Serve a pod's containers, once; or say why that cannot be. Raises OSError.

        runs: it does already, and came under other rules: what it cannot have now is no reason to end it.
        """
        uid, before = pod.metadata.uid or "", self.shared()
        if uid in self._book.held:
            return None
        async with self._giving:
            try:
                await self._serve(pod)
            except Unsuited as fault:
                self.release(uid)
                if not runs:
                    return fault.refusal
                log.warning("alignment.shares", pod=pod.metadata.name, pod_uid=uid, error=str(fault))
            if self._rules.pins or self._rules.policy != "none":
                self._book.held.setdefault(uid, {})     # taken, once and for all
                self._book.write()
            self._devices.record(uid)
        if self.shared() != before:
            self._moved.set()
        return None

    def shared(self) -> frozenset[int]:
        """Return the processors of those that have none of their own."""
        strict = cpus.STRICT_RESERVATION in self._rules.cpu_options
        return self._topology.numbers - self._book.alone() - (self._reserved if strict else frozenset())

    def pin(self, pod_uid: str, container: str) -> Pin:
        """Return where a container may run and have its memory."""
        if not self._rules.pins:
            return NO_PIN
        share = self._book.share(pod_uid, container)
        own = listed(share.cpus or self.shared()) if self._rules.cpus == "static" else ""
        return Pin(own, listed(share.memory))

    def fixed(self, pod_uid: str) -> str:
        """Return why a pod's amounts cannot change while it runs; empty where they can."""
        shares = self._book.held.get(pod_uid, {}).values()
        named = {"CPU": any(share.cpus for share in shares), "Memory": any(share.memory for share in shares)}
        return next((f"Resize is infeasible for Guaranteed Pods with {name} Manager static policy"
                     for name, has in named.items() if has), "")

    def release(self, pod_uid: str) -> None:
        """Take back what a pod has. Idempotent."""
        self._devices.release(pod_uid)
        if self._book.held.pop(pod_uid, None) is not None:
            self._book.write()
            self._moved.set()

    def keep(self, pod_uids: set[str]) -> None:
        """Take back what all other pods have."""
        self._devices.keep(pod_uids)
        for uid in self._book.held.keys() - pod_uids:
            self.release(uid)

    async def run(self, update: Update, running: Running) -> NoReturn:
        """Keep those that share where they may be, until cancelled. running: all containers that run now."""
        if not self._rules.pins:
            await self._unpin(update, running)
            await asyncio.Event().wait()
        while True:
            self._moved.clear()
            there = {one.container_id: one for one in running()}
            self._pinned = {container_id: pin for container_id, pin in self._pinned.items() if container_id in there}
            for container_id, one in there.items():
                pin = self.pin(one.pod_uid, one.name)
                if self._pinned.get(container_id) != pin and await _told(update, container_id, pin):
                    self._pinned[container_id] = pin
            try:
                await asyncio.wait_for(self._moved.wait(), LOOK_S)
            except TimeoutError:
                continue

    async def _unpin(self, update: Update, running: Running) -> None:
        """Let everybody run everywhere again, where an agent with other rules had pinned them."""
        if not self._book.file.exists():
            return
        everywhere = Pin(listed(self._topology.numbers), listed(self._topology.memory))
        told = [await _told(update, one.container_id, everywhere) for one in running()]
        if all(told):
            self._book.held.clear()
            self._book.file.unlink()

    async def _serve(self, pod: Pod) -> None:
        """Serve one container after the other. Raises Unsuited."""
        whole = self._agreed(pod, [each for each, _ in in_order(pod)]) if self._rules.scope == "pod" else None
        for container, _ in in_order(pod):
            near = whole or self._agreed(pod, [container])
            try:
                await self._devices.give(pod, container, near.nodes)
                self._give(pod, container, near)
            except cpus.Misaligned as fault:
                raise Unsuited(Refusal("SMTAlignmentError", str(fault))) from fault
            except (Unavailable, PluginFault, NotEnough, memory.NoMemory) as fault:
                raise Unsuited(Refusal("UnexpectedAdmissionError",
                                       f"Allocate failed due to {fault}, which is unexpected")) from fault

    def _agreed(self, pod: Pod, containers: list[Container]) -> Hint:
        """Return where these containers' things shall lie. Raises Unsuited."""
        if self._rules.policy == "none":
            return UNASKED
        offers: list[Mapping[str, Offer]] = [self._devices.offers(pod, containers, self._topology.nodes)]
        count = needed(pod, containers, lambda one: {CPU: cpus.asked(pod, one)}).get(CPU, 0)
        if self._rules.cpus == "static" and count:
            again = self._again(pod, containers[0])
            offers.append({CPU: cpus.offers(self._topology, self._free(), again, count, self._rules.cpu_options)})
        amounts = needed(pod, containers, lambda one: memory.asked(pod, one))
        if self._rules.memory == "Static" and amounts:
            given = self._book.memory(pod.metadata.uid or "", self._before(pod, containers[0]))
            offers.append(dict(memory.offers(self._memory, given, amounts)))
        hint, admitted = agree(self._rules.policy, self._topology.nodes, offers,
                               self._topology.distances if self._rules.closest else ANY_DISTANCE)
        if not admitted:
            raise Unsuited(UNFIT)
        return hint

    def _give(self, pod: Pod, container: Container, near: Hint) -> None:
        """Give a container its processors and memory. Raises NotEnough, Misaligned, NoMemory."""
        uid = pod.metadata.uid or ""
        if container.name in self._book.held.get(uid, {}):
            return
        numbers: frozenset[int] = frozenset()
        given: dict[int, dict[str, int]] = {}
        count, amounts = cpus.asked(pod, container), memory.asked(pod, container)
        if self._rules.cpus == "static" and count:
            if cpus.FULL_CORES in self._rules.cpu_options:
                cpus.check_whole(count, self._topology.threads_per_core)
            numbers = cpus.chosen(self._topology, self._free() | self._again(pod, container), count, near.nodes,
                                  self._rules.cpu_options)
        if self._rules.memory == "Static" and amounts:
            before = self._before(pod, container)
            given = memory.chosen(self._memory, self._book.memory(uid, before), amounts, near)
            self._book.reuse(uid, before, given)
        if numbers or given:
            self._book.give(uid, container.name, Share(tuple(sorted(numbers)), given))

    def _free(self) -> frozenset[int]:
        return self._topology.numbers - self._reserved - self._book.alone()

    def _again(self, pod: Pod, container: Container) -> frozenset[int]:
        """Return the processors of init containers before it that no sidecar nor container has been given since."""
        uid, before = pod.metadata.uid or "", self._before(pod, container)
        kept = self._book.held.get(uid, {}).keys() - before
        return self._book.cpus(uid, before) - self._book.cpus(uid, kept)

    @staticmethod
    def _before(pod: Pod, container: Container) -> frozenset[str]:
        """Return the init containers that have ended when it starts."""
        names = [each.name for each, _ in in_order(pod)]
        earlier = names[:names.index(container.name)]
        return frozenset(each.name for each, passing in in_order(pod) if passing and each.name in earlier)


def reserved_cpus(rules: Alignment, topology: Topology) -> frozenset[int]:
    """Return the processors that nobody has alone. Raises NotEnough where the machine has too few."""
    return rules.reserved_cpus or cpus.take(topology, topology.numbers, rules.cpus_kept, rules.cpu_options)


async def _told(update: Update, container_id: str, pin: Pin) -> bool:
    try:
        await update(container_id, pin)
    except RuntimeFault as fault:
        log.warning("alignment.pin", container=container_id, error=str(fault))
        return False
    return True
