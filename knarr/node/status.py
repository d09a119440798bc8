"""Work out a pod's status as the API shall show it, from the machine. Pure.

Source: kube kubelet/kubelet_pods.go (getPhase, generateAPIPodStatus, convertToAPIContainerStatuses) and
status/generate.go; recorded statuses are the oracle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from knarr.api import quantity
from knarr.api.types.core_v1 import Container, Pod, ResourceRequirements
from knarr.base.times import rfc3339
from knarr.node import podcontainers
from knarr.node.podmachine import resizing, restart
from knarr.node.podmachine.containers import is_ready, is_started, shown_started
from knarr.node.podmachine.state import DEADLINE, FIRST, Box, Machine, Refusal, Run, Waiting
from knarr.node.podmachine.table import LIVE, Phase, Stage

TERMINAL = frozenset({"Succeeded", "Failed"})
OVER = frozenset({Phase.ENDED, Phase.REMOVING, Phase.GONE})
NODE_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
ATOMIC_RESOURCES = ("cpu", "memory")
NO_DEVICES: Final[Mapping[str, list[dict[str, Any]]]] = {}
STATUSES: Final = {"initContainerStatuses": FIRST, "containerStatuses": {"main"},
                   "ephemeralContainerStatuses": {"ephemeral"}}


def pod_status(machine: Machine, *, host_ip: str, now_s: float,
               devices: Mapping[str, list[dict[str, Any]]] = NO_DEVICES) -> dict[str, Any]:
    """Return the whole status that this node answers for. now_s dates the conditions that change.

    devices: container -> allocatedResourcesStatus, for those that have devices of plugins.
    """
    pod = machine.pod
    if machine.refusal is not None:
        return rejected(machine, machine.refusal, now_s)
    computed = pod_phase(machine)
    status: dict[str, Any] = {
        "observedGeneration": pod.metadata.generation,
        "phase": shown_phase(machine, computed),
        "conditions": conditions(machine, computed, now_s),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "startTime": pod.status.startTime or rfc3339(machine.began_s),
        "qosClass": pod.status.qosClass,
    }
    ips = (host_ip,) if pod.spec.hostNetwork and machine.sandbox_id else machine.ips
    known = ips or tuple(each.ip for each in pod.status.podIPs)
    if known and any(box.run or box.waiting for box in machine.boxes):
        status["podIP"] = known[0]
        status["podIPs"] = [{"ip": ip} for ip in known]
    if machine.ending and machine.ending.why == "deadline" and status["phase"] == "Failed":
        status["reason"], status["message"] = "DeadlineExceeded", DEADLINE
    if machine.evicted and status["phase"] == "Failed":
        status["reason"], status["message"] = machine.evicted_for, machine.evicted
    status["resources"], allocated = pod_resources(pod)
    if allocated:
        status["allocatedResources"] = allocated
    shown = {box.name: container_status(machine, box) for box in machine.boxes}
    for name, told in devices.items():
        if name in shown:
            shown[name]["allocatedResourcesStatus"] = told
    for field, kinds in STATUSES.items():
        rows = [shown[box.name] for box in machine.boxes if box.kind in kinds]
        if rows:
            status[field] = rows
    return {key: value for key, value in status.items() if value is not None}


def rejected(machine: Machine, refusal: Refusal, now_s: float) -> dict[str, Any]:
    """Return the status of a pod that this node does not take. Source: kube kubelet.go, rejectPod."""
    pod = machine.pod
    shown: dict[str, Any] = {
        "observedGeneration": pod.metadata.generation, "phase": "Failed", "qosClass": pod.status.qosClass,
        "reason": refusal.reason, "message": f"Pod was rejected: {refusal.message}",
        "startTime": pod.status.startTime or rfc3339(machine.began_s), "resources": {},
        "conditions": [each for each in conditions(machine, "Failed", now_s) if each["type"] == "PodScheduled"],
    }
    return {key: value for key, value in shown.items() if value is not None}


def pod_phase(machine: Machine) -> str:
    """Return the phase that the containers add up to."""
    if machine.pod.status.phase in TERMINAL:
        return machine.pod.status.phase
    if machine.ending and machine.ending.why in ("deadline", "evicted", "rejected"):
        return "Failed"
    mains = [box for box in machine.boxes if box.kind == "main"]
    over = machine.phase in OVER
    if init_failed(machine):
        return "Failed"
    if not over and not all(init_passed(machine, box) for box in machine.boxes if box.kind in FIRST):
        return "Pending"
    ended = [box.run for box in mains if box.run is not None and box.run.ended]
    if any(box.stage in LIVE for box in mains):
        return "Running" if all(box.run for box in mains) else "Pending"
    if len(ended) < len(mains):
        return "Failed" if over else "Pending"
    if not over and (machine.renewing or any(box.stage is not Stage.DONE for box in mains)):
        return "Running"
    if any(box.kind == "sidecar" and box.stage in LIVE for box in machine.boxes):
        return "Running"
    return "Succeeded" if all(run.exit_code == 0 for run in ended) else "Failed"


def shown_phase(machine: Machine, computed: str) -> str:
    """Return the phase to show: an end only once nothing runs any more."""
    if computed not in TERMINAL or machine.phase in OVER:
        return computed
    was = machine.pod.status.phase
    return was if was in TERMINAL or was == "Running" else "Running" if mains_ran(machine) else "Pending"


def mains_ran(machine: Machine) -> bool:
    """Tell whether any main container ever ran."""
    return any(box.run is not None and box.run.started_s > 0 for box in machine.boxes if box.kind == "main")


def init_failed(machine: Machine) -> bool:
    """Tell whether an init container failed for good."""
    return any(box.kind == "init" and box.run is not None and box.run.ended and box.run.exit_code != 0
               and not restart.wanted(machine.pod, machine.container(box.name), box, box.run)
               for box in machine.boxes)


def init_passed(machine: Machine, box: Box) -> bool:
    """Tell whether an init container no longer holds up the others."""
    if box.kind == "sidecar":
        return is_started(machine, box) or (box.run is not None and mains_ran(machine))
    return is_ready(machine, box) or mains_ran(machine)


def conditions(machine: Machine, phase: str, now_s: float) -> list[dict[str, Any]]:
    """Return the conditions this node answers for, and keep their dates where they do not change."""
    before = {each.type: each for each in machine.pod.status.conditions}
    shown = []
    for kind, (truth, reason, message) in judged(machine, phase).items():
        old = before.get(kind)
        same = old is not None and (old.status == "True") == truth
        entry: dict[str, Any] = {
            "type": kind, "observedGeneration": machine.pod.metadata.generation, "status": "True" if truth else "False",
            "lastProbeTime": None,
            "lastTransitionTime": old.lastTransitionTime if same and old else rfc3339(now_s),
        }
        if reason:
            entry["reason"] = reason
        if message:
            entry["message"] = message
        shown.append({key: value for key, value in entry.items() if value is not None or key == "lastProbeTime"})
    return shown


def judged(machine: Machine, phase: str) -> dict[str, tuple[bool, str, str]]:
    """Return (truth, reason, message) by condition."""
    ready = containers_ready(machine, phase)
    return {
        "PodReadyToStartContainers": (machine.sandbox_up, "", ""),
        "Initialized": initialized(machine, phase),
        "Ready": pod_ready(machine, ready),
        "ContainersReady": ready,
        "PodScheduled": (True, "", ""),
        **renewal_condition(machine, phase),
        **resize_conditions(machine),
        **({"DisruptionTarget": (True, "TerminationByKubelet", machine.evicted)} if machine.evicted else {}),
    }


def renewal_condition(machine: Machine, phase: str) -> dict[str, tuple[bool, str, str]]:
    """Return whether all containers are about to begin again, of a pod where that may happen."""
    if not restart.may_renew(machine.pod):
        return {}
    if machine.renewing:
        return {"AllContainersRestarting": (True, "RestartAllContainersStarted",
                                            "container exited with restart policy rule")}
    reasons = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}
    return {"AllContainersRestarting": (False, reasons.get(phase, ""), "")}


def resize_conditions(machine: Machine) -> dict[str, tuple[bool, str, str]]:
    """Return the conditions of a resize that is not done; one that is done has none."""
    shown: dict[str, tuple[bool, str, str]] = {}
    if machine.wish is not None and machine.wish.reason:
        shown["PodResizePending"] = (True, machine.wish.reason, machine.wish.message)
    if machine.progress is not None:
        error = machine.progress.error
        shown["PodResizeInProgress"] = (True, "Error" if error else "", error)
    return shown


def initialized(machine: Machine, phase: str) -> tuple[bool, str, str]:
    """Judge the condition Initialized."""
    if phase == "Succeeded":
        return True, "PodCompleted", ""
    waiting = [box.name for box in machine.boxes if box.kind in FIRST and not init_passed(machine, box)]
    if waiting:
        return False, "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(waiting)}]"
    return True, "", ""


def containers_ready(machine: Machine, phase: str) -> tuple[bool, str, str]:
    """Judge the condition ContainersReady."""
    if phase in TERMINAL:
        return False, "PodCompleted" if phase == "Succeeded" else "PodFailed", ""
    unready = [box.name for box in machine.boxes if box.kind in ("main", "sidecar") and not is_ready(machine, box)]
    if unready:
        return False, "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    return True, "", ""


def pod_ready(machine: Machine, ready: tuple[bool, str, str]) -> tuple[bool, str, str]:
    """Judge the condition Ready: the containers, and what others say at the readiness gates."""
    if not ready[0]:
        return ready
    held = {each.type: each.status for each in machine.pod.status.conditions}
    faults = []
    for gate in machine.pod.spec.readinessGates:
        if gate.conditionType not in held:
            faults.append(f'corresponding condition of pod readiness gate "{gate.conditionType}" does not exist.')
        elif held[gate.conditionType] != "True":
            faults.append(f'the status of pod readiness gate "{gate.conditionType}" is not "True", '
                          f"but {held[gate.conditionType]}")
    return (False, "ReadinessGatesNotReady", ", ".join(faults)) if faults else ready


def container_status(machine: Machine, box: Box) -> dict[str, Any]:
    """Return one container's status."""
    container, run = machine.container(box.name), box.run
    shown: dict[str, Any] = {
        "name": box.name, "state": state(machine, box), "lastState": last_state(box),
        "ready": is_ready(machine, box),
        "restartCount": run.attempt if run else 0,
        "image": run.image if run else container.image or "", "imageID": run.image_ref if run else "",
        "started": shown_started(machine, box),
        "volumeMounts": volume_mounts(container, run),
    }
    if run and podcontainers.stop_signal(container):
        shown["stopSignal"] = podcontainers.stop_signal(container)
    if run:
        shown["containerID"] = run.full_id
        if run.identity is not None:
            shown["user"] = {"linux": {"uid": run.identity.uid, "gid": run.identity.gid,
                                       "supplementalGroups": list(run.identity.groups)}}
        held = container.resources
        if run.resources is not None and not run.ended:
            held = resizing.own_part(run.resources, container.resources)
        shown["resources"] = requirements(held)
        allocated = with_limits(container.resources)["requests"]
        if allocated:
            shown["allocatedResources"] = allocated
    if box.kind == "ephemeral":        # nobody waits for it, so nobody asks whether it is ready
        shown["ready"] = False
        del shown["started"]
    if not shown["volumeMounts"]:
        del shown["volumeMounts"]
    return shown


