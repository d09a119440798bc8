"""Turn a container's volumeMounts into mounts. Pure. Source: kube kubelet/kubelet_pods.go, makeMounts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from knarr.api.types.core_v1 import Container, Pod, Volume, VolumeMount
from knarr.node import podcontainers
from knarr.node.env import expand_word
from knarr.node.faces import ConfigError, Mount, Propagation
from knarr.node.volumes.payload import ContentError

_PROPAGATION: Final[dict[str | None, Propagation]] = {
    "HostToContainer": "host_to_container", "Bidirectional": "bidirectional",
}
ENABLED: Final = "Enabled"
_LEFT: Final = re.compile(r"\$\(([^()]*)\)")


def mounted_names(pod: Pod) -> frozenset[str]:
    """Return the volumes that some container mounts or uses as a device; others are not set up."""
    mounted = {mount.name for container in podcontainers.every(pod) for mount in container.volumeMounts}
    used = {device.name for container in podcontainers.every(pod) for device in container.volumeDevices}
    return frozenset(mounted | used)


def sub_path_of(mount: VolumeMount, env: Mapping[str, str]) -> str:
    """Return the path within the volume, variables replaced. Raises ContentError for a variable nobody set."""
    if not mount.subPathExpr:
        return mount.subPath or ""
    missing = [name for name in _LEFT.findall(mount.subPathExpr.replace("$$", "")) if name not in env]
    if missing:
        raise ContentError(f'missing value for "{missing[0]}"')
    return expand_word(mount.subPathExpr, env)


def mount_of(mount: VolumeMount, volume: Volume, source: Path) -> Mount:
    """Return one mount. What is made of API objects is read-only whatever the mount says. Raises ContentError."""
    below = mount.recursiveReadOnly in (ENABLED, "IfPossible")
    if below and not mount.readOnly:
        raise ContentError(f'volume "{mount.name}" requested recursive read-only mode, but it is not read-only')
    if below and mount.mountPropagation not in (None, "", "None"):
        raise ContentError(f'volume "{mount.name}" requested recursive read-only mode, but it is not compatible with '
                           f"propagation {mount.mountPropagation}")
    claim = volume.persistentVolumeClaim
    read_only = bool(mount.readOnly) or is_api_content(volume) or (claim is not None and bool(claim.readOnly))
    path = mount.mountPath if mount.mountPath.startswith("/") else f"/{mount.mountPath}"
    return Mount(path, str(source), read_only, _PROPAGATION.get(mount.mountPropagation, "private"), below)


def within_reach(container: Container, mounts: Iterable[Mount], *, deep: bool) -> tuple[Mount, ...]:
    """Return the mounts as the runtime can make them. Raises ConfigError for what it cannot make and must.

    deep: it makes mounts read-only down to the mounts within (`IfPossible` does without).
    """
    if deep:
        return tuple(mounts)
    for mount in container.volumeMounts:
        if mount.recursiveReadOnly == ENABLED:
            raise ConfigError(
                f'volume "{mount.name}" requested recursive read-only mode, but it is not supported by the runtime')
    return tuple(replace(each, read_only_below=False) for each in mounts)


def is_api_content(volume: Volume) -> bool:
    """Tell whether a volume's files are made of API objects."""
    return any(source is not None for source in (
        volume.configMap, volume.secret, volume.downwardAPI, volume.projected))
