"""Read what a KubeletConfiguration says of a node's resources. Pure.

What this node has no use for is refused by name: a setting that is silently ignored is a wrong one.
Source: kube kubelet/config/v1beta1/types.go, kubelet/apis/config/validation/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from knarr.node import alignmentfile, imagefile, sysctls
from knarr.node.filefields import BadRules, amount, mapping, seconds, truth, whole, word_list
from knarr.node.rules import HARD, HOLD_S, PIDS_PER_POD, RESOURCES, Band, Rules, Threshold

API_VERSION, KIND = "kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"
RESERVABLE: Final = ("cpu", "memory", "ephemeral-storage", "pid")
MILLI: Final = 1000
ENFORCEABLE: Final = ("none", "pods", "kube-reserved", "system-reserved")
SYSTEM_CRITICAL: Final = 2_000_000_000      # Source: kube scheduling/types.go, SystemCriticalPriority
IDS_UNIT: Final = 1 << 16
CRASH_LOOP_MAX_S: Final = 300.0             # Source: kube validation.go, MaxCrashLoopThreshold


def read(document: Mapping[str, Any]) -> Rules:
    """Return the rules of a KubeletConfiguration. Raises BadRules."""
    if not isinstance(document, Mapping):
        raise BadRules(f"a {KIND} is a map (got {type(document).__name__})")
    if (document.get("apiVersion"), document.get("kind")) != (API_VERSION, KIND):
        raise BadRules(f"expected {KIND} of {API_VERSION} (got {document.get('kind')} of {document.get('apiVersion')})")
    unknown = sorted(document.keys() - FIELDS - {"apiVersion", "kind"})
    if unknown:
        raise BadRules(f"{', '.join(unknown)}: not followed by this node; it follows {', '.join(sorted(FIELDS))}")
    kube, system = reserves(document, "kubeReserved"), reserves(document, "systemReserved")
    alignment = alignmentfile.read(document, kept_milli=kube.get("cpu", 0) + system.get("cpu", 0))
    if alignment.reserved_cpus:
        kube, system = {**kube, "cpu": 0}, {**system, "cpu": MILLI * len(alignment.reserved_cpus)}
    hold = document.get("evictionPressureTransitionPeriod")
    rules = Rules(
        kube_reserved=kube, system_reserved=system,
        kube_reserved_group=group(document, "kubeReservedCgroup"),
        system_reserved_group=group(document, "systemReservedCgroup"),
        enforced=enforced(document), pids_per_pod=pids_per_pod(document), pods_max=whole(document, "maxPods", 0),
        swap=swap(document), fail_on_swap=bool(document.get("failSwapOn", False)),
        thresholds=thresholds(document),
        pressure_hold_s=HOLD_S if hold is None else seconds(hold, "evictionPressureTransitionPeriod"),
        soft_grace_max_s=float(whole(document, "evictionMaxPodGracePeriod", 0)),
        shutdown=shutdown(document), crash_loop_max_s=crash_loop_max_s(document),
        log_bytes_max=max(1, amount(document.get("containerLogMaxSize", "10Mi"), "containerLogMaxSize")),
        log_files_max=whole(document, "containerLogMaxFiles", 5, least=2),
        ids_per_pod=ids_per_pod(document), alignment=alignment, images=imagefile.read(document),
        seccomp_default=truth(document, "seccompDefault"),
        unsafe_sysctls=sysctls.allowed(word_list(document, "allowedUnsafeSysctls")),
    )
    check(rules)
    return rules


def check(rules: Rules) -> None:
    """Refuse rules that contradict each other. Raises BadRules."""
    for name, where in (("kube-reserved", rules.kube_reserved_group), ("system-reserved", rules.system_reserved_group)):
        if name in rules.enforced and not where:
            first, _, second = name.partition("-")
            raise BadRules(f"enforceNodeAllocatable: {name} needs {first}{second.capitalize()}Cgroup")


def reserves(document: Mapping[str, Any], field: str) -> dict[str, int]:
    """Return what is kept from pods, by resource."""
    found = {}
    for name, text in mapping(document, field).items():
        if name not in RESERVABLE:
            raise BadRules(f"{field}.{name}: cannot be reserved, only {', '.join(RESERVABLE)}")
        found[name] = amount(text, f"{field}.{name}", milli=name == "cpu")
    return found


def thresholds(document: Mapping[str, Any]) -> tuple[Threshold, ...]:
    """Return hard and soft thresholds; naming any hard one replaces all of kubelet's own."""
    hard, soft = mapping(document, "evictionHard"), mapping(document, "evictionSoft")
    graces, reclaims = mapping(document, "evictionSoftGracePeriod"), mapping(document, "evictionMinimumReclaim")
    for field, names in (("evictionHard", hard), ("evictionSoft", soft), ("evictionMinimumReclaim", reclaims)):
        for signal, least in names.items():
            if signal not in RESOURCES:
                raise BadRules(f"{field}: unknown eviction signal {signal}; known: {', '.join(sorted(RESOURCES))}")
            check_least(str(least), f"{field}.{signal}")
    for signal in soft.keys() ^ graces.keys():
        raise BadRules(f"evictionSoftGracePeriod: grace period must be specified for the soft eviction threshold "
                       f"{signal}" if signal in soft else
                       f"evictionSoftGracePeriod.{signal}: no soft threshold of that name")
    named = {each.signal: each.least for each in HARD} if "evictionHard" not in document else hard
    hard_ones = [Threshold(signal, str(least), reclaim=str(reclaims.get(signal, "")))
                 for signal, least in named.items() if not is_nothing(str(least))]
    soft_ones = [Threshold(signal, str(least), reclaim=str(reclaims.get(signal, "")), soft=True,
                           grace_s=seconds(graces[signal], f"evictionSoftGracePeriod.{signal}"))
                 for signal, least in soft.items()]
    return (*hard_ones, *soft_ones)


