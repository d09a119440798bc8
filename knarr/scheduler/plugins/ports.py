"""Refuse nodes where a host port that the pod wants is taken. Source: kube scheduler plugins/nodeports."""

from __future__ import annotations

import numpy as np

from knarr.scheduler.arrays import Bools
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import HostPort, Needs
from knarr.scheduler.verdict import Reason

REASON = Reason("node(s) didn't have free ports for the requested pod ports", "NodePorts", curable=True)
ANY = "0.0.0.0"


def refuse(needs: Needs, frame: Frame) -> Bools:
    """Return (node,) True where a port is taken on the same address, or either side takes every address."""
    refused = np.zeros(frame.rows_max, np.bool_)
    for port in needs.ports:
        for row, taken in frame.ports.get((port.protocol, port.port), {}).items():
            refused[row] |= any(clashes(port, address) for address in taken)
    return refused


def clashes(port: HostPort, address: str) -> bool:
    """Tell whether `port` clashes with the same port taken on `address`."""
    return ANY in (port.ip, address) or port.ip == address
