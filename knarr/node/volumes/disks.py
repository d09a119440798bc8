"""Make the directories behind volumes: emptyDir on disk and in memory, host paths, claims, and places for contents.

A claim leads to its PersistentVolume, whose hostPath or local directory is made where it is missing
(`DirectoryOrCreate`): so the local-path provisioner needs no hand on the node.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from knarr.api import quantity
from knarr.api.errors import ApiError
from knarr.api.types.core_v1 import (
    EmptyDirVolumeSource,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    ServiceAccountTokenProjection,
    Volume,
)
from knarr.api.volumes import claim_name, not_its_own
from knarr.client.client import Client
from knarr.node.volumes import hostpath, mounts, nfs, ownership, tokens
from knarr.node.volumes.csi.contents import Source, of_volume
from knarr.node.volumes.mountlist import is_api_content
from knarr.node.volumes.nfs import Export
from knarr.node.volumes.payload import ContentError, TokenKey, token_key

HUGEPAGES, PAGES = "HugePages", "hugepages-"     # media of emptyDir, and the resources that they take
_PLUGINS: Final = {
    "configMap": "kubernetes.io~configmap", "secret": "kubernetes.io~secret", "projected": "kubernetes.io~projected",
    "downwardAPI": "kubernetes.io~downward-api", "emptyDir": "kubernetes.io~empty-dir",
    "hostPath": "kubernetes.io~host-path", "csi": "kubernetes.io~csi", "nfs": "kubernetes.io~nfs",
    "image": "kubernetes.io~image",
    "persistentVolumeClaim": "kubernetes.io~local-volume", "ephemeral": "kubernetes.io~local-volume",
}


class ClaimError(Exception):
    """A claim cannot be used now; the text is kubelet's."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What stands behind a claim. kind: a hostPath type."""

    path: Path
    kind: str
    read_only: bool


Behind: TypeAlias = Claimed | Source | Export
"""What a claim leads to: a directory of this machine, a CSI driver's volume, or another machine's directory."""


async def set_up(pod: Pod, volume: Volume, *, where: Path, claimed: Claimed | Export | None) -> None:
    """Make what the volume needs on this machine. Raises HostPathError, ContentError, OSError.

    claimed: what stands behind the claim, for a volume that is one.
    """
    if volume.emptyDir is not None:
        _empty_dir(pod, volume.emptyDir, where)
    elif volume.hostPath is not None:
        hostpath.prepare(volume.hostPath.path, volume.hostPath.type or "")
    elif isinstance(claimed, Export):
        await asyncio.to_thread(nfs.mount, claimed, where)
    elif claimed is not None:
        fresh = not claimed.path.exists()
        hostpath.prepare(str(claimed.path), claimed.kind)
        if fresh and claimed.path.is_dir():
            os.chmod(claimed.path, 0o777)      # pods run as anyone; who may come in is the claim's affair
        group = fs_group(pod)
        if group is not None and not claimed.read_only and claimed.path.is_dir():
            policy = pod.spec.securityContext.fsGroupChangePolicy if pod.spec.securityContext is not None else None
            await asyncio.to_thread(
                ownership.give, claimed.path, group, only_if_root_differs=policy == "OnRootMismatch")
    elif volume.image is not None:
        where.mkdir(parents=True, exist_ok=True)       # shown there when the image has come
    elif not is_api_content(volume):
        raise ContentError("no volume plugin matched")


def _empty_dir(pod: Pod, source: EmptyDirVolumeSource, where: Path) -> None:
    """Make an empty directory that anyone may write in; in memory it has a size."""
    fresh = not where.exists()
    where.mkdir(parents=True, exist_ok=True)
    medium = source.medium or ""
    if medium == "Memory" and not mounts.is_mounted(where):
        mounts.tmpfs(where, size_bytes=memory_size_bytes(pod, source))
        fresh = True
    elif medium.startswith(HUGEPAGES) and not mounts.is_mounted(where):
        mounts.hugetlbfs(where, page_bytes=page_bytes(pod, source))
        fresh = True
    elif medium not in ("", "Memory") and not medium.startswith(HUGEPAGES):
        raise ContentError(f'unknown storage medium "{source.medium}"')
    if fresh:
        os.chmod(where, 0o777)
        group = fs_group(pod)
        if group is not None:
            ownership.give(where, group)


def page_bytes(pod: Pod, source: EmptyDirVolumeSource) -> int:
    """Return the size of a volume's huge pages: as its medium says, or the one size that the pod asks for.

    Raises ContentError. Source: kube pkg/volume/emptydir, getPageSizeMountOption.
    """
    sizes = {name.removeprefix(PAGES) for container in (*pod.spec.containers, *pod.spec.initContainers)
             if container.resources is not None for name in container.resources.requests if name.startswith(PAGES)}
    if pod.spec.resources is not None:
        sizes |= {name.removeprefix(PAGES) for name in pod.spec.resources.requests if name.startswith(PAGES)}
    said = (source.medium or "").removeprefix(HUGEPAGES).removeprefix("-")
    if said and said not in sizes:
        raise ContentError(f'medium "{source.medium}" cannot be used: no container asks for {PAGES}{said}')
    if not said and len(sizes) != 1:
        raise ContentError(f'medium "{HUGEPAGES}" can only be used if container requests use only one page size '
                           f"(found {len(sizes)})")
    return quantity.value(said or sizes.pop())


