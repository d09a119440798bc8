"""Refuse nodes where a host port that the pod wants is taken. Source: kube scheduler plugins/nodeports."""

from __future__ import annotations

import numpy as np

from knarr.api.placement import meet
from knarr.scheduler.arrays import Bools
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import Needs
from knarr.scheduler.verdict import Reason

REASON = Reason("node(s) didn't have free ports for the requested pod ports", "NodePorts", curable=True)


def refuse(needs: Needs, frame: Frame) -> Bools:
    """Return (node,) True where a port is taken on the same address, or either side takes every address."""
    refused = np.zeros(frame.rows_max, np.bool_)
    for port in needs.ports:
        for row, taken in frame.ports.get((port.protocol, port.port), {}).items():
            refused[row] |= any(meet(port.ip, address) for address in taken)
    return refused

