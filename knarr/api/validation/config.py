"""Check ConfigMaps and Secrets.

Source: kube pkg/apis/core/validation/validation.go (ValidateConfigMap, ValidateSecret).
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.spot import Spot

SIZE_MAX_BYTES: Final = 1024 * 1024   # of all values together
ACCOUNT: Final = "kubernetes.io/service-account.name"
FROZEN: Final = "field is immutable when `immutable` is set"
REDACTED: Final = "<secret contents redacted>"
NEEDS: Final = {
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
}


def config_map(root: Spot, obj: dict[str, Any]) -> None:
    """Check a ConfigMap: keys are file names, each once; all values fit into one object."""
    texts, blobs = obj.get("data") or {}, obj.get("binaryData") or {}
    size_bytes = 0
    for key, value in texts.items():
        root.at("data").key(key).each(key, formats.config_key(key))
        if key in blobs:
            root.at("data").key(key).invalid(key, "duplicate of key present in binaryData")
        size_bytes += len(value.encode())
    for key, value in blobs.items():
        root.at("binaryData").key(key).each(key, formats.config_key(key))
        size_bytes += len(value) * 3 // 4
    if size_bytes > SIZE_MAX_BYTES:
        Spot("[]", root.causes).too_long(SIZE_MAX_BYTES)


def secret(root: Spot, obj: dict[str, Any]) -> None:
    """Check a Secret: its keys, its size, and what its type promises."""
    data = obj.get("data") or {}
    size_bytes = 0
    for key, value in data.items():
        faults = formats.config_key(key)
        if faults:
            root.at("data").key(key).each(key, faults)
        size_bytes += len(value) * 3 // 4
    if size_bytes > SIZE_MAX_BYTES:
        root.at("data").too_long(SIZE_MAX_BYTES)
    _typed(root, obj, data)


def frozen(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that an immutable object stays as it is."""
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        root.at("immutable").forbidden(FROZEN)
    for name in ("data", "binaryData"):
        if (new.get(name) or {}) != (old.get(name) or {}):
            root.at(name).forbidden(FROZEN)


def secret_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that a Secret keeps its type, and everything else if it is immutable."""
    root.at("type").unchanged(new.get("type"), old.get("type"))
    frozen(root, new, old)


def _typed(root: Spot, obj: dict[str, Any], data: dict[str, str]) -> None:
    spot, kind = root.at("data"), obj.get("type")
    if kind == "kubernetes.io/service-account-token":
        if not (obj["metadata"].get("annotations") or {}).get(ACCOUNT):
            root.at("metadata").at("annotations").key(ACCOUNT).required()
    elif kind in NEEDS:
        _docker(spot, data, NEEDS[kind])
    elif kind == "kubernetes.io/basic-auth":
        if "username" not in data and "password" not in data:
            spot.key("username").required()
            spot.key("password").required()
    elif kind == "kubernetes.io/ssh-auth":
        if not data.get("ssh-privatekey"):
            spot.key("ssh-privatekey").required()
    elif kind == "kubernetes.io/tls":
        for key in ("tls.crt", "tls.key"):
            if key not in data:
                spot.key(key).required()


def _docker(spot: Spot, data: dict[str, str], key: str) -> None:
    if key not in data:
        spot.key(key).required()
        return
    try:
        json.loads(b64decode(data[key]))
    except (ValueError, Base64Error) as error:
        spot.key(key).invalid(REDACTED, str(error))
