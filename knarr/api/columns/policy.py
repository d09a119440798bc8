"""Print what rules over others: roles' bindings, quotas, budgets, priorities, autoscalers.

Source: kube pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from knarr.api import quantity
from knarr.api.columns.view import AGE, NAME, NONE, UNKNOWN, UNSET, Column, Obj, View, age, at, columns, human, name

METRICS_MAX = 2  # metrics of an autoscaler shown. Source: kube printers.go, formatHPAMetrics
METRIC_SPECS = {"Resource": "resource", "ContainerResource": "containerResource", "Pods": "pods", "Object": "object",
                "External": "external"}


def binding_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return the cells of a RoleBinding or ClusterRoleBinding."""
    role = obj.get("roleRef") or {}
    subjects = obj.get("subjects") or ()
    accounts = [f"{row.get('namespace', '')}/{row['name']}" for row in subjects if row["kind"] == "ServiceAccount"]
    return [name(obj), f"{role.get('kind', '')}/{role.get('name', '')}", age(obj, now_s), _named(subjects, "User"),
            _named(subjects, "Group"), ", ".join(accounts)]


def _named(subjects: Any, kind: str) -> str:
    return ", ".join(row["name"] for row in subjects if row["kind"] == kind)


def quota_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return a ResourceQuota's cells: what is used of what may be, limits apart."""
    hard, used = at(obj, "status", "hard") or {}, at(obj, "status", "used") or {}
    texts = {key: f"{key}: {used.get(key, '0')}/{hard[key]}" for key in sorted(hard)}
    limits = [text for key, text in texts.items() if key.startswith("limits.")]
    return [name(obj), ", ".join(text for text in texts.values() if text not in limits), ", ".join(limits),
            age(obj, now_s)]


def _budget_cells(obj: Obj, now_s: float) -> list[Any]:
    spec = obj.get("spec") or {}
    return [name(obj), str(spec.get("minAvailable", "N/A")), str(spec.get("maxUnavailable", "N/A")),
            at(obj, "status", "disruptionsAllowed") or 0, age(obj, now_s)]


def _priority_cells(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), obj.get("value", 0), obj.get("globalDefault", False), age(obj, now_s),
            obj.get("preemptionPolicy") or UNSET]


def _scale_cells(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), at(obj, "spec", "replicas") or 0, at(obj, "status", "replicas") or 0, age(obj, now_s)]


def autoscaler_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return a HorizontalPodAutoscaler's cells."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    lowest = spec.get("minReplicas")
    return [name(obj), f"{target.get('kind', '')}/{target.get('name', '')}", _metrics(spec, status),
            UNSET if lowest is None else str(lowest), spec.get("maxReplicas", 0), status.get("currentReplicas", 0),
            age(obj, now_s)]


def _metrics(spec: Obj, status: Obj) -> str:
    wanted, current = spec.get("metrics") or [], status.get("currentMetrics") or []
    texts = [_metric(row, current[place] if place < len(current) else {}) for place, row in enumerate(wanted)]
    if not texts:
        return NONE
    more = f" + {len(texts) - METRICS_MAX} more..." if len(texts) > METRICS_MAX else ""
    return ", ".join(texts[:METRICS_MAX]) + more


def _metric(wanted: Obj, current: Obj) -> str:
    key = METRIC_SPECS.get(wanted.get("type", ""), "")
    source = wanted.get(key) or {}
    target, now = source.get("target") or {}, at(current, key, "current") or {}
    name_shown = f"{source['name']}: " if key in ("resource", "containerResource") else ""
    average = " (avg)" if key in ("external", "object") and target.get("averageValue") is not None else ""
    if target.get("averageUtilization") is not None:
        used = now.get("averageUtilization")
        return f"{name_shown}{UNKNOWN if used is None else f'{used}%'}/{target['averageUtilization']}%"
    field = "averageValue" if target.get("averageValue") is not None else "value"
    used = now.get(field)
    return f"{name_shown}{UNKNOWN if used is None else quantity.canonical(used)}/{target.get(field, '')}{average}"


