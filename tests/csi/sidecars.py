"""What stands beside a CSI driver in a cluster: an external provisioner, an attacher and a resizer, as small as can be.

They do to the API what Kubernetes' own sidecars do, so that our controllers meet the same partners.
Run alone: `python -m tests.csi.sidecars KUBECONFIG`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, NoReturn

from msgspec import structs

from knarr.api import quantity
from knarr.api.errors import ApiError
from knarr.api.types.core_v1 import (
    CSIPersistentVolumeSource,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
)
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.api.types.storage_v1 import StorageClass, VolumeAttachment
from knarr.api.volumes import PROVISIONED_BY, PROVISIONER, SELECTED_NODE
from knarr.base.clock import SystemClock
from knarr.client import credentials
from knarr.client.client import Client
from tests.csi.driver import NAME

ATTACHER = f"external-attacher/{NAME.replace('.', '-')}"
LOOK_S = 0.05


class Sidecars:
    """All three. failing: what the attacher answers instead of attaching."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.failing = ""

    async def run(self) -> NoReturn:
        """Look at everything again and again."""
        while True:
            for work in (self.provision, self.attach, self.resize, self.reclaim):
                try:
                    await work()
                except ApiError:      # somebody else wrote first: the next look sees it
                    continue
            await asyncio.sleep(LOOK_S)

    async def provision(self) -> None:
        """Make a volume for each claim that waits for this driver."""
        classes = {one.metadata.name: one for one in (await self._client.list(StorageClass)).items}
        for claim in (await self._client.list(PersistentVolumeClaim)).items:
            found, notes = classes.get(claim.spec.storageClassName), claim.metadata.annotations
            late = found is not None and found.volumeBindingMode == "WaitForFirstConsumer"
            if claim.spec.volumeName or notes.get(PROVISIONER) != NAME or (late and SELECTED_NODE not in notes):
                continue
            await self._client.create(self._volume(claim, found))

    def _volume(self, claim: PersistentVolumeClaim, found: Any) -> PersistentVolume:
        meta, name = claim.metadata, f"pvc-{claim.metadata.uid}"
        return PersistentVolume(
            metadata=ObjectMeta(name=name, annotations={PROVISIONED_BY: NAME}),
            spec=PersistentVolumeSpec(
                accessModes=claim.spec.accessModes, capacity={"storage": claim.spec.resources.requests["storage"]},
                storageClassName=claim.spec.storageClassName, persistentVolumeReclaimPolicy=found.reclaimPolicy,
                volumeMode=claim.spec.volumeMode,
                claimRef=ObjectReference(kind="PersistentVolumeClaim", apiVersion="v1", namespace=meta.namespace,
                                         name=meta.name, uid=meta.uid),
                csi=CSIPersistentVolumeSource(driver=NAME, volumeHandle=f"vol-{meta.name}", fsType="ext4",
                                              volumeAttributes={"shelf": "3"})))

    async def attach(self) -> None:
        """Attach what is asked for, detach what goes."""
        for one in (await self._client.list(VolumeAttachment)).items:
            meta = one.metadata
            if meta.deletionTimestamp is not None:
                if ATTACHER in meta.finalizers:
                    await self._client.patch(VolumeAttachment, "", meta.name, patch={"metadata": {"finalizers": None}})
            elif ATTACHER not in meta.finalizers:
                await self._client.patch(VolumeAttachment, "", meta.name, patch={"metadata": {"finalizers": [ATTACHER]}})
            elif self.failing and one.status.attachError is None:
                await self._status(one, {"attached": False, "attachError": {"message": self.failing}})
            elif not self.failing and not one.status.attached:
                told = {"attached": True, "attachError": None, "attachmentMetadata": {"lun": "7"}}
                await self._status(one, told)

    async def _status(self, one: VolumeAttachment, status: dict[str, Any]) -> None:
        await self._client.patch(VolumeAttachment, "", one.metadata.name, patch={"status": status}, subresource="status")

    async def resize(self) -> None:
        """Grow the volume objects of claims that ask for more; the node does the rest."""
        for claim in (await self._client.list(PersistentVolumeClaim)).items:
            if claim.status.phase != "Bound":
                continue
            volume = await self._client.get(PersistentVolume, "", claim.spec.volumeName)
            asked = claim.spec.resources.requests["storage"]
            ours = volume.metadata.annotations.get(PROVISIONED_BY) == NAME
            if ours and quantity.value(asked) > quantity.value(volume.spec.capacity["storage"]):
                await self._client.update(structs.replace(volume, spec=structs.replace(
                    volume.spec, capacity={"storage": asked})))
                pending = [{"type": "FileSystemResizePending", "status": "True"}]
                await self._client.patch(
                    PersistentVolumeClaim, claim.metadata.namespace, claim.metadata.name,
                    patch={"status": {"conditions": pending}}, subresource="status")

    async def reclaim(self) -> None:
        """Delete what is released."""
        for volume in (await self._client.list(PersistentVolume)).items:
            released = volume.status.phase == "Released" and volume.spec.persistentVolumeReclaimPolicy == "Delete"
            if released and volume.spec.csi is not None and volume.metadata.deletionTimestamp is None:
                await self._client.delete(PersistentVolume, "", volume.metadata.name)


async def main(kubeconfig: str) -> None:
    """Work for a cluster until ended."""
    await Sidecars(Client(credentials.transport(credentials.from_kubeconfig(Path(kubeconfig)), SystemClock()))).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
