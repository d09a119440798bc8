"""Tell pods where their node stands, so that containers can read it (downward API).

Source: kube plugin/pkg/admission/podtopologylabels/admission.go; KEP 4742.
"""

from __future__ import annotations

from typing import Final

from knarr.api import kinds
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.core import Core

LABELS: Final = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")
MARK: Final = b'"topology.kubernetes.io/'


async def label(a: Admission) -> None:
    """Label a pod that is created on a node; one that is scheduled gets its labels when it is bound."""
    node = (a.obj.get("spec") or {}).get("nodeName")
    found = labels_of(a.core, node) if node else {}
    if found:
        a.obj["metadata"]["labels"] = (a.obj["metadata"].get("labels") or {}) | found


def labels_of(core: Core, node: str) -> dict[str, str]:
    """Return where a node stands; nothing where nobody knows. A node that says nothing of it is not parsed."""
    kind = kinds.by_resource("", "v1", "nodes")
    assert kind is not None
    entry = core.store.get(kind.key("", node))
    if entry is None or MARK not in entry.value:
        return {}
    labels = entry.obj["metadata"].get("labels") or {}
    return {name: labels[name] for name in LABELS if name in labels}
