"""Ask containerd how far a pull has come: CRI has no word for that.

What is being written names no image. So the manifest is looked for that lists a layer being written, among what came
from the image's repository; it also says how large each layer is.
Source: containerd api/services/content/v1/content.proto; core/remotes/handlers.go (MakeRefKey),
core/images/handlers.go (SetChildrenMappedLabels), docker/handler.go (AppendDistributionSourceLabel).
"""

from __future__ import annotations

import json
from typing import Any, Final

import grpc.aio

from knarr.node.cri.events import NAMESPACE
from knarr.node.cri.face import PullProgress
from knarr.node.plugins.messages import Messages

SERVICE: Final = "/containerd.services.content.v1.Content/"
ORIGIN: Final = "containerd.io/distribution.source."
PART: Final = "containerd.io/gc.ref.content."
LAYER: Final = "layer-"             # what a layer is called while it is written, before its digest
MANIFEST_MAX: Final = 4 * 1024 * 1024
ANSWER_S: Final = 10.0
_message: Final = Messages("knarr.content", {
    "StatusesRequest": "filters=1:text[]",
    "Status": "ref=3:text offset=4:int total=5:int",
    "Statuses": "statuses=1:Status[]",
    "ListRequest": "filters=1:text[]",
    "Info": "digest=1:text size=2:int labels=5:map",
    "Listed": "info=1:Info[]",
    "ReadRequest": "digest=1:text offset=2:int size=3:int",
    "Piece": "offset=1:int data=2:bytes",
}).named


async def of_pull(channel: grpc.aio.Channel, host: str, repository: str) -> PullProgress | None:
    """Return how far a pull from host/repository has come; None: no layer is being written, or none of its.

    Raises grpc.aio.AioRpcError; UNIMPLEMENTED: the runtime is not containerd.
    """
    growing = await _growing(channel)
    if not growing:
        return None
    known = await _known(channel, host, repository)
    for info in known:
        if growing.keys() & {digest for label, digest in info.labels.items() if label.startswith(PART)}:
            manifest = await _read(channel, info.digest)
            return progress(manifest, there={one.digest for one in known}, growing=growing)
    return None


def progress(manifest: bytes, *, there: set[str], growing: dict[str, int]) -> PullProgress | None:
    """Sum up a manifest's layers: those that are there, and so many bytes of those that are growing. Pure.

    there: digests; growing: digest -> bytes written. None: it is no manifest of an image.
    """
    try:
        layers = {str(one["digest"]): int(one["size"]) for one in json.loads(manifest)["layers"]}
    except (ValueError, KeyError, TypeError):
        return None
    done = sum(size if digest in there else min(size, growing.get(digest, 0)) for digest, size in layers.items())
    return PullProgress(done, sum(layers.values()))


async def _growing(channel: grpc.aio.Channel) -> dict[str, int]:
    """Return the layers that are being written: digest -> bytes there."""
    call: Any = _method(channel.unary_unary, "ListStatuses", "Statuses")
    answer = await call(_message("StatusesRequest")(), timeout=ANSWER_S, metadata=_METADATA)
    return {one.ref.removeprefix(LAYER): one.offset for one in answer.statuses if one.ref.startswith(LAYER)}


async def _known(channel: grpc.aio.Channel, host: str, repository: str) -> list[Any]:
    """Return what came from a repository: its manifests, configurations and layers."""
    call: Any = _method(channel.unary_stream, "List", "Listed")
    request = _message("ListRequest")(filters=[f'labels."{ORIGIN}{host}"'])
    return [info async for some in call(request, timeout=ANSWER_S, metadata=_METADATA) for info in some.info
            if repository in info.labels[ORIGIN + host].split(",")]


async def _read(channel: grpc.aio.Channel, digest: str) -> bytes:
    call: Any = _method(channel.unary_stream, "Read", "Piece")
    request = _message("ReadRequest")(digest=digest, size=MANIFEST_MAX)
    return b"".join([piece.data async for piece in call(request, timeout=ANSWER_S, metadata=_METADATA)])


def _method(kind: Any, name: str, answer: str) -> Any:
    return kind(SERVICE + name, request_serializer=_encoded, response_deserializer=_message(answer).FromString)


def _encoded(request: Any) -> bytes:
    return bytes(request.SerializeToString())


_METADATA: Final = (("containerd-namespace", NAMESPACE),)
