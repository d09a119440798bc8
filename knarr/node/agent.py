"""Be this machine's node: start the runtime, take over what runs, follow the API, hear the runtime.

Theory of operation: every pod of this node has a worker (see `worker`). The informer tells workers what is wanted, the
runtime's events tell them what ends, a relist now and then tells what was missed. The agent may die at any moment: the
next one builds the same workers from the runtime's labels and annotations, and from the API.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import structlog

from knarr.api.errors import ApiError
from knarr.api.types.core_v1 import Node, ObjectReference, Pod, Service
from knarr.api.types.node_v1 import RuntimeClass
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.client.client import Client, Selection
from knarr.client.informers import Informers
from knarr.node import adopt, cni, nodestatus, pausefilter, shims, status, sysctls
from knarr.node.act import Hands
from knarr.node.admission import OF_THE_NODE, Admission
from knarr.node.alignment import topology
from knarr.node.alignment.book import Book
from knarr.node.alignment.topology import Topology
from knarr.node.arrivals import Arrivals
from knarr.node.containerd import Containerd
from knarr.node.cri.face import Features, Runtime, RuntimeEvent, RuntimeFault
from knarr.node.cri.runtime import CriRuntime
from knarr.node.deadlogs import DeadLogs
from knarr.node.devices.face import DeviceService, NoDevices
from knarr.node.eviction import signals
from knarr.node.eviction.evictor import Doors, Evictor
from knarr.node.eviction.imagegc import ImageCollector
from knarr.node.eviction.thresholds import Level
from knarr.node.faces import DnsConfig, Lookup, NodeFacts, PodVolumes, ProbeEvent, Verdict
from knarr.node.heartbeat import Heartbeat
from knarr.node.hooks import Hooks
from knarr.node.images import Images
from knarr.node.keeper import Keeper, Runner
from knarr.node.logrotate import LogRotation
from knarr.node.lookup import AgentLookup
from knarr.node.orphans import remove_folders, remove_orphan
from knarr.node.podgroups import PodGroups
from knarr.node.podmachine.state import Begin, Machine, PodGone, Probed, Refusal, Refused, SandboxLost
from knarr.node.podmachine.table import Phase, Stage
from knarr.node.probes.counts import ProbeCounts
from knarr.node.probes.prober import Prober
from knarr.node.registries.providers import Providers
from knarr.node.registries.registry import registry_of
from knarr.node.settings import Settings
from knarr.node.shutdown import Shutdown
from knarr.node.staticpods.manifest import is_mirror
from knarr.node.staticpods.statics import StaticPods, StaticWorker
from knarr.node.statuswriter import StatusWriter
from knarr.node.strays import Strays
from knarr.node.tools import Tools
from knarr.node.worker import PodWorker
from knarr.reconcile.events import Recorder

READY_S = 60.0         # for the runtime to answer at start
RELIST_S = 20.0        # the safety net under the runtime's events
EVENTS_RETRY = Backoff(first_s=0.1, factor=2, cap_s=5)

W = TypeVar("W", bound=PodWorker)

log = structlog.get_logger()


async def always_up() -> AsyncIterator[bool]:
    """Tell nothing of the machine's power."""
    nothing: tuple[bool, ...] = ()
    for coming in nothing:
        yield coming


class VolumeService(PodVolumes, Protocol):
    """Volumes with their life."""

    async def run(self) -> None:
        """Refresh contents until cancelled."""
        ...

    def known(self) -> tuple[str, ...]:
        """Return the uids of the pods that have volumes."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What `build` brings together with the core. serve: runs the HTTPS port until cancelled.

    levels: how much the machine has left of what pods share, by eviction signal. facts: what the machine is.
    power: tells when the machine is about to go down (True), and when it stays up after all (False).
    """

    volumes: VolumeService
    hosts_file: Callable[[Pod, str], str]
    dns_config: Callable[[Pod], DnsConfig]
    serve: Callable[[Runtime, Lookup], Coroutine[Any, Any, None]]
    credential_providers: Providers
    levels: Callable[[Settings], Mapping[str, Level]] = signals.read
    facts: Callable[[Path], nodestatus.MachineFacts] = nodestatus.machine_facts
    devices: DeviceService = field(default_factory=NoDevices)
    topology: Callable[[], Topology] = topology.read
    power: Callable[[], AsyncIterator[bool]] = always_up


