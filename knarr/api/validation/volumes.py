"""Check a pod's volumes and where they are mounted.

Source: kube pkg/apis/core/validation/validation.go (ValidateVolumes, validateVolumeSource, ValidateVolumeMounts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.environment import VOLUME_FIELDS, field_ref, resource_ref
from knarr.api.validation.resources import amount
from knarr.api.validation.spot import Spot

MODE_MAX: Final = 0o777
MODE_WORDS: Final = "must be a number between 0 and 0777 (octal), both inclusive"
ONE_TYPE: Final = "may not specify more than 1 volume type"
HOST_PATH_TYPES: Final = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)
PROPAGATION: Final = ("Bidirectional", "HostToContainer", "None")
PULL: Final = ("Always", "IfNotPresent", "Never")
TOKEN_MIN_S, TOKEN_MAX_S = 600, 2**32   # life of a projected token, seconds


def volumes(spot: Spot, items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Check the volumes; return those that can be mounted, by name."""
    known: dict[str, dict[str, Any]] = {}
    for number, item in enumerate(items):
        inner = spot.index(number)
        before = len(spot.causes)
        source(inner, item)
        name = item.get("name")
        if not name:
            inner.at("name").required()
        else:
            faults = formats.dns_label(name)
            if faults:
                inner.at("name").each(name, faults)
            if name in known:
                inner.at("name").duplicate(name)
        if name and len(spot.causes) == before:
            known[name] = item
    return known


def source(spot: Spot, item: dict[str, Any]) -> None:
    """Check that a volume has exactly one source, and that one."""
    only_source(spot, item, ORDER, check=lambda name: by_rules(spot, item, name))


def by_rules(spot: Spot, item: dict[str, Any], name: str) -> None:
    """Check a source by its own rules, where it has any."""
    if name in SOURCES:
        SOURCES[name](spot.at(name), item[name])


def only_source(spot: Spot, item: dict[str, Any], order: Iterable[str], *, check: Callable[[str], None]) -> None:
    """Check the one source that is set; none is a fault, and so is each that follows."""
    named = [name for name in order if item.get(name) is not None]
    if named:
        check(named[0])
    for name in named[1:]:
        spot.at(name).forbidden(ONE_TYPE)
    if not named:
        spot.required("must specify a volume type")


def mounts(spot: Spot, container: dict[str, Any], known: dict[str, dict[str, Any]]) -> None:
    """Check volumeMounts and volumeDevices of a container."""
    points: set[str] = set()
    for number, item in enumerate(container.get("volumeMounts") or ()):
        _mount(spot.at("volumeMounts"), number, item, known=known, points=points)
    for number, item in enumerate(container.get("volumeDevices") or ()):
        inner, name, path = spot.at("volumeDevices").index(number), item.get("name"), item.get("devicePath")
        if not name:
            inner.at("name").required()
        elif "persistentVolumeClaim" not in known.get(name, {}) and "ephemeral" not in known.get(name, {}):
            inner.at("name").not_found(name)
        if not path:
            inner.at("devicePath").required()
        elif path in points:
            inner.at("devicePath").invalid(path, "must be unique")
        points.add(path or "")


def mode(spot: Spot, value: int | None) -> None:
    """Check a file mode."""
    if value is not None and not 0 <= value <= MODE_MAX:
        spot.invalid(value, MODE_WORDS)


def local_path(spot: Spot, path: str) -> None:
    """Check a path that must stay below where it is put."""
    if path.startswith("/"):
        spot.invalid(path, "must be a relative path")
    _no_backsteps(spot, path)


def _no_backsteps(spot: Spot, path: str) -> None:
    if ".." in path.split("/"):
        spot.invalid(path, "must not contain '..'")


def _mount(
    mounts: Spot, number: int, item: dict[str, Any], *, known: dict[str, dict[str, Any]], points: set[str],
) -> None:
    spot = mounts.index(number)
    name, path = item.get("name"), item.get("mountPath")
    if not name:
        spot.at("name").required()
    elif name not in known:
        spot.at("name").not_found(name)
    if not path:
        spot.at("mountPath").required()
    elif path in points:
        spot.at("mountPath").invalid(path, "must be unique")
    points.add(path or "")
    for field in ("subPath", "subPathExpr"):
        if item.get(field):
            local_path(mounts.at(field), item[field])   # without the index, as Kubernetes does
    if item.get("subPath") and item.get("subPathExpr"):
        spot.at("subPathExpr").invalid(item["subPathExpr"], "subPathExpr and subPath are mutually exclusive")
    if item.get("mountPropagation") is not None and item["mountPropagation"] not in PROPAGATION:
        spot.at("mountPropagation").unsupported(item["mountPropagation"], PROPAGATION)


def _host_path(spot: Spot, value: dict[str, Any]) -> None:
    path = value.get("path")
    if not path:
        spot.at("path").required()
    else:
        _no_backsteps(spot.at("path"), path)
    if value.get("type", "") not in HOST_PATH_TYPES:
        spot.at("type").unsupported(value["type"], HOST_PATH_TYPES)


def _empty_dir(spot: Spot, value: dict[str, Any]) -> None:
    if value.get("sizeLimit") is not None and amount(value["sizeLimit"]) < 0:
        spot.at("sizeLimit").forbidden("SizeLimit field must be a valid resource quantity")


