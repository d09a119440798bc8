"""Say whether a toleration covers a taint: the rule that scheduler, node lifecycle and node agent share. Pure.

Source: kube api core/v1 toleration.go, ToleratesTaint.
"""

from __future__ import annotations

from knarr.api.types.core_v1 import Taint, Toleration


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Tell whether `toleration` covers `taint`; an empty key or effect covers all."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return bool(toleration.key) and (toleration.value or "") == (taint.value or "")
