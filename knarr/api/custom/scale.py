"""Say where the counts of a Scale lie in an object of a custom kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the counts of a Scale lie, as steps. selector: empty if nothing says."""

    replicas: tuple[str, ...] = ("spec", "replicas")
    shown: tuple[str, ...] = ("status", "replicas")
    selector: tuple[str, ...] = ()


def at(obj: Any, steps: tuple[str, ...]) -> Any:
    """Return what lies at some steps below an object; None if there is nothing."""
    for step in steps:
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj
