"""Decide the next steps of a pod's containers: who may start, who starts again, who is stopped."""

from __future__ import annotations

from dataclasses import replace

from knarr.node.podmachine import restart
from knarr.node.podmachine.deciding import Deciding
from knarr.node.podmachine.state import (
    FIRST,
    Abandon,
    Box,
    Discard,
    Exited,
    Kill,
    Machine,
    Probed,
    Run,
    Start,
    Started,
    StartProbes,
    StopProbes,
    Tell,
    Waiting,
)
from knarr.node.podmachine.table import LIVE, Cue, Phase, Stage

START_ERROR = "StartError"


def start_due(d: Deciding) -> None:
    """Start every container whose turn has come: init containers one after the other, then all the rest.

    Ephemeral containers wait for nobody: they may be there to see why an init container does not end.
    """
    for box in d.machine.boxes:
        if box.kind == "ephemeral":
            start_waiting(d, box)
    for box in d.machine.boxes:
        start_waiting(d, box)
        if box.kind in FIRST and not initialized(d.machine, d.box(box.name)):
            return


def start_waiting(d: Deciding, box: Box) -> None:
    """Start a container that only waited for its turn."""
    if d.box(box.name).stage is Stage.WAITING:
        d.cue(box.name, Cue.GO)
        start(d, box.name)


def initialized(machine: Machine, box: Box) -> bool:
    """Tell whether the init containers after this one may start."""
    if box.kind == "sidecar":
        return is_started(machine, box) or box.stage is Stage.DONE or (box.run is not None and mains_ran(machine))
    return box.stage is Stage.DONE and box.run is not None and box.run.exit_code == 0


def mains_ran(machine: Machine) -> bool:
    """Tell whether a main container has run in this sandbox: then a restarting sidecar holds nobody up."""
    return any(box.kind == "main" and box.stage is not Stage.WAITING for box in machine.boxes)


def is_started(machine: Machine, box: Box) -> bool:
    """Tell whether a container counts as started: it runs, and its startup probe (if any) has succeeded."""
    return box.stage is Stage.RUNNING and shown_started(machine, box)


def shown_started(machine: Machine, box: Box) -> bool:
    """Tell whether a container is shown as started: also while it is being stopped."""
    probe = machine.container(box.name).startupProbe
    return box.stage in LIVE and (probe is None or box.started)


def is_ready(machine: Machine, box: Box) -> bool:
    """Tell whether a container counts as ready: started, and its readiness probe (if any) succeeds."""
    if box.kind == "init":
        return box.stage is Stage.DONE and box.run is not None and box.run.exit_code == 0
    probe = machine.container(box.name).readinessProbe
    return shown_started(machine, box) and (probe is None or box.ready)


def start(d: Deciding, name: str) -> None:
    """Ask for the next run of a container that is PREPARING."""
    box = d.box(name)
    assert box.stage is Stage.PREPARING, f"{name} is {box.stage.name}"
    if box.last is not None and box.run is not None and box.last.id != box.run.id:
        d.ask(Discard(box.last.id))
    d.ask(Start(name, box.next_attempt, box.backoff_s, box.backoff_at_s))


def on_started(d: Deciding, event: Started) -> None:
    """A container runs: probe it, or stop it if it is no longer wanted."""
    box = d.box(event.container)
    last = box.run if box.run is not None and box.run.id != event.run.id else box.last
    box = d.cue(event.container, Cue.STARTED, run=event.run, last=last, waiting=None, ready=False, started=False,
                pulls_failed=0, resizing=None)
    if box.stage is Stage.STOPPING:
        kill(d, box, d.machine.ending.grace_s if d.machine.ending else 1.0)
    else:
        d.ask(StartProbes(box.name, event.run))


def on_exited(d: Deciding, event: Exited) -> None:
    """A run is over; what follows is decided when the pod settles."""
    box = d.box(event.container)
    starting = box.stage in (Stage.PREPARING, Stage.ABANDONED)
    known = box.run is not None and box.run.id == event.run.id
    if starting and (known or event.run.attempt < box.next_attempt):
        if known:           # the run before: it outlived its sandbox, and only now it is over
            d.put(replace(box, run=event.run))
        return              # else its end is told once more
    if not starting and not (known and box.stage in LIVE):
        return
    last = box.run if starting else box.last
    d.cue(event.container, Cue.EXITED, run=event.run, last=last, waiting=None, ready=False, started=False,
          resizing=None)
    d.ask(StopProbes(event.run.id))


def restart_or_finish(d: Deciding) -> None:
    """Decide about every container that has just ended in a living pod."""
    for box in d.machine.boxes:
        if box.stage is Stage.EXITED and box.run is not None:
            decide_end(d, box, box.run)


