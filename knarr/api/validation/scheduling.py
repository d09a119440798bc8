"""Check what tells the scheduler where a pod may go.

Source: kube pkg/apis/core/validation/validation.go (validateAffinity, ValidateTolerations,
validateTopologySpreadConstraints, validateSchedulingGates).
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.selector import label_selector, node_selector, node_term
from knarr.api.validation.spot import Spot

EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
OPERATORS: Final = ("Equal", "Exists")
UNSATISFIABLE: Final = ("DoNotSchedule", "ScheduleAnyway")
NODE_POLICIES: Final = ("Honor", "Ignore")
REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
NO_KEY: Final = "operator must be Exists when `key` is empty, which means \"match all values and all keys\""


def check(spot: Spot, spec: dict[str, Any]) -> None:
    """Check affinity, gates, spreading and tolerations of a PodSpec."""
    if spec.get("affinity"):
        _affinity(spot.at("affinity"), spec["affinity"])
    for number, gate in enumerate(spec.get("readinessGates") or ()):
        name = gate.get("conditionType") or ""
        spot.at("readinessGates").index(number).at("conditionType").each(name, formats.qualified_name(name))
    if spec.get("schedulingGates"):
        _gates(spot.at("schedulingGates"), spec["schedulingGates"])
    if spec.get("topologySpreadConstraints"):
        _spread(spot.at("topologySpreadConstraints"), spec["topologySpreadConstraints"])
    for number, toleration in enumerate(spec.get("tolerations") or ()):
        _toleration(spot, number, toleration)


def _affinity(spot: Spot, affinity: dict[str, Any]) -> None:
    node = affinity.get("nodeAffinity")
    if node:
        inner = spot.at("nodeAffinity")
        if node.get(REQUIRED) is not None:
            node_selector(inner.at(REQUIRED), node[REQUIRED])
        for number, item in enumerate(node.get(PREFERRED) or ()):
            _weight(inner.at(PREFERRED).index(number), item)
            node_term(inner.at(PREFERRED).index(number).at("preference"), item.get("preference") or {})
    for name in ("podAffinity", "podAntiAffinity"):
        pods = affinity.get(name) or {}
        for number, term in enumerate(pods.get(REQUIRED) or ()):
            _pod_term(spot.at(name).at(REQUIRED).index(number), term)
        for number, item in enumerate(pods.get(PREFERRED) or ()):
            inner = spot.at(name).at(PREFERRED).index(number)
            _weight(inner, item)
            _pod_term(inner.at("podAffinityTerm"), item.get("podAffinityTerm") or {})


def _weight(spot: Spot, item: dict[str, Any]) -> None:
    weight = item.get("weight", 0)
    if not 1 <= weight <= 100:
        spot.at("weight").invalid(weight, "must be in the range 1-100")


def _pod_term(spot: Spot, term: dict[str, Any]) -> None:
    label_selector(spot.at("labelSelector"), term.get("labelSelector"))
    label_selector(spot.at("namespaceSelector"), term.get("namespaceSelector"))
    for name in term.get("namespaces") or ():
        spot.at("namespace").each(name, formats.dns_label(name))
    key = term.get("topologyKey") or ""
    if not key:
        spot.at("topologyKey").required("can not be empty")
    faults = formats.qualified_name(key)
    if faults:
        spot.at("topologyKey").each(key, faults)


def _gates(spot: Spot, gates: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for number, gate in enumerate(gates):
        name = gate.get("name") or ""
        spot.index(number).each(name, formats.qualified_name(name))
        if name in seen:
            spot.index(number).duplicate(name)
        seen.add(name)


def _spread(spot: Spot, constraints: list[dict[str, Any]]) -> None:
    seen: set[tuple[str, str]] = set()
    for number, item in enumerate(constraints):
        inner = spot.index(number)
        _constraint(inner, item)
        pair = (item.get("topologyKey") or "", item.get("whenUnsatisfiable") or "")
        if pair in seen:
            inner.at("{topologyKey, whenUnsatisfiable}").duplicate(f"{{{pair[0]}, {pair[1]}}}")
        seen.add(pair)


def _constraint(spot: Spot, item: dict[str, Any]) -> None:
    if item.get("maxSkew", 0) <= 0:
        spot.at("maxSkew").invalid(item.get("maxSkew", 0), "must be greater than zero")
    key = item.get("topologyKey") or ""
    if not key:
        spot.at("topologyKey").required("can not be empty")
    else:
        spot.at("topologyKey").each(key, formats.qualified_name(key))
    action = item.get("whenUnsatisfiable") or ""
    if action not in UNSATISFIABLE:
        spot.at("whenUnsatisfiable").unsupported(action, UNSATISFIABLE)
    domains = item.get("minDomains")
    if domains is not None:
        if domains <= 0:
            spot.at("minDomains").invalid(domains, "must be greater than zero")
        if action != "DoNotSchedule":
            spot.at("minDomains").invalid(domains, "can only use minDomains if whenUnsatisfiable=DoNotSchedule, "
                                                   f"not {action}")
    for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        if item.get(name) is not None and item[name] not in NODE_POLICIES:
            spot.at(name).unsupported(item[name], NODE_POLICIES)
    label_selector(spot.at("labelSelector"), item.get("labelSelector"))


def _toleration(spot: Spot, number: int, toleration: dict[str, Any]) -> None:
    spot = spot.at("tolerations").index(number)
    key, operator = toleration.get("key"), toleration.get("operator") or ""
    value, effect = toleration.get("value") or "", toleration.get("effect") or ""
    if key:
        faults = formats.qualified_name(key)
        if faults:
            spot.at("key").each(key, faults)
    elif operator != "Exists":
        spot.at("operator").invalid(operator, NO_KEY)
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        spot.at("effect").invalid(effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
    if operator in ("", "Equal"):
        faults = formats.label_value(value)
        if faults:
            spot.at("operator").invalid(value, ";".join(faults))
    elif operator == "Exists":
        if value:
            spot.at("operator").invalid(value, "value must be empty when `operator` is 'Exists'")
    else:
        spot.at("operator").unsupported(operator, OPERATORS)
    if effect and effect not in EFFECTS:
        spot.at("effect").unsupported(effect, EFFECTS)
