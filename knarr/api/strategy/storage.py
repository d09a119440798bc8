"""What the server owns in volumes and claims: the first phase, and two data sources that tell the same.

Source: kube pkg/api/persistentvolumeclaim/util.go (NormalizeDataSources, EnforceDataSourceBackwardsCompatibility).
"""

from __future__ import annotations

from typing import Any, Final

OLD_SOURCES: Final = (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))


def create_volume(draft: dict[str, Any]) -> None:
    """Start pending, since the moment of creation."""
    draft["status"] = {"phase": "Pending"}
    created = draft["metadata"].get("creationTimestamp")
    if created:
        draft["status"]["lastPhaseTransitionTime"] = created


def create(draft: dict[str, Any]) -> None:
    """Let `dataSource` name only what it always could, and keep it and `dataSourceRef` in step."""
    spec = draft["spec"]
    if "dataSource" in spec and not _old_kind(spec["dataSource"]):
        del spec["dataSource"]
    normalize(spec)


def update(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Keep the two sources in step."""
    normalize(draft["spec"])


def normalize(spec: dict[str, Any]) -> None:
    """Fill the source that is absent from the other; one that crosses namespaces has no old form."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if reference is not None and reference.get("namespace"):
        return
    if source is not None and reference is None:
        spec["dataSourceRef"] = dict(source)
    elif reference is not None and source is None and _old_kind(reference):
        spec["dataSource"] = dict(reference)


def _old_kind(source: dict[str, Any]) -> bool:
    return (source.get("apiGroup") or "", source.get("kind")) in OLD_SOURCES
