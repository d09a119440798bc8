"""Refuse cordoned nodes, and every node but the one a pod names.

Source: kube scheduler plugins/nodeunschedulable, plugins/nodename.
"""

from __future__ import annotations

import numpy as np

from knarr.api.types import core_v1
from knarr.scheduler.arrays import Bools
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import Needs
from knarr.scheduler.plugins import taints
from knarr.scheduler.verdict import Reason

CORDONED = Reason("node(s) were unschedulable", "NodeUnschedulable")
OTHER_NAME = Reason("node(s) didn't match the requested node name", "NodeName")

CORDON_TAINT = core_v1.Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


def cordoned(needs: Needs, frame: Frame) -> Bools:
    """Return (node,) True where the node is cordoned and the pod does not tolerate it."""
    if taints.tolerated(CORDON_TAINT, needs.tolerations):
        return np.zeros(frame.rows_max, np.bool_)
    return frame.unschedulable


def other_name(needs: Needs, frame: Frame) -> Bools:
    """Return (node,) True where the pod asks for a node of another name."""
    refused = np.full(frame.rows_max, bool(needs.node_name), np.bool_)
    row = frame.rows.get(needs.node_name)
    if row is not None:
        refused[row] = False
    return refused
