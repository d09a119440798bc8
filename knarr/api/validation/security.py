"""Check security contexts.

Source: kube pkg/apis/core/validation/validation.go (ValidateSecurityContext, ValidatePodSecurityContext).
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import formats, volumes
from knarr.api.validation.goview import show
from knarr.api.validation.spot import Spot

ID_MAX: Final = 2**31 - 1
PROC_MOUNTS: Final = ("Default", "Unmasked")
PROFILES: Final = ("Localhost", "RuntimeDefault", "Unconfined")
GROUP_CHANGES: Final = ("OnRootMismatch", "Always")
SUPPLEMENTAL: Final = ("Merge", "Strict")


def context(spot: Spot, item: dict[str, Any]) -> None:
    """Check a container's security context."""
    _ids(spot, item, ("runAsUser", "runAsGroup"))
    if item.get("procMount") is not None and item["procMount"] not in PROC_MOUNTS:
        spot.at("procMount").unsupported(item["procMount"], PROC_MOUNTS)
    _profiles(spot, item)
    if item.get("allowPrivilegeEscalation") is not False:
        return
    if item.get("privileged"):
        spot.invalid(show("SecurityContext", item),
                     "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")
    if "CAP_SYS_ADMIN" in ((item.get("capabilities") or {}).get("add") or ()):
        spot.invalid(show("SecurityContext", item),
                     "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN")


def bare_proc(spot: Spot, item: dict[str, Any], *, own_users: bool) -> None:
    """Check that only a pod with a user namespace of its own sees all of /proc."""
    if item.get("procMount") == "Unmasked" and not own_users:
        spot.at("procMount").invalid("Unmasked", "`hostUsers` must be false to use `Unmasked`")


def pod_context(spot: Spot, item: dict[str, Any]) -> None:
    """Check a pod's security context."""
    _ids(spot, item, ("fsGroup", "runAsUser", "runAsGroup"))
    for number, group in enumerate(item.get("supplementalGroups") or ()):
        spot.at("supplementalGroups").index(number).between(group, 0, ID_MAX)
    names: set[str] = set()
    for number, sysctl in enumerate(item.get("sysctls") or ()):
        _sysctl(spot.at("sysctls").index(number).at("name"), sysctl.get("name") or "", names)
    for name, choices in (("fsGroupChangePolicy", GROUP_CHANGES), ("supplementalGroupsPolicy", SUPPLEMENTAL)):
        if item.get(name) is not None and item[name] not in choices:
            spot.at(name).unsupported(item[name], choices)
    _profiles(spot, item)


def _ids(spot: Spot, item: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        value = item.get(name)
        if value is not None and not 0 <= value <= ID_MAX:
            spot.at(name).between(value, 0, ID_MAX)


def _sysctl(spot: Spot, name: str, seen: set[str]) -> None:
    if not name:
        spot.required()
    elif formats.sysctl_name(name):
        spot.each(name, formats.sysctl_name(name))
    elif name in seen:
        spot.duplicate(name)
    seen.add(name)


def _profiles(spot: Spot, item: dict[str, Any]) -> None:
    for name, words in (("seccompProfile", "seccomp"), ("appArmorProfile", "AppArmor")):
        profile = item.get(name)
        if profile is None:
            continue
        kind, local = profile.get("type"), profile.get("localhostProfile")
        if kind not in PROFILES:
            spot.at(name).at("type").choice(kind, PROFILES)
        elif kind == "Localhost" and not local:
            spot.at(name).at("localhostProfile").required(f"must be set when {words} type is Localhost")
        elif kind == "Localhost" and name == "seccompProfile":
            volumes.local_path(spot.at(name).at("localhostProfile"), local)
        elif kind != "Localhost" and local is not None:
            spot.at(name).at("localhostProfile").invalid(local, f"can only be set when {words} type is Localhost")