def _runtime_cells(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), obj.get("handler", ""), age(obj, now_s)]


def _policy_cells(member: str) -> Any:
    def cells(obj: Obj, now_s: float) -> list[Any]:
        spec = obj.get("spec") or {}
        kind = spec.get("paramKind")
        shown = f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else "<unset>"
        return [name(obj), len(spec.get(member) or ()), shown, age(obj, now_s)]
    return cells


def _policy_binding_cells(obj: Obj, now_s: float) -> list[Any]:
    """Source: kube printers.go, printValidatingAdmissionPolicyBinding."""
    spec = obj.get("spec") or {}
    ref = spec.get("paramRef")
    shown = "<unset>"
    if ref is not None:
        shown = f"{ref.get('namespace') or '*'}/{ref.get('name') or ''}" if ref.get("name") else "<selector>"
    return [name(obj), spec.get("policyName", ""), shown, age(obj, now_s)]


def _webhook_cells(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), len(obj.get("webhooks") or ()), age(obj, now_s)]


RBAC = "rbac.authorization.k8s.io"
BINDING = View(
    (NAME, *columns("Role"), AGE, *columns("+Users", "+Groups", "+ServiceAccounts")), binding_cells)
POLICY_BINDINGS = View((NAME, *columns("PolicyName", "ParamRef"), AGE), _policy_binding_cells)
WEBHOOKS = View((NAME, *columns("Webhooks#"), AGE), _webhook_cells)
def _request_cells(obj: Obj, now_s: float) -> list[Any]:
    spec = obj.get("spec") or {}
    lifetime_s = spec.get("expirationSeconds")
    return [name(obj), age(obj, now_s), spec.get("signerName") or NONE, spec.get("username", ""),
            NONE if lifetime_s is None else human(lifetime_s), _request_state(obj.get("status") or {})]


def _request_state(status: Obj) -> str:
    """Say where a certificate request stands. Source: kube printers.go, extractCSRStatus."""
    types = {one.get("type") for one in status.get("conditions") or ()}
    decided = "Denied" if "Denied" in types else "Approved" if "Approved" in types else "Pending"
    return decided + (",Failed" if "Failed" in types else "") + (",Issued" if status.get("certificate") else "")


VIEWS = {
    (RBAC, "RoleBinding"): BINDING,
    (RBAC, "ClusterRoleBinding"): BINDING,
    ("", "ResourceQuota"): View((NAME, *columns("Request", "Limit"), AGE), quota_cells),
    ("policy", "PodDisruptionBudget"): View(
        (NAME, *columns("Min Available", "Max Unavailable", "Allowed Disruptions#"), AGE), _budget_cells),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): View(
        (NAME, *columns("Mutations#", "ParamKind"), AGE), _policy_cells("mutations")),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): POLICY_BINDINGS,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): View(
        (NAME, *columns("Validations#", "ParamKind"), AGE), _policy_cells("validations")),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): POLICY_BINDINGS,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): WEBHOOKS,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): WEBHOOKS,
    ("certificates.k8s.io", "CertificateSigningRequest"): View(
        (NAME, AGE, *columns("SignerName", "Requestor", "RequestedDuration", "Condition")), _request_cells),
    ("node.k8s.io", "RuntimeClass"): View((NAME, *columns("Handler"), AGE), _runtime_cells),
    ("scheduling.k8s.io", "PriorityClass"): View(
        (NAME, *columns("Value#"), Column("Global-Default", type="boolean"), AGE, *columns("PreemptionPolicy")),
        _priority_cells),
    ("autoscaling", "Scale"): View((NAME, *columns("Desired#", "Available#"), AGE), _scale_cells),
    ("autoscaling", "HorizontalPodAutoscaler"): View(
        (NAME, *columns("Reference", "Targets", "MinPods", "MaxPods", "Replicas"), AGE), autoscaler_cells),
}
