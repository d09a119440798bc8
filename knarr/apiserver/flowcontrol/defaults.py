"""Make the flow schemas and priority levels that every cluster starts with.

Source: kube apis/flowcontrol/bootstrap/default.go.
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]
API_VERSION = "flowcontrol.apiserver.k8s.io/v1"
MANDATORY = frozenset({"exempt", "catch-all"})  # made again whenever they go
AUTO_UPDATE = {"apf.kubernetes.io/autoupdate-spec": "true"}
ALL = ["*"]
# name: shares, percent it lends while idle, (queues, hand size, queue length); no queues: who finds no seat is refused
LEVELS: dict[str, tuple[int, int, tuple[int, int, int] | None]] = {
    "catch-all": (5, 0, None),
    "global-default": (20, 50, (128, 6, 50)),
    "leader-election": (10, 0, (16, 4, 50)),
    "node-high": (40, 25, (64, 6, 50)),
    "system": (30, 33, (64, 6, 50)),
    "workload-high": (40, 50, (128, 6, 50)),
    "workload-low": (100, 90, (128, 6, 50)),
}


def levels() -> list[Obj]:
    """Return the PriorityLevelConfigurations."""
    exempt: Obj = {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}}
    return [_object("PriorityLevelConfiguration", "exempt", exempt), *(_limited(name) for name in LEVELS)]


def schemas() -> list[Obj]:
    """Return the FlowSchemas."""
    everybody = [_group("system:unauthenticated"), _group("system:authenticated")]
    nodes, leases = _group("system:nodes"), {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
    manager, scheduler = _user("system:kube-controller-manager"), _user("system:kube-scheduler")
    accounts = {"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": "*"}}
    elections = {"verbs": ["get", "create", "update"], **leases, "namespaces": ALL}
    own = {"verbs": ALL, "apiGroups": [""], "resources": ["nodes", "nodes/status"], "clusterScope": True}
    beats = [{**own, "namespaces": ALL}, {"verbs": ALL, **leases, "namespaces": ALL}]
    probes = {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}
    return [
        _schema("exempt", "exempt", 1, "", _anything([_group("system:masters")])),
        _schema("probes", "exempt", 2, "", {"subjects": everybody, "nonResourceRules": [probes]}),
        _schema(
            "system-leader-election",
            "leader-election",
            100,
            "ByUser",
            {"subjects": [manager, scheduler, accounts], "resourceRules": [elections]},
        ),
        _schema("system-node-high", "node-high", 400, "ByUser", {"subjects": [nodes], "resourceRules": beats}),
        _schema("system-nodes", "system", 500, "ByUser", _anything([nodes])),
        _schema("kube-controller-manager", "workload-high", 800, "ByNamespace", _anything([manager])),
        _schema("kube-scheduler", "workload-high", 800, "ByNamespace", _anything([scheduler])),
        _schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", _anything([accounts])),
        _schema("service-accounts", "workload-low", 9000, "ByUser", _anything([_group("system:serviceaccounts")])),
        _schema("global-default", "global-default", 9900, "ByUser", _anything(everybody)),
        _schema("catch-all", "catch-all", 10000, "ByUser", _anything(everybody)),
    ]


def _limited(name: str) -> Obj:
    shares, lendable, queues = LEVELS[name]
    response: Obj = {"type": "Reject"}
    if queues:
        count, hand, length = queues
        response = {"type": "Queue", "queuing": {"queues": count, "handSize": hand, "queueLengthLimit": length}}
    limited = {"nominalConcurrencyShares": shares, "limitResponse": response, "lendablePercent": lendable}
    return _object("PriorityLevelConfiguration", name, {"type": "Limited", "limited": limited})


def _schema(name: str, level: str, precedence: int, distinguisher: str, rule: Obj) -> Obj:  # noqa: PLR0913
    spec: Obj = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence}
    if distinguisher:
        spec["distinguisherMethod"] = {"type": distinguisher}
    return _object("FlowSchema", name, {**spec, "rules": [rule]})


def _anything(subjects: list[Obj]) -> Obj:
    every = {"verbs": ALL, "apiGroups": ALL, "resources": ALL, "clusterScope": True, "namespaces": ALL}
    paths = {"verbs": ALL, "nonResourceURLs": ALL}
    return {"subjects": subjects, "resourceRules": [every], "nonResourceRules": [paths]}


def _object(kind: str, name: str, spec: Obj) -> Obj:
    meta = {"name": name, "annotations": dict(AUTO_UPDATE)}
    return {"kind": kind, "apiVersion": API_VERSION, "metadata": meta, "spec": spec}


def _user(name: str) -> Obj:
    return {"kind": "User", "user": {"name": name}}


def _group(name: str) -> Obj:
    return {"kind": "Group", "group": {"name": name}}
