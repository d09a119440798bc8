"""Refuse nodes that hold as many volumes of a CSI driver as the driver can serve there.

Source: kube scheduler plugins/nodevolumelimits/csi.go.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from knarr.scheduler.arrays import Bools
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import Needs
from knarr.scheduler.verdict import Reason

REASON = Reason("node(s) exceed max volume count", "NodeVolumeLimits", curable=True)


def refuse(needs: Needs, frame: Frame) -> Bools:
    """Return (node,) True where the pod's volumes would be too many; one that is there already counts once."""
    refused = np.zeros(frame.rows_max, np.bool_)
    drivers = {driver for driver, _ in needs.attached}
    for name, limits in frame.volumes_max.items():
        row = frame.rows.get(name)
        if row is not None and not drivers.isdisjoint(limits):
            here = frame.attached_to(name)
            held, more = (Counter(driver for driver, _ in found) for found in (here, {*needs.attached} - here))
            refused[row] = any(held[driver] + more[driver] > limits.get(driver, np.inf) for driver in more)
    return refused
