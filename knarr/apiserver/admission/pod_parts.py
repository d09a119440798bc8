"""Walk the parts of a pod that security rules look at, and word what they find. Pure.

Source: kube pod-security-admission/policy/visitor.go and helpers.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

Obj: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule's no: what is wrong, and where."""

    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


Rule: TypeAlias = Callable[[Obj, Obj], Violation | None]  # (metadata, spec)


def containers(spec: Obj) -> Iterator[Obj]:
    """Yield a pod's containers: those that start it, those that run, those that were added to look inside."""
    for part in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(part) or ()


def security(holder: Obj) -> Obj:
    """Return the security context of a container or a pod's spec, be it empty."""
    return holder.get("securityContext") or {}


def named(found: Iterable[Obj]) -> list[str]:
    """Return containers' names."""
    return [str(one.get("name", "")) for one in found]


def plural(count: int, one: str, many: str) -> str:
    """Choose the word for a count."""
    return one if count == 1 else many


def quoted(texts: Iterable[str]) -> str:
    """Write texts in quotes, with commas."""
    return ", ".join(quote(text) for text in texts)


def quote(text: str) -> str:
    """Write one text in quotes, as Go's %q does for ordinary text."""
    return orjson.dumps(text).decode()


def of_containers(names: list[str]) -> str:
    """Say which containers: `container "a"`, `containers "a", "b"`."""
    return f"{plural(len(names), 'container', 'containers')} {quoted(names)}"


def setters(spec_is_bad: bool, bad: list[str]) -> list[str]:
    """Say who set something: the pod, its containers, or both."""
    return [*(["pod"] if spec_is_bad else []), *([of_containers(bad)] if bad else [])]


def is_windows(spec: Obj) -> bool:
    """Say whether the pod is for Windows, to which some rules do not apply."""
    return (spec.get("os") or {}).get("name") == "windows"


def own_users(spec: Obj) -> bool:
    """Say whether the pod has a user namespace of its own, in which its root is nobody."""
    return spec.get("hostUsers") is False