def state(machine: Machine, box: Box) -> dict[str, Any]:
    """Return what a container does now."""
    if box.waiting is not None:
        return waiting(box.waiting)
    if box.run is not None:
        return run_state(box.run)
    if any(each.kind in FIRST for each in machine.boxes):
        return waiting(Waiting("PodInitializing"))
    return waiting(Waiting("ContainerCreating"))


def last_state(box: Box) -> dict[str, Any]:
    """Return how the run before ended; while a container waits to run again that is the newest one."""
    over = box.run if box.waiting is not None and box.run is not None else box.last
    return run_state(over) if over is not None and over.ended else {}


def waiting(why: Waiting) -> dict[str, Any]:
    """Return a waiting state."""
    return {"waiting": {"reason": why.reason, **({"message": why.message} if why.message else {})}}


def run_state(run: Run) -> dict[str, Any]:
    """Return a run as running or terminated."""
    if not run.ended:
        return {"running": {"startedAt": rfc3339(run.started_s)}}
    over = {
        "exitCode": run.exit_code, "reason": run.reason or ("Error" if run.exit_code else "Completed"),
        "startedAt": rfc3339(run.started_s), "finishedAt": rfc3339(run.finished_s),
        "containerID": run.full_id,
    }
    if run.message:
        over["message"] = run.message
    return {"terminated": over}


