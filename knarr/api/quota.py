"""Say what an object costs a ResourceQuota, and which quotas it concerns. Pure; objects are plain dicts.

Source: kube pkg/quota/v1/evaluator/core: pods.go, services.go, persistent_volume_claims.go, and generic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from knarr.api import podresources
from knarr.api.podresources import Amounts
from knarr.api.quantity import NANO, Quantity
from knarr.base.times import seconds

Obj = Mapping[str, Any]
Row = tuple[str, str]  # group and plural

ONE: Final = Quantity(NANO)
PODS, SERVICES, CLAIMS = ("", "pods"), ("", "services"), ("", "persistentvolumeclaims")
OLD_COUNTS: Final = frozenset({  # kinds whose bare plural counts them, since before `count/`
    ("", "configmaps"), ("", "secrets"), ("", "replicationcontrollers"), ("", "resourcequotas"), SERVICES, CLAIMS,
})
COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
MUST_SAY: Final = frozenset({"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
OVER: Final = ("Succeeded", "Failed")
BY_CLASS: Final = ".storageclass.storage.k8s.io/"
OLD_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
EXISTS: Final = {"operator": "Exists"}


def count_name(row: Row) -> str:
    """Return the resource that counts a kind: `count/deployments.apps`."""
    group, plural = row
    return f"count/{plural}.{group}" if group else f"count/{plural}"


def concerns(name: str, row: Row) -> bool:
    """Say whether objects of a kind can use a resource of this name."""
    if name == count_name(row) or (row in OLD_COUNTS and name == row[1]):
        return True
    if row == SERVICES:
        return name in ("services.nodeports", "services.loadbalancers")
    if row == CLAIMS:
        return name == "requests.storage" or BY_CLASS in name
    if row != PODS or name == "requests.storage" or BY_CLASS in name:
        return False
    return name == "pods" or name in COMPUTE or name.startswith(("requests.", "limits.", "hugepages-"))


def usage(row: Row, obj: Obj, *, now_s: float = 0.0) -> Amounts:
    """Return what one object uses, by the names that quotas know.

    now_s: a pod that should have been gone by then no longer counts for what it runs with, however long its node
    takes to say so. 0: nobody asks.
    """
    found: Amounts = {count_name(row): ONE}
    if row in OLD_COUNTS:
        found[row[1]] = ONE
    if row == PODS:
        found.update({} if now_s and 0 < gone_s(obj) <= now_s else _pod(obj))
    elif row == SERVICES:
        found.update(_service(obj.get("spec") or {}))
    elif row == CLAIMS:
        found.update(_claim(obj))
    return found


def gone_s(pod: Obj) -> float:
    """Return when a pod that is being deleted should be gone, wall seconds, its grace counted twice; 0: it stays.

    Source: kube pkg/quota/v1/evaluator/core/pods.go, QuotaV1Pod.
    """
    meta = pod["metadata"]
    at, grace_s = meta.get("deletionTimestamp"), meta.get("deletionGracePeriodSeconds")
    return seconds(at) + grace_s if at and grace_s is not None else 0.0


def covers(spec: Obj, row: Row, obj: Obj) -> bool:
    """Say whether an object lies in all of a quota's scopes."""
    wanted = [{"scopeName": name, **EXISTS} for name in spec.get("scopes") or ()]
    wanted += (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    if not wanted:
        return True
    if row == CLAIMS:
        return all(one["scopeName"] == "VolumeAttributesClass" and _any_named(one, _attributes(obj)) for one in wanted)
    return row == PODS and all(_in_scope(one, obj) for one in wanted)


def unsaid(names: Iterable[str], pod: Obj) -> dict[str, list[str]]:
    """Return the containers that do not say what a quota needs to know, by resource."""
    wanted = sorted(MUST_SAY & set(names))
    spec = pod.get("spec") or {}
    whole = {f"{side}.{name}" for side in ("requests", "limits")
             for name in (spec.get("resources") or {}).get(side) or ()}
    missing: dict[str, list[str]] = {}
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        said = _compute({side: podresources.of_container(container, side) for side in ("requests", "limits")})
        for name in wanted:
            if name not in said and name not in whole and f"requests.{name}" not in whole:
                missing.setdefault(name, []).append(str(container["name"]))
    return missing


def _pod(pod: Obj) -> Amounts:
    if (pod.get("status") or {}).get("phase") in OVER:
        return {}
    spec = pod.get("spec") or {}
    return {"pods": ONE, **_compute({side: podresources.total(spec, side) for side in ("requests", "limits")})}


def _compute(sides: Mapping[str, Amounts]) -> Amounts:
    found: Amounts = {}
    for name, amount in sides["requests"].items():
        found[f"requests.{name}"] = amount
        if name in COMPUTE or name.startswith("hugepages-"):
            found[name] = amount
    for name, amount in sides["limits"].items():
        if name in COMPUTE:
            found[f"limits.{name}"] = amount
    return found


def _service(spec: Obj) -> Amounts:
    kind, ports = spec.get("type"), spec.get("ports") or ()
    if kind == "LoadBalancer":
        if spec.get("allocateLoadBalancerNodePorts") is False:
            ports = [port for port in ports if port.get("nodePort")]
        return {"services.loadbalancers": ONE, "services.nodeports": Quantity(len(ports) * NANO)}
    return {"services.nodeports": Quantity(len(ports) * NANO)} if kind == "NodePort" else {}


def _claim(claim: Obj) -> Amounts:
    spec = claim.get("spec") or {}
    name = (claim["metadata"].get("annotations") or {}).get(OLD_CLASS) or spec.get("storageClassName")
    asked = podresources.amounts((spec.get("resources") or {}).get("requests")).get("storage")
    found: Amounts = {} if asked is None else {"requests.storage": asked}
    if name:
        found[f"{name}{BY_CLASS}persistentvolumeclaims"] = ONE
        if asked is not None:
            found[f"{name}{BY_CLASS}requests.storage"] = asked
    return found


def _in_scope(wanted: Obj, pod: Obj) -> bool:
    spec, scope = pod.get("spec") or {}, wanted["scopeName"]
    if scope in ("Terminating", "NotTerminating"):
        return bool((spec.get("activeDeadlineSeconds") is not None) == (scope == "Terminating"))
    if scope in ("BestEffort", "NotBestEffort"):
        return bool(((pod.get("status") or {}).get("qosClass") == "BestEffort") == (scope == "BestEffort"))
    if scope == "PriorityClass":
        return _named(wanted, spec.get("priorityClassName"))
    return scope == "CrossNamespacePodAffinity" and _looks_abroad(spec.get("affinity") or {})


def _named(wanted: Obj, name: str | None) -> bool:
    operator, values = wanted.get("operator", "Exists"), wanted.get("values") or ()
    if operator in ("Exists", "DoesNotExist"):
        return bool(bool(name) == (operator == "Exists"))
    return bool((name in values) == (operator == "In") if name else operator == "NotIn")


def _any_named(wanted: Obj, found: list[str]) -> bool:
    return any(_named(wanted, name) for name in found) if found else _named(wanted, None)


def _attributes(claim: Obj) -> list[str]:
    """Return the classes that a claim has, wants, or is on its way to.

    Source: kube quota/v1/evaluator/core/persistent_volume_claims.go, getReferencedVolumeAttributesClassNames.
    """
    spec, status = claim.get("spec") or {}, claim.get("status") or {}
    going = (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName")
    found = (spec.get("volumeAttributesClassName"), status.get("currentVolumeAttributesClassName"), going)
    return list(dict.fromkeys(filter(None, found)))


def _looks_abroad(affinity: Obj) -> bool:
    terms: list[Obj] = []
    for name in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(name) or {}
        terms += rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [one.get("podAffinityTerm") or {}
                  for one in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()]
    return any(one.get("namespaces") or one.get("namespaceSelector") is not None for one in terms)
