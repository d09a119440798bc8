"""Forbid known ways to more rights: the rules of the Pod Security level `baseline`. Pure.

Source: kube pod-security-admission/policy/check_*.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from knarr.apiserver.admission.pod_parts import (
    Violation,
    containers,
    named,
    of_containers,
    own_users,
    plural,
    quote,
    quoted,
    security,
    setters,
)

Obj = dict[str, Any]
APP_ARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_POD: Final = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER: Final = "container.seccomp.security.alpha.kubernetes.io/"
OLD: Final = (APP_ARMOR, SECCOMP_POD, SECCOMP_CONTAINER)
TELLING: Final = frozenset({  # members of a pod or a container that rules look into
    "securityContext", "hostNetwork", "hostPID", "hostIPC", "livenessProbe", "readinessProbe", "startupProbe",
    "lifecycle",
})
CAPABILITIES: Final = frozenset({
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
})
SE_LINUX_TYPES: Final = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})
SE_LINUX_TYPES_1_31: Final = SE_LINUX_TYPES | {"container_engine_t"}
PROFILES: Final = ("RuntimeDefault", "Localhost")
SYSCTLS: Final = frozenset({
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
})
SYSCTLS_1_27: Final = SYSCTLS | {"net.ipv4.ip_local_reserved_ports"}
SYSCTLS_1_29: Final = SYSCTLS_1_27 | {
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}
SYSCTLS_1_32: Final = SYSCTLS_1_29 | {"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}


def harmless(meta: Obj, spec: Obj) -> bool:
    """Say that a pod has nothing any rule of this module looks at, as most pods have: one walk instead of fifteen."""
    if any(spec.get(name) for name in TELLING) or any(key.startswith(OLD) for key in meta.get("annotations") or ()):
        return False
    if any(one.get("hostPath") is not None for one in spec.get("volumes") or ()):
        return False
    for one in containers(spec):
        if not TELLING.isdisjoint(one) or any(port.get("hostPort") for port in one.get("ports") or ()):
            return False
    return True


def app_armor(meta: Obj, spec: Obj) -> Violation | None:
    """Nobody may switch AppArmor off."""
    profile = _profile(spec, "appArmorProfile")
    bad = [one for one in containers(spec) if _profile(one, "appArmorProfile") not in ("", *PROFILES)]
    values = {_profile(one, "appArmorProfile") for one in bad}
    if profile not in ("", *PROFILES):
        values.add(profile)
    annotations = sorted(
        f"{key}={quote(value)}" for key, value in (meta.get("annotations") or {}).items()
        if key.startswith(APP_ARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    )
    who = setters(profile not in ("", *PROFILES), named(bad))
    if annotations:
        who.append(plural(len(annotations), "annotation", "annotations"))
    if not who:
        return None
    told = [*sorted(values), *annotations]
    return Violation(plural(len(told), "forbidden AppArmor profile", "forbidden AppArmor profiles"),
                     f"{' and '.join(who)} must not set AppArmor profile type to {quoted(told)}")


def capabilities(meta: Obj, spec: Obj) -> Violation | None:
    """No capability beyond those a runtime gives by default."""
    added = {id(one): set(_added(one)) - CAPABILITIES for one in containers(spec)}
    bad = named(one for one in containers(spec) if added[id(one)])
    if not bad:
        return None
    told = quoted(sorted(set().union(*added.values())))
    return Violation("non-default capabilities",
                     f"{of_containers(bad)} must not include {told} in securityContext.capabilities.add")


def host_namespaces(meta: Obj, spec: Obj) -> Violation | None:
    """No share in the node's network, processes or shared memory."""
    found = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return Violation("host namespaces", ", ".join(found)) if found else None


def host_paths(meta: Obj, spec: Obj) -> Violation | None:
    """No directory of the node."""
    found = [str(one.get("name", "")) for one in spec.get("volumes") or () if one.get("hostPath") is not None]
    told = f"{plural(len(found), 'volume', 'volumes')} {quoted(found)}"
    return Violation("hostPath volumes", told) if found else None


def host_ports(meta: Obj, spec: Obj) -> Violation | None:
    """No port of the node."""
    bad = [one for one in containers(spec) if any(port.get("hostPort") for port in one.get("ports") or ())]
    if not bad:
        return None
    ports = sorted({str(port["hostPort"]) for one in bad for port in one["ports"] if port.get("hostPort")})
    return Violation("hostPort", f"{of_containers(named(bad))} {plural(len(bad), 'uses', 'use')} "
                                 f"{plural(len(ports), 'hostPort', 'hostPorts')} {', '.join(ports)}")


def probe_hosts(meta: Obj, spec: Obj) -> Violation | None:
    """No probe or hook that asks another machine."""
    bad = sorted({str(one.get("name", "")) for one in containers(spec) if any(_hosts(one))})
    if not bad:
        return None
    hosts = sorted({host for one in containers(spec) for host in _hosts(one)})
    return Violation("probe or lifecycle host", f"{of_containers(bad)} {plural(len(bad), 'uses', 'use')} "
                     f"{plural(len(hosts), 'probe or lifecycle host', 'probe or lifecycle hosts')} {quoted(hosts)}")


def privileged(meta: Obj, spec: Obj) -> Violation | None:
    """No container with the node's own rights."""
    bad = named(one for one in containers(spec) if security(one).get("privileged"))
    told = f"{of_containers(bad)} must not set securityContext.privileged=true"
    return Violation("privileged", told) if bad else None