def volume_mounts(container: Container, run: Run | None) -> list[dict[str, Any]]:
    """Return the mounts as the status repeats them."""
    shown = []
    for mount in container.volumeMounts:
        entry: dict[str, Any] = {"name": mount.name, "mountPath": mount.mountPath}
        if mount.readOnly:
            entry["readOnly"] = True
            below = run is not None and mount.mountPath in run.read_only_below
            entry["recursiveReadOnly"] = "Enabled" if below else "Disabled"
        shown.append(entry)
    return shown


def requirements(asked: ResourceRequirements | None) -> dict[str, Any]:
    """Return a container's resources as its status repeats them."""
    return {key: value for key, value in with_limits(asked).items() if value}


def with_limits(asked: ResourceRequirements | None) -> dict[str, dict[str, str]]:
    """Return limits and requests; a limit without a request is one (the server defaults it too)."""
    limits = dict(asked.limits) if asked else {}
    requests = {**limits, **asked.requests} if asked else {}
    return {"limits": limits, "requests": requests}


def pod_resources(pod: Pod) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the pod's resources and what is allocated to it: sums over its containers, or its own."""
    sums: dict[str, dict[str, quantity.Quantity]] = {"limits": {}, "requests": {}}
    for container in pod.spec.containers:
        for field, amounts in with_limits(container.resources).items():
            for name in set(amounts) & set(ATOMIC_RESOURCES):
                amount = quantity.parse(amounts[name])
                sums[field][name] = sums[field][name] + amount if name in sums[field] else amount
    for name in ATOMIC_RESOURCES:       # one container without a limit: the pod has none
        if any(name not in with_limits(c.resources)["limits"] for c in pod.spec.containers):
            sums["limits"].pop(name, None)
    for field, amounts in with_limits(pod.spec.resources).items():       # what the pod says itself counts for all
        sums[field].update({name: quantity.parse(amounts[name]) for name in ATOMIC_RESOURCES if name in amounts})
    spelled = {field: {name: str(amount) for name, amount in sorted(amounts.items())}
               for field, amounts in sums.items() if amounts}
    return spelled, spelled.get("requests", {})
