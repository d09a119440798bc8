"""Call a gRPC server behind a unix socket of this machine. The only module that speaks gRPC to plugins."""

from __future__ import annotations

from typing import Any, Final

import grpc
import grpc.aio

from knarr.node.volumes.csi.messages import message

REGISTRATION, IDENTITY, NODE = "/pluginregistration.Registration/", "/csi.v1.Identity/", "/csi.v1.Node/"
_MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024


class CsiFault(Exception):
    """A plugin refused or did not answer. code: gRPC's name of it, as `NOT_FOUND`."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(f"rpc error: code = {_spoken(code)} desc = {details}")
        self.code = code


class Socket:
    """One connection, made when first used. Build it inside a running loop; close it at the end."""

    def __init__(self, path: str) -> None:
        self._channel = grpc.aio.insecure_channel(f"unix://{path}", options=[
            ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX),
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.default_authority", "localhost"),
        ])

    async def call(self, method: str, request: Any, *, answer: str, timeout_s: float) -> Any:
        """Call once and return the answer. method: with its service. Raises CsiFault."""
        unary: Any = self._channel.unary_unary(
            method, request_serializer=lambda sent: sent.SerializeToString(),
            response_deserializer=message(answer).FromString)
        try:
            return await unary(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise CsiFault(error.code().name, error.details() or "") from error

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close()


def _spoken(code: str) -> str:
    """Spell a code as Go's gRPC does in its errors: `DEADLINE_EXCEEDED` is DeadlineExceeded."""
    return "".join(part.capitalize() for part in code.split("_"))
