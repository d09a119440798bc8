"""Decide how a pod's containers come to other amounts of processor and memory while they run.

    wanted    what the API's spec says
    allocated what the node has granted; the machine's own pod carries it in place of what is wanted
    applied   what a run has: `Run.resources`

A new wish is asked about (`Fit`); granted, it becomes allocated; then every run whose applied amounts differ is
updated, or started anew where its resize policy says so. A wish that does not fit now is asked about again and again.
Source: kube allocation/allocation_manager.go, kuberuntime_manager.go (computePodResizeAction); KEP-1287.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from knarr.api.types.core_v1 import Container, Pod, ResourceRequirements
from knarr.node.podmachine.deciding import Deciding
from knarr.node.podmachine.state import (
    RESIZE_TIMER,
    After,
    Bound,
    Bounded,
    Box,
    Fit,
    Fitted,
    Kill,
    Progress,
    Resize,
    Resized,
    ResizeFailed,
    Resizing,
    StopProbes,
    Tell,
    Wish,
)
from knarr.node.podmachine.table import Cue, Stage

AMOUNTS: Final = ("cpu", "memory")
NONE: Final = ResourceRequirements()
ASK_AGAIN_S: Final = 10.0      # how long a wish that does not fit waits. kubelet: until a pod goes, or 3 minutes
TRY_AGAIN_S: Final = 10.0      # how long an update that the runtime refused waits
ENDED: Final = frozenset({"Succeeded", "Failed"})


def take(d: Deciding, pod: Pod) -> None:
    """Take the API's newest pod; what its containers have stays as allocated until the node has answered."""
    allocated = d.machine.pod
    if pod.metadata.deletionTimestamp or d.machine.ending or pod.status.phase in ENDED:
        d.change(pod=with_resources(pod, allocated), wish=None)
    elif same(pod, allocated):
        d.change(pod=pod, wish=None)
    elif d.machine.wish is not None and same(pod, d.machine.wish.pod):
        d.change(pod=with_resources(pod, allocated), wish=replace(d.machine.wish, pod=pod))
    else:
        d.change(pod=with_resources(pod, allocated), wish=Wish(pod))
        d.ask(Fit(pod))


def on_fitted(d: Deciding, event: Fitted) -> None:
    """Grant a wish, or note why it is not granted and ask again later where that may help."""
    wish = d.machine.wish
    if wish is None or not same(wish.pod, event.pod):
        return
    if not event.reason:
        d.change(pod=with_resources(d.machine.pod, wish.pod), wish=None,
                 progress=Progress(generation(wish.pod)))
        d.ask(Tell("Normal", "ResizeStarted", f"Pod resize started: {summary(wish.pod)}"))
        return
    if (wish.reason, wish.message) != (event.reason, event.message):
        d.change(wish=replace(wish, reason=event.reason, message=event.message))
        d.ask(Tell("Warning", f"Resize{event.reason}",
                   f"Pod resize {event.reason}: {summary(wish.pod, error=event.message)}"))
    if event.reason == "Deferred":
        d.ask(After(RESIZE_TIMER, 0, ASK_AGAIN_S))


def on_rang(d: Deciding) -> None:
    """Ask again about a wish that did not fit, and try again what the runtime refused."""
    if d.machine.wish is not None and d.machine.wish.reason == "Deferred":
        d.ask(Fit(d.machine.wish.pod))
    for box in d.machine.boxes:
        if box.resizing is not None and box.resizing.failed:
            d.put(replace(box, resizing=None))
    progress = d.machine.progress
    if progress is not None and progress.bounds == "refused":
        d.change(progress=replace(progress, bounds=""))


def apply(d: Deciding) -> None:
    """Bring every run to what is allocated; note when all have it."""
    for box in d.machine.boxes:
        if box.stage is Stage.RUNNING and box.run is not None and box.run.resources is not None:
            bring(d, box, d.machine.container(box.name), had=box.run.resources)
    progress = d.machine.progress
    if progress is None or progress.bounds or not all(settled(d, box) for box in d.machine.boxes):
        return
    if d.machine.pod.spec.resources is not None:        # its containers may all have what they had
        d.change(progress=replace(progress, bounds="asked"))
        d.ask(Bound())
    else:
        complete(d)