def memory_size_bytes(pod: Pod, source: EmptyDirVolumeSource) -> int:
    """Return a memory volume's size: its limit or the pod's memory, whichever is less; 0 where neither is said.

    Source: kube pkg/volume/emptydir, calculateEmptyDirMemorySize.
    """
    limits = [container.resources.limits.get("memory") if container.resources is not None else None
              for container in pod.spec.containers]
    sizes = [quantity.value(source.sizeLimit)] if source.sizeLimit else []
    whole = pod.spec.resources.limits.get("memory") if pod.spec.resources is not None else None
    if whole:
        sizes.append(quantity.value(whole))
    elif limits and all(limits):
        sizes.append(sum(quantity.value(limit) for limit in limits if limit))
    return min((size for size in sizes if size > 0), default=0)


async def claimed(client: Client, pod: Pod, volume: Volume) -> Behind:
    """Follow a claim to what is behind it. Raises ClaimError."""
    namespace, name = pod.metadata.namespace or "", claim_name(pod, volume)
    assert name, f"{volume.name} is a claim's volume"
    try:
        claim = await client.get(PersistentVolumeClaim, namespace, name)
        if volume.ephemeral is not None and (stranger := not_its_own(pod, claim)):
            raise ClaimError(f"error processing PVC {namespace}/{name}: {stranger}")
        if claim.status.phase != "Bound" or not claim.spec.volumeName:
            raise ClaimError(f"error processing PVC {namespace}/{name}: PVC is not bound")
        found = await client.get(PersistentVolume, "", claim.spec.volumeName)
    except (ApiError, OSError) as error:
        raise ClaimError(f"error processing PVC {namespace}/{name}: {error}") from error
    reference = found.spec.claimRef
    if reference is None or reference.uid != claim.metadata.uid:
        raise ClaimError(f"error processing PVC {namespace}/{name}: failed to fetch PV {found.metadata.name} from API "
                         "server: its claimRef names another claim")
    read_only = volume.persistentVolumeClaim is not None and bool(volume.persistentVolumeClaim.readOnly)
    if found.spec.csi is not None:
        return of_volume(found, read_only=read_only)
    if found.spec.nfs is not None:
        return Export(found.spec.nfs.server, found.spec.nfs.path, read_only or bool(found.spec.nfs.readOnly),
                      found.spec.mountOptions)
    if found.spec.local is not None:
        kind = "BlockDevice" if found.spec.volumeMode == "Block" else "DirectoryOrCreate"
        return Claimed(Path(found.spec.local.path), kind, read_only)
    if found.spec.hostPath is not None:
        return Claimed(Path(found.spec.hostPath.path), found.spec.hostPath.type or "DirectoryOrCreate", read_only)
    raise ClaimError(f"error processing PVC {namespace}/{name}: no volume plugin matched")


def failure(volume: Volume, error: Exception) -> str:
    """Return the FailedMount text. Source: kube volumemanager and operationexecutor."""
    if isinstance(error, ClaimError):
        return (f"Unable to attach or mount volumes: unmounted volumes=[{volume.name}], unattached volumes=[], "
                f"failed to process volumes=[{volume.name}]: {error}")
    return f'MountVolume.SetUp failed for volume "{volume.name}" : {error}'


def is_sensitive(volume: Volume) -> bool:
    """Tell whether a volume holds secrets or tokens."""
    if volume.secret is not None:
        return True
    sources = volume.projected.sources if volume.projected is not None else ()
    return any(source.secret is not None or source.serviceAccountToken is not None for source in sources)


def plugin_name(volume: Volume) -> str:
    """Return the directory that holds volumes of this sort, named as kubelet names it."""
    for field, name in _PLUGINS.items():
        if getattr(volume, field) is not None:
            return name
    return "kubernetes.io~none"


def fs_group(pod: Pod) -> int | None:
    """Return the group that owns the pod's volumes."""
    return pod.spec.securityContext.fsGroup if pod.spec.securityContext is not None else None


def token_in_file(where: Path, volume: Volume, key: TokenKey) -> tokens.Token | None:
    """Return the token that a former agent wrote, if it is still there."""
    for wanted in _token_sources(volume):
        if token_key(wanted) == key:
            try:
                return tokens.read((where / wanted.path).read_text())
            except (OSError, UnicodeDecodeError):
                return None
    return None


def _token_sources(volume: Volume) -> list[ServiceAccountTokenProjection]:
    sources = volume.projected.sources if volume.projected is not None else ()
    return [source.serviceAccountToken for source in sources if source.serviceAccountToken is not None]
