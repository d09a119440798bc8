"""Hold pods to the standards that their namespace's labels ask for: enforce refuses, warn warns, audit is noted.

Source: kube pod-security-admission/admission/admission.go and api/helpers.go.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from knarr.api import kinds
from knarr.api.errors import Cause, invalid
from knarr.apiserver.admission.pod_standards import LATEST, LEVELS, Standard, evaluate, parse_version
from knarr.apiserver.admission.words import Admission

Obj = dict[str, Any]
PREFIX: Final = "pod-security.kubernetes.io/"
MODES: Final = ("enforce", "audit", "warn")
IGNORED: Final = frozenset({"exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"})
PARTS: Final = ("containers", "initContainers", "ephemeralContainers")
PODS_MAX: Final = 3000  # looked at when a namespace's level rises. Source: kube defaultNamespaceMaxPodsToCheck
SECCOMP: Final = "seccomp.security.alpha.kubernetes.io/pod"
ANNOTATIONS: Final = (
    "container.apparmor.security.beta.kubernetes.io/",
    "container.seccomp.security.alpha.kubernetes.io/",
)
TEMPLATE: Final = ("spec", "template")
TEMPLATES: Final[dict[tuple[str, str], tuple[str, ...]]] = {  # where kinds that make pods keep the pod
    ("", "podtemplates"): ("template",),
    ("", "replicationcontrollers"): TEMPLATE,
    ("apps", "replicasets"): TEMPLATE,
    ("apps", "deployments"): TEMPLATE,
    ("apps", "statefulsets"): TEMPLATE,
    ("apps", "daemonsets"): TEMPLATE,
    ("batch", "jobs"): TEMPLATE,
    ("batch", "cronjobs"): ("spec", "jobTemplate", "spec", "template"),
}
ANYTHING: Final = Standard()


@dataclass(frozen=True, slots=True)
class Policy:
    """What a namespace asks for, and what is wrong with how it asks."""

    enforce: Standard = ANYTHING
    audit: Standard = ANYTHING
    warn: Standard = ANYTHING
    faults: tuple[Cause, ...] = ()

    @property
    def demands(self) -> str:
        """Return what is asked for, in short; empty where it is nothing."""
        found = ((mode, getattr(self, mode)) for mode in MODES)
        return ", ".join(f"{mode}={standard}" for mode, standard in found if standard.level != "privileged")


NOTHING: Final = Policy()


async def namespace(a: Admission) -> None:
    """Refuse labels that mean nothing; warn of pods that a stricter level would not have let in."""
    if a.subresource:
        return
    new = policy_of(a, a.obj)
    old = policy_of(a, a.old) if a.old is not None else NOTHING
    if new.faults and new.faults != old.faults:
        raise invalid(a.kind.kind, a.kind.group, a.name, list(new.faults))
    if a.name in a.core.settings.pod_security.namespaces:
        labels = a.obj["metadata"].get("labels") or {}
        if new != old and new.demands and any(name.startswith(PREFIX) for name in labels):
            a.warnings.append(
                f'namespace "{a.name}" is exempt from Pod Security, and the policy ({new.demands}) will be ignored')
        return
    if a.old is None or new.enforce == old.enforce or new.enforce.level == "privileged":
        return
    if new.enforce.minor == old.enforce.minor and new.enforce.rank <= old.enforce.rank:
        return
    a.warnings.extend(present_violations(a, new.enforce))


async def pod(a: Admission) -> None:
    """Refuse a pod that breaks what is enforced; warn of one that breaks what is only wished for."""
    if a.subresource in IGNORED or is_exempt(a):
        return
    policy = policy_in(a)
    if a.old is not None and not significant(a.obj, a.old):
        return
    if has_exempt_class(a, a.obj.get("spec") or {}):
        return
    a.annotations[PREFIX + "enforce-policy"] = str(policy.enforce)
    if policy == NOTHING:
        return
    meta, spec = a.obj["metadata"], a.obj.get("spec") or {}
    note(a, policy, meta, spec)
    broken = evaluate(policy.enforce, meta, spec)
    if broken:
        raise a.refuse(f'violates PodSecurity "{policy.enforce}": {told(broken)}')
    a.warnings.extend(wished(policy, meta, spec))


async def template(a: Admission) -> None:
    """Warn of pods to come. Nothing is refused: what makes pods may still be mended."""
    if a.subresource or is_exempt(a):
        return
    policy = policy_in(a)
    if policy == NOTHING:
        return
    found: Any = a.obj
    for part in TEMPLATES[a.kind.group, a.kind.plural]:
        found = (found or {}).get(part)
    if found and not has_exempt_class(a, found.get("spec") or {}):
        meta, spec = found.get("metadata") or {}, found.get("spec") or {}
        note(a, policy, meta, spec)
        a.warnings.extend(wished(policy, meta, spec))


def is_exempt(a: Admission) -> bool:
    """Say whether the server's configuration exempts the namespace or the user."""
    exempt = a.core.settings.pod_security
    why = "namespace" if a.namespace in exempt.namespaces else "user" if a.user.name in exempt.usernames else ""
    if why:
        a.annotations[PREFIX + "exempt"] = why
    return bool(why)


