"""Ask containerd how an image's layers are mounted: before containerd 2.1, CRI has no word for that.

A view of the layers is made, read and dropped again: what it says to mount are the layers themselves, which stay for as
long as the image does. Source: containerd api/services/snapshots/v1/snapshots.proto, api/types/mount.proto.
"""

from __future__ import annotations

from typing import Any, Final

import grpc.aio

from knarr.node.cri.events import NAMESPACE
from knarr.node.faces import Layers
from knarr.node.plugins.messages import Messages

SERVICE: Final = "/containerd.services.snapshots.v1.Snapshots/"
SNAPSHOTTER: Final = "overlayfs"
ANSWER_S: Final = 10.0
_message: Final = Messages("knarr.snapshots", {
    "Mount": "type=1:text source=2:text target=3:text options=4:text[]",
    "ViewRequest": "snapshotter=1:text key=2:text parent=3:text",
    "ViewAnswer": "mounts=1:Mount[]",
    "RemoveRequest": "snapshotter=1:text key=2:text",
    "Empty": "",
}).named


async def of_image(channel: grpc.aio.Channel, chain_id: str, key: str) -> Layers:
    """Return the layers up to this one. key: of the view, the caller's alone. Raises grpc.aio.AioRpcError."""
    try:
        answer = await _view(channel, chain_id, key)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise
        await _remove(channel, key)     # left by an agent that was killed here
        answer = await _view(channel, chain_id, key)
    await _remove(channel, key)
    (mount,) = answer.mounts
    return Layers(mount.type, mount.source, tuple(mount.options))


async def _view(channel: grpc.aio.Channel, chain_id: str, key: str) -> Any:
    request = _message("ViewRequest")(snapshotter=SNAPSHOTTER, key=key, parent=chain_id)
    return await _call(channel, "View", request, "ViewAnswer")


async def _remove(channel: grpc.aio.Channel, key: str) -> None:
    await _call(channel, "Remove", _message("RemoveRequest")(snapshotter=SNAPSHOTTER, key=key), "Empty")


async def _call(channel: grpc.aio.Channel, method: str, request: Any, answer: str) -> Any:
    call: Any = channel.unary_unary(
        SERVICE + method, request_serializer=type(request).SerializeToString,
        response_deserializer=_message(answer).FromString)
    return await call(request, timeout=ANSWER_S, metadata=(("containerd-namespace", NAMESPACE),))
