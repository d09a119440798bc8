"""Ask for today's best practice: the rules of the Pod Security level `restricted`. Pure.

Source: kube pod-security-admission/policy/check_*.go.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.apiserver.admission.pod_parts import (
    Violation,
    containers,
    is_windows,
    named,
    of_containers,
    own_users,
    plural,
    quoted,
    security,
    setters,
)
from knarr.apiserver.admission.pod_standards_baseline import PROFILES
from knarr.apiserver.admission.pod_standards_baseline import seccomp as seccomp_not_off

Obj = dict[str, Any]
MAY_ADD: Final = "NET_BIND_SERVICE"
VOLUMES: Final = frozenset({
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
})


def privilege_escalation(meta: Obj, spec: Obj) -> Violation | None:
    """No process may get more rights than its parent."""
    bad = named(one for one in containers(spec) if security(one).get("allowPrivilegeEscalation") is not False)
    if not bad:
        return None
    return Violation("allowPrivilegeEscalation != false",
                     f"{of_containers(bad)} must set securityContext.allowPrivilegeEscalation=false")


def privilege_escalation_1_25(meta: Obj, spec: Obj) -> Violation | None:
    """The same, but for Windows."""
    return None if is_windows(spec) else privilege_escalation(meta, spec)


def capabilities(meta: Obj, spec: Obj) -> Violation | None:
    """Every container drops all capabilities; one may come back."""
    keeping = named(one for one in containers(spec) if "ALL" not in (_capabilities(one).get("drop") or ()))
    added = {id(one): {name for name in _capabilities(one).get("add") or () if name != MAY_ADD}
             for one in containers(spec)}
    adding = named(one for one in containers(spec) if added[id(one)])
    told = []
    if keeping:
        told.append(f'{of_containers(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        names = quoted(sorted(set().union(*added.values())))
        told.append(f"{of_containers(adding)} must not include {names} in securityContext.capabilities.add")
    return Violation("unrestricted capabilities", "; ".join(told)) if told else None


def capabilities_1_25(meta: Obj, spec: Obj) -> Violation | None:
    """The same, but for Windows."""
    return None if is_windows(spec) else capabilities(meta, spec)


def volumes(meta: Obj, spec: Obj) -> Violation | None:
    """Only volumes that cannot reach the node."""
    bad = [one for one in spec.get("volumes") or () if not VOLUMES & {name for name in one if one[name] is not None}]
    if not bad:
        return None
    types = sorted({_type(one) for one in bad})
    return Violation("restricted volume types", f"{plural(len(bad), 'volume', 'volumes')} {quoted(named(bad))} "
                     f"{plural(len(bad), 'uses', 'use')} restricted volume "
                     f"{plural(len(types), 'type', 'types')} {quoted(types)}")


def run_as_non_root(meta: Obj, spec: Obj) -> Violation | None:
    """Every container says that it is not root, or its pod says it for all."""
    whole = security(spec).get("runAsNonRoot")
    bad = named(one for one in containers(spec) if security(one).get("runAsNonRoot") is False)
    who = setters(whole is False, bad)
    if who:
        return Violation("runAsNonRoot != true", f"{' and '.join(who)} must not set securityContext.runAsNonRoot=false")
    silent = named(one for one in containers(spec) if security(one).get("runAsNonRoot") is None)
    if whole or not silent:
        return None
    told = f"pod or {of_containers(silent)} must set securityContext.runAsNonRoot=true"
    return Violation("runAsNonRoot != true", told)


def run_as_non_root_1_35(meta: Obj, spec: Obj) -> Violation | None:
    """The same, but for pods with user namespaces of their own."""
    return None if own_users(spec) else run_as_non_root(meta, spec)


def run_as_user(meta: Obj, spec: Obj) -> Violation | None:
    """Nobody is user 0."""
    bad = named(one for one in containers(spec) if security(one).get("runAsUser") == 0)
    who = setters(security(spec).get("runAsUser") == 0, bad)
    return Violation("runAsUser=0", f"{' and '.join(who)} must not set runAsUser=0") if who else None


def run_as_user_1_35(meta: Obj, spec: Obj) -> Violation | None:
    """The same, but for pods with user namespaces of their own."""
    return None if own_users(spec) else run_as_user(meta, spec)


def seccomp(meta: Obj, spec: Obj) -> Violation | None:
    """Every container names a seccomp profile, or its pod does for all."""
    off = seccomp_not_off(meta, spec)
    if off is not None:
        return off
    whole = (security(spec).get("seccompProfile") or {}).get("type", "")
    silent = named(one for one in containers(spec) if security(one).get("seccompProfile") is None)
    if whole in PROFILES or not silent:
        return None
    return Violation("seccompProfile", f"pod or {of_containers(silent)} must set "
                     'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"')


def seccomp_1_25(meta: Obj, spec: Obj) -> Violation | None:
    """The same, but for Windows."""
    return None if is_windows(spec) else seccomp(meta, spec)


def _capabilities(container: Obj) -> Obj:
    return security(container).get("capabilities") or {}


def _type(volume: Obj) -> str:
    return next((name for name in sorted(volume) if name != "name" and volume[name] is not None), "unknown")
