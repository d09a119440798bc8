"""Prefer nodes that have the pod's images already, the larger the better.

Source: kube scheduler plugins/imagelocality.
"""

from __future__ import annotations

import numpy as np

from knarr.scheduler.arrays import SCORE_MAX, Ints
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import Needs

SMALL_BYTES = 23 * 1024 * 1024    # below this an image is not worth a detour
LARGE_BYTES = 1000 * 1024 * 1024  # for each container: above this nothing is gained


def score(needs: Needs, frame: Frame) -> Ints:
    """Return (node,): bytes already there, each image weighed by the share of nodes that have it, 0 .. SCORE_MAX."""
    total = np.zeros(frame.rows_max, np.int64)
    for image in needs.images:
        holders = frame.images.get(normal_name(image), {})
        for row, size_bytes in holders.items():
            total[row] += int(size_bytes * (len(holders) / max(len(frame), 1)))
    if not total.any():
        return total
    largest = LARGE_BYTES * len(needs.images)
    return SCORE_MAX * (np.clip(total, SMALL_BYTES, largest) - SMALL_BYTES) // (largest - SMALL_BYTES)


def normal_name(image: str) -> str:
    """Add the tag that is meant where none is written.

    >>> normal_name("registry:5000/web"), normal_name("web:1")
    ('registry:5000/web:latest', 'web:1')
    """
    return image if image.rfind(":") > image.rfind("/") else image + ":latest"
