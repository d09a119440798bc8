"""Apply one event to a pod, then settle: decide until nothing more is to be decided.

`advance` is the whole face. The order of a pod's life: volumes, sandbox, init containers one by one, containers side by
side; its end: containers, sidecars in reverse, sandbox and volumes, at last the API object.
Source: kube kuberuntime_manager.go (computePodActions), pod_workers.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from knarr.api.types.core_v1 import Pod
from knarr.node.podmachine import containers, resizing, restart
from knarr.node.podmachine.deciding import Deciding
from knarr.node.podmachine.state import (
    DEADLINE,
    DEADLINE_TIMER,
    FORCED_GRACE_S,
    RESIZE_TIMER,
    After,
    Begin,
    Bounded,
    Ending,
    Event,
    Evict,
    Exited,
    Fit,
    Fitted,
    Held,
    Instruction,
    Kill,
    Machine,
    Mount,
    Mounted,
    MountFailed,
    PodChanged,
    PodGone,
    Probed,
    PullFailed,
    Rang,
    Refused,
    Remove,
    Removed,
    Resized,
    ResizeFailed,
    RunSandbox,
    SandboxFailed,
    SandboxLost,
    SandboxStopped,
    SandboxUp,
    Started,
    StartProbes,
    StopSandbox,
    Tell,
    Waiting,
    Why,
    boxes_of,
)
from knarr.node.podmachine.table import Cue, Phase, Stage, Turn

MOUNT_RETRY_FIRST_S = 0.5
MOUNT_RETRY_CAP_S = 122.0  # Source: kube nestedpendingoperations exponentialbackoff.go
ENDABLE = frozenset({Phase.NEW, Phase.MOUNT_FAILED, Phase.SANDBOX_FAILED, Phase.UP, Phase.RESETTING})


def fresh(pod: Pod, now_s: float) -> Machine:
    """Return the machine of a pod that this node sees for the first time."""
    return Machine(pod=pod, began_s=now_s, boxes=boxes_of(pod))


def advance(machine: Machine, event: Event, now_s: float) -> tuple[Machine, list[Instruction]]:
    """Return the machine after the event, and what to do now."""
    deciding = Deciding(machine, now_s)
    HANDLERS[type(event)](deciding, event)
    settle(deciding)
    return deciding.machine, deciding.asked


def settle(d: Deciding) -> None:
    """Take every step that needs nobody's answer."""
    while True:
        before = d.machine
        if d.machine.ending and d.machine.phase in ENDABLE:
            d.turn(Turn.END)
        step = STEPS.get(d.machine.phase)
        if step is not None:
            step(d)
        if d.machine is before:
            return


def start_mounting(d: Deciding) -> None:
    """A new pod: begin with its volumes, unless it was adopted with all its work done."""
    if containers.finished(d.machine):
        d.change(ending=Ending("completed", grace_s(d.machine.pod)))
        return
    d.turn(Turn.GO)
    d.ask(Mount())


def run_containers(d: Deciding) -> None:
    """The sandbox is up: let run what must, or see that all is done."""
    containers.restart_or_finish(d)
    if d.machine.renewing:
        containers.renew(d, grace_s(d.machine.pod))
    elif containers.finished(d.machine):
        d.change(ending=Ending("completed", grace_s(d.machine.pod)))
    else:
        containers.start_due(d)
        resizing.apply(d)


def begin_again(d: Deciding) -> None:
    """The sandbox is lost: when the last container is dead, make another, unless nothing needs one."""
    containers.stop_all(d, grace_s(d.machine.pod))
    if not d.machine.calm:
        return
    containers.reset(d)
    if containers.finished(d.machine):
        d.change(ending=Ending("completed", grace_s(d.machine.pod)))
        return
    d.turn(Turn.CALM)
    run_sandbox(d)


def stop_containers(d: Deciding) -> None:
    """The pod ends: stop its containers, then its sandbox."""
    ending = d.machine.ending
    assert ending is not None, "an ending pod has a reason"
    containers.stop_all(d, ending.grace_s)
    if d.machine.calm:
        d.turn(Turn.CALM)
        d.ask(StopSandbox(d.machine.sandbox_id))


def remove_if_deleted(d: Deciding) -> None:
    """Nothing runs any more: when the API wants it gone, let it be gone."""
    if d.machine.gone or d.machine.pod.metadata.deletionTimestamp:
        d.turn(Turn.REMOVE)
        d.ask(Remove(from_api=not d.machine.gone))


STEPS: dict[Phase, Callable[[Deciding], None]] = {
    Phase.NEW: start_mounting,
    Phase.UP: run_containers,
    Phase.RESETTING: begin_again,
    Phase.ENDING: stop_containers,
    Phase.ENDED: remove_if_deleted,
}


