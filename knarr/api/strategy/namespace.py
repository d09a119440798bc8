"""What the server owns in a Namespace: its finalizers and phase. Source: kube registry/core/namespace/strategy.go."""

from __future__ import annotations

from typing import Any, Final

FINALIZER: Final = "kubernetes"   # held until everything in the namespace is gone


def create(draft: dict[str, Any]) -> None:
    """Start active, with the finalizer that keeps it until it is empty."""
    finalizers = list(draft.get("spec", {}).get("finalizers", ()))
    if FINALIZER not in finalizers:
        finalizers.append(FINALIZER)
    draft["spec"] = {"finalizers": finalizers}
    draft["status"] = {"phase": "Active"}


def update(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Keep the finalizers: only the subresource changes them."""
    draft["spec"] = old.get("spec", {})


def finalize(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Let finalizers go, and nothing else."""
    draft["status"] = old.get("status", {})
