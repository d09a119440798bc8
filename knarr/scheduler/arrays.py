"""Name the array types of the scheduler, and the scale of its scores. (node,): one value for each row."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]

# Every rule scores a node from 0 to this. Source: kube-scheduler framework/interface.go, MaxNodeScore.
SCORE_MAX = 100


def normalize(raw: Ints, feasible: Bools, *, reverse: bool = False) -> Ints:
    """Scale raw scores (node,) so that the best feasible node gets SCORE_MAX; `reverse`: the lowest raw is the best.

    Source: kube scheduler plugins/helper/normalize_score.go, DefaultNormalizeScore.
    """
    highest = int(raw[feasible].max(initial=0))
    if highest == 0:
        return np.full_like(raw, SCORE_MAX if reverse else 0)
    scaled = raw * SCORE_MAX // highest  # (node,)
    return SCORE_MAX - scaled if reverse else scaled
