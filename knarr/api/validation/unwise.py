"""Warn of what is allowed but hardly meant, in pods and in whatever makes pods. Pure; objects are plain dicts.

Source: kube pkg/api/pod/warnings.go, pkg/api/node/util.go, pkg/api/persistentvolumeclaim/util.go, and the strategies'
WarningsOnCreate and WarningsOnUpdate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from knarr.api import quantity
from knarr.api.kinds import Kind
from knarr.api.quantity import NANO
from knarr.api.validation.spot import text

Obj: TypeAlias = dict[str, Any]
Warnings: TypeAlias = Iterator[str]
TEMPLATE: Final = ("spec", "template")
TEMPLATES: Final[dict[tuple[str, str], tuple[str, ...]]] = {  # where kinds that make pods keep the pod
    ("", "PodTemplate"): ("template",), ("", "ReplicationController"): TEMPLATE,
    **{("apps", kind): TEMPLATE for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")},
    ("batch", "Job"): TEMPLATE, ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
}
CREATE_ONLY: Final = frozenset({("batch", "Job")})  # who changes a Job is mostly no person
LABELS: Final = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}
ANNOTATIONS: Final = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
VOLUMES: Final = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
OLD_VOLUMES: Final = frozenset({*VOLUMES, "ephemeral"})
PLACING: Final = frozenset({"nodeSelector", "affinity", "topologySpreadConstraints"})
SECCOMP_POD: Final = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP: Final = "container.seccomp.security.alpha.kubernetes.io/"
APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_GONE: Final = 'non-functional in v1.27+; use the "seccompProfile" field instead'
APPARMOR_OLD: Final = 'deprecated since v1.30; use the "appArmorProfile" field instead'
BYTES: Final = ("memory", "ephemeral-storage")
PARTS: Final = ("initContainers", "containers", "ephemeralContainers")


def of_write(kind: Kind, obj: Obj, old: Obj | None) -> list[str]:
    """Return what to warn the writer of. old: what was there; of a pod that changes nothing is said."""
    row = (kind.group, kind.kind)
    if row == ("", "Pod"):
        return list(_pod(obj, "", template=False)) if old is None else []
    if row == ("", "PersistentVolumeClaim"):
        return list(_claim(obj.get("spec") or {}, "spec"))
    steps = TEMPLATES.get(row)
    if steps is None or (old is not None and (row in CREATE_ONLY or obj.get("spec") == old.get("spec"))):
        return []
    found: Any = obj
    for step in steps:
        found = (found or {}).get(step)
    return list(_pod(found or {}, ".".join(steps) + ".", template=True))


def _pod(pod: Obj, path: str, *, template: bool) -> Warnings:
    meta, spec = pod.get("metadata") or {}, pod.get("spec") or {}
    if not PLACING.isdisjoint(spec):
        yield from _placing(spec, f"{path}spec.")
    for number, volume in enumerate(spec.get("volumes") or ()):
        if not OLD_VOLUMES.isdisjoint(volume):
            yield from _volume(volume, f"{path}spec.volumes[{number}]")
    yield from _twice(spec, f"{path}spec.")
    yield from _fractions(spec.get("overhead"), f"{path}spec.overhead")
    if meta.get("annotations"):
        yield from _notes(meta["annotations"], spec, path, template=template)
    for part in PARTS:
        for number, container in enumerate(spec.get(part) or ()):
            yield from _container(container, f"{path}spec.{part}[{number}]")
    yield from _ports(spec, f"{path}spec.")
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        said = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{path}spec.terminationGracePeriodSeconds: {said}"


def _notes(notes: Obj, spec: Obj, path: str, *, template: bool) -> Warnings:
    """Yield annotations that once did what fields do now."""
    security = spec.get("securityContext") or {}
    for key, said in ANNOTATIONS.items():
        if key in notes:
            yield f"{path}metadata.annotations[{key}]: {said}"
    if SECCOMP_POD in notes and not security.get("seccompProfile"):
        yield f"{path}metadata.annotations[{SECCOMP_POD}]: {SECCOMP_GONE}"
    for container in (container for part in PARTS for container in spec.get(part) or ()):
        own = container.get("securityContext") or {}
        seccomp, apparmor = (f"{prefix}{container.get('name', '')}" for prefix in (SECCOMP, APPARMOR))
        if seccomp in notes and not own.get("seccompProfile"):
            yield f"{path}metadata.annotations[{seccomp}]: {SECCOMP_GONE}"
        if template and apparmor in notes and not (own.get("appArmorProfile") or security.get("appArmorProfile")):
            yield f"{path}metadata.annotations[{apparmor}]: {APPARMOR_OLD}"


def _placing(spec: Obj, path: str) -> Warnings:
    """Yield labels of nodes that go by another name now, and spreading that matches nothing."""
    for key in spec.get("nodeSelector") or ():
        if key in LABELS:
            yield f"{path}nodeSelector[{key}]: {LABELS[key]}"
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    here, hard = f"{path}affinity.nodeAffinity.", "requiredDuringSchedulingIgnoredDuringExecution"
    soft = "preferredDuringSchedulingIgnoredDuringExecution"
    terms = [(f"{here}{hard}.nodeSelectorTerms[{number}]", term)
             for number, term in enumerate((affinity.get(hard) or {}).get("nodeSelectorTerms") or ())]
    terms += [(f"{here}{soft}[{number}].preference", one.get("preference") or {})
              for number, one in enumerate(affinity.get(soft) or ())]
    for where, term in terms:
        for number, wanted in enumerate(term.get("matchExpressions") or ()):
            key = wanted.get("key")
            if key in LABELS:
                yield f"{where}.matchExpressions[{number}].key: {key} is {LABELS[key]}"
    for number, spread in enumerate(spec.get("topologySpreadConstraints") or ()):
        where, key = f"{path}topologySpreadConstraints[{number}]", spread.get("topologyKey")
        if key in LABELS:
            yield f"{where}.topologyKey: {key} is {LABELS[key]}"
        if spread.get("labelSelector") is None:
            yield f"{where}.labelSelector: a null labelSelector results in matching no pod"


def _volume(volume: Obj, path: str) -> Warnings:
    for name, said in VOLUMES.items():
        if volume.get(name):
            yield f"{path}.{name}: {said}"
    template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate") or {}
    yield from _claim(template.get("spec") or {}, f"{path}.ephemeral.volumeClaimTemplate.spec")


def _claim(spec: Obj, path: str) -> Warnings:
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if asked is not None:
        yield from _fraction(asked, f"{path}.resources.requests[storage]")


def _twice(spec: Obj, path: str) -> Warnings:
    """Yield what stands twice, and pull secrets without a name."""
    for part, key, word in (("hostAliases", "ip", "ip"), ("imagePullSecrets", "name", "name")):
        seen: set[str] = set()
        for number, one in enumerate(spec.get(part) or ()):
            value = one.get(key, "")
            if value in seen:
                yield f"{path}{part}[{number}].{key}: duplicate {word} {text(value)}"
            seen.add(value)
    for number, one in enumerate(spec.get("imagePullSecrets") or ()):
        if not one.get("name"):
            yield f'{path}imagePullSecrets[{number}].name: invalid empty name ""'


def _container(container: Obj, path: str) -> Warnings:
    resources = container.get("resources")
    if resources:
        yield from _fractions(resources.get("limits"), f"{path}.resources.limits")
        yield from _fractions(resources.get("requests"), f"{path}.resources.requests")
    seen: set[str] = set()
    for number, one in enumerate(container.get("env") or ()):
        name, value = one.get("name", ""), one.get("value", "")
        reference = f"$({name})"
        if name in seen and (one.get("valueFrom") or value == reference or reference not in value):
            said = "which may be dropped when using apply"
            yield f"{path}.env[{number}]: hides previous definition of {text(name)}, {said}"
        seen.add(name)


def _fractions(amounts: Obj | None, path: str) -> Warnings:
    if not amounts:
        return
    for name in BYTES:
        if name in amounts:
            yield from _fraction(amounts[name], f"{path}[{name}]")


def _fraction(amount: str, path: str) -> Warnings:
    found = quantity.parse(amount)
    if found.nano % NANO:
        yield f"{path}: fractional byte value {text(str(found))} is invalid, must be an integer"


def _ports(spec: Obj, path: str) -> Warnings:
    """Yield ports that are taken twice, or that might be."""
    taken: dict[tuple[int, str], list[tuple[str, str, int]]] = {}
    for where, port in _all_ports(spec, path):
        host, on = port.get("hostIP", ""), port.get("hostPort", 0)
        if host and not on:
            yield f"{where}: hostIP set without hostPort: {_go(port)}"
        others = taken.setdefault((port.get("containerPort", 0), port.get("protocol", "")), [])
        for other, their_host, their_port in others:
            word = _crossing((host, on), (their_host, their_port))
            if word:
                yield f"{where}: {word} port definition with {other}"
        others.append((where, host, on))


def _all_ports(spec: Obj, path: str) -> Iterator[tuple[str, Obj]]:
    for part in PARTS:
        for place, container in enumerate(spec.get(part) or ()):
            for number, port in enumerate(container.get("ports") or ()):
                yield f"{path}{part}[{place}].ports[{number}]", port


def _crossing(one: tuple[str, int], other: tuple[str, int]) -> str:
    """Say how two ports of one number and protocol get in each other's way, each an address and a port of the host."""
    if one == other:
        return "duplicate"
    if not one[1] or not other[1]:
        return "overlapping"
    return "dangerously ambiguous" if one[1] == other[1] and bool(one[0]) != bool(other[0]) else ""


def _go(port: Obj) -> str:
    """Write a port as Go's `%+v` does."""
    names = ("Name", "HostPort", "ContainerPort", "Protocol", "HostIP")
    values = (port.get("name", ""), port.get("hostPort", 0), port["containerPort"], port["protocol"], port["hostIP"])
    return f"{{{' '.join(f'{name}:{value}' for name, value in zip(names, values, strict=True))}}}"

