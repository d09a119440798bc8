"""Take over what runs already: build a pod's machine from what the runtime remembers. Nothing running is touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import structlog

from knarr.api.types.core_v1 import Container, Pod
from knarr.base.times import seconds
from knarr.node import podcontainers
from knarr.node.cri.face import AWAY, ContainerLine, ContainerReport, Runtime, RuntimeFault, Sandbox
from knarr.node.podmachine import resizing, restart
from knarr.node.podmachine.containers import START_ERROR
from knarr.node.podmachine.state import Box, Machine, Run, Wish, boxes_of
from knarr.node.podmachine.table import Phase, Stage
from knarr.node.runs import run_of
from knarr.node.specs import BACKOFF_NOTE
from knarr.node.status import TERMINAL

LOST = "Unknown"                               # the reason of an end that the runtime did not see
BEGAN = "failed to start containerd task"      # after its creation. Source: containerd container_start.go
UID_LABEL = "io.kubernetes.pod.uid"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Remains:
    """What the runtime holds of one pod; reports by container id."""

    sandboxes: tuple[Sandbox, ...]
    containers: tuple[ContainerLine, ...]


NOTHING = Remains((), ())


def remains(sandboxes: Iterable[Sandbox], containers: Iterable[ContainerLine]) -> dict[str, Remains]:
    """Sort the runtime's lists by pod uid; what carries no uid is not ours."""
    found: dict[str, Remains] = {}
    for sandbox in sandboxes:
        if UID_LABEL in sandbox.labels:
            held = found.get(sandbox.uid, NOTHING)
            found[sandbox.uid] = replace(held, sandboxes=(*held.sandboxes, sandbox))
    for line in containers:
        uid = line.labels.get(UID_LABEL, "")
        if uid:
            held = found.get(uid, NOTHING)
            found[uid] = replace(held, containers=(*held.containers, line))
    return found


def newest(sandboxes: Sequence[Sandbox]) -> Sandbox | None:
    """Return the sandbox that counts: the last attempt."""
    return max(sandboxes, key=lambda each: (each.attempt, each.created_s), default=None)


async def begun(runtime: Runtime, pod: Pod, left: Remains) -> tuple[Remains, dict[str, ContainerReport]]:
    """Return the containers that came to run, or failed to by themselves, with their reports.

    The others are removed, as they hold the names of the runs to come: what the last agent created and did not come to
    start, and what it was just starting when it or the runtime died. What the runtime lost sight of is stopped first.
    """
    for line in left.containers:
        if line.state == "unknown":
            await runtime.stop_container(line.id, grace_s=0)
    reports = {line.id: await runtime.container_report(line.id) for line in left.containers if line.state != "created"}
    kept = {key: report for key, report in reports.items() if not cut_off(pod, report)}
    for line in left.containers:
        if line.id not in kept:
            await remove(runtime, line.id)
    return replace(left, containers=tuple(line for line in left.containers if line.id in kept)), kept


async def remove(runtime: Runtime, container_id: str) -> None:
    """Remove a container; one that stays is cleared away by who needs its name, or goes with its sandbox."""
    try:
        await runtime.remove_container(container_id)
    except RuntimeFault as fault:
        if fault.code == AWAY:
            raise
        log.warning("container.kept", container=container_id, error=str(fault))


def cut_off(pod: Pod, report: ContainerReport) -> bool:
    """Tell whether a container never ran, and nobody has told of it: it is to be made again."""
    return report.id not in known_runs(pod) and never_ran(pod, report)


def never_ran(pod: Pod, report: ContainerReport) -> bool:
    """Tell whether a container that was to start did not, perhaps only because its caller or the runtime died.

    Where its process may have begun, it may have done a little: it is not made to do that twice, unless its policy is
    to run again. Source: containerd container_start.go, restart.go.
    """
    if report.state == "created":
        return True
    container = podcontainers.named(pod, report.name)
    once = (container.restartPolicy or pod.spec.restartPolicy) == "Never"
    if report.reason == START_ERROR:
        return not once or BEGAN not in report.message
    return report.reason == LOST and not report.started_s and not once


def known_runs(pod: Pod) -> set[str]:
    """Return the ids of the containers that the API has seen run or end."""
    told = {state.terminated.containerID or "" for status in podcontainers.statuses(pod)
            for state in (status.state, status.lastState) if state is not None and state.terminated is not None}
    running = {status.containerID or "" for status in podcontainers.statuses(pod)
               if status.state is not None and status.state.running is not None}
    return {name.partition("://")[2] for name in told | running}


def machine_of(pod: Pod, left: Remains, *, reports: Mapping[str, ContainerReport], ips: tuple[str, ...],
               now_s: float, backoff_cap_s: float = restart.CAP_S) -> Machine:
    """Return the machine that goes on where the last agent stopped. ips: of the newest sandbox, if it lives.

    backoff_cap_s: the longest wait between two runs of a container.
    """
    sandbox = newest(left.sandboxes)
    live = sandbox is not None and sandbox.ready
    began_s = seconds(pod.status.startTime) if pod.status.startTime else now_s
    allocated = as_allocated(pod)
    machine = Machine(
        pod=allocated, wish=None if resizing.same(pod, allocated) else Wish(pod), began_s=began_s,
        boxes=boxes_of(pod), sandbox_id=sandbox.id if sandbox else "",
        sandbox_attempt=sandbox.attempt if sandbox else 0, ips=ips, adopted=live,
        backoff_cap_s=backoff_cap_s,
    )
    boxes = tuple(adopted(allocated, box, left, reports=reports, live=live) for box in machine.boxes)
    if pod.status.phase in TERMINAL:
        done = tuple(replace(box, stage=Stage.DONE) for box in boxes)       # with their runs: their logs can be read
        return replace(machine, phase=Phase.ENDED, boxes=done, sandbox_id="")
    return replace(machine, boxes=renewed(allocated, passed(machine, boxes)))


