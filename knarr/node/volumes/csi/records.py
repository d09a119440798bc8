"""Keep on disk what was published where, so that it is found again and taken down after a crash.

    <pod dir>/volumes/kubernetes.io~csi/<name>/vol_data.json    written before the driver is first called
    <pod dir>/volumes/kubernetes.io~csi/<name>/mount            where the driver shows the volume to the pod
    <pod dir>/volumeDevices/kubernetes.io~csi/<name>            the same for a volume that is a raw device
    <data dir>/plugins/kubernetes.io/csi/<driver>/<hash>/globalmount    where the driver stages it once for all pods

Source: kube pkg/volume/csi/csi_mounter.go, csi_attacher.go (makeDeviceMountPath).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from knarr.api.volumes import in_use_name
from knarr.node.settings import Settings

FOLDER: Final = "kubernetes.io~csi"
FILE: Final = "vol_data.json"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One volume of one pod. claim: namespace/name; empty for an inline volume, which lives and dies with its pod."""

    driverName: str
    volumeHandle: str
    specVolID: str
    nodeName: str
    target: str
    claim: str = ""
    attachmentID: str = ""
    volumeLifecycleMode: str = "Persistent"

    @property
    def in_use(self) -> str:
        """Return the volume's name in the Node's status."""
        return in_use_name(self.driverName, self.volumeHandle)


def folder(settings: Settings, pod_uid: str, name: str) -> Path:
    """Return where all about one volume of a pod stands."""
    return settings.pod_dir(pod_uid) / "volumes" / FOLDER / name


def target(settings: Settings, pod_uid: str, name: str, *, block: bool) -> Path:
    """Return where the driver shows a volume to a pod."""
    if block:
        return settings.pod_dir(pod_uid) / "volumeDevices" / FOLDER / name
    return folder(settings, pod_uid, name) / "mount"


def staging(settings: Settings, driver: str, handle: str) -> Path:
    """Return where the driver stages a volume."""
    name = hashlib.sha256(handle.encode()).hexdigest()
    return settings.data_dir / "plugins" / "kubernetes.io" / "csi" / driver / name / "globalmount"


def write(settings: Settings, pod_uid: str, record: Record) -> None:
    """Write a record down before anything is done."""
    where = folder(settings, pod_uid, record.specVolID)
    where.mkdir(parents=True, exist_ok=True, mode=0o750)
    new = where / f".{FILE}"
    new.write_bytes(msgspec.json.encode(record))
    os.replace(new, where / FILE)


def of_pod(settings: Settings, pod_uid: str) -> Iterator[Record]:
    """Yield a pod's records; a file that cannot be read is no record: the driver was never called for it."""
    for path in sorted((settings.pod_dir(pod_uid) / "volumes" / FOLDER).glob(f"*/{FILE}")):
        try:
            yield msgspec.json.decode(path.read_bytes(), type=Record)
        except (msgspec.DecodeError, FileNotFoundError):
            continue


def every(settings: Settings) -> Iterator[tuple[str, Record]]:
    """Yield all records with their pods' uids."""
    try:
        uids = sorted(os.listdir(settings.pods_dir))
    except FileNotFoundError:
        return
    for uid in uids:
        for record in of_pod(settings, uid):
            yield uid, record