def is_nothing(least: str) -> bool:
    """Tell whether a threshold switches itself off. Source: kube eviction/helpers.go, parseThresholdStatement."""
    return least in ("0%", "100%")


def check_least(text: str, where: str) -> None:
    """Refuse what is neither a quantity nor a percentage. Raises BadRules."""
    if not text.endswith("%"):
        amount(text, where)
    elif not re.fullmatch(r"\d+(\.\d+)?%", text) or not 0 <= float(text[:-1]) <= 100:
        raise BadRules(f"{where}: eviction percentage must be between 0% and 100% (got {text})")


def enforced(document: Mapping[str, Any]) -> frozenset[str]:
    """Return whose bounds are written."""
    names = document.get("enforceNodeAllocatable", ["pods"])
    for name in names:
        if name not in ENFORCEABLE:
            raise BadRules(f"enforceNodeAllocatable: unknown {name}; known: {', '.join(ENFORCEABLE)}")
    if "none" in names and len(names) > 1:
        raise BadRules("enforceNodeAllocatable: none stands alone")
    return frozenset(names) - {"none"}


def pids_per_pod(document: Mapping[str, Any]) -> int:
    """Return how many tasks a pod may have; -1 in the file takes the bound away."""
    asked = whole(document, "podPidsLimit", PIDS_PER_POD, least=-1)
    return max(0, asked)


def swap(document: Mapping[str, Any]) -> Any:
    """Return what pods may do with swap."""
    asked = mapping(document, "memorySwap").get("swapBehavior") or "NoSwap"
    if asked not in ("NoSwap", "LimitedSwap"):
        raise BadRules(f'memorySwap.swapBehavior: expected one of "", "LimitedSwap" or "NoSwap" (got {asked})')
    return asked


def group(document: Mapping[str, Any], field: str) -> str:
    """Return a control group's path."""
    path = str(document.get(field) or "")
    if path and (not path.startswith("/") or ".." in path.split("/")):
        raise BadRules(f"{field}: expected a path from the root of control groups (got {path})")
    return path


def shutdown(document: Mapping[str, Any]) -> tuple[Band, ...]:
    """Return how long pods of each priority may take to end before the machine goes down; none: no time at all."""
    listed = document.get("shutdownGracePeriodByPodPriority") or []
    whole_s = seconds(document.get("shutdownGracePeriod", "0"), "shutdownGracePeriod")
    critical_s = seconds(document.get("shutdownGracePeriodCriticalPods", "0"), "shutdownGracePeriodCriticalPods")
    if listed and (whole_s or critical_s):
        raise BadRules("shutdownGracePeriodByPodPriority: cannot be specified together with shutdownGracePeriod")
    if critical_s > whole_s:
        raise BadRules(f"shutdownGracePeriodCriticalPods: must be <= shutdownGracePeriod (got {critical_s:g}s and "
                       f"{whole_s:g}s)")
    for name, value_s in (("shutdownGracePeriod", whole_s), ("shutdownGracePeriodCriticalPods", critical_s)):
        if 0 < value_s < 1:
            raise BadRules(f"{name}: must be either zero or otherwise >= 1 sec")
    if whole_s:
        return Band(0, whole_s - critical_s), Band(SYSTEM_CRITICAL, critical_s)
    bands = [band(each) for each in listed] if isinstance(listed, list) else [band(listed)]
    return tuple(sorted(bands, key=lambda one: one.priority))