def decide_end(d: Deciding, box: Box, run: Run) -> None:
    """Let a container run again, now or later, or be done; or let all of them begin again with it."""
    if d.machine.renewing:
        d.cue(box.name, Cue.ENOUGH)
        return
    if box.kind != "ephemeral" and restart.renews_pod(d.machine.container(box.name), run):
        begin_renewal(d, box, run)
        return
    if not restart.wanted(d.machine.pod, d.machine.container(box.name), box, run):
        d.cue(box.name, Cue.ENOUGH)
        return
    waiting = Waiting("RunContainerError", run.message) if run.reason == START_ERROR else None
    # What we stopped is measured from the end before it. Source: kube kuberuntime_manager.go, doBackOff, which looks
    # at the state from before the kill.
    since = box.last if box.condemned else run
    delay_s = restart.delay_s(box, since, d.now_s) if since is not None else 0.0
    if delay_s > 0:
        d.cue(box.name, Cue.LATER, waiting=waiting, condemned=False)
        d.timer(box.name, min(restart.SHOW_S, restart.delay_s(box, run, d.now_s)))
        return
    d.cue(box.name, Cue.AGAIN, waiting=waiting, condemned=False)
    if since is not None:
        d.put(restart.stepped(d.box(box.name), since, d.machine.backoff_cap_s))
    start(d, box.name)


def begin_renewal(d: Deciding, box: Box, run: Run) -> None:
    """Note that all containers begin again: at once, or when the one that ended may run again."""
    delay_s = restart.delay_s(box, run, d.now_s)
    d.put(restart.stepped(d.cue(box.name, Cue.ENOUGH, condemned=False), run, d.machine.backoff_cap_s))
    d.change(renewing=box.name, renewal_due=delay_s == 0)
    if delay_s:
        d.timer(box.name, delay_s)


def renew(d: Deciding, grace_s: float) -> None:
    """Stop every container, then begin with the first one again. No hook runs, as in kubelet."""
    stop_all(d, grace_s, hook=False)
    if not d.machine.calm or not d.machine.renewal_due:
        return
    d.change(renewing="", renewal_due=False)
    for box in d.machine.boxes:
        if box.stage is Stage.EXITED:
            d.cue(box.name, Cue.ENOUGH)
        if box.kind != "ephemeral":
            d.cue(box.name, Cue.RESET, waiting=None, started=False, ready=False)


def rang(d: Deciding, name: str, number: int) -> None:
    """A container's timer rang: go on with what waited for it."""
    box = d.box(name)
    if number != box.timer or d.machine.phase is not Phase.UP:
        return
    if name == d.machine.renewing:
        d.change(renewal_due=True)
        return
    after = d.cue(name, Cue.TIMER)
    if after.stage is Stage.PULL_BACKOFF and after is not box:
        back_off_pull(d, after)
    elif after.stage is Stage.BACKOFF and box.stage is Stage.COOLING:
        back_off_crash(d, after)
    elif after.stage is Stage.PREPARING and box.stage is not Stage.PREPARING:
        if box.stage is Stage.BACKOFF and box.run is not None:
            d.put(restart.stepped(after, box.run, d.machine.backoff_cap_s))
        start(d, name)


