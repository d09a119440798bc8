"""End a task that containerd runs for a container which its CRI part believes was never started.

containerd was killed just while it started the container: its CRI part then neither starts nor stops nor removes it.
Only these two calls of its own API can; they are encoded by hand, as in `events`.
Source: containerd api/services/tasks/v1/tasks.proto (Kill, Delete), container.go (Delete).
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import grpc.aio

from knarr.node.cri.events import NAMESPACE, varint
from knarr.node.cri.face import RuntimeFault

KILL, DELETE = "/containerd.services.tasks.v1.Tasks/Kill", "/containerd.services.tasks.v1.Tasks/Delete"
HELD = re.compile(r"cannot delete running task ([0-9a-f]{64})")
SIGKILL = 9
ANSWER_S, LOOK_EVERY_S, LOOKS = 10.0, 0.05, 100


def holding(fault: RuntimeFault) -> str:
    """Return the id of the task for which a container could not be removed; empty where that was not the reason."""
    found = HELD.search(fault.details)
    return found[1] if found else ""


async def end(channel: grpc.aio.Channel, task_id: str) -> None:
    """Kill a task and have it forgotten, within a few seconds. Raises grpc.aio.AioRpcError."""
    try:
        await ask(channel, KILL, kill_request(task_id))
    except grpc.aio.AioRpcError as error:
        if error.code() not in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION):
            raise       # else it has ended already, or never began
    for looks in range(LOOKS):
        try:
            await ask(channel, DELETE, delete_request(task_id))
            return
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return
            if looks + 1 == LOOKS or error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
        await asyncio.sleep(LOOK_EVERY_S)       # it is still dying


async def ask(channel: grpc.aio.Channel, method: str, request: bytes) -> None:
    """Call one method in the namespace of pods; the answer's content does not matter."""
    call: Any = channel.unary_unary(method)
    await call(request, timeout=ANSWER_S, metadata=(("containerd-namespace", NAMESPACE),))


def kill_request(task_id: str) -> bytes:
    """Encode a KillRequest: container_id = 1, signal = 3, all = 4."""
    return delete_request(task_id) + b"\x18" + varint(SIGKILL) + b"\x20\x01"


def delete_request(task_id: str) -> bytes:
    """Encode a DeleteTaskRequest: container_id = 1."""
    return b"\x0a" + varint(len(task_id)) + task_id.encode()
