"""Tables: the recorded columns of every kind, the recorded rows, and how a pod's word is found."""

from __future__ import annotations

from typing import Any

import pytest

from knarr.api import columns, kinds
from knarr.api.columns import view
from tests.unit.api.wire import kind_at, recorded

POD = kinds.by_kind("", "v1", "Pod")
assert POD is not None
NOW_S = view.seconds_of("2026-11-22T12:00:00Z")


def test_recorded_columns():
    """Every kind that we serve has the columns that Kubernetes has, in order, with type, format and priority."""
    compared = 0
    for path, theirs in recorded("tables/columns.json").items():
        kind = kind_at(path)
        if kind is not None:
            ours = [{key: row[key] for key in row if key != "description"} for row in columns.definitions(kind)]
            assert theirs == ours, kind.kind
            compared += 1
    assert compared == sum("list" in kind.verbs for kind in kinds.KINDS)


def test_recorded_rows():
    """Objects as they were created print as the recorded tables say, ages apart."""
    rows = {(kind_at(path).kind, row["cells"][0]): row["cells"] for path, table in recorded("tables/rows.json").items()
            for row in table["rows"] if kind_at(path) is not None}
    compared = 0
    for case in recorded("sequences/writes.json"):
        last: dict[tuple[str, str], Any] = {}
        for step in case["steps"]:
            answer = step["response"]
            if isinstance(answer, dict) and "metadata" in answer and answer["metadata"].get("namespace") == "rec2":
                last[answer["kind"], answer["metadata"]["name"]] = answer
        for key, obj in last.items():
            kind = kinds.of_object(obj)
            if key in rows and kind is not None and kind.kind != "Job":  # its controller had written by then
                cells = columns.view_of(kind).cells(with_times(obj), NOW_S)
                ages = {place for place, column in enumerate(columns.view_of(kind).columns) if column.name == "Age"}
                assert [cell for place, cell in enumerate(rows[key]) if place not in ages] == [
                    cell for place, cell in enumerate(cells) if place not in ages]
                compared += 1
    assert compared >= 8


def with_times(value: Any) -> Any:
    """Put a real time where the recording masked one."""
    if isinstance(value, dict):
        return {key: with_times(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_times(item) for item in value]
    return "2026-11-22T11:59:00Z" if value == "<time>" else value


@pytest.mark.parametrize(("seconds", "text"), [
    (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (600, "10m"),
    (179 * 60, "179m"), (3 * 3600, "3h"), (3 * 3600 + 60, "3h1m"), (8 * 3600 + 60, "8h"), (47 * 3600, "47h"),
    (48 * 3600, "2d"), (50 * 3600, "2d2h"), (8 * 86400 + 3600, "8d"), (729 * 86400, "729d"), (730 * 86400, "2y"),
    (740 * 86400, "2y10d"), (9 * 365 * 86400, "9y"),
])
def test_human_durations(seconds, text):
    """Ages get coarser as they grow."""
    assert text == view.human(seconds)


def pod(*, status: dict[str, Any], spec: dict[str, Any] | None = None, deleted: bool = False) -> dict[str, Any]:
    """Make a pod of two containers, one minute old."""
    meta = {"name": "p", "creationTimestamp": "2026-11-22T11:59:00Z"}
    if deleted:
        meta["deletionTimestamp"] = "2026-11-22T11:59:59Z"
    return {"metadata": meta, "spec": {"containers": [{"name": "a"}, {"name": "b"}], **(spec or {})}, "status": status}


RUNNING = {"state": {"running": {}}, "ready": True, "restartCount": 0}
CRASHED = {"name": "a", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "ready": False, "restartCount": 3,
           "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-11-22T11:59:30Z"}}}
DONE = {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}, "restartCount": 0}
INIT = {"initContainers": [{"name": "i"}, {"name": "j"}]}
SIDECAR = {"initContainers": [{"name": "i", "restartPolicy": "Always"}]}


