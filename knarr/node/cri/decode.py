"""Turn CRI v1 messages into our lines and reports. Nothing is decided here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cri_api.v1 import api_pb2 as pb

from knarr.node.cri.face import (
    ContainerLine,
    ContainerReport,
    ContainerState,
    Features,
    Handler,
    ImageLine,
    RuntimeEvent,
    Sandbox,
    Usage,
)
from knarr.node.faces import Identity

NS_PER_S = 1_000_000_000
STATES: dict[int, ContainerState] = {
    pb.CONTAINER_CREATED: "created",
    pb.CONTAINER_RUNNING: "running",
    pb.CONTAINER_EXITED: "exited",
    pb.CONTAINER_UNKNOWN: "unknown",
}


def sandbox(message: Any) -> Sandbox:
    """Read a PodSandbox."""
    meta = message.metadata
    return Sandbox(
        id=message.id, name=meta.name, namespace=meta.namespace, uid=meta.uid, attempt=meta.attempt,
        ready=message.state == pb.SANDBOX_READY, created_s=message.created_at / NS_PER_S,
        labels=dict(message.labels), annotations=dict(message.annotations),
    )


def container_line(message: Any) -> ContainerLine:
    """Read a Container."""
    return ContainerLine(
        id=message.id, sandbox_id=message.pod_sandbox_id, name=message.metadata.name,
        attempt=message.metadata.attempt, state=STATES[message.state],
        labels=dict(message.labels), annotations=dict(message.annotations),
    )


def features(message: Any) -> Features:
    """Read a StatusResponse."""
    return Features(
        {each.name: Handler(each.features.user_namespaces, each.features.recursive_read_only_mounts)
         for each in message.runtime_handlers},
        only_these_groups=message.features.supplemental_groups_policy,
    )


def container_report(message: Any, runtime: str) -> ContainerReport:
    """Read a ContainerStatus. runtime: the name of who tells."""
    return ContainerReport(
        id=message.id, name=message.metadata.name, attempt=message.metadata.attempt, state=STATES[message.state],
        image=message.image.image, image_ref=message.image_ref,
        started_s=message.started_at / NS_PER_S, finished_s=message.finished_at / NS_PER_S,
        exit_code=message.exit_code, reason=message.reason, message=message.message,
        annotations=dict(message.annotations), runtime=runtime,
        read_only_below=frozenset(each.container_path for each in message.mounts if each.recursive_read_only),
        identity=identity(message.user.linux) if message.user.HasField("linux") else None,
    )


def identity(message: Any) -> Identity:
    """Read a LinuxContainerUser."""
    return Identity(message.uid, message.gid, tuple(message.supplemental_groups))


def ended(message: Any) -> RuntimeEvent | None:
    """Read a ContainerEventResponse; None for what tells of no end, or of one whose code is not known any more."""
    if message.container_event_type != pb.CONTAINER_STOPPED_EVENT:
        return None
    for status in message.containers_statuses:
        if status.id == message.container_id:
            return RuntimeEvent("exited", status.id, status.exit_code, status.finished_at / NS_PER_S)
    if message.pod_sandbox_status.id != message.container_id:
        return None         # it was removed meanwhile; relisting tells
    return RuntimeEvent("exited", message.container_id, 0, message.created_at / NS_PER_S)


def image(message: Any) -> ImageLine:
    """Read an Image."""
    return ImageLine(
        id=message.id, tags=tuple(message.repo_tags), digests=tuple(message.repo_digests), size_bytes=message.size,
        uid=message.uid.value if message.HasField("uid") else None, username=message.username,
        pinned=message.pinned,
    )


def chain_id(info: Mapping[str, str]) -> str:
    """Return what names an image's topmost layer, out of what containerd tells beside; empty where it does not."""
    try:
        return str(json.loads(info.get("info", "{}")).get("chainID", ""))
    except ValueError:
        return ""


def usage(message: Any) -> Usage:
    """Read ContainerStats."""
    labels = message.attributes.labels
    return Usage(
        container_id=message.attributes.id, name=message.attributes.metadata.name,
        pod_uid=labels.get("io.kubernetes.pod.uid", ""), pod_name=labels.get("io.kubernetes.pod.name", ""),
        pod_namespace=labels.get("io.kubernetes.pod.namespace", ""),
        cpu_ns=message.cpu.usage_core_nano_seconds.value,
        memory_working_set_bytes=message.memory.working_set_bytes.value,
        sampled_s=message.cpu.timestamp / NS_PER_S,
        layer_bytes=message.writable_layer.used_bytes.value, layer_inodes=message.writable_layer.inodes_used.value,
    )
