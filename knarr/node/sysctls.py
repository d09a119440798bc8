"""Say which kernel parameters a pod may set here: those known to be its own, and what the owner allows beyond. Pure.

Source: kube kubelet/sysctl/allowlist.go, safe_sysctls.go; component-helpers/node/util/sysctl.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from knarr.api.types.core_v1 import Pod, PodSecurityContext
from knarr.node.filefields import BadRules
from knarr.node.podmachine.state import Refusal

SAFE: Final[Mapping[str, tuple[int, int]]] = {       # name -> the kernel that keeps it apart for each pod
    "kernel.shm_rmid_forced": (0, 0), "net.ipv4.ip_local_port_range": (0, 0), "net.ipv4.tcp_syncookies": (0, 0),
    "net.ipv4.ping_group_range": (0, 0), "net.ipv4.ip_unprivileged_port_start": (0, 0),
    "net.ipv4.ip_local_reserved_ports": (3, 16), "net.ipv4.tcp_keepalive_time": (4, 5),
    "net.ipv4.tcp_fin_timeout": (4, 6), "net.ipv4.tcp_keepalive_intvl": (4, 5),
    "net.ipv4.tcp_keepalive_probes": (4, 5), "net.ipv4.tcp_rmem": (4, 15), "net.ipv4.tcp_wmem": (4, 15),
}
NAMESPACES: Final = (("kernel.shm", "ipc"), ("kernel.msg", "ipc"), ("fs.mqueue.", "ipc"), ("net.", "net"))
SEGMENT: Final = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
PATTERN: Final = rf"({SEGMENT}[\./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]"
LENGTH_MAX: Final = 253                              # Source: kube validation.go, SysctlMaxLength
SWAPPED: Final = str.maketrans("./", "/.")


def dotted(name: str) -> str:
    """Return a parameter's name with dots between its parts, however it is written. Source: sysctl.d(5).

    >>> dotted("net/ipv4/conf/eth0.1/mtu"), dotted("kernel.shm_rmid_forced")
    ('net.ipv4.conf.eth0/1.mtu', 'kernel.shm_rmid_forced')
    """
    first = re.search(r"[./]", name)
    return name.translate(SWAPPED) if first and first[0] == "/" else name


def namespace(name: str) -> str:
    """Return whose parameter it is, `ipc` or `net`; empty: the whole machine's, as far as is known."""
    if name == "kernel.sem":
        return "ipc"
    return next((kind for prefix, kind in NAMESPACES if name.startswith(prefix)), "")


def allowed(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return what the owner allows, with dots. Raises BadRules for what is no name or is not kept apart for pods."""
    found = []
    for said in patterns:
        if len(said) > LENGTH_MAX or not re.fullmatch(PATTERN, said):
            raise BadRules(f'allowedUnsafeSysctls: sysctl "{said}" must have at most {LENGTH_MAX} characters and match '
                           f"regex {PATTERN}")
        name = dotted(said)
        if not namespace(name.removesuffix("*")):
            what = "sysctls" if name.endswith("*") else "sysctl"
            raise BadRules(f'allowedUnsafeSysctls: the {what} "{name}" are not known to be namespaced')
        found.append(name)
    return tuple(found)


def safe(kernel: str) -> frozenset[str]:
    """Return what any pod may set on this kernel, whose release is given as `uname -r` shows it."""
    release = re.match(r"(\d+)\.(\d+)", kernel)
    version = (int(release[1]), int(release[2])) if release else (0, 0)
    return frozenset(name for name, least in SAFE.items() if version >= least)


def refusal(pod: Pod, patterns: Iterable[str]) -> Refusal | None:
    """Return why a pod's parameters are not set here. patterns: all that is allowed, names and `prefix*`."""
    known = tuple(patterns)
    for each in (pod.spec.securityContext or PodSecurityContext()).sysctls:
        fault = _fault(dotted(each.name), known, pod=pod)
        if fault:
            return Refusal("SysctlForbidden", f"forbidden sysctl: {fault}")
    return None


def _fault(name: str, patterns: tuple[str, ...], *, pod: Pod) -> str:
    prefixes = (each[:-1] for each in patterns if each.endswith("*"))
    if name not in patterns and not any(name.startswith(prefix) for prefix in prefixes):
        return f'"{name}" not allowlisted'
    kind = namespace(name)
    shared = {"ipc": pod.spec.hostIPC, "net": pod.spec.hostNetwork}.get(kind)
    return f'"{name}" not allowed with host {kind} enabled' if shared else ""