@pytest.mark.parametrize(("case", "shown"), [
    pytest.param(pod(status={"phase": "Pending"}), ["0/2", "Pending", "0"], id="not started"),
    pytest.param(pod(status={"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}),
        ["0/2", "SchedulingGated", "0"], id="gated"),
    pytest.param(pod(status={"phase": "Running", "containerStatuses": [RUNNING, RUNNING]}),
                 ["2/2", "Running", "0"], id="running"),
    pytest.param(pod(status={"phase": "Running", "containerStatuses": [CRASHED, RUNNING]}),
                 ["1/2", "CrashLoopBackOff", "3 (30s ago)"], id="crashing"),
    pytest.param(pod(status={"phase": "Running", "containerStatuses": [DONE, RUNNING]}),
                 ["1/2", "NotReady", "0"], id="one is done"),
    pytest.param(pod(status={"phase": "Succeeded", "containerStatuses": [DONE, DONE]}),
                 ["0/2", "Completed", "0"], id="all are done"),
    pytest.param(pod(status={"phase": "Failed", "reason": "Evicted"}), ["0/2", "Evicted", "0"], id="evicted"),
    pytest.param(pod(status={"phase": "Failed", "containerStatuses": [
        {"state": {"terminated": {"exitCode": 137, "signal": 9}}, "restartCount": 0}]}),
        ["0/2", "Signal:9", "0"], id="killed by a signal"),
    pytest.param(pod(status={"phase": "Running", "containerStatuses": [RUNNING, RUNNING]}, deleted=True),
                 ["2/2", "Terminating", "0"], id="terminating"),
    pytest.param(pod(status={"phase": "Running", "reason": "NodeLost"}, deleted=True),
                 ["0/2", "Unknown", "0"], id="its node is gone"),
    pytest.param(pod(status={"phase": "Pending", "initContainerStatuses": [
        {"name": "i", **DONE}, {"name": "j", "state": {"running": {}}, "restartCount": 0}]}, spec=INIT),
        ["0/2", "Init:1/2", "0"], id="second init container"),
    pytest.param(pod(status={"phase": "Pending", "initContainerStatuses": [
        {"name": "i", "state": {"waiting": {"reason": "ErrImagePull"}}, "restartCount": 0}]}, spec=INIT),
        ["0/2", "Init:ErrImagePull", "0"], id="init image is missing"),
    pytest.param(pod(status={"phase": "Pending", "initContainerStatuses": [
        {"name": "i", "state": {"terminated": {"exitCode": 2}}, "restartCount": 1}]}, spec=INIT),
        ["0/2", "Init:ExitCode:2", "1"], id="init failed"),
    pytest.param(pod(status={"phase": "Running", "containerStatuses": [RUNNING, RUNNING], "initContainerStatuses": [
        {"name": "i", "state": {"running": {}}, "started": True, "ready": True, "restartCount": 2}]}, spec=SIDECAR),
        ["3/3", "Running", "2"], id="a sidecar counts"),
])
def test_a_pods_word(case, shown):
    """READY, STATUS and RESTARTS as kubectl users know them."""
    assert shown == columns.table(POD, [case], NOW_S)["rows"][0]["cells"][1:4]


def test_finished_pods_are_marked():
    """Clients may grey out rows that are done."""
    row = columns.table(POD, [pod(status={"phase": "Succeeded"})], NOW_S, include_object="None")["rows"][0]

    assert row["object"] is None
    assert ["Succeeded"] == [condition["reason"] for condition in row["conditions"]]


@pytest.mark.parametrize(("spec", "status", "external", "ports"), [
    pytest.param({"type": "ClusterIP", "clusterIP": "10.0.0.1"}, {}, "<none>", "<none>", id="no ports"),
    pytest.param({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"},
                                                {"port": 53, "protocol": "UDP"}]}, {}, "<none>",
                 "80:30080/TCP,53/UDP", id="node port"),
    pytest.param({"type": "LoadBalancer"}, {}, "<pending>", "<none>", id="no balancer yet"),
    pytest.param({"type": "LoadBalancer", "externalIPs": ["9.9.9.9"]},
                 {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}, "1.2.3.4,9.9.9.9", "<none>", id="balanced"),
    pytest.param({"type": "ExternalName", "externalName": "x.y"}, {}, "x.y", "<none>", id="a name elsewhere"),
])
def test_services(spec, status, external, ports):
    """Where a service answers."""
    cells = columns.network.service_cells({"metadata": {"name": "s"}, "spec": spec, "status": status}, NOW_S)

    assert [external, ports] == cells[3:5]


def test_long_lists_are_cut():
    """Four endpoints: three are shown, one is counted."""
    addresses = [{"ip": f"10.0.0.{n}"} for n in range(4)]
    cells = columns.network.endpoints_cells(
        {"metadata": {"name": "e"}, "subsets": [{"addresses": addresses, "ports": [{"port": 80}]}]}, NOW_S)

    assert "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 1 more..." == cells[1]