def complete(d: Deciding) -> None:
    """Tell that everything has what is allocated."""
    d.ask(Tell("Normal", "ResizeCompleted", f"Pod resize completed: {summary(d.machine.pod)}"))
    d.change(progress=None)


def on_bounded(d: Deciding, event: Bounded) -> None:
    """The pod as a whole has its bounds, or the kernel refuses them for now."""
    progress = d.machine.progress
    if progress is None or progress.bounds != "asked":
        return
    if not event.error:
        complete(d)
        return
    d.change(progress=replace(progress, bounds="refused", error=event.error))
    if progress.error != event.error:
        d.ask(Tell("Warning", "ResizeError", f"Pod resize error: {summary(d.machine.pod, error=event.error)}"))
    d.ask(After(RESIZE_TIMER, 0, TRY_AGAIN_S))


def bring(d: Deciding, box: Box, container: Container, *, had: ResourceRequirements) -> None:
    """Update one run, or stop it so that the next one starts with the new amounts."""
    assert box.run is not None, "only a run has resources"
    wanted = effective(d.machine.pod, container)
    on_its_way = box.resizing is not None and amounts(box.resizing.target) == amounts(wanted)
    if had == wanted or amounts(had) == amounts(wanted) or on_its_way:
        return
    changed = acted_on(had, wanted)
    if not changed:
        d.put(replace(box, run=replace(box.run, resources=wanted)))
        return
    policies = {each.resourceName: each.restartPolicy for each in container.resizePolicy}
    if any(policies.get(name) == "RestartContainer" for name in changed):
        stopped = d.cue(box.name, Cue.KILL, condemned=True, resizing=None)
        assert stopped.run is not None, "a run that is stopped is known"
        grace_s = d.machine.pod.spec.terminationGracePeriodSeconds
        d.ask(StopProbes(stopped.run.id),
              Tell("Normal", "Killing", f"Container {box.name} resize requires restart", box.name),
              Kill(box.name, stopped.run.id, 30.0 if grace_s is None else float(grace_s)))
        return
    d.put(replace(box, resizing=Resizing(wanted)))
    d.ask(Resize(box.name, box.run.id, had, wanted))


def settled(d: Deciding, box: Box) -> bool:
    """Tell whether a container has what is allocated to it, or will start with it."""
    if box.stage is Stage.STOPPING or box.stage is Stage.PREPARING:
        return False
    if box.stage is not Stage.RUNNING or box.run is None or box.run.resources is None:
        return True
    return amounts(box.run.resources) == amounts(effective(d.machine.pod, d.machine.container(box.name)))


def on_resized(d: Deciding, event: Resized) -> None:
    """A run has new amounts."""
    box = d.box(event.container)
    if box.run is None or box.run.id != event.container_id:
        return
    d.put(replace(box, run=replace(box.run, resources=event.resources), resizing=None))
    if d.machine.progress is not None and d.machine.progress.error:
        d.change(progress=replace(d.machine.progress, error=""))


def on_resize_failed(d: Deciding, event: ResizeFailed) -> None:
    """The runtime cannot: say why, and try again later."""
    box = d.box(event.container)
    if box.run is None or box.run.id != event.container_id or box.resizing is None:
        return
    d.put(replace(box, resizing=replace(box.resizing, failed=True)))
    progress = d.machine.progress or Progress(generation(d.machine.pod))
    if progress.error != event.message:
        d.change(progress=replace(progress, error=event.message))
        d.ask(Tell("Warning", "ResizeError", f"Pod resize error: {summary(d.machine.pod, error=event.message)}"))
    d.ask(After(RESIZE_TIMER, 0, TRY_AGAIN_S))


