"""Find containers for the node's HTTPS port, in what the agent knows. Nothing is asked of anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from knarr.api.types.core_v1 import Pod
from knarr.node.faces import ContainerRef, ProbeCount
from knarr.node.podmachine.state import Box, Machine, Run
from knarr.node.podmachine.table import Stage
from knarr.node.worker import PodWorker


class AgentLookup:
    """The agent's pods, as the port asks for them.

    workers: uid -> worker, the agent's own map; probes: the prober's counts.
    """

    def __init__(self, workers: Mapping[str, PodWorker], pod: Callable[[str, str], Pod | None],
                 probes: Iterable[ProbeCount] = ()) -> None:
        self._workers = workers
        self._pod = pod
        self._probes = probes

    def pods(self) -> tuple[Pod, ...]:
        """Return this node's pods with the newest status."""
        return tuple(worker.machine.pod for worker in self._workers.values() if not worker.gone)

    def pod(self, namespace: str, name: str) -> Pod | None:
        """Return one pod, or None."""
        machine = self._machine(namespace, name)
        return machine.pod if machine else None

    def container(self, namespace: str, name: str, container: str, *, previous: bool = False) -> ContainerRef | None:
        """Find a container's newest run, or the one before."""
        machine = self._machine(namespace, name)
        box = next((box for box in machine.boxes if box.name == container), None) if machine else None
        if machine is None or box is None:
            return None
        return reference(machine, box, box.last if previous else box.run)

    def sandbox_id(self, namespace: str, name: str) -> str:
        """Return the running sandbox, empty where there is none."""
        machine = self._machine(namespace, name)
        return machine.sandbox_id if machine and machine.sandbox_up else ""

    def probes(self) -> Iterable[ProbeCount]:
        """Return what became of the probes of the runs that are probed now."""
        return self._probes

    def _machine(self, namespace: str, name: str) -> Machine | None:
        pod = self._pod(namespace, name)
        worker = self._workers.get(pod.metadata.uid or "") if pod else None
        return worker.machine if worker else None


def reference(machine: Machine, box: Box, run: Run | None) -> ContainerRef:
    """Return where a run is; one that never was has no id."""
    spec = machine.container(box.name)
    waiting = box.waiting.reason if box.waiting else "PodInitializing" if machine.sandbox_up else "ContainerCreating"
    return ContainerRef(
        pod=machine.pod, name=box.name, container_id=run.id if run else "", sandbox_id=machine.sandbox_id,
        attempt=run.attempt if run else 0, running=run is box.run and box.stage in (Stage.RUNNING, Stage.STOPPING),
        tty=bool(spec.tty), stdin=bool(spec.stdin), waiting_reason="" if run else waiting,
    )