def _secret(spot: Spot, value: dict[str, Any]) -> None:
    if not value.get("secretName"):
        spot.at("secretName").required()
    mode(spot.at("defaultMode"), value.get("defaultMode"))
    _items(spot, value)


def _config_map(spot: Spot, value: dict[str, Any]) -> None:
    if not value.get("name"):
        spot.at("name").required()
    mode(spot.at("defaultMode"), value.get("defaultMode"))
    _items(spot, value)


def _items(spot: Spot, value: dict[str, Any]) -> None:
    for number, item in enumerate(value.get("items") or ()):
        inner = spot.at("items").index(number)
        if not item.get("key"):
            inner.at("key").required()
        _file(inner, item)


def _file(spot: Spot, item: dict[str, Any]) -> None:
    path = item.get("path")
    if not path:
        spot.at("path").required()
    else:
        local_path(spot.at("path"), path)
        if path.startswith("..") and not path.startswith("../"):
            spot.at("path").invalid(path, "must not start with '..'")
    mode(spot.at("mode"), item.get("mode"))


def _downward(spot: Spot, value: dict[str, Any]) -> None:
    mode(spot.at("defaultMode"), value.get("defaultMode"))
    _downward_items(spot, value)


def _downward_items(spot: Spot, value: dict[str, Any]) -> None:
    for number, item in enumerate(value.get("items") or ()):
        inner = spot.at("items").index(number)
        _file(inner, item)
        if item.get("fieldRef") is not None:
            field_ref(inner.at("fieldRef"), item["fieldRef"], VOLUME_FIELDS)
            if item.get("resourceFieldRef") is not None:
                inner.invalid("resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
        elif item.get("resourceFieldRef") is not None:
            resource_ref(inner.at("resourceFieldRef"), item["resourceFieldRef"], in_volume=True)
        else:
            inner.required("one of fieldRef and resourceFieldRef is required")


def _projected(spot: Spot, value: dict[str, Any]) -> None:
    mode(spot.at("defaultMode"), value.get("defaultMode"))
    paths: set[str] = set()
    for number, part in enumerate(value.get("sources") or ()):
        inner = spot.at("sources").index(number)
        found = False
        for name, check in PROJECTIONS.items():
            if part.get(name) is None:
                continue
            if found:
                inner.at(name).forbidden(ONE_TYPE)
                continue
            found = True
            check(inner.at(name), part[name])
            _unique_paths(inner.at(name), part[name], paths)


def _unique_paths(spot: Spot, part: dict[str, Any], paths: set[str]) -> None:
    for path in [item.get("path") for item in part.get("items") or ()] or [part.get("path")]:
        if path and path in paths:
            spot.at("path").invalid(path, "conflicting duplicate paths")
        paths.add(path or "")


def _named_projection(spot: Spot, value: dict[str, Any]) -> None:
    if not value.get("name"):
        spot.at("name").required()
    _items(spot, value)


def _token(spot: Spot, value: dict[str, Any]) -> None:
    seconds = value.get("expirationSeconds", TOKEN_MIN_S)
    if seconds < TOKEN_MIN_S:
        spot.at("expirationSeconds").invalid(seconds, "may not specify a duration less than 10 minutes")
    if seconds > TOKEN_MAX_S:
        spot.at("expirationSeconds").invalid(seconds, "may not specify a duration larger than 2^32 seconds")
    if not value.get("path"):
        spot.at("path").required()
    else:
        local_path(spot.at("path"), value["path"])


def _claim(spot: Spot, value: dict[str, Any]) -> None:
    if not value.get("claimName"):
        spot.at("claimName").required()


def _nfs(spot: Spot, value: dict[str, Any]) -> None:
    for name in ("server", "path"):
        if not value.get(name):
            spot.at(name).required()
    if value.get("path") and not value["path"].startswith("/"):
        spot.at("path").invalid(value["path"], "must be an absolute path")


def _csi(spot: Spot, value: dict[str, Any]) -> None:
    if not value.get("driver"):
        spot.at("driver").required()


def _ephemeral(spot: Spot, value: dict[str, Any]) -> None:
    if value.get("volumeClaimTemplate") is None:
        spot.at("volumeClaimTemplate").required()


def _image(spot: Spot, value: dict[str, Any]) -> None:
    if not value.get("reference"):
        spot.at("reference").required()
    if value.get("pullPolicy") not in PULL:
        spot.at("pullPolicy").choice(value.get("pullPolicy"), PULL)


ORDER: Final = (
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi",
    "glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc",
    "flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk",
    "storageos", "projected", "scaleIO", "csi", "ephemeral", "image",
)
PROJECTIONS: Final[dict[str, Callable[[Spot, dict[str, Any]], None]]] = {
    "secret": _named_projection, "configMap": _named_projection, "downwardAPI": _downward_items,
    "serviceAccountToken": _token,
}
SOURCES: Final[dict[str, Callable[[Spot, dict[str, Any]], None]]] = {
    "emptyDir": _empty_dir, "hostPath": _host_path, "secret": _secret, "nfs": _nfs, "persistentVolumeClaim": _claim,
    "downwardAPI": _downward, "configMap": _config_map, "projected": _projected, "csi": _csi,
    "ephemeral": _ephemeral, "image": _image,
}
