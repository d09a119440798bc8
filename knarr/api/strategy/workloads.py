"""What the server owns in a DaemonSet: the count of its templates. Source: kube registry/apps/daemonset/strategy.go."""

from __future__ import annotations

from typing import Any

from knarr.api.defaults.workloads import TEMPLATE_GENERATION


def create_daemon_set(draft: dict[str, Any]) -> None:
    """Count the first template."""
    draft["metadata"].setdefault("annotations", {})[TEMPLATE_GENERATION] = "1"


def update_daemon_set(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Count a changed template."""
    text = (old["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "0")
    count = int(text) if text.isdigit() else 0
    if draft["spec"].get("template") != old["spec"].get("template"):
        count += 1
    draft["metadata"].setdefault("annotations", {})[TEMPLATE_GENERATION] = str(count)
