"""Print pods: readiness, the one word that says how a pod is, restarts. Source: kube printers.go, printPod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from knarr.api.columns.view import AGE, NAME, NONE, Obj, View, age, at, columns, name, seconds_of, since

DONE = {
    "Succeeded": ("Succeeded", "The pod has completed successfully."),
    "Failed": ("Failed", "The pod failed."),
}


@dataclass(slots=True)
class Tally:
    """What the containers' statuses add up to. restarted_at: the latest end of a run that was followed by another."""

    reason: str
    ready: int = 0
    restarts: int = 0
    restarted_at: str = ""

    def count(self, status: Obj) -> None:
        """Add one container's restarts."""
        self.restarts += status.get("restartCount", 0)
        ended = at(status, "lastState", "terminated", "finishedAt") or ""
        if ended and (not self.restarted_at or seconds_of(ended) > seconds_of(self.restarted_at)):
            self.restarted_at = ended


def cells(pod: Obj, now_s: float) -> list[Any]:
    """Return a pod's cells."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    tally = summarize(pod)
    restarts = str(tally.restarts)
    if tally.restarts and tally.restarted_at:
        restarts = f"{tally.restarts} ({since(tally.restarted_at, now_s)} ago)"
    total = len(spec.get("containers") or ()) + len(_sidecars(spec))
    ips = status.get("podIPs") or []
    return [
        name(pod), f"{tally.ready}/{total}", tally.reason, restarts, age(pod, now_s),
        (ips[0].get("ip") if ips else "") or NONE, spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE, _gates(spec, status),
    ]


def summarize(pod: Obj) -> Tally:
    """Return the word that says how a pod is, and its counts."""
    status = pod.get("status") or {}
    phase = status.get("phase", "")
    conditions = {row["type"]: row for row in status.get("conditions") or ()}
    tally = Tally(status.get("reason") or phase)
    if (conditions.get("PodScheduled") or {}).get("reason") == "SchedulingGated":
        tally.reason = "SchedulingGated"
    initializing = _init_containers(pod, tally)
    if not initializing or (conditions.get("Initialized") or {}).get("status") == "True":
        _containers(pod, tally, is_ready=(conditions.get("Ready") or {}).get("status") == "True")
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            tally.reason = "Unknown"
        elif phase not in DONE:
            tally.reason = "Terminating"
    return tally


def _init_containers(pod: Obj, tally: Tally) -> bool:
    """Take in the init containers; say whether one of them still holds up the pod."""
    sidecars = _sidecars(pod["spec"])
    total = len(pod["spec"].get("initContainers") or ())
    for position, row in enumerate((pod.get("status") or {}).get("initContainerStatuses") or ()):
        tally.count(row)
        terminated, waiting = at(row, "state", "terminated"), at(row, "state", "waiting", "reason")
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if row["name"] in sidecars and row.get("started"):
            tally.ready += bool(row.get("ready"))
            continue
        if terminated is not None:
            tally.reason = "Init:" + _ending(terminated)
        elif waiting and waiting != "PodInitializing":
            tally.reason = f"Init:{waiting}"
        else:
            tally.reason = f"Init:{position}/{total}"
        return True
    return False


def _containers(pod: Obj, tally: Tally, *, is_ready: bool) -> None:
    """Take in the containers, the last first: the first one's reason stands."""
    status, sidecars = pod.get("status") or {}, _sidecars(pod["spec"])
    tally.restarts, tally.restarted_at = 0, ""
    for row in status.get("initContainerStatuses") or ():
        if row["name"] in sidecars:
            tally.count(row)
    running = False
    for row in reversed(status.get("containerStatuses") or ()):
        tally.count(row)
        terminated, waiting = at(row, "state", "terminated"), at(row, "state", "waiting", "reason")
        if waiting:
            tally.reason = waiting
        elif terminated is not None:
            tally.reason = _ending(terminated)
        elif row.get("ready") and at(row, "state", "running") is not None:
            running = True
            tally.ready += 1
    if tally.reason == "Completed" and running:
        tally.reason = "Running" if is_ready else "NotReady"


def _ending(terminated: Obj) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _sidecars(spec: Obj) -> set[str]:
    """Return the names of init containers that keep running."""
    return {row["name"] for row in spec.get("initContainers") or () if row.get("restartPolicy") == "Always"}


def _gates(spec: Obj, status: Obj) -> str:
    gates = [row.get("conditionType") for row in spec.get("readinessGates") or ()]
    if not gates:
        return NONE
    passed = {row["type"] for row in status.get("conditions") or () if row.get("status") == "True"}
    return f"{sum(gate in passed for gate in gates)}/{len(gates)}"


def _row_conditions(pod: Obj) -> list[dict[str, str]]:
    done = DONE.get(at(pod, "status", "phase") or "")
    if done is None:
        return []
    return [{"type": "Completed", "status": "True", "reason": done[0], "message": done[1]}]


VIEWS = {
    ("", "Pod"): View(
        (NAME, *columns("Ready", "Status", "Restarts"), AGE,
         *columns("+IP", "+Node", "+Nominated Node", "+Readiness Gates")), cells, _row_conditions),
}
