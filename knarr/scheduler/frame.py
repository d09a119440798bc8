"""Hold the cluster as columns: one row for each node, one column for each resource. Pure.

Rows are updated in place, one event at a time; a row that loses its node is free for the next. Room grows by doubling.
Every array is (node,) or (node, resource), the latter column-major, so that one resource over all nodes lies together.
cpu is in milli, everything else in whole units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from msgspec.structs import replace

from knarr.api.placement import HostPort
from knarr.api.types import core_v1
from knarr.scheduler import requests
from knarr.scheduler.arrays import Bools, Ints
from knarr.scheduler.census import Census
from knarr.scheduler.needs import Attached, Needs

ROWS_FIRST = 64  # room at the start; doubles as nodes come
COLUMNS_FIRST = 8
CPU, MEMORY = 0, 1  # the first two columns; the scores read only these
BASE_COLUMNS = ("cpu", "memory", "ephemeral-storage")
SPARE_VALUES = 64  # label values without a node that a column may keep before it is read anew


@dataclass(slots=True)
class LabelColumn:
    """One label over all nodes. codes: (node,) index into `values`, -1 where a node lacks the label."""

    codes: Ints
    values: dict[str, int] = field(default_factory=dict)

    def put(self, row: int, value: str | None) -> None:
        """Write one node's value."""
        self.codes[row] = -1 if value is None else self.values.setdefault(value, len(self.values))


@dataclass(frozen=True, slots=True)
class Placed:
    """A pod that stands on a node, or is about to. started: RFC 3339 time it was bound or began, empty if not known."""

    uid: str
    namespace: str
    name: str
    needs: Needs
    terminating: bool = False
    started: str = ""


