"""Make pods for the node's tests."""

from __future__ import annotations

from typing import Any

import msgspec

from knarr.api.types.core_v1 import Pod


def pod(*, name: str = "web", containers: list[dict[str, Any]] | None = None, deleted: int | None = None,
        status: dict[str, Any] | None = None, **spec: Any) -> Pod:
    """Return a bound pod as the API shows it. deleted: the deletion's grace in seconds."""
    metadata: dict[str, Any] = {
        "name": name, "namespace": "shop", "uid": f"uid-{name}", "generation": 1, "resourceVersion": "7"}
    if deleted is not None:
        metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": deleted}
    listed = containers or [{"name": "c", "image": "app:1"}]
    return msgspec.convert({
        "metadata": metadata,
        "spec": {"nodeName": "n1", "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
                 "containers": listed, **spec},
        "status": {"phase": "Pending", "qosClass": "BestEffort", **(status or {})},
    }, Pod)
