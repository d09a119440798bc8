"""The controllers: one folder each, none knows another.

Each folder is a module with `async run(setup: reconcile.runner.Setup)`; most have `observe.py` and `plan.py` and are
run by `reconcile.runner`. `ALL` names them; `starters` imports them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from importlib import import_module
from typing import Any, TypeAlias

from knarr.reconcile.runner import Setup

Starter: TypeAlias = Callable[[Setup], Coroutine[Any, Any, Any]]

ALL: tuple[str, ...] = (
    "accounttokens",
    "attachdetach",
    "bootstrapsigner",
    "certificates",
    "clusterroles",
    "cronjob",
    "daemonset",
    "deployment",
    "disruption",
    "endpoints",
    "endpointslicemirroring",
    "endpointslices",
    "ephemeralvolume",
    "eventttl",
    "garbagecollector",
    "ipaddresses",
    "job",
    "localpath",
    "namespace",
    "nodelifecycle",
    "podgc",
    "pvcprotection",
    "pvprotection",
    "replicaset",
    "resourceclaims",
    "resourcequota",
    "rootca",
    "serviceaccounts",
    "servicecidrs",
    "statefulset",
    "tokencleaner",
    "ttl",
    "vacprotection",
    "volumebinder",
)


def starters(names: tuple[str, ...] = ALL) -> Mapping[str, Starter]:
    """Return what starts each controller, by name. Imports them: only the process that runs them pays."""
    return {name: import_module(f"{__name__}.{name}").run for name in names}
