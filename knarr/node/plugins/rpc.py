"""Call gRPC servers behind unix sockets of this machine, and be one. The only module that speaks gRPC to plugins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import grpc
import grpc.aio

Named: TypeAlias = Callable[[str], Any]         # name -> class of a message
_MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
_STOP_S: Final = 1.0


class PluginFault(Exception):
    """A plugin refused or did not answer. code: gRPC's name of it, as `NOT_FOUND`."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(f"rpc error: code = {_spoken(code)} desc = {details}")
        self.code = code


class Refusal(Exception):
    """What a caller asked of our own server cannot be; the text is his answer."""


class Channel:
    """One connection, made when first used. Build it inside a running loop; close it at the end."""

    def __init__(self, path: str, message: Named) -> None:
        self._message = message
        self._channel = grpc.aio.insecure_channel(f"unix://{path}", options=[
            ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX),
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.default_authority", "localhost"),
        ])

    async def call(self, method: str, request: Any, *, answer: str, timeout_s: float) -> Any:
        """Call once and return the answer. method: with its service. Raises PluginFault."""
        unary: Any = self._channel.unary_unary(
            method, request_serializer=lambda sent: sent.SerializeToString(),
            response_deserializer=self._message(answer).FromString)
        try:
            return await unary(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise PluginFault(error.code().name, error.details() or "") from error

    async def follow(self, method: str, request: Any, *, answer: str) -> AsyncIterator[Any]:
        """Call once and yield answers until the other side ends. Raises PluginFault."""
        stream: Any = self._channel.unary_stream(
            method, request_serializer=lambda sent: sent.SerializeToString(),
            response_deserializer=self._message(answer).FromString)
        try:
            async for each in stream(request):
                yield each
        except grpc.aio.AioRpcError as error:
            raise PluginFault(error.code().name, error.details() or "") from error

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close()


class Server:
    """A server on a unix socket. methods: with their service -> (name of the request, what answers it).

    What answers may raise Refusal.
    """

    def __init__(self, path: Path, message: Named,
                 methods: Mapping[str, tuple[str, Callable[[Any], Awaitable[Any]]]]) -> None:
        self._server = grpc.aio.server()
        for method, (asked, answer) in methods.items():
            _, service, name = method.split("/")
            handler: Any = grpc.unary_unary_rpc_method_handler(
                _answering(answer), request_deserializer=message(asked).FromString,
                response_serializer=lambda sent: sent.SerializeToString())
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: handler}),))
        self._server.add_insecure_port(f"unix://{path}")

    async def start(self) -> None:
        """Serve from now on."""
        await self._server.start()

    async def stop(self) -> None:
        """Serve no more."""
        await self._server.stop(_STOP_S)


def _answering(answer: Callable[[Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    async def answered(request: Any, context: Any) -> Any:
        try:
            return await answer(request)
        except Refusal as refusal:
            await context.abort(grpc.StatusCode.UNKNOWN, str(refusal))

    return answered


def _spoken(code: str) -> str:
    """Spell a code as Go's gRPC does in its errors: `DEADLINE_EXCEEDED` is DeadlineExceeded."""
    return "".join(part.capitalize() for part in code.split("_"))