def on_begin(d: Deciding, event: Begin) -> None:
    """Arm the deadline; heed a deletion that came first."""
    arm_deadline(d)
    if d.machine.wish is not None:
        d.ask(Fit(d.machine.wish.pod))
    heed_deletion(d)


def arm_deadline(d: Deciding) -> None:
    """Ring when the pod has had its time. That only ever gets shorter: what rings later finds the pod ended."""
    deadline_s = d.machine.pod.spec.activeDeadlineSeconds
    if deadline_s is not None and d.machine.phase not in (Phase.ENDED, Phase.GONE):
        d.ask(After(DEADLINE_TIMER, 0, max(0.0, d.machine.began_s + deadline_s - d.now_s)))


def on_refused(d: Deciding, event: Refused) -> None:
    """End a pod before it has begun."""
    if d.machine.ending is None:
        d.change(refusal=event.refusal)
        d.ask(Tell("Warning", event.refusal.reason, event.refusal.message))
        end(d, "rejected", FORCED_GRACE_S)


def on_pod_changed(d: Deciding, event: PodChanged) -> None:
    """Take the new object; heed a deletion, a deadline, new images and resources, and added ephemeral containers."""
    before_s = d.machine.pod.spec.activeDeadlineSeconds
    resizing.take(d, event.pod)
    if d.machine.pod.spec.activeDeadlineSeconds != before_s:
        arm_deadline(d)
    known = {box.name for box in d.machine.boxes}
    added = tuple(box for box in boxes_of(event.pod) if box.name not in known)
    if added:
        d.change(boxes=(*d.machine.boxes, *added))
    heed_deletion(d)
    if d.machine.phase is Phase.UP and d.machine.ending is None:
        containers.restart_changed(d)


def heed_deletion(d: Deciding) -> None:
    """End a pod that the API wants deleted."""
    if d.machine.pod.metadata.deletionTimestamp:
        end(d, "deleted", deletion_grace_s(d.machine.pod))


def on_pod_gone(d: Deciding, event: PodGone) -> None:
    """End a pod that nobody wants: its name may be taken anew at any time."""
    d.change(gone=True)
    end(d, "gone", event.grace_s)


def on_evict(d: Deciding, event: Evict) -> None:
    """End a pod that the machine cannot bear; what ends already is left to end."""
    if d.machine.ending is None and d.machine.phase not in (Phase.ENDED, Phase.REMOVING, Phase.GONE):
        d.change(evicted=event.message, evicted_for=event.reason)
        if event.reason == "Evicted":
            d.ask(Tell("Warning", "Evicted", event.message))
        end(d, "evicted", event.grace_s)


def end(d: Deciding, why: Why, limit_s: float) -> None:
    """Note that the pod ends; a shorter grace overtakes a longer one."""
    old = d.machine.ending
    if d.machine.phase in (Phase.ENDED, Phase.REMOVING, Phase.GONE):
        return
    if old is not None and old.grace_s <= limit_s:
        return
    d.change(ending=Ending(why if old is None else old.why, limit_s))
    for box in d.machine.boxes if old is not None else ():
        if box.stage is Stage.STOPPING and box.run is not None:
            d.ask(Kill(box.name, box.run.id, limit_s, hook=False))


def on_mounted(d: Deciding, event: Mounted) -> None:
    """Volumes stand: on to the sandbox, or take the one that is there."""
    d.change(failures=0)
    if d.machine.ending:
        d.turn(Turn.MOUNT_FAILED)       # from there it ends
    elif d.machine.sandbox_id and d.machine.adopted:
        d.turn(Turn.SANDBOXED)
        d.ask(*(StartProbes(box.name, box.run) for box in d.machine.boxes if box.stage is Stage.RUNNING and box.run))
    else:
        d.turn(Turn.MOUNTED)
        run_sandbox(d)


def run_sandbox(d: Deciding) -> None:
    """Ask for a sandbox that replaces the one we know, if any."""
    old = d.machine.sandbox_id
    attempt = d.machine.sandbox_attempt + (1 if old else 0)
    d.change(sandbox_id="", sandbox_attempt=attempt, ips=(), adopted=False)
    d.ask(RunSandbox(attempt, old))


def on_mount_failed(d: Deciding, event: MountFailed) -> None:
    """Say so and try again later."""
    d.turn(Turn.MOUNT_FAILED)
    d.ask(Tell("Warning", "FailedMount", event.message))
    retry_pod(d, first_s=MOUNT_RETRY_FIRST_S, cap_s=MOUNT_RETRY_CAP_S)


def on_sandbox_up(d: Deciding, event: SandboxUp) -> None:
    """The sandbox runs."""
    d.change(sandbox_id=event.sandbox_id, ips=event.ips, failures=0)
    d.turn(Turn.SANDBOXED)


