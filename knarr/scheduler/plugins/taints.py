"""Refuse nodes whose taints the pod does not tolerate; prefer those with fewer that it would rather avoid.

Taints are kept as sets: nodes tainted alike share one verdict. Source: kube scheduler plugins/tainttoleration.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from knarr.api.tolerations import tolerates
from knarr.api.types import core_v1
from knarr.scheduler.arrays import Bools, Ints
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import Needs
from knarr.scheduler.verdict import Reason

REASON = Reason("node(s) had untolerated taint(s)", "TaintToleration")
WEIGHT = 3

HARD = ("NoSchedule", "NoExecute")


def refuse(needs: Needs, frame: Frame) -> Bools:
    """Return (node,) True where a NoSchedule or NoExecute taint is not tolerated."""
    verdicts = [
        any(one.effect in HARD and not tolerated(one, needs.tolerations) for one in found) for found in frame.taint_sets
    ]
    return np.array(verdicts, np.bool_)[frame.taints]


def disliked(needs: Needs, frame: Frame) -> Ints:
    """Count (node,) the PreferNoSchedule taints that are not tolerated: fewer is better."""
    mild = [one for one in needs.tolerations if not one.effect or one.effect == "PreferNoSchedule"]
    counts = [
        sum(one.effect == "PreferNoSchedule" and not tolerated(one, mild) for one in found)
        for found in frame.taint_sets
    ]
    return np.array(counts, np.int64)[frame.taints]


def tolerated(taint: core_v1.Taint, tolerations: Iterable[core_v1.Toleration]) -> bool:
    """Tell whether any toleration covers the taint."""
    return any(tolerates(one, taint) for one in tolerations)
