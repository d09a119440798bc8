"""Hold what everything that acts for pods needs: one bundle, built by the agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from knarr.api.types.core_v1 import ObjectReference, Pod, Service
from knarr.api.types.node_v1 import RuntimeClass
from knarr.base.clock import Clock
from knarr.client.client import Client
from knarr.node import handlers, pausefilter, podcontainers, podnames, specs, users
from knarr.node.containerlimits import Ground
from knarr.node.cri.face import ContainerReport, Features, Runtime, RuntimeFault, SandboxSpec
from knarr.node.deadlogs import DeadLogs
from knarr.node.devices.face import DeviceService
from knarr.node.faces import ConfigError, DnsConfig, NodeFacts, PodVolumes
from knarr.node.hooks import Hooks
from knarr.node.images import Images
from knarr.node.keeper import Keeper
from knarr.node.podgroups import PodGroups
from knarr.node.podmachine.state import Machine, Run
from knarr.node.registries.registry import Registry
from knarr.node.runs import last_words, run_of
from knarr.node.settings import Settings
from knarr.node.worker import PodWorker
from knarr.reconcile.events import Recorder

LAG_TRIES, LAG_S = 8, 0.01     # 10 ms doubling, 2.5 s in all: under load its state shows an exit that late


class Teller(Protocol):
    """Records an event about one container."""

    def __call__(self, reason: str, message: str, type: str = "Normal") -> None: ...


@dataclass(slots=True)
class Tools:
    """What acting needs. owners: container id -> the pod's worker, for the runtime's events.

    features: what the runtime was found to be able to do when it was looked at last.
    """

    settings: Settings
    groups: PodGroups
    dead: DeadLogs
    client: Client
    clock: Clock
    runtime: Runtime
    images: Images
    registry: Registry
    volumes: PodVolumes
    devices: DeviceService
    alignment: Keeper
    recorder: Recorder
    hooks: Hooks
    group: asyncio.TaskGroup
    features: Callable[[], Features]
    services: Callable[[], Iterable[Service]]
    runtime_class: Callable[[str], RuntimeClass | None]
    pods: Callable[[], Iterable[Pod]]       # of this node, with the resources allocated to them
    node_facts: Callable[[], NodeFacts]
    hosts_file: Callable[[Pod, str], str]
    dns_config: Callable[[Pod], DnsConfig]
    ground: Ground
    sandbox_slots: asyncio.Semaphore
    start_slots: asyncio.Semaphore      # of their own, so that the first pods run while later sandboxes are made
    owners: dict[str, PodWorker] = field(default_factory=dict)

    def teller(self, pod: Pod, container: str = "") -> Teller:
        """Return what records events about the pod, or one of its containers."""
        meta = pod.metadata
        where = ObjectReference(
            apiVersion="v1", kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid,
            resourceVersion=meta.resourceVersion, fieldPath=podcontainers.field_path(pod, container) or None)

        def tell(reason: str, message: str, type: str = "Normal") -> None:
            self.recorder.event(where, reason, message, type=type)

        return tell

    def sandbox_spec(self, machine: Machine) -> SandboxSpec:
        """Return the spec of the pod's sandbox. Raises ConfigError for a name that is too long."""
        meta = machine.pod.metadata
        spec = specs.sandbox_spec(
            machine.pod, attempt=machine.sandbox_attempt,
            log_dir=str(self.settings.log_dir(meta.namespace or "", meta.name or "", meta.uid or "")),
            cgroup_parent=self.settings.group_of(machine.pod),
            dns=self.dns_config(machine.pod), seccomp=pausefilter.for_sandbox(self.settings),
        )
        own = users.given(self.settings, meta.uid or "") if has_own_users(machine.pod) else None
        if spec.hostname:
            spec = replace(spec, hostname=podnames.in_kernel(machine.pod, self.settings.cluster_domain))
        return replace(spec, namespaces=replace(spec.namespaces, users=own))

    def handler(self, pod: Pod) -> str:
        """Return which of the runtime's handlers makes the pod. Raises ConfigError where its class is not known.

        Source: kube kubelet/runtimeclass/runtimeclass_manager.go.
        """
        name, found = pod.spec.runtimeClassName or "", None
        if name:
            found = self.runtime_class(name)
            if found is None:
                raise ConfigError(f'runtimeclass.node.k8s.io "{name}" not found')
        handler = found.handler if found is not None else ""
        binds = self.settings.managed and not pod.spec.hostNetwork and specs.port_mappings(pod)
        return handlers.with_ports(handler) if binds else handler

    def give_users(self, pod: Pod, handler: str) -> None:
        """Give a pod that asks for users of its own some. Raises users.NoUsers."""
        if not has_own_users(pod):
            return
        if not self.features().of(handler).user_namespaces:
            raise users.NoUsers("can't set `spec.hostUsers: false`, runtime does not support user namespaces")
        users.give(self.settings, pod.metadata.uid or "")

    async def ended_run(self, worker: PodWorker, container_id: str) -> Run:
        """Return how a run ended, with its last words. Raises as ended_report."""
        return self.spoken(worker, replace_reason(run_of(await self.ended_report(container_id))))

    async def ended_report(self, container_id: str) -> ContainerReport:
        """Return the report of an ended run, once the runtime's state shows it. RuntimeFault where it does not.

        What the runtime has lost sight of it must be told to stop, before it says that it is over.
        """
        for tries in range(LAG_TRIES):
            report = await self.runtime.container_report(container_id)
            if report.state == "exited":
                return report
            if report.state == "unknown":
                await self.runtime.stop_container(container_id, grace_s=0)
            await self.clock.sleep(LAG_S * 2 ** tries)
        raise RuntimeFault("FAILED_PRECONDITION", f"container {container_id} has not ended")

    def spoken(self, worker: PodWorker, run: Run) -> Run:
        """Return an ended run with its last words."""
        name, attempt = worker.created[run.id]
        meta, container = worker.machine.pod.metadata, worker.machine.container(name)
        words = last_words(
            self.settings.pods_dir / (meta.uid or "") / "containers" / name / f"{attempt}.termination",
            self.settings.log_file(meta.namespace or "", meta.name or "", meta.uid or "", name, attempt),
            policy=container.terminationMessagePolicy or "File", failed=run.exit_code != 0,
        )
        return replace(run, message=words or run.message)


def has_own_users(pod: Pod) -> bool:
    """Tell whether the pod asks for users that are not the machine's."""
    return pod.spec.hostUsers is False


def replace_reason(run: Run) -> Run:
    """Return an ended run whose reason is told; containerd leaves it empty for plain ends."""
    return run if run.reason else replace(run, reason="Error" if run.exit_code else "Completed")
