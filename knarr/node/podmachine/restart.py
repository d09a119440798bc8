"""Decide whether and when a container runs again.

Source: kube kuberuntime/kuberuntime_manager.go, client-go util/flowcontrol/backoff.go, container/helpers.go.
"""

from __future__ import annotations

from dataclasses import replace

from knarr.api.types.core_v1 import Container, Pod
from knarr.node.podmachine.state import Box, Run

FIRST_S = 10.0
CAP_S = 300.0              # where the node says nothing else
FORGET_S = 600.0           # a run this long after the last failure begins anew. Source: kube kubelet.go, HasExpiredFunc
PULL_FIRST_S = 10.0
ONE, EVERY = "Restart", "RestartAllContainers"     # what a restart rule may ask for
RETRY_S = 10.0             # of what only a change of spec or config can mend. Source: kubelet's backOffPeriod
SHOW_S = 1.0               # how long an end is shown as itself before it is shown as waiting; kubelet: 1 to 12


def wanted(pod: Pod, container: Container, box: Box, run: Run) -> bool:
    """Tell whether an ended run is to be followed by another."""
    if box.kind in ("sidecar", "ephemeral"):
        return box.kind == "sidecar"
    action = ruled(container, run.exit_code)
    if box.kind == "init" and run.exit_code == 0:
        return action == EVERY
    if action in (ONE, EVERY):
        return True
    policy = container.restartPolicy or pod.spec.restartPolicy or "Always"
    if box.kind == "init":
        return policy != "Never"
    return policy == "Always" or (policy == "OnFailure" and run.exit_code != 0)


def ruled(container: Container, exit_code: int) -> str:
    """Return the action of the first rule that an exit code meets, empty where none does."""
    for rule in container.restartPolicyRules:
        codes = rule.exitCodes
        if codes is not None and (exit_code in codes.values) == (codes.operator == "In"):
            return rule.action
    return ""


def renews_pod(container: Container, run: Run) -> bool:
    """Tell whether an ended run makes all containers of its pod begin again. Source: KEP-5532."""
    return run.ended and ruled(container, run.exit_code) == EVERY


def may_renew(pod: Pod) -> bool:
    """Tell whether any container can make all of its pod's containers begin again."""
    return any(rule.action == EVERY for one in (*pod.spec.initContainers, *pod.spec.containers)
               for rule in one.restartPolicyRules)


def delay_s(box: Box, run: Run, now_s: float) -> float:
    """Return how long the next run must wait: 0 after the first end, then 10 s doubling to 300 s."""
    if box.backoff_s == 0 or run.finished_s - box.backoff_at_s > FORGET_S:
        return 0.0
    return max(0.0, run.finished_s + box.backoff_s - now_s)


def stepped(box: Box, run: Run, cap_s: float) -> Box:
    """Return the record with the wait that the run after the next one will have, at most cap_s."""
    fresh = box.backoff_s == 0 or run.finished_s - box.backoff_at_s > FORGET_S
    return replace(box, backoff_s=min(FIRST_S if fresh else box.backoff_s * 2, cap_s), backoff_at_s=run.finished_s)


def pull_delay_s(failures: int) -> float:
    """Return the wait before pull number `failures` + 1."""
    assert failures > 0, f"failures must be > 0 (got {failures})"
    return float(min(PULL_FIRST_S * 2 ** min(failures - 1, 10), CAP_S))


def duration(seconds_s: float) -> str:
    """Spell whole seconds as Go does.

    >>> [duration(s) for s in (10, 80, 300)]
    ['10s', '1m20s', '5m0s']
    """
    minutes, seconds = divmod(round(seconds_s), 60)
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