class Frame:
    """The nodes, and what stands on them."""

    def __init__(self) -> None:
        self.rows_max = ROWS_FIRST
        self.columns = {name: index for index, name in enumerate(BASE_COLUMNS)}
        self.allocatable: Ints = np.zeros((ROWS_FIRST, COLUMNS_FIRST), np.int64, order="F")  # (node, resource)
        self.requested: Ints = np.zeros((ROWS_FIRST, COLUMNS_FIRST), np.int64, order="F")    # (node, resource)
        self.nonzero: Ints = np.zeros((ROWS_FIRST, 2), np.int64, order="F")                  # (node, cpu and memory)
        self.pods: Ints = np.zeros(ROWS_FIRST, np.int64)
        self.pods_max: Ints = np.zeros(ROWS_FIRST, np.int64)
        self.live: Bools = np.zeros(ROWS_FIRST, np.bool_)
        self.unschedulable: Bools = np.zeros(ROWS_FIRST, np.bool_)
        self.taints: Ints = np.zeros(ROWS_FIRST, np.int64)        # index into taint_sets
        self.taint_sets: dict[tuple[core_v1.Taint, ...], int] = {(): 0}
        self.free = list(reversed(range(ROWS_FIRST)))             # rows without a node, lowest last
        self.names: list[str] = [""] * ROWS_FIRST
        self.nodes: list[core_v1.Node | None] = [None] * ROWS_FIRST
        self.rows: dict[str, int] = {}
        self.labels: dict[str, LabelColumn] = {}
        self.images: dict[str, dict[int, int]] = {}               # bytes by row, by image name
        self.ports: dict[tuple[str, int], dict[int, list[str]]] = {}  # addresses in use by row, by protocol and port
        self.standing: list[dict[str, Placed]] = [{} for _ in range(ROWS_FIRST)]
        self.homeless: dict[str, dict[str, Placed]] = {}          # pods whose node is not known (yet), by node name
        self.volumes_max: dict[str, Mapping[str, int]] = {}       # by driver, by node name; only where one has a limit
        self.attached: dict[str, frozenset[Attached]] = {}        # volumes attached, by node name, whoever uses them
        self.namespaces: dict[str, Mapping[str, str]] = {}
        self.census = Census(self.namespaces)

    def __len__(self) -> int:
        return len(self.rows)

    def set_node(self, node: core_v1.Node) -> None:
        """Add a node, or bring its row up to date."""
        name = node.metadata.name or ""
        row = self.rows.get(name)
        if row is None:
            row = self._take_row(name)
        before = self.nodes[row]
        self.nodes[row] = node
        if before is None or before.status.allocatable != node.status.allocatable:
            self._write_allocatable(row, node)
        if before is None or before.metadata.labels != node.metadata.labels:
            self._write_labels(row, node.metadata.labels)
        if before is None or before.status.images != node.status.images:
            self._write_images(row, node)
        self.unschedulable[row] = bool(node.spec.unschedulable)
        self.taints[row] = self._taint_set(node.spec.taints)
        for pod in self.homeless.pop(name, {}).values():
            self.add_pod(name, pod)

    def remove_node(self, name: str) -> None:
        """Free a node's row; pods still said to be on it wait for it to come back."""
        row = self.rows[name]
        leaving = dict(self.standing[row])
        for pod in leaving.values():
            self.remove_pod(name, pod.uid)
        del self.rows[name]
        self._write_images(row, None)
        for column in self.labels.values():
            column.put(row, None)
        self.names[row], self.nodes[row], self.live[row] = "", None, False
        self.allocatable[row], self.pods_max[row], self.taints[row] = 0, 0, 0
        if leaving:
            self.homeless[name] = leaving
        self.free.append(row)

    def add_pod(self, node: str, pod: Placed) -> None:
        """Put a pod on a node: what it asks for is no longer free there."""
        row = self.rows.get(node)
        if row is None:
            self.homeless.setdefault(node, {})[pod.uid] = pod
            return
        assert pod.uid not in self.standing[row], f"{pod.namespace}/{pod.name} stands on {node} already"
        self.standing[row][pod.uid] = pod
        self._charge(row, pod, sign=1)

    def remove_pod(self, node: str, uid: str) -> None:
        """Take a pod from a node, if it is there."""
        row = self.rows.get(node, -1)
        pod = (self.homeless.get(node, {}) if row < 0 else self.standing[row]).pop(uid, None)
        if row < 0 and not self.homeless.get(node, True):
            del self.homeless[node]
        if pod is not None and row >= 0:
            self._charge(row, pod, sign=-1)

    def attached_to(self, node: str) -> set[Attached]:
        """Return the volumes of drivers that a node holds, or will when its pods have come."""
        row = self.rows.get(node)
        pods = self.standing[row].values() if row is not None else ()
        return {one for pod in pods for one in pod.needs.attached}.union(self.attached.get(node, ()))

    def set_namespace(self, name: str, labels: Mapping[str, str] | None) -> None:
        """Learn a namespace's labels; None: it is gone."""
        if self.namespaces.get(name) == labels:
            return
        if labels is None:
            del self.namespaces[name]
        else:
            self.namespaces[name] = labels
        self.census.forget_counts()

    def label(self, key: str) -> LabelColumn:
        """Return one label over all nodes; the first asker pays for reading it."""
        found = self.labels.get(key)
        if found is None:
            found = self.labels[key] = LabelColumn(np.full(self.rows_max, -1, np.int64))
            for row in self.rows.values():
                node = self.nodes[row]
                assert node is not None
                found.put(row, node.metadata.labels.get(key))
        return found

    def column(self, resource: str) -> int:
        """Return a resource's column, made if it is new."""
        found = self.columns.get(resource)
        if found is None:
            found = self.columns[resource] = len(self.columns)
            if found == self.allocatable.shape[1]:
                self.allocatable, self.requested = _wider(self.allocatable), _wider(self.requested)
        return found

    def _charge(self, row: int, pod: Placed, *, sign: int) -> None:
        needs = pod.needs
        for name, value in needs.requests.items():
            self.requested[row, self.column(name)] += sign * value
        self.nonzero[row, CPU] += sign * needs.nonzero_cpu_milli
        self.nonzero[row, MEMORY] += sign * needs.nonzero_memory_bytes
        self.pods[row] += sign
        for port in needs.ports:
            self._charge_port(row, port, sign=sign)
        self.census.add(row, needs, terminating=pod.terminating, sign=sign)

    def _charge_port(self, row: int, port: HostPort, *, sign: int) -> None:
        rows = self.ports.setdefault((port.protocol, port.port), {})
        taken = rows.setdefault(row, [])
        if sign > 0:
            taken.append(port.ip)
            return
        taken.remove(port.ip)
        if not taken:
            del rows[row]
        if not rows:
            del self.ports[port.protocol, port.port]

    def _take_row(self, name: str) -> int:
        if not self.free:
            self._double()
        row = self.free.pop()
        self.rows[name], self.names[row], self.live[row] = row, name, True
        return row

    def _double(self) -> None:
        extra = self.rows_max
        for attribute in ("pods", "pods_max", "live", "unschedulable", "taints", "nonzero", "allocatable", "requested"):
            old = getattr(self, attribute)
            room = np.zeros((extra, *old.shape[1:]), old.dtype)
            setattr(self, attribute, np.asfortranarray(np.concatenate([old, room])))
        for column in self.labels.values():
            column.codes = np.concatenate([column.codes, np.full(extra, -1, np.int64)])
        self.names += [""] * extra
        self.nodes += [None] * extra
        self.standing += [{} for _ in range(extra)]
        self.free = list(reversed(range(self.rows_max, self.rows_max + extra)))
        self.rows_max += extra
        self.census.grow(self.rows_max)

    def _taint_set(self, found: tuple[core_v1.Taint, ...]) -> int:
        # When a taint was put on differs from node to node, and no rule here reads it.
        alike = tuple(replace(one, timeAdded=None) if one.timeAdded else one for one in found)
        return self.taint_sets.setdefault(alike, len(self.taint_sets))

    def _write_allocatable(self, row: int, node: core_v1.Node) -> None:
        found = requests.amounts(node.status.allocatable)
        self.pods_max[row] = found.pop("pods", 0)
        columns = {self.column(name): value for name, value in found.items()}
        self.allocatable[row] = 0
        for column, value in columns.items():
            self.allocatable[row, column] = value

    def _write_labels(self, row: int, labels: Mapping[str, str]) -> None:
        for key, column in list(self.labels.items()):
            column.put(row, labels.get(key))
            if len(column.values) > 2 * len(self.rows) + SPARE_VALUES:
                del self.labels[key]  # mostly values of nodes long gone

    def _write_images(self, row: int, node: core_v1.Node | None) -> None:
        for name, rows in list(self.images.items()):
            if rows.pop(row, None) is not None and not rows:
                del self.images[name]
        for image in node.status.images if node else ():
            for name in image.names:
                self.images.setdefault(name, {})[row] = image.sizeBytes or 0


def _wider(array: Ints) -> Ints:
    return np.asfortranarray(np.concatenate([array, np.zeros_like(array)], axis=1))
