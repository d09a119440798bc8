"""Do to containerd's tasks what its CRI part cannot: end one it does not know of, send one a signal of our choice.

containerd was killed just while it started a container: its CRI part then neither starts nor stops nor removes it. And
old ones stop containers with their images' signal alone, whatever their pod says.
Only these calls of its own API can; they are encoded by hand, as in `events`.
Source: containerd api/services/tasks/v1/tasks.proto (Kill, Delete, Wait), container.go (Delete).
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import grpc.aio

from knarr.node.cri.events import NAMESPACE, varint
from knarr.node.cri.face import RuntimeFault

SERVICE = "/containerd.services.tasks.v1.Tasks/"
KILL, DELETE, WAIT = SERVICE + "Kill", SERVICE + "Delete", SERVICE + "Wait"
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
            await ask(channel, DELETE, task_request(task_id))
            return
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return
            if looks + 1 == LOOKS or error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
        await asyncio.sleep(LOOK_EVERY_S)       # it is still dying


async def signalled(channel: grpc.aio.Channel, task_id: str, number: int, *, grace_s: float) -> None:
    """Send a task's first process a signal, and wait until it has ended or its grace is over.

    Raises grpc.aio.AioRpcError.
    """
    await ask(channel, KILL, task_request(task_id) + b"\x18" + varint(number))
    try:
        await ask(channel, WAIT, task_request(task_id), limit_s=grace_s)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
            raise


async def ask(channel: grpc.aio.Channel, method: str, request: bytes, *, limit_s: float = ANSWER_S) -> None:
    """Call one method in the namespace of pods; the answer's content does not matter."""
    call: Any = channel.unary_unary(method)
    await call(request, timeout=limit_s, metadata=(("containerd-namespace", NAMESPACE),))


def kill_request(task_id: str) -> bytes:
    """Encode a KillRequest: container_id = 1, signal = 3, all = 4."""
    return task_request(task_id) + b"\x18" + varint(SIGKILL) + b"\x20\x01"


def task_request(task_id: str) -> bytes:
    """Encode a DeleteTaskRequest or a WaitRequest: container_id = 1."""
    return b"\x0a" + varint(len(task_id)) + task_id.encode()
