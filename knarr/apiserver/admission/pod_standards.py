"""Judge a pod by the Pod Security Standards: which level and version forbids what, and in which words. Pure.

`evaluate(standard, meta, spec)` runs every rule of the level, baseline rules first, each in the newest form that is not
newer than the version asked for. The rules stand in `pod_standards_baseline` and `pod_standards_restricted`.
Source: kube pod-security-admission/policy/registry.go and checks.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from knarr.apiserver.admission import pod_standards_baseline as baseline
from knarr.apiserver.admission import pod_standards_restricted as restricted
from knarr.apiserver.admission.pod_parts import Rule, Violation

Obj = dict[str, Any]
LEVELS: Final = ("privileged", "baseline", "restricted")  # from lax to strict
LATEST: Final = 10**6  # newer than every minor version there will be
VERSION: Final = re.compile(r"v1\.(0|[1-9][0-9]{0,4})", re.ASCII)

BASELINE: Final[tuple[tuple[str, int, Rule], ...]] = (  # name, first minor version, rule; by name, newest form last
    ("appArmorProfile", 0, baseline.app_armor),
    ("capabilities_baseline", 0, baseline.capabilities),
    ("hostNamespaces", 0, baseline.host_namespaces),
    ("hostPathVolumes", 0, baseline.host_paths),
    ("hostPorts", 0, baseline.host_ports),
    ("hostProbesAndHostLifecycle", 34, baseline.probe_hosts),
    ("privileged", 0, baseline.privileged),
    ("procMount", 0, baseline.proc_mount),
    ("procMount", 35, baseline.proc_mount_1_35),
    ("seLinuxOptions", 0, baseline.se_linux),
    ("seLinuxOptions", 31, baseline.se_linux_1_31),
    ("seccompProfile_baseline", 0, baseline.seccomp_annotations),
    ("seccompProfile_baseline", 19, baseline.seccomp),
    ("sysctls", 0, baseline.sysctls),
    ("sysctls", 27, baseline.sysctls_1_27),
    ("sysctls", 29, baseline.sysctls_1_29),
    ("sysctls", 32, baseline.sysctls_1_32),
    ("windowsHostProcess", 0, baseline.windows_host_process),
)
RESTRICTED: Final[tuple[tuple[str, int, Rule], ...]] = (
    ("allowPrivilegeEscalation", 8, restricted.privilege_escalation),
    ("allowPrivilegeEscalation", 25, restricted.privilege_escalation_1_25),
    ("capabilities_restricted", 22, restricted.capabilities),
    ("capabilities_restricted", 25, restricted.capabilities_1_25),
    ("restrictedVolumes", 0, restricted.volumes),
    ("runAsNonRoot", 0, restricted.run_as_non_root),
    ("runAsNonRoot", 35, restricted.run_as_non_root_1_35),
    ("runAsUser", 23, restricted.run_as_user),
    ("runAsUser", 35, restricted.run_as_user_1_35),
    ("seccompProfile_restricted", 19, restricted.seccomp),
    ("seccompProfile_restricted", 25, restricted.seccomp_1_25),
)
REPLACED: Final = {  # a baseline rule gives way to its stricter sister where that exists
    "capabilities_baseline": "capabilities_restricted",
    "hostPathVolumes": "restrictedVolumes",
    "seccompProfile_baseline": "seccompProfile_restricted",
}


@dataclass(frozen=True, slots=True)
class Standard:
    """A level and the minor version of Kubernetes whose rules count."""

    level: str = "privileged"
    minor: int = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{'latest' if self.minor == LATEST else f'v1.{self.minor}'}"

    @property
    def rank(self) -> int:
        """How strict: 0 allows everything."""
        return LEVELS.index(self.level)


def evaluate(standard: Standard, meta: Obj, spec: Obj) -> list[Violation]:
    """Return what the standard forbids in a pod, in Kubernetes' order; nothing where it is allowed."""
    rules = rules_of(standard)
    if not rules or (standard.level == "baseline" and baseline.harmless(meta, spec)):
        return []
    found = (rule(meta, spec) for rule in rules)
    return [violation for violation in found if violation is not None]


@lru_cache(maxsize=64)  # a handful of levels and versions
def rules_of(standard: Standard) -> tuple[Rule, ...]:
    """Return the rules that a standard means."""
    if standard.level == "privileged":
        return ()
    rules = _newest(BASELINE, standard.minor)
    if standard.level == "restricted":
        stricter = _newest(RESTRICTED, standard.minor)
        rules = {name: rule for name, rule in rules.items() if REPLACED.get(name) not in stricter} | stricter
    return tuple(rules.values())


def parse_version(text: str) -> int | None:
    """Return the minor version a label names; None if it names none."""
    if text == "latest":
        return LATEST
    match = VERSION.fullmatch(text)
    return int(match[1]) if match else None


def _newest(table: tuple[tuple[str, int, Rule], ...], minor: int) -> dict[str, Rule]:
    return {name: rule for name, first, rule in table if first <= minor}
