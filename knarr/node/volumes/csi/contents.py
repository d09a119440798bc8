"""Work out what a driver is told of a volume. Pure.

Source: kube pkg/volume/csi: csi_mounter.go, csi_util.go, csi_attacher.go.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from knarr.api.types.core_v1 import PersistentVolume, Pod, SecretReference, Volume
from knarr.api.types.storage_v1 import CSIDriver, CSIDriverSpec
from knarr.node.volumes.payload import ContentError

TOKENS = "csi.storage.k8s.io/serviceAccount.tokens"
FILE, NONE, BY_TYPE = "File", "None", "ReadWriteOnceWithFSType"


@dataclass(frozen=True, slots=True)
class Source:
    """One volume of a pod that a driver serves.

    name: of the volume object, or of the pod's volume where it is inline. secrets: (namespace, name), empty: none.
    """

    name: str
    driver: str
    handle: str
    attributes: dict[str, str]
    fs_type: str
    read_only: bool
    access_modes: tuple[str, ...] = ("ReadWriteOnce",)
    block: bool = False
    mount_options: tuple[str, ...] = ()
    stage_secret: tuple[str, str] = ("", "")
    publish_secret: tuple[str, str] = ("", "")
    expand_secret: tuple[str, str] = ("", "")
    inline: bool = False


def of_volume(found: PersistentVolume, *, read_only: bool) -> Source:
    """Return what a volume object says. read_only: what the pod's claim volume says."""
    csi = found.spec.csi
    assert csi is not None, f"{found.metadata.name} is a CSI volume"
    return Source(
        name=found.metadata.name or "", driver=csi.driver, handle=csi.volumeHandle, attributes=csi.volumeAttributes,
        fs_type=csi.fsType or "", read_only=read_only or bool(csi.readOnly), access_modes=found.spec.accessModes,
        block=found.spec.volumeMode == "Block", mount_options=found.spec.mountOptions,
        stage_secret=_named(csi.nodeStageSecretRef), publish_secret=_named(csi.nodePublishSecretRef),
        expand_secret=_named(csi.nodeExpandSecretRef),
    )


def _named(reference: SecretReference | None) -> tuple[str, str]:
    return (reference.namespace or "", reference.name or "") if reference is not None else ("", "")


def of_inline(pod: Pod, volume: Volume) -> Source:
    """Return what a pod says of its own volume."""
    csi = volume.csi
    assert csi is not None, f"{volume.name} is an inline CSI volume"
    name = (pod.metadata.uid or "") + volume.name
    secret = csi.nodePublishSecretRef
    return Source(
        name=volume.name, driver=csi.driver, handle=f"csi-{hashlib.sha256(name.encode()).hexdigest()}",
        attributes=csi.volumeAttributes, fs_type=csi.fsType or "", read_only=bool(csi.readOnly), inline=True,
        publish_secret=(pod.metadata.namespace or "", secret.name or "") if secret else ("", ""),
    )


def check_mode(source: Source, driver: CSIDriver | None) -> None:
    """Refuse a use of the driver that it does not offer. Raises ContentError."""
    wanted = "Ephemeral" if source.inline else "Persistent"
    if driver is None and source.inline:
        raise ContentError(f'volume mode "{wanted}" not supported by driver {source.driver} (no CSIDriver object)')
    modes = (driver.spec.volumeLifecycleModes if driver is not None else ()) or ("Persistent",)
    if wanted not in modes:
        raise ContentError(f'volume mode "{wanted}" not supported by driver {source.driver} '
                           f"(only supports [{' '.join(modes)}])")


def pod_info(pod: Pod, source: Source) -> dict[str, str]:
    """Return what a driver with `podInfoOnMount` is told of the pod."""
    return {
        "csi.storage.k8s.io/pod.name": pod.metadata.name or "",
        "csi.storage.k8s.io/pod.namespace": pod.metadata.namespace or "",
        "csi.storage.k8s.io/pod.uid": pod.metadata.uid or "",
        "csi.storage.k8s.io/serviceAccount.name": pod.spec.serviceAccountName or "",
        "csi.storage.k8s.io/ephemeral": "true" if source.inline else "false",
    }


def owned_by_group(source: Source, driver: CSIDriverSpec) -> bool:
    """Tell whether we give the volume's files to the pod's fsGroup, where the driver does not do it itself."""
    policy = driver.fsGroupPolicy or BY_TYPE
    if source.read_only or source.block or policy == NONE:
        return False
    once = source.inline or any(one in ("ReadWriteOnce", "ReadWriteOncePod") for one in source.access_modes)
    return policy == FILE or (bool(source.fs_type) and once)
