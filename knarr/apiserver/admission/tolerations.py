"""Let a pod stay for a while on a node that is not ready or out of reach, unless it says otherwise.

Source: kube plugin/pkg/admission/defaulttolerationseconds/admission.go.
"""

from __future__ import annotations

from knarr.apiserver.admission.words import Admission, Obj

PATIENCE_S = 300
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"


async def admit(a: Admission) -> None:
    """Add the tolerations that are missing."""
    spec = a.obj["spec"]
    present = spec.get("tolerations") or []
    patience_s = {NOT_READY: PATIENCE_S, UNREACHABLE: a.core.settings.unreachable_s}
    missing = [key for key in patience_s if not any(_covers(one, key) for one in present)]
    if missing:
        spec["tolerations"] = present + [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": patience_s[key]}
            for key in missing
        ]


def _covers(toleration: Obj, key: str) -> bool:
    return toleration.get("key", "") in (key, "") and toleration.get("effect", "") in ("NoExecute", "")
