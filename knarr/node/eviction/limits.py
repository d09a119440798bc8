"""Find pods that have used more local storage than they may. Pure.

Source: kube kubelet/eviction/eviction_manager.go (localStorageEviction and below).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from knarr.api import podresources, quantity
from knarr.api.types.core_v1 import Pod
from knarr.node.eviction.rank import Used

STORAGE = "ephemeral-storage"


def is_limited(pod: Pod) -> bool:
    """Tell whether a pod's local storage is limited at all; what others use need not be read."""
    return any(volume.emptyDir is not None and volume.emptyDir.sizeLimit for volume in pod.spec.volumes) or any(
        container.resources is not None and STORAGE in container.resources.limits for container in pod.spec.containers)


def excess(pod: Pod, used: Used, volumes: Mapping[str, int]) -> str:
    """Return why the pod must go, empty if it may stay. volumes: bytes by name of emptyDir; used: logs included."""
    for volume in pod.spec.volumes:
        limit = volume.emptyDir.sizeLimit if volume.emptyDir is not None else None
        if limit and quantity.value(limit) and volumes.get(volume.name, 0) > quantity.value(limit):
            return f'Usage of EmptyDir volume "{volume.name}" exceeds the limit "{limit}". '
    whole = podresources.total(msgspec.to_builtins(pod.spec), "limits").get(STORAGE)
    if whole is not None and used.total.get(STORAGE, 0) > whole.value:
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {whole}. "
    for container in pod.spec.containers:
        limit = container.resources.limits.get(STORAGE) if container.resources else None
        if limit and used.by_container.get(container.name, {}).get(STORAGE, 0) > quantity.value(limit):
            return f'Container {container.name} exceeded its local ephemeral storage limit "{limit}". '
    return ""
