"""Say what pods and volumes need from others of their namespace: Secrets, ConfigMaps, claims, accounts. Pure.

Source: kube api/pod/util.go, VisitPodSecretNames, VisitPodConfigmapNames; api/persistentvolume/util.go,
VisitPVSecretNames.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Obj = dict[str, Any]
Reference = tuple[str, str, str]  # plural, namespace, name
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
REFERRERS = {
    "secretRef": "secrets",
    "secretKeyRef": "secrets",
    "configMapRef": "configmaps",
    "configMapKeyRef": "configmaps",
}
SORTS = (
    ("secret", "secrets", "secretName"),
    ("configMap", "configmaps", "name"),
    ("persistentVolumeClaim", "persistentvolumeclaims", "claimName"),
)  # volumes that are somebody's object: what they are, and where its name stands
CONTROLLERS = "controller"  # Secrets of a driver's controller, which no node needs, begin so


def of_pod(pod: Obj) -> Iterator[Reference]:
    """Yield what a pod on a node needs, and the certificate of its namespace, which every pod may have."""
    spec, namespace = pod["spec"], pod["metadata"]["namespace"]
    yield "serviceaccounts", namespace, spec.get("serviceAccountName") or "default"
    yield "configmaps", namespace, "kube-root-ca.crt"
    for plural, name in named(spec):
        yield plural, namespace, name
    for volume in spec.get("volumes") or ():
        if "ephemeral" in volume:
            yield "persistentvolumeclaims", namespace, f"{pod['metadata']['name']}-{volume['name']}"
    for status in (pod.get("status") or {}).get("resourceClaimStatuses") or ():
        yield "resourceclaims", namespace, status.get("resourceClaimName", "")


def named(spec: Obj) -> Iterator[tuple[str, str]]:
    """Yield plural and name of everything that a pod's spec refers to by name."""
    for secret in spec.get("imagePullSecrets") or ():
        yield "secrets", secret.get("name", "")
    for volume in spec.get("volumes") or ():
        yield from _of_volume(volume)
    for claim in spec.get("resourceClaims") or ():
        yield "resourceclaims", claim.get("resourceClaimName", "")
    for field in CONTAINERS:
        for container in spec.get(field) or ():
            yield from _of_container(container)


def _of_volume(volume: Obj) -> Iterator[tuple[str, str]]:
    for sort, plural, field in SORTS:
        if sort in volume:
            yield plural, volume[sort].get(field, "")
    for sort, source in volume.items():
        if sort != "secret" and isinstance(source, dict):
            yield from (("secrets", name) for _, name in _secrets(source))
    for source in (volume.get("projected") or {}).get("sources") or ():
        if "secret" in source:
            yield "secrets", source["secret"].get("name", "")
        if "configMap" in source:
            yield "configmaps", source["configMap"].get("name", "")


def _of_container(container: Obj) -> Iterator[tuple[str, str]]:
    values = [env.get("valueFrom") or {} for env in container.get("env") or ()]
    for source in (*(container.get("envFrom") or ()), *values):
        for field, plural in REFERRERS.items():
            if field in source:
                yield plural, source[field].get("name", "")


def secrets_of_volume(volume: Obj) -> set[tuple[str, str]]:
    """Return namespace and name of every Secret that a PersistentVolume's driver needs on the node."""
    spec = volume.get("spec") or {}
    claim = (spec.get("claimRef") or {}).get("namespace", "")
    found = (pair for source in spec.values() if isinstance(source, dict) for pair in _secrets(source))
    return {(namespace or claim, name) for namespace, name in found}


def _secrets(source: Obj) -> Iterator[tuple[str, str]]:
    """Yield namespace, empty where it is the claim's or the pod's own, and name of the Secrets of a volume's source."""
    if source.get("secretName"):  # of an azureFile
        yield source.get("secretNamespace") or "", source["secretName"]
    for field, ref in source.items():
        if field.lower().endswith("secretref") and not field.startswith(CONTROLLERS) and isinstance(ref, dict):
            yield ref.get("namespace") or "", ref.get("name", "")
