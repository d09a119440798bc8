"""What the server owns in a Job: the selector and labels that tell its pods.

The selector holds the Job's uid, so `metadata.uid` must be set before. Source: kube registry/batch/job/strategy.go.
"""

from __future__ import annotations

from typing import Any, Final

UID_LABEL: Final = "batch.kubernetes.io/controller-uid"
NAME_LABEL: Final = "batch.kubernetes.io/job-name"
LEGACY: Final = {UID_LABEL: "controller-uid", NAME_LABEL: "job-name"}


def create(draft: dict[str, Any]) -> None:
    """Write the generated selector and labels, unless the client keeps its own (`manualSelector`)."""
    spec = draft["spec"]
    if not spec.get("manualSelector"):
        _generate(draft, spec)
    labels = spec["template"]["metadata"].get("labels")
    if labels and not draft["metadata"].get("labels"):
        draft["metadata"]["labels"] = dict(labels)


def _generate(draft: dict[str, Any], spec: dict[str, Any]) -> None:
    uid, name = draft["metadata"].get("uid", ""), draft["metadata"].get("name", "")
    labels = spec["template"]["metadata"].setdefault("labels", {})
    for label, value in ((UID_LABEL, uid), (NAME_LABEL, name)):
        labels[label] = labels[LEGACY[label]] = value
    spec.setdefault("selector", {}).setdefault("matchLabels", {})[UID_LABEL] = uid
