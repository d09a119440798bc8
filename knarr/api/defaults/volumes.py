"""Defaults of a pod's volumes.

Source: kube pkg/apis/core/v1/defaults.go (SetDefaults_Volume, SetDefaults_SecretVolumeSource, …).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from knarr.api.defaults.storage import claim_spec

MODE: Final = 0o644     # of projected files
TOKEN_S: Final = 3600   # life of a projected service account token, seconds


def volume(item: dict[str, Any]) -> None:
    """Fill one volume; one without a source is an emptyDir."""
    for name in item:
        rule = SOURCES.get(name)
        if rule is not None:
            rule(item[name])
    if len(item) == 1 and "name" in item:
        item["emptyDir"] = {}


def constants(**values: Any) -> Callable[[dict[str, Any]], None]:
    """Return a rule that fills fixed values."""
    def fill(source: dict[str, Any]) -> None:
        for name, value in values.items():
            source.setdefault(name, value)
    return fill


def _items(source: dict[str, Any]) -> None:
    for item in source.get("items", ()):
        if "fieldRef" in item:
            item["fieldRef"].setdefault("apiVersion", "v1")
        if "resourceFieldRef" in item:
            item["resourceFieldRef"].setdefault("divisor", "0")


def _downward(source: dict[str, Any]) -> None:
    source.setdefault("defaultMode", MODE)
    _items(source)


def _projected(source: dict[str, Any]) -> None:
    source.setdefault("defaultMode", MODE)
    for part in source.get("sources", ()):
        if "serviceAccountToken" in part:
            part["serviceAccountToken"].setdefault("expirationSeconds", TOKEN_S)
        elif "downwardAPI" in part:
            _items(part["downwardAPI"])


def _image(source: dict[str, Any]) -> None:
    reference = source.get("reference", "")
    tag = reference.partition("@")[0].rpartition("/")[2].partition(":")[2]
    fresh = "@" not in reference and tag in ("", "latest")
    source.setdefault("pullPolicy", "Always" if fresh else "IfNotPresent")


def _ephemeral(source: dict[str, Any]) -> None:
    template = source.get("volumeClaimTemplate")
    if template is not None:
        template.setdefault("metadata", {})
        claim_spec(template.setdefault("spec", {}))


SOURCES: Final[dict[str, Callable[[dict[str, Any]], None]]] = {
    "azureDisk": constants(cachingMode="ReadWrite", fsType="ext4", readOnly=False, kind="Shared"),
    "configMap": constants(defaultMode=MODE),
    "downwardAPI": _downward,
    "ephemeral": _ephemeral,
    "hostPath": constants(type=""),
    "image": _image,
    "iscsi": constants(iscsiInterface="default"),
    "projected": _projected,
    "rbd": constants(pool="rbd", user="admin", keyring="/etc/ceph/keyring"),
    "scaleIO": constants(storageMode="ThinProvisioned", fsType="xfs"),
    "secret": constants(defaultMode=MODE),
}
