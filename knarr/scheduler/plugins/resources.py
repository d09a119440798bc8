"""Refuse nodes without room; prefer the emptier ones, and those whose cpu and memory fill evenly.

Every function takes `rows`, a slice or an array of rows, so that one touched node can be scored again alone.
Source: kube scheduler plugins/noderesources: fit.go, least_allocated.go, balanced_allocation.go.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from knarr.scheduler.arrays import SCORE_MAX, Bools, Ints
from knarr.scheduler.frame import CPU, MEMORY, Frame
from knarr.scheduler.needs import Needs
from knarr.scheduler.verdict import Reason

RULE = "NodeResourcesFit"
# Stands for all that a node is short of; `reasons` says what that is.
NO_ROOM = Reason("Insufficient resources", RULE, curable=True)
TOO_SMALL = Reason("Insufficient resources, even when empty", RULE)
FULL = "Too many pods"
SHORT = "Insufficient {}"
ALL = slice(None)


def refuse(needs: Needs, frame: Frame, rows: slice = ALL) -> Bools:
    """Return (rows,) True where the pod does not fit."""
    refused = frame.pods[rows] + 1 > frame.pods_max[rows]  # (node,)
    for name, asked in needs.requests.items():
        if asked > 0:
            refused = refused | short_of(frame, name, asked=asked, rows=rows)
    return refused


def short_of(frame: Frame, resource: str, *, asked: int, rows: slice = ALL) -> Bools:
    """Return (rows,) True where less than `asked` is free."""
    column = frame.columns.get(resource)
    if column is None:
        return np.ones(frame.rows_max, np.bool_)[rows]
    return asked > frame.allocatable[rows, column] - frame.requested[rows, column]


def hopeless(needs: Needs, frame: Frame) -> Bools:
    """Return (node,) True where the pod would not fit even on the empty node, so evicting others cannot help."""
    found = np.zeros(frame.rows_max, np.bool_)
    for name, asked in needs.requests.items():
        column = frame.columns.get(name)
        found |= asked > (0 if column is None else frame.allocatable[:, column])
    return found


def reasons(needs: Needs, frame: Frame, row: int) -> Iterator[str]:
    """Say all that one node is short of."""
    if frame.pods[row] + 1 > frame.pods_max[row]:
        yield FULL
    here = slice(row, row + 1)
    for name, asked in needs.requests.items():
        if asked > 0 and short_of(frame, name, asked=asked, rows=here)[0]:
            yield SHORT.format(name)


def least_allocated(needs: Needs, frame: Frame, rows: slice = ALL) -> Ints:
    """Prefer the emptier node. Returns (rows,): 0 full .. SCORE_MAX empty; floors as Kubernetes, equal to the unit."""
    capacity = frame.allocatable[rows, : MEMORY + 1]  # (node, cpu and memory)
    asked = np.array([needs.nonzero_cpu_milli, needs.nonzero_memory_bytes], np.int64)
    free = np.maximum(capacity - frame.nonzero[rows] - asked, 0)  # (node, cpu and memory)
    exists = capacity > 0
    part = free * SCORE_MAX // np.where(exists, capacity, 1)
    counted: Ints = exists.sum(axis=1)
    total: Ints = (part * exists).sum(axis=1)
    return total // np.maximum(counted, 1)  # (node,)


def balanced(needs: Needs, frame: Frame, rows: slice = ALL) -> Ints:
    """Prefer even use. Returns (rows,): SCORE_MAX less half the distance between the shares of cpu and memory in use.

    A pod that asks for neither is not scored, lest all such pods gather on one node.
    """
    cpu, memory = needs.requests.get("cpu", 0), needs.requests.get("memory", 0)
    capacity = frame.allocatable[rows, : MEMORY + 1]  # (node, cpu and memory)
    if cpu == 0 and memory == 0:
        return np.zeros(len(capacity), np.int64)
    used = frame.requested[rows, : MEMORY + 1] + np.array([cpu, memory], np.int64)
    exists = capacity > 0
    share = np.minimum(used / np.where(exists, capacity, 1), 1.0)  # (node, cpu and memory)
    spread = np.abs(share[:, CPU] - share[:, MEMORY]) / 2  # (node,)
    spread = np.where(exists.all(axis=1), spread, 0.0)
    return ((1 - spread) * SCORE_MAX).astype(np.int64)