def as_allocated(pod: Pod) -> Pod:
    """Return the pod with the resources that its containers are known to run with, which the last agent wrote down."""
    told = {each.name: each.resources for each in (*pod.status.initContainerStatuses, *pod.status.containerStatuses)
            if each.containerID and each.state is not None and each.state.running is not None}

    def held(container: Container) -> Container:
        known = told.get(container.name)
        if known is None or resizing.amounts(known) == resizing.amounts(container.resources or resizing.NONE):
            return container
        return msgspec.structs.replace(container, resources=resizing.with_amounts(container.resources, known))

    whole = pod.spec.resources
    if whole is not None and told and pod.status.resources is not None:
        known = resizing.own_part(pod.status.resources, whole)
        whole = msgspec.structs.replace(whole, limits={**whole.limits, **known.limits},
                                        requests={**whole.requests, **known.requests})
    spec = msgspec.structs.replace(pod.spec, resources=whole, initContainers=tuple(map(held, pod.spec.initContainers)),
                                   containers=tuple(map(held, pod.spec.containers)))
    return msgspec.structs.replace(pod, spec=spec)


def adopted(pod: Pod, box: Box, left: Remains, *, reports: Mapping[str, ContainerReport], live: bool) -> Box:
    """Return a container's record as its newest runs tell it."""
    lines = sorted((line for line in left.containers if line.name == box.name and line.state != "created"),
                   key=lambda line: line.attempt)
    runs = [run_of(reports[line.id]) for line in lines if line.id in reports][-2:]
    if not runs:
        return box
    run, last = runs[-1], runs[-2] if len(runs) > 1 else None
    backoff_s, backoff_at_s = backoff_note(reports[run.id])
    box = replace(box, run=run, last=last, backoff_s=backoff_s, backoff_at_s=backoff_at_s)
    if not live:
        return begun_again(pod, box, run)
    if not run.ended:
        run = replace(run, resources=resizing.effective(pod, podcontainers.named(pod, box.name)))
        return remembered(pod, replace(box, run=run, stage=Stage.RUNNING))
    return replace(box, stage=Stage.EXITED if goes_on(pod, box, run) else Stage.DONE)


def begun_again(pod: Pod, box: Box, run: Run) -> Box:
    """Return the record of a container whose sandbox died while nobody looked, as in a reboot or after `knarr down`.

    That end was no crash: the next run comes at once and back-off begins anew. Init containers run again, too.
    Source: kube kuberuntime_manager.go, computePodActions (createPodSandbox), whose back-off lies in memory.
    """
    again = goes_on(pod, box, run) or (box.kind == "init" and run.exit_code == 0)
    stage = Stage.WAITING if again or not run.ended else Stage.DONE
    return replace(box, stage=stage, backoff_s=0.0, backoff_at_s=0.0)


def goes_on(pod: Pod, box: Box, run: Run) -> bool:
    """Tell whether an ended run is to be followed by another."""
    return restart.wanted(pod, podcontainers.named(pod, box.name), box, run)


def remembered(pod: Pod, box: Box) -> Box:
    """Return a running container's record with the verdicts the API remembers, so that an agent's restart is unseen."""
    for status in (*pod.status.initContainerStatuses, *pod.status.containerStatuses):
        if box.run is not None and status.containerID == box.run.full_id:
            return replace(box, ready=status.ready, started=bool(status.started))
    return box


def passed(machine: Machine, boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    """Count init containers that nobody remembers as done, where containers after them have run in a live sandbox."""
    ran = machine.adopted and any(box.kind == "main" and box.run is not None for box in boxes)
    if not ran:
        return boxes
    unseen = Run("", 0, "", "", finished_s=machine.began_s, reason="Completed")
    return tuple(replace(box, stage=Stage.DONE, run=unseen) if box.kind == "init" and box.run is None else box
                 for box in boxes)


def renewed(pod: Pod, boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    """Return the records of a pod whose containers were beginning again, one after the other, when the agent died.

    Where one of them has run since, the end that made them begin again is an old story, and so are those before it.
    """
    told = [box.run.finished_s for box in boxes
            if box.run is not None and restart.renews_pod(podcontainers.named(pod, box.name), box.run)]
    since = [box.run.started_s for box in boxes if box.run is not None and told and box.run.started_s >= max(told)]
    if not since:
        return boxes
    return tuple(replace(box, stage=Stage.WAITING) if box.kind != "ephemeral" and box.run is not None and box.run.ended
                 and box.run.finished_s <= min(since) else box for box in boxes)


def backoff_note(report: ContainerReport) -> tuple[float, float]:
    """Return the back-off that the last agent left on a container."""
    wait, _, since = report.annotations.get(BACKOFF_NOTE, "0:0").partition(":")
    try:
        return float(wait), float(since or 0)
    except ValueError:
        return 0.0, 0.0