def on_sandbox_failed(d: Deciding, event: SandboxFailed) -> None:
    """Say so and try again later."""
    d.turn(Turn.SANDBOX_FAILED)
    d.change(sandbox_attempt=d.machine.sandbox_attempt + 1)
    d.ask(Tell("Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {event.message}"))
    retry_pod(d, first_s=1.0, cap_s=60.0)


def retry_pod(d: Deciding, *, first_s: float, cap_s: float) -> None:
    """Arm the pod's timer, longer after each failure."""
    number, failures = d.machine.timer + 1, d.machine.failures + 1
    d.change(timer=number, failures=failures)
    d.ask(After("", number, min(first_s * 2 ** min(failures - 1, 20), cap_s)))


def on_sandbox_lost(d: Deciding, event: SandboxLost) -> None:
    """The sandbox died: everything in it dies and begins again."""
    if event.sandbox_id != d.machine.sandbox_id or d.machine.phase is not Phase.UP:
        return
    if d.machine.ending is None:
        d.ask(Tell("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created."))
    d.turn(Turn.SANDBOX_LOST)


def on_sandbox_stopped(d: Deciding, event: SandboxStopped) -> None:
    """Nothing of it runs any more."""
    d.turn(Turn.SANDBOX_STOPPED)
    d.change(sandbox_id="")


def on_pull_failed(d: Deciding, event: PullFailed) -> None:
    """Show why; a failed fetch is tried again after a while, a wrong name or policy after a shorter one."""
    box = d.box(event.container)
    fetched = event.reason == "ErrImagePull"
    failures = box.pulls_failed + 1 if fetched else 0
    stopped = box.stage is Stage.ABANDONED
    d.cue(box.name, Cue.PULL_FAILED if fetched else Cue.HELD,
          waiting=Waiting(event.reason, event.message), pulls_failed=failures)
    if not stopped:
        d.timer(box.name, restart.SHOW_S if fetched else restart.RETRY_S)


def on_held(d: Deciding, event: Held) -> None:
    """Show why, and look again later."""
    stopped = d.box(event.container).stage is Stage.ABANDONED
    d.cue(event.container, Cue.HELD, waiting=Waiting(event.reason, event.message))
    if not stopped:
        d.timer(event.container, restart.RETRY_S)


def on_rang(d: Deciding, event: Rang) -> None:
    """Go on with what waited for this timer; an overtaken one is late."""
    if event.key == DEADLINE_TIMER:
        if d.machine.ending is None and d.machine.phase not in (Phase.ENDED, Phase.GONE):
            d.ask(Tell("Normal", "DeadlineExceeded", DEADLINE))
            end(d, "deadline", grace_s(d.machine.pod))
    elif event.key == RESIZE_TIMER:
        resizing.on_rang(d)
    elif event.key:
        containers.rang(d, event.key, event.number)
    elif event.number == d.machine.timer and d.machine.ending is None:
        again = {Phase.MOUNT_FAILED: Mount()}.get(d.machine.phase)
        retry = d.machine.phase is Phase.SANDBOX_FAILED
        d.turn(Turn.TIMER)
        if again:
            d.ask(again)
        if retry:
            d.ask(RunSandbox(d.machine.sandbox_attempt, ""))


def on_removed(d: Deciding, event: Removed) -> None:
    """It is as if it had never been."""
    d.turn(Turn.REMOVED)


def grace_s(pod: Pod) -> float:
    """Return the grace that the pod's spec asks for."""
    asked = pod.spec.terminationGracePeriodSeconds
    return max(FORCED_GRACE_S, 30.0 if asked is None else float(asked))


def deletion_grace_s(pod: Pod) -> float:
    """Return the grace that the deletion asks for."""
    asked = pod.metadata.deletionGracePeriodSeconds
    return grace_s(pod) if asked is None else max(FORCED_GRACE_S, float(asked))


HANDLERS: dict[type, Callable[[Deciding, Any], None]] = {
    Begin: on_begin,
    Refused: on_refused,
    PodChanged: on_pod_changed,
    PodGone: on_pod_gone,
    Evict: on_evict,
    Mounted: on_mounted,
    MountFailed: on_mount_failed,
    SandboxUp: on_sandbox_up,
    SandboxFailed: on_sandbox_failed,
    SandboxLost: on_sandbox_lost,
    SandboxStopped: on_sandbox_stopped,
    PullFailed: on_pull_failed,
    Held: on_held,
    Started: containers.on_started,
    Exited: containers.on_exited,
    Probed: containers.on_probed,
    Rang: on_rang,
    Removed: on_removed,
    Fitted: resizing.on_fitted,
    Resized: resizing.on_resized,
    ResizeFailed: resizing.on_resize_failed,
    Bounded: resizing.on_bounded,
}