def acted_on(had: ResourceRequirements, wanted: ResourceRequirements) -> set[str]:
    """Return the resources whose change the runtime must hear of: it knows nothing of memory requests."""
    changed = {key for key, _ in amounts(had).items() ^ amounts(wanted).items()}
    return {name for side, name in changed if (side, name) != ("requests", "memory")}


def amounts(asked: ResourceRequirements) -> dict[tuple[str, str], str]:
    """Return what may be resized, by side and name; a limit without a request is one."""
    sides = {"limits": asked.limits, "requests": {**asked.limits, **asked.requests}}
    return {(side, name): held[name] for side, held in sides.items() for name in AMOUNTS if name in held}


def same(one: Pod, other: Pod) -> bool:
    """Tell whether two states of a pod give its containers the same."""
    pairs = zip((*one.spec.initContainers, *one.spec.containers), (*other.spec.initContainers, *other.spec.containers),
                strict=True)
    whole = (one.spec.resources or NONE, other.spec.resources or NONE)
    return amounts(whole[0]) == amounts(whole[1]) and all(
        a.resources == b.resources or amounts(a.resources or NONE) == amounts(b.resources or NONE) for a, b in pairs)


def with_resources(pod: Pod, source: Pod) -> Pod:
    """Return the pod with its containers' resources as in another state of it."""
    if same(pod, source):
        return pod
    held = {each.name: each.resources for each in (*source.spec.initContainers, *source.spec.containers)}

    def given(containers: Iterable[Container]) -> tuple[Container, ...]:
        return tuple(msgspec.structs.replace(each, resources=held[each.name]) for each in containers)

    return msgspec.structs.replace(pod, spec=msgspec.structs.replace(
        pod.spec, resources=source.spec.resources, initContainers=given(pod.spec.initContainers),
        containers=given(pod.spec.containers)))


def effective(pod: Pod, container: Container) -> ResourceRequirements:
    """Return what a run of the container has: where it has no limit of its own, the whole pod's."""
    asked, whole = container.resources or NONE, pod.spec.resources.limits if pod.spec.resources else {}
    more = {name: whole[name] for name in AMOUNTS if name in whole and name not in asked.limits}
    if not more:
        return asked
    return msgspec.structs.replace(asked, limits={**asked.limits, **more})


def own_part(had: ResourceRequirements, asked: ResourceRequirements | None) -> ResourceRequirements:
    """Return of what a run has the part that its own specification speaks of."""
    own = asked or NONE
    return msgspec.structs.replace(
        had, limits={name: text for name, text in had.limits.items() if name in own.limits},
        requests={name: text for name, text in had.requests.items() if name in own.requests or name in own.limits})


def with_amounts(asked: ResourceRequirements | None, source: ResourceRequirements) -> ResourceRequirements:
    """Return resources whose resizable amounts are another's."""
    def given(own: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
        return {**{name: text for name, text in own.items() if name not in AMOUNTS},
                **{name: text for name, text in other.items() if name in AMOUNTS}}

    base = asked or NONE
    return msgspec.structs.replace(base, limits=given(base.limits, source.limits),
                                   requests=given(base.requests, source.requests))


def summary(pod: Pod, *, error: str = "") -> str:
    """Return what events say of a resize: its containers' resources, the generation, and what went wrong."""
    told: dict[str, Any] = {}
    if pod.spec.resources is not None:
        told["resources"] = msgspec.to_builtins(pod.spec.resources)
    for group in ("initContainers", "containers"):
        rows = [{"name": each.name, "resources": msgspec.to_builtins(each.resources)}
                for each in getattr(pod.spec, group) if each.resources is not None]
        if rows:
            told[group] = rows
    told["generation"] = generation(pod)
    if error:
        told["error"] = error
    return json.dumps(told, separators=(",", ":"))


def generation(pod: Pod) -> int:
    """Return the spec's number."""
    return pod.metadata.generation or 0
