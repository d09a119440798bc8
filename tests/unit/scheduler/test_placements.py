"""Place the recorded clusters' pods as kube-scheduler did, and refuse in its words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from knarr.api.types import core_v1
from knarr.scheduler.claims import Storage, turned_away
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import needs_of
from knarr.scheduler.plan import Bind, Refuse, Waiting, plan

RECORD = Path(__file__).parents[4] / "shared/wire/scheduling/placements.json"
PRIORITIES = {"prio-1": 1, "prio-5": 5, "prio-100": 100, "prio-never-100": 100}

if not RECORD.exists():
    pytest.skip(f"no record of kube-scheduler at {RECORD}", allow_module_level=True)

STORIES: list[dict[str, Any]] = json.loads(RECORD.read_text())


@pytest.mark.parametrize("story", STORIES, ids=[story["name"] for story in STORIES])
def test_places_as_kube_scheduler(story: dict[str, Any]) -> None:
    """A small cluster, and one more node, cordoned. Where Kubernetes threw dice, its choice must be among our best."""
    frame = Frame()
    for node in [*story["nodes"], CORDONED]:
        frame.set_node(msgspec.convert(node, core_v1.Node))
    for raw, result in zip(story["pods"], story["results"], strict=True):
        pod = waiting(raw)
        ranks = np.arange(frame.rows_max)
        if result["node"]:
            ranks[frame.rows[result["node"]]] = -1
        assert_decided(frame, pod, result=result, decision=plan(frame, [pod], ranks=ranks)[0])


def assert_decided(frame: Frame, pod: Waiting, *, result: dict[str, Any], decision: Bind | Refuse) -> None:
    if isinstance(decision, Refuse) and decision.victims:
        for victim in decision.victims:
            frame.remove_pod(decision.nominated, victim.uid)
        assert "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu." == decision.message
        decision = plan(frame, [pod], ranks=np.arange(frame.rows_max))[0]
    if result["node"] is None:
        assert isinstance(decision, Refuse)
        assert result["message"] == decision.message
    else:
        assert isinstance(decision, Bind), decision
        assert result["node"] == decision.node


CORDONED = {
    "metadata": {"name": "zz-real", "labels": {"kubernetes.io/hostname": "zz-real"}}, "spec": {"unschedulable": True},
    "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}},
}


def waiting(raw: dict[str, Any]) -> Waiting:
    pod = msgspec.convert({**raw, "metadata": {"namespace": "default", **raw["metadata"]}}, core_v1.Pod)
    name = pod.spec.priorityClassName or ""
    spec = msgspec.structs.replace(
        pod.spec, priority=PRIORITIES.get(name, 0), preemptionPolicy="Never" if "never" in name else None)
    pod = msgspec.structs.replace(pod, spec=spec)
    away = turned_away(pod, Storage())
    return Waiting(pod.metadata.name or "", "default", pod.metadata.name or "", b"", needs_of(pod), away)