class Agent:
    """This machine's node agent. `run` runs until cancelled and leaves all containers running."""

    def __init__(self, settings: Settings, client: Client, *, clock: Clock, rng: Rng, parts: Parts) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._parts = parts
        self.workers: dict[str, PodWorker] = {}
        self.containerd = Containerd(settings, clock)
        informers = Informers(client, clock=clock, rng=rng)
        self._informers = informers
        self._pods = informers.of(Pod, Selection(fields=f"spec.nodeName={settings.node_name}"))
        self._services = informers.of(Service)
        self._classes = informers.of(RuntimeClass)
        self._strays, self._shims = Strays(), shims.Reaper(settings)
        self._admission = Admission(dict, frozenset)
        self._shutdown = Shutdown(settings.rules.shutdown, clock, workers=lambda: tuple(self.workers.values()))
        self._statics: StaticPods | None = None
        self._taken_over = False        # all pods have workers: what has none is nobody's
        self._node = ObjectReference(kind="Node", name=settings.node_name, uid=settings.node_name)
        self._probe_counts = ProbeCounts()
        self.lookup = AgentLookup(self.workers, self._pod, self._probe_counts)

    async def run(self) -> None:
        """Run until cancelled. A bug in any part ends it; faults do not."""
        settings = self._settings
        for folder in (settings.pods_dir, settings.manifests_dir, settings.seccomp_dir):
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        async with asyncio.TaskGroup() as group:
            if settings.managed:
                cni.write(settings)
                pausefilter.write(settings)
                await self.containerd.renew()
                self.containerd.start()
                group.create_task(self.containerd.run())
            runtime = CriRuntime(settings.endpoint)
            try:
                await runtime.ready(READY_S)
                await self.serve(group, runtime)
            finally:
                await runtime.close()

    async def serve(self, group: asyncio.TaskGroup, runtime: Runtime) -> None:
        """Start every part on a runtime that answers, then hear it for ever."""
        settings, clock, devices = self._settings, self._clock, self._parts.devices
        facts = self._parts.facts(settings.data_dir)
        recorder = Recorder(self._client, clock=clock, component="kubelet", host=settings.node_name)
        heartbeat = Heartbeat(
            settings, self._client, runtime, facts=facts, clock=clock,
            changing=lambda: nodestatus.Changing(evictor.pressures, devices.amounts(), self._shutdown.trouble()))
        await heartbeat.learn_features()
        tools = self._tools(runtime, recorder, facts=facts, group=group, features=lambda: heartbeat.features)
        tools.groups.prepare(nodestatus.whole_capacity(settings, facts))
        if settings.managed:
            await asyncio.to_thread(cni.apply_masquerade, settings)
            await tools.images.ensure_sandbox_image()
        prober = Prober(clock, runtime.exec_sync, sink=self._probed, event=self._probe_event(tools),
                        counts=self._probe_counts)
        writer = StatusWriter(settings, self._client, clock=clock, group=group, devices=self._parts.devices.health)
        devices.on_change(lambda uid: writer.mark(self.workers[uid]) if uid in self.workers else None)
        hands = Hands(tools, prober, writer=writer, forget=self._forget)
        evictor = self._evictor(runtime, recorder)
        shares = nodestatus.allocatable_amounts(settings, facts)
        self._admission = Admission(lambda: {**shares, **devices.amounts().allocatable}, lambda: evictor.pressures,
                                    node=lambda: heartbeat.node, apparmor=facts.apparmor,
                                    strict_groups=lambda: heartbeat.features.only_these_groups,
                                    sysctls=sysctls.safe(facts.kernel) | {*settings.rules.unsafe_sysctls})

        def told(text: str) -> None:
            recorder.event(self._node, "NodeShutdown", text)
            heartbeat.urgent.set()

        for part in (heartbeat.run(), evictor.run(), self._informers.run(), recorder.run(), prober.run(),
                     self._parts.volumes.run(), devices.run(), LogRotation(settings, runtime, clock).run(),
                     self._parts.serve(runtime, self.lookup), self._shutdown.run(self._parts.power(), told)):
            group.create_task(part)
        try:
            async with asyncio.TaskGroup() as own:
                await self._run_statics(own, tools, hands, writer=writer)
                own.create_task(self._hear_forever(tools, hands))
                own.create_task(self._relist_forever(tools, hands))
                await self._informers.wait_synced()
                await self._adopt(tools, hands, writer=writer)
                own.create_task(tools.alignment.run(runtime.update_pin, self._running))
        finally:
            hands.close()

    async def _run_statics(self, group: asyncio.TaskGroup, tools: Tools, hands: Hands, *, writer: StatusWriter) -> None:
        """Start what the files ask for, before anybody has seen the API, and follow them from now on."""
        def worker_of(machine: Machine) -> StaticWorker:
            return StaticWorker(machine, self._clock, perform=hands.perform, changed=writer.mark)

        async def start(pod: Pod, left: adopt.Remains) -> StaticWorker:
            worker = await self._adopted(pod, left, tools=tools, worker_of=worker_of)
            refusal = None if worker.sandboxes else await self._unfit(pod)      # who lives here may stay
            self.workers[worker.uid] = worker
            worker.post(Begin() if refusal is None else Refused(refusal))
            return worker

        def tell(reason: str, text: str) -> None:
            tools.recorder.event(self._node, reason, text, type="Warning")

        self._statics = StaticPods(self._settings, self._client, self._clock, start=start, tell=tell,
                                   shown=lambda: self._pods.objects)
        if self._settings.manifests_dir.is_dir():
            await self._statics.look(await self._left(tools))
            group.create_task(self._statics.run())

    async def _unfit(self, pod: Pod) -> Refusal | None:
        """Return why a static pod is not taken; who cannot read its node anew believes what is known of it."""
        refusal = self._shutdown.refusal() or self._admission.judge(pod, self._living())
        if refusal not in OF_THE_NODE:
            return refusal
        try:
            node = await self._client.get(Node, "", self._settings.node_name)
        except (ApiError, OSError) as fault:
            log.info("node.read", error=str(fault))
            return refusal
        return self._admission.judge(pod, self._living(), node=node)

    async def _left(self, tools: Tools) -> dict[str, adopt.Remains]:
        return adopt.remains(await tools.runtime.list_sandboxes(), await tools.runtime.list_containers())

    def _pod(self, namespace: str, name: str) -> Pod | None:
        """Return a pod of this node by name; a static one as the node runs it, not as the API shows it."""
        static = self._statics.pod(namespace, name) if self._statics is not None else None
        return static or self._pods.get(namespace, name)

    def _evictor(self, runtime: Runtime, recorder: Recorder) -> Evictor:
        settings = self._settings
        images = ImageCollector(runtime, self._clock, pods=self.lookup.pods, keep=settings.sandbox_image,
                                rules=settings.rules.images)
        return Evictor(settings, runtime, self._clock, Doors(
            workers=self.workers.values,
            tell=lambda reason, text: recorder.event(self._node, reason, text, type="Warning"),
            images=images, levels=lambda: self._parts.levels(settings)))

    def _tools(self, runtime: Runtime, recorder: Recorder, *, facts: nodestatus.MachineFacts,
               group: asyncio.TaskGroup, features: Callable[[], Features]) -> Tools:
        settings, ground = self._settings, nodestatus.ground(self._settings, facts)
        shares = nodestatus.allocatable_amounts(settings, facts)
        node = NodeFacts(settings.node_name, settings.node_ip, shares["cpu"], shares["memory"],
                         shares["ephemeral-storage"])
        return Tools(
            settings=settings, groups=PodGroups(
                settings.cgroup_parent, settings.cgroup_root, settings.rules, ground.hugepages),
            dead=DeadLogs(settings, self._clock),
            client=self._client, clock=self._clock, runtime=runtime,
            images=Images(settings, runtime), recorder=recorder,
            volumes=self._parts.volumes, devices=self._parts.devices, alignment=self._keeper(),
            registry=registry_of(settings, self._client, runtime, providers=self._parts.credential_providers),
            hooks=Hooks(runtime, self._clock), group=group, services=self._services.all, pods=self.lookup.pods,
            features=features, runtime_class=lambda name: self._classes.get("", name),
            node_facts=lambda: node,
            hosts_file=self._parts.hosts_file, dns_config=self._parts.dns_config,
            ground=ground, sandbox_slots=asyncio.Semaphore(settings.sandbox_parallel),
            start_slots=asyncio.Semaphore(settings.start_parallel),
        )

    def _keeper(self) -> Keeper:
        """Take up who has which processors and memory. The machine is asked for its own only where that matters."""
        rules, book = self._settings.rules.alignment, Book(self._settings.alignment_file)
        asked = rules.pins or rules.policy != "none" or book.file.exists()
        machine = self._parts.topology() if asked else Topology()
        book.read(machine.numbers, machine.nodes)
        return Keeper(rules, machine, book, self._parts.devices)

    def _running(self) -> Iterator[Runner]:
        for uid, worker in self.workers.items():
            for box in worker.machine.boxes:
                if box.run is not None and not box.run.ended:
                    yield Runner(uid, box.name, box.run.id)

    async def _adopt(self, tools: Tools, hands: Hands, *, writer: StatusWriter) -> None:
        """Take over what runs, stop what nobody wants, then follow the informer."""
        left = await self._left(tools)
        wanted = {pod.metadata.uid or "": pod for pod in sorted(self._pods.all(), key=first_by_priority)
                  if not is_mirror(pod)}
        tools.alignment.keep({*wanted, *self.workers})

        def worker_of(machine: Machine) -> PodWorker:
            return PodWorker(machine, self._clock, perform=hands.perform, changed=writer.mark)

        def new_worker(pod: Pod) -> PodWorker:
            return worker_of(adopt.machine_of(
                pod, adopt.NOTHING, reports={}, ips=(), now_s=self._clock.now_s(),
                backoff_cap_s=self._settings.rules.crash_loop_max_s))

        arrivals = Arrivals(
            self._admission, self.workers, self._settings.node_name, self._client, self._clock, tools.group,
            closed=self._shutdown.refusal, living=self._living, shown=self._shown, make=new_worker)
        for uid, pod in wanted.items():
            worker = await self._adopted(pod, left.get(uid, adopt.NOTHING), tools=tools, worker_of=worker_of)
            arrivals.come(worker)
        known = wanted.keys() | self.workers.keys()
        for uid in left.keys() - known:
            tools.group.create_task(self._remove_orphan(tools, uid, left[uid]))
        for uid in {folder.name for folder in self._settings.pods_dir.iterdir()} - known - left.keys():
            tools.group.create_task(remove_folders(tools, uid))

        def changed(old: Pod | None, new: Pod | None) -> None:
            if self._statics is not None and self._statics.see(old, new):
                return
            if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
                self._gone(old)
            if new is None:
                return
            known = self.workers.get(new.metadata.uid or "")
            if known is not None:
                known.see(new)
                self._parts.volumes.see(known.machine.pod)
            else:
                arrivals.see(new)

        self._pods.on_change(changed)
        for pod in wanted.values():     # who went while we took over: nobody tells of that any more
            if self._shown(pod) is None:
                self._gone(pod)
        self._taken_over = True

    def _shown(self, pod: Pod) -> Pod | None:
        """Return a pod's newest object; None where there is none, or its name is another's now."""
        found = self._pods.get(pod.metadata.namespace or "", pod.metadata.name or "")
        return found if found is not None and found.metadata.uid == pod.metadata.uid else None

    async def _adopted(self, pod: Pod, left: adopt.Remains, *, tools: Tools,
                       worker_of: Callable[[Machine], W]) -> W:
        """Return the worker of a pod that may run already."""
        sandbox = adopt.newest(left.sandboxes)
        left, reports = await adopt.begun(tools.runtime, pod, left)
        hosted = pod.spec.hostNetwork or sandbox is None or not sandbox.ready
        ips = () if hosted or sandbox is None else await tools.runtime.sandbox_ips(sandbox.id)
        machine = adopt.machine_of(pod, left, reports=reports, ips=ips, now_s=self._clock.now_s(),
                                   backoff_cap_s=self._settings.rules.crash_loop_max_s)
        worker = worker_of(machine)
        worker.silent = machine.phase is Phase.ENDED
        worker.sandboxes.update(each.id for each in left.sandboxes)
        worker.created.update({line.id: (line.name, line.attempt) for line in left.containers})
        tools.owners.update(dict.fromkeys((*worker.created, *worker.sandboxes), worker))
        log.info("pod.adopted", pod=pod.metadata.name, namespace=pod.metadata.namespace, sandboxes=len(left.sandboxes),
                 containers=len(left.containers))
        return worker

    async def _remove_orphan(self, tools: Tools, uid: str, left: adopt.Remains) -> None:
        self._strays.leaving.add(uid)
        try:
            await remove_orphan(tools, uid, left)
        finally:
            self._strays.leaving.discard(uid)

    async def _reap(self, containerd_pid: int, known: Mapping[str, bool]) -> None:
        """End shims that containerd has forgotten. containerd_pid: who told `known`, 0 if not ours.

        known: sandbox id -> whether anything of it runs.
        """
        if not containerd_pid or containerd_pid != self.containerd.pid():
            return
        now_s = self._clock.monotonic_s()
        for sandbox_id in await asyncio.to_thread(self._shims.reap, containerd_pid, known, now_s):
            log.warning("shim.stray", sandbox=sandbox_id)

    def _living(self) -> list[Pod]:
        """Return the pods that use what they ask for."""
        return [worker.machine.pod for worker in self.workers.values() if worker.machine.phase not in status.OVER
                and worker.machine.pod.status.phase not in status.TERMINAL and worker.machine.refusal is None]

    def _gone(self, pod: Pod) -> None:
        """The API no longer has a pod."""
        worker = self.workers.get(pod.metadata.uid or "")
        if worker is None:
            return
        if worker.gone:
            del self.workers[worker.uid]
        else:
            worker.post(PodGone())

    def _forget(self, worker: PodWorker) -> None:
        """A pod is removed from the machine; while the API still shows it, it is kept so as not to be made anew."""
        meta = worker.machine.pod.metadata
        shown = self._pods.get(meta.namespace or "", meta.name or "")
        if shown is None or shown.metadata.uid != meta.uid:
            self.workers.pop(worker.uid, None)
        if self._statics is not None:
            self._statics.ended(worker)

    def _probed(self, verdict: Verdict) -> None:
        worker = self.workers.get(verdict.pod_uid)
        if worker is not None:
            worker.post(Probed(verdict.container, verdict.container_id, verdict.kind, verdict.ok))

    def _probe_event(self, tools: Tools) -> Callable[[ProbeEvent], None]:
        def tell(event: ProbeEvent) -> None:
            worker = self.workers.get(event.pod_uid)
            if worker is not None:
                tools.teller(worker.machine.pod, event.container)(event.reason, event.message, "Warning")

        return tell

    async def _hear_forever(self, tools: Tools, hands: Hands) -> NoReturn:
        """Follow the runtime's events; after every break relist, as ends may have been missed."""
        failures = 0
        while True:
            try:
                async for event in tools.runtime.events():
                    failures = 0
                    self._ended(tools, hands, event=event)
            except RuntimeFault as fault:
                log.info("runtime.events", error=str(fault), failures=failures)
            await self._clock.sleep(EVENTS_RETRY.delay_s(failures))
            failures += 1
            await self._relist(tools, hands)

    def _ended(self, tools: Tools, hands: Hands, *, event: RuntimeEvent) -> None:
        worker = tools.owners.get(event.container_id)
        if worker is None or worker.gone or event.kind != "exited":
            return
        if event.container_id in worker.created:
            tools.group.create_task(hands.hear_end(worker, event))
        else:
            worker.post(SandboxLost(event.container_id))

    async def _relist_forever(self, tools: Tools, hands: Hands) -> NoReturn:
        while True:
            await self._clock.sleep(RELIST_S)
            await self._relist(tools, hands)
            tools.groups.share(self.lookup.pods())

    async def _relist(self, tools: Tools, hands: Hands) -> None:
        """Compare what we think runs with what does."""
        before = {uid: worker.machine for uid, worker in self.workers.items()}
        try:
            containerd_pid = self.containerd.pid() if self._settings.managed else 0
            sandboxes = await tools.runtime.list_sandboxes()
            lines = [line for line in await tools.runtime.list_containers() if line.state == "running"]
            running, busy = {line.id for line in lines}, {line.sandbox_id for line in lines}
            strays = self._strays.look(sandboxes, self.workers) if self._taken_over else []
            for stray in strays:
                log.warning("sandbox.stray", sandbox=stray)
                await tools.runtime.remove_sandbox(stray)
            await self._reap(containerd_pid, {
                each.id: each.ready or each.id in busy for each in sandboxes if each.id not in strays})
        except RuntimeFault as fault:
            log.info("runtime.relist", error=str(fault))
            return
        ready = {each.id for each in sandboxes if each.ready}
        for uid, machine in before.items():
            worker = self.workers.get(uid)
            if worker is None:
                continue
            for box in machine.boxes:
                if box.stage in (Stage.RUNNING, Stage.STOPPING) and box.run is not None and box.run.id not in running:
                    await hands.tell_end(worker, box.run.id)
            if machine.phase is Phase.UP and machine.sandbox_id not in ready:
                worker.post(SandboxLost(machine.sandbox_id))


def first_by_priority(pod: Pod) -> int:
    """Order pods as they come back after a reboot: the most important first."""
    return -(pod.spec.priority or 0)
