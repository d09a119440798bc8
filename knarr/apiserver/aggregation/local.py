"""Keep an APIService for every group and version that this server itself serves. Pure.

Source: kube-aggregator pkg/controllers/autoregister/autoregister_controller.go; those of built-in groups are made at
the start, those of custom kinds come and go with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from knarr.api import discovery_remote
from knarr.api.kinds import KINDS, Kind

Obj = dict[str, Any]
LABEL: Final = "kube-aggregator.kubernetes.io/automanaged"
AT_START, ALWAYS = "onstart", "true"
OWN: Final = "apiregistration.k8s.io"  # serves the APIServices and has none


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do: objects to make, objects to write over, names to take away."""

    make: tuple[Obj, ...]
    mend: tuple[Obj, ...]
    drop: tuple[str, ...]


def steps(served: Iterable[Kind], stored: dict[str, Obj]) -> Steps:
    """Compare what is served with the APIServices there are. stored: by name."""
    wanted = {one["metadata"]["name"]: one for one in wanted_of(served)}
    make = [one for name, one in wanted.items() if name not in stored]
    mend = [
        {**stored[name], "spec": one["spec"]}
        for name, one in wanted.items()
        if name in stored and _label(stored[name]) == _label(one) == ALWAYS and stored[name]["spec"] != one["spec"]
    ]
    drop = [name for name, one in stored.items() if name not in wanted and _label(one) == ALWAYS]
    return Steps(tuple(make), tuple(mend), tuple(drop))


def wanted_of(served: Iterable[Kind]) -> list[Obj]:
    """Return the APIServices of served kinds."""
    versions = sorted({(kind.group, kind.version) for kind in served if kind.group != OWN})
    return [_draft(group, version) for group, version in versions]


def _draft(group: str, version: str) -> Obj:
    group_priority, version_priority = discovery_remote.priorities(group, version)
    spec: Obj = {"version": version, "groupPriorityMinimum": group_priority, "versionPriority": version_priority}
    return {
        "kind": "APIService", "apiVersion": "apiregistration.k8s.io/v1",
        "metadata": {"name": f"{version}.{group}", "labels": {LABEL: AT_START if group in BUILT_IN else ALWAYS}},
        "spec": {"group": group, **spec} if group else spec,
    }  # fmt: skip


def _label(obj: Obj) -> str:
    return str((obj["metadata"].get("labels") or {}).get(LABEL, ""))


BUILT_IN: Final = frozenset(kind.group for kind in KINDS)