def has_exempt_class(a: Admission, spec: Obj) -> bool:
    """Say whether the server's configuration exempts a pod's runtime class."""
    exempt = spec.get("runtimeClassName") in a.core.settings.pod_security.runtime_classes
    if exempt:
        a.annotations[PREFIX + "exempt"] = "runtimeClass"
    return exempt


def note(a: Admission, policy: Policy, meta: Obj, spec: Obj) -> None:
    """Note for the audit log what a pod breaks of the standard that is audited, and labels that mean nothing."""
    if policy.faults:
        a.annotations[PREFIX + "error"] = f"Failed to parse policy: {told(list(policy.faults))}"
    broken = evaluate(policy.audit, meta, spec)
    if broken:
        a.annotations[PREFIX + "audit-violations"] = f'would violate PodSecurity "{policy.audit}": {told(broken)}'


def wished(policy: Policy, meta: Obj, spec: Obj) -> list[str]:
    """Return the warning that a pod deserves, if any."""
    broken = evaluate(policy.warn, meta, spec)
    return [f'would violate PodSecurity "{policy.warn}": {told(broken)}'] if broken else []


def policy_in(a: Admission) -> Policy:
    """Return the policy of the namespace that a write goes to."""
    found = a.find("", "namespaces", a.namespace)
    return NOTHING if found is None else policy_of(a, found)


def policy_of(a: Admission, found: Obj) -> Policy:
    """Read a namespace's labels; where it has none, those of the server's configuration count."""
    labels = found["metadata"].get("labels") or {}
    ours = {key: value for key, value in labels.items() if key.startswith(PREFIX)}
    defaults = a.core.settings.pod_security.labels
    if defaults:
        ours = dict(defaults) | ours
    return _read(tuple(sorted(ours.items()))) if ours else NOTHING


@lru_cache(maxsize=256)  # namespaces share few combinations of labels
def _read(pairs: tuple[tuple[str, str], ...]) -> Policy:
    labels, faults, standards = dict(pairs), [], {}
    for mode in MODES:
        level = labels.get(PREFIX + mode, "privileged")
        if level not in LEVELS:
            faults.append(_fault(mode, level, f"must be one of {', '.join(LEVELS)}"))
            level = "restricted" if mode == "enforce" else "privileged"  # what is not understood is at its strictest
        version = labels.get(f"{PREFIX}{mode}-version", "latest")
        minor = parse_version(version)
        if minor is None:
            faults.append(_fault(f"{mode}-version", version, 'must be "latest" or "v1.x"'))
        standards[mode] = Standard(level, LATEST if minor is None else minor)
    return Policy(standards["enforce"], standards["audit"], standards["warn"], tuple(faults))


def _fault(label: str, value: str, why: str) -> Cause:
    return Cause("FieldValueInvalid", f"metadata.labels[{PREFIX}{label}]", f'Invalid value: "{value}": {why}')


def told(broken: list[Any]) -> str:
    """List violations."""
    return ", ".join(map(str, broken))


def present_violations(a: Admission, standard: Standard) -> list[str]:
    """Say which pods of the namespace break a standard; pods with the same faults share a line."""
    row = kinds.by_resource("", "v1", "pods")
    assert row is not None
    page = a.core.store.list(row.namespace_prefix(a.name), limit=PODS_MAX)
    by_reason: dict[str, list[str]] = defaultdict(list)
    for entry in page.entries:
        found = entry.obj
        broken = evaluate(standard, found["metadata"], found.get("spec") or {})
        if broken:
            by_reason[", ".join(one.reason for one in broken)].append(found["metadata"]["name"])
    warnings = []
    if page.remaining:
        total = len(page.entries) + page.remaining
        seen = f"the first {PODS_MAX} of {total} existing pods"
        warnings.append(f"new PodSecurity enforce level only checked against {seen}")
    if by_reason:
        warnings.append(f'existing pods in namespace "{a.name}" violate the new PodSecurity enforce level "{standard}"')
    return warnings + sorted(f"{_who(names)}: {reason}" for reason, names in by_reason.items())


def _who(names: list[str]) -> str:
    others = len(names) - 1
    tail = "" if not others else f" (and {others} other pod{'s' if others > 1 else ''})"
    return min(names) + tail


def significant(new: Obj, old: Obj) -> bool:
    """Say whether a change of a pod may matter: containers come, or images and old annotations change."""
    fresh, stale = (_annotations(one) for one in (new, old))
    if fresh != stale:
        return True
    return any(_images(new, part) != _images(old, part) for part in PARTS)


def _annotations(found: Obj) -> Obj:
    annotations = found["metadata"].get("annotations") or {}
    return {key: value for key, value in annotations.items() if key == SECCOMP or key.startswith(ANNOTATIONS)}


def _images(found: Obj, part: str) -> list[tuple[Any, Any]]:
    return [(one.get("name"), one.get("image")) for one in (found.get("spec") or {}).get(part) or ()]