def back_off_pull(d: Deciding, box: Box) -> None:
    """Show that the image is tried again later."""
    image = d.machine.container(box.name).image or ""
    why = box.waiting.message if box.waiting else ""
    d.put(replace(box, waiting=Waiting("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {why}')))
    d.timer(box.name, max(0.0, restart.pull_delay_s(max(1, box.pulls_failed)) - restart.SHOW_S))
    d.ask(Tell("Normal", "BackOff", f'Back-off pulling image "{image}"', box.name),
          Tell("Warning", "Failed", "Error: ImagePullBackOff", box.name))


def back_off_crash(d: Deciding, box: Box) -> None:
    """Show that the container runs again later."""
    meta = d.machine.pod.metadata
    pod = f"{meta.name}_{meta.namespace}({meta.uid})"
    assert box.run is not None, "only what has run can crash"
    message = f"back-off {restart.duration(box.backoff_s)} restarting failed container={box.name} pod={pod}"
    d.put(replace(box, waiting=Waiting("CrashLoopBackOff", message)))
    d.timer(box.name, restart.delay_s(box, box.run, d.now_s))
    d.ask(Tell("Warning", "BackOff", f"Back-off restarting failed container {box.name} in pod {pod}", box.name))


def on_probed(d: Deciding, event: Probed) -> None:
    """Take a verdict; a failed liveness or startup probe stops the run."""
    box = d.box(event.container)
    if box.run is None or box.run.id != event.container_id or box.stage is not Stage.RUNNING:
        return
    if event.kind == "readiness":
        d.put(replace(box, ready=event.ok))
    elif event.kind == "startup" and event.ok:
        d.put(replace(box, started=True))
    elif not event.ok:
        fail_probe(d, box, event.kind)


def fail_probe(d: Deciding, box: Box, kind: str) -> None:
    """Stop a run that a probe has condemned."""
    container = d.machine.container(box.name)
    probe = container.livenessProbe if kind == "liveness" else container.startupProbe
    own_s = probe.terminationGracePeriodSeconds if probe is not None else None
    pod_s = d.machine.pod.spec.terminationGracePeriodSeconds
    limit_s = own_s if own_s is not None else 30 if pod_s is None else pod_s
    kill(d, d.cue(box.name, Cue.KILL, condemned=True), max(1.0, float(limit_s)), verdict(d, box, kind))


def verdict(d: Deciding, box: Box, kind: str) -> str:
    """Say why a container is stopped; nothing where the whole pod ends with it. Source: kuberuntime_manager.go."""
    said = f"Container {box.name} failed {kind} probe"
    if (d.machine.container(box.name).restartPolicy or d.machine.pod.spec.restartPolicy) != "Never":
        return f"{said}, will be restarted"
    others = any(other.kind == "main" and other.stage in LIVE for other in d.machine.boxes if other.name != box.name)
    return said if others else ""


def restart_changed(d: Deciding) -> None:
    """Stop the runs whose image the spec no longer names; they start again with the new one."""
    for box in d.machine.boxes:
        image = d.machine.container(box.name).image or ""
        if box.stage is Stage.RUNNING and box.run is not None and box.kind != "init" and box.run.image != image:
            grace_s = d.machine.pod.spec.terminationGracePeriodSeconds
            moved = d.cue(box.name, Cue.KILL, condemned=True)
            kill(d, moved, 30.0 if grace_s is None else float(grace_s),
                 f"Container {box.name} definition changed, will be restarted")


def stop_all(d: Deciding, grace_s: float, *, hook: bool = True) -> None:
    """Stop what lives: first the containers, then the sidecars, the last one first. Call it again after every end."""
    for box in d.machine.boxes:
        if box.kind != "sidecar":
            stop(d, box, grace_s, hook=hook)
    for box in reversed(d.machine.boxes):
        if any(other.busy for other in d.machine.boxes if other.kind != "sidecar"):
            return
        if box.kind == "sidecar":
            stop(d, box, grace_s, hook=hook)
            if d.box(box.name).busy:
                return


def stop(d: Deciding, box: Box, grace_s: float, *, hook: bool) -> None:
    """Stop one container, or give up starting it."""
    if box.stage in (Stage.ABANDONED, Stage.STOPPING, Stage.DONE):
        return
    moved = d.cue(box.name, Cue.KILL)
    if moved.stage is Stage.ABANDONED:
        d.ask(Abandon(box.name))
    elif moved.stage is Stage.STOPPING:
        kill(d, moved, grace_s, hook=hook)


def kill(d: Deciding, box: Box, grace_s: float, message: str = "", *, hook: bool = True) -> None:
    """Ask for the end of a run that is STOPPING."""
    assert box.stage is Stage.STOPPING, f"{box.name} is {box.stage.name}"
    assert box.run is not None, f"{box.name} never ran"
    d.ask(StopProbes(box.run.id),
          Tell("Normal", "Killing", message or f"Stopping container {box.name}", box.name),
          Kill(box.name, box.run.id, grace_s, hook))


def reset(d: Deciding) -> None:
    """A new sandbox begins everything again, except what has ended for good."""
    for box in d.machine.boxes:
        pod, container = d.machine.pod, d.machine.container(box.name)
        for_good = box.kind in ("main", "ephemeral") and box.run is not None and box.run.ended \
            and not restart.wanted(pod, container, box, box.run)
        if not for_good:
            d.cue(box.name, Cue.RESET, started=False, ready=False)
        elif box.stage is Stage.EXITED:
            d.cue(box.name, Cue.ENOUGH)


def finished(machine: Machine) -> bool:
    """Tell whether nothing will run again: all main containers are done, or an init container has failed for good."""
    mains = [box for box in machine.boxes if box.kind == "main"]
    failed = any(box.kind == "init" and box.stage is Stage.DONE and box.run is not None and box.run.exit_code
                 for box in machine.boxes)
    return failed or all(box.stage is Stage.DONE for box in mains)