def band(said: object) -> Band:
    """Return one line of shutdownGracePeriodByPodPriority."""
    field = "shutdownGracePeriodByPodPriority"
    if not isinstance(said, Mapping) or not isinstance(said.get("priority"), int):
        raise BadRules(f"{field}: expected a list of priority and shutdownGracePeriodSeconds (got {said!r})")
    return Band(said["priority"], float(whole(said, "shutdownGracePeriodSeconds", 0)))


def crash_loop_max_s(document: Mapping[str, Any]) -> float:
    """Return the longest wait between two runs of a container that keeps failing."""
    said = mapping(document, "crashLoopBackOff").get("maxContainerRestartPeriod", "5m")
    value_s = seconds(said, "crashLoopBackOff.maxContainerRestartPeriod")
    if not 1 <= value_s <= CRASH_LOOP_MAX_S:
        raise BadRules("crashLoopBackOff.maxContainerRestartPeriod: must be set between 1s and 300s")
    return value_s


def ids_per_pod(document: Mapping[str, Any]) -> int:
    """Return how many users and groups a pod with a user namespace of its own has."""
    count = whole(mapping(document, "userNamespaces"), "idsPerPod", IDS_UNIT, least=IDS_UNIT)
    if count % IDS_UNIT or count >= 1 << 32:
        raise BadRules(f"userNamespaces.idsPerPod: must be a multiple of {IDS_UNIT} and below 2^32 (got {count})")
    return count


def flags(found: Mapping[str, str]) -> dict[str, Any]:
    """Return what kubelet's command-line options say, as the file would say it. Raises BadRules."""
    said: dict[str, Any] = {}
    for flag, text in found.items():
        field, read_text = FLAGS[flag]
        said[field] = read_text(text, flag)
    return said


def pairs(separator: str) -> Callable[[str, str], dict[str, str]]:
    """Return what reads `a<b,c<d`."""
    def read_pairs(text: str, flag: str) -> dict[str, str]:
        found = {}
        for part in filter(None, text.split(",")):
            name, sign, value = part.partition(separator)
            if not sign or not name or not value:
                raise BadRules(f"--{flag}: expected NAME{separator}VALUE, … (got {part})")
            found[name.strip()] = value.strip()
        return found

    return read_pairs


def number(text: str, flag: str) -> int:
    """Read a whole number."""
    try:
        return int(text)
    except ValueError as error:
        raise BadRules(f"--{flag}: expected a whole number (got {text})") from error


def word(text: str, flag: str) -> str:
    """Read what is a word already."""
    return text


def words(text: str, flag: str) -> list[str]:
    """Read a list."""
    return [part for part in text.split(",") if part]


FLAGS: Final[Mapping[str, tuple[str, Callable[[str, str], Any]]]] = {
    "eviction-hard": ("evictionHard", pairs("<")),
    "eviction-soft": ("evictionSoft", pairs("<")),
    "eviction-soft-grace-period": ("evictionSoftGracePeriod", pairs("=")),
    "eviction-minimum-reclaim": ("evictionMinimumReclaim", pairs("=")),
    "eviction-pressure-transition-period": ("evictionPressureTransitionPeriod", word),
    "eviction-max-pod-grace-period": ("evictionMaxPodGracePeriod", number),
    "kube-reserved": ("kubeReserved", pairs("=")),
    "system-reserved": ("systemReserved", pairs("=")),
    "enforce-node-allocatable": ("enforceNodeAllocatable", words),
    "pod-max-pids": ("podPidsLimit", number),
    "max-pods": ("maxPods", number),
    "allowed-unsafe-sysctls": ("allowedUnsafeSysctls", words),
}
FIELDS: Final = frozenset({field for field, _ in FLAGS.values()} | {
    "kubeReservedCgroup", "systemReservedCgroup", "memorySwap", "failSwapOn", "shutdownGracePeriod",
    "shutdownGracePeriodCriticalPods", "shutdownGracePeriodByPodPriority", "crashLoopBackOff", "containerLogMaxSize",
    "containerLogMaxFiles", "userNamespaces", "seccompDefault"} | alignmentfile.FIELDS | imagefile.FIELDS)