def proc_mount(meta: Obj, spec: Obj) -> Violation | None:
    """No bare /proc."""
    bad = [one for one in containers(spec) if security(one).get("procMount", "Default") != "Default"]
    if not bad:
        return None
    told = quoted(sorted({str(security(one)["procMount"]) for one in bad}))
    return Violation("procMount", f"{of_containers(named(bad))} must not set securityContext.procMount to {told}")


def proc_mount_1_35(meta: Obj, spec: Obj) -> Violation | None:
    """The same, but for pods with user namespaces of their own."""
    return None if own_users(spec) else proc_mount(meta, spec)


def se_linux(meta: Obj, spec: Obj, types: frozenset[str] = SE_LINUX_TYPES) -> Violation | None:
    """No SELinux type but those made for containers; no user, no role."""
    bad = [one for one in containers(spec) if _labels_faults(one, types)]
    who = setters(bool(_labels_faults(spec, types)), named(bad))
    if not who:
        return None
    every = [security(one).get("seLinuxOptions") or {} for one in (spec, *bad)]
    wrong = sorted({str(one["type"]) for one in every if one.get("type", "") not in types})
    data = [f"{plural(len(wrong), 'type', 'types')} {quoted(wrong)}"] if wrong else []
    data += [f"{name} may not be set" for name in ("user", "role") if any(one.get(name) for one in every)]
    return Violation("seLinuxOptions",
                     f"{' and '.join(who)} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}")


def se_linux_1_31(meta: Obj, spec: Obj) -> Violation | None:
    """One more type is harmless."""
    return se_linux(meta, spec, SE_LINUX_TYPES_1_31)


def seccomp_annotations(meta: Obj, spec: Obj) -> Violation | None:
    """Nobody may switch seccomp off by the annotations of old."""
    keys = {SECCOMP_POD, *(f"{SECCOMP_CONTAINER}{name}" for name in named(containers(spec)))}
    found = sorted(f"{key}={quote(value)}" for key, value in (meta.get("annotations") or {}).items()
                   if key in keys and value not in ("runtime/default", "docker/default")
                   and not value.startswith("localhost/"))
    if not found:
        return None
    word = plural(len(found), "annotation", "annotations")
    return Violation("seccompProfile", f"forbidden {word} {', '.join(found)}")


def seccomp(meta: Obj, spec: Obj) -> Violation | None:
    """Nobody may switch seccomp off."""
    bad = [one for one in containers(spec) if _profile(one, "seccompProfile") not in ("", *PROFILES)]
    spec_is_bad = _profile(spec, "seccompProfile") not in ("", *PROFILES)
    who = setters(spec_is_bad, named(bad))
    if not who:
        return None
    holders = [*bad, spec] if spec_is_bad else bad
    told = quoted(sorted({_profile(one, "seccompProfile") for one in holders}))
    return Violation("seccompProfile",
                     f"{' and '.join(who)} must not set securityContext.seccompProfile.type to {told}")


def sysctls(meta: Obj, spec: Obj, allowed: frozenset[str] = SYSCTLS) -> Violation | None:
    """No kernel setting that reaches beyond the pod."""
    found = [str(one.get("name", "")) for one in security(spec).get("sysctls") or () if one.get("name") not in allowed]
    return Violation("forbidden sysctls", ", ".join(found)) if found else None


def sysctls_1_27(meta: Obj, spec: Obj) -> Violation | None:
    """One more setting is harmless."""
    return sysctls(meta, spec, SYSCTLS_1_27)


def sysctls_1_29(meta: Obj, spec: Obj) -> Violation | None:
    """Four more settings are harmless."""
    return sysctls(meta, spec, SYSCTLS_1_29)


def sysctls_1_32(meta: Obj, spec: Obj) -> Violation | None:
    """Two more settings are harmless."""
    return sysctls(meta, spec, SYSCTLS_1_32)


def windows_host_process(meta: Obj, spec: Obj) -> Violation | None:
    """No Windows container that is a process of the node."""
    bad = named(one for one in containers(spec) if _host_process(one))
    who = setters(_host_process(spec), bad)
    if not who:
        return None
    return Violation("hostProcess", f"{' and '.join(who)} must not set securityContext.windowsOptions.hostProcess=true")


def _profile(holder: Obj, name: str) -> str:
    return str((security(holder).get(name) or {}).get("type", ""))


def _added(container: Obj) -> list[str]:
    return (security(container).get("capabilities") or {}).get("add") or []


def _labels_faults(holder: Obj, types: frozenset[str]) -> bool:
    labels = security(holder).get("seLinuxOptions") or {}
    return labels.get("type", "") not in types or bool(labels.get("user") or labels.get("role"))


def _host_process(holder: Obj) -> bool:
    return bool((security(holder).get("windowsOptions") or {}).get("hostProcess"))


def _hosts(container: Obj) -> Iterator[str]:
    lifecycle = container.get("lifecycle") or {}
    handlers = [container.get(name) for name in ("livenessProbe", "readinessProbe", "startupProbe")]
    handlers += [lifecycle.get(name) for name in ("postStart", "preStop")]
    for handler in handlers:
        for way in ("httpGet", "tcpSocket"):
            host = ((handler or {}).get(way) or {}).get("host")
            if host:
                yield str(host)
