"""What containerd runs and its CRI part does not know of is ended where a container is to be removed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from cri_api.v1 import api_pb2 as pb

from knarr.node.cri import runtime as door
from knarr.node.cri import tasks
from knarr.node.cri.face import RuntimeFault

TASK = "ab" * 32
HELD = f'failed to delete containerd container "{TASK}": cannot delete running task {TASK}: failed precondition'


def refusal(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    """Return what a refused call raises."""
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details)


class Forgetful:
    """A containerd with one task that its CRI part does not know. slow: so many deletions come before it has died."""

    def __init__(self, slow: int = 0) -> None:
        self.calls: list[tuple[str, bytes]] = []
        self.alive, self.known, self.slow = True, True, slow

    async def remove(self, *_: object, **__: object) -> None:
        """Remove the container or the sandbox."""
        if self.known:
            raise refusal(grpc.StatusCode.FAILED_PRECONDITION, HELD)

    def unary_unary(self, method: str) -> Any:
        """Answer for the channel."""
        async def call(request: bytes, *, timeout: float, metadata: object) -> bytes:
            assert (("containerd-namespace", "k8s.io"),) == metadata
            self.calls.append((method, request))
            if method == tasks.KILL:
                self.alive = False
            elif self.alive or self.slow:
                self.slow -= 1
                raise refusal(grpc.StatusCode.FAILED_PRECONDITION, "task must be stopped before deletion")
            elif not self.known:
                raise refusal(grpc.StatusCode.NOT_FOUND, "no such task")
            else:
                self.known = False
            return b""

        return call


def opened(world: Forgetful) -> door.CriRuntime:
    """Return the door to it."""
    runtime = door.CriRuntime.__new__(door.CriRuntime)
    runtime._channel = world
    runtime._runtime = SimpleNamespace(RemoveContainer=world.remove, RemovePodSandbox=world.remove)
    return runtime


@pytest.mark.parametrize("slow", [0, 2], ids=["it dies at once", "it takes a while to die"])
@pytest.mark.parametrize("removal", ["remove_container", "remove_sandbox"])
async def test_a_task_that_nobody_knows_does_not_keep_its_container(monkeypatch, removal, slow):
    """It is killed, forgotten as soon as it is dead, and the removal asked for again."""
    monkeypatch.setattr(tasks, "LOOK_EVERY_S", 0.0)
    world = Forgetful(slow)
    await getattr(opened(world), removal)(TASK)
    assert [tasks.KILL] + [tasks.DELETE] * (slow + 1) == [method for method, _ in world.calls]
    assert b"\x0a\x40" + TASK.encode() + b"\x18\x09\x20\x01" == world.calls[0][1]


async def test_a_task_that_does_not_die_is_told(monkeypatch):
    """There is an end to it: the fault says what containerd says."""
    monkeypatch.setattr(tasks, "LOOK_EVERY_S", 0.0)
    with pytest.raises(RuntimeFault, match="must be stopped"):
        await opened(Forgetful(slow=1000)).remove_container(TASK)


class Deaf:
    """A containerd that knows of no signals but its images'. knows: it has learned. away: its container has ended."""

    def __init__(self, *, knows: bool = False, away: bool = False, foreign: bool = False, patient: bool = False) -> None:
        self.calls: list[object] = []
        self.knows, self.away, self.foreign, self.patient = knows, away, foreign, patient

    async def status(self, request: Any, *, timeout: float) -> Any:
        """Answer ContainerStatus."""
        if self.away:
            raise refusal(grpc.StatusCode.NOT_FOUND, "no such container")
        status = pb.ContainerStatus(state=pb.CONTAINER_RUNNING, stop_signal=pb.SIGUSR1 if self.knows else pb.RUNTIME_DEFAULT)
        return pb.ContainerStatusResponse(status=status)

    async def stop(self, request: Any, *, timeout: float) -> None:
        """Answer StopContainer."""
        self.calls.append(("stop", request.timeout))

    def unary_unary(self, method: str) -> Any:
        """Answer for the channel."""
        async def call(request: bytes, *, timeout: float, metadata: object) -> bytes:
            if self.foreign:
                raise refusal(grpc.StatusCode.UNIMPLEMENTED, "unknown service")
            self.calls.append((method.rpartition("/")[2], request[2 + len(TASK):]))
            if method == tasks.WAIT and self.patient:
                raise refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "deadline exceeded")
            return b""

        return call


SENT = [("Kill", b"\x18\x0a"), ("Wait", b"")]


@pytest.mark.parametrize(("world", "signal", "grace_s", "calls"), [
    pytest.param(Deaf(), "", 7, [("stop", 7)], id="its image's own"),
    pytest.param(Deaf(), "SIGUSR1", 7, [*SENT, ("stop", 0)], id="sent in its stead"),
    pytest.param(Deaf(patient=True), "SIGUSR1", 7, [*SENT, ("stop", 0)], id="sent, and killed after the grace"),
    pytest.param(Deaf(knows=True), "SIGUSR1", 7, [("stop", 7)], id="left to a runtime that knows it"),
    pytest.param(Deaf(), "SIGUSR1", 0, [("stop", 0)], id="no grace"),
    pytest.param(Deaf(away=True), "SIGUSR1", 7, [("stop", 7)], id="gone already"),
    pytest.param(Deaf(foreign=True), "SIGUSR1", 7, [("stop", 7)], id="another runtime, and an old one"),
])
async def test_a_signal_of_the_pods_choice(world, signal, grace_s, calls):
    """The runtime ends what does not end by it."""
    runtime = door.CriRuntime.__new__(door.CriRuntime)
    runtime._channel = world
    runtime._runtime = SimpleNamespace(ContainerStatus=world.status, StopContainer=world.stop)
    await runtime.stop_container(TASK, grace_s=grace_s, signal=signal)

    assert calls == world.calls


async def test_another_refusal_is_not_touched():
    """Nothing is killed where a removal failed for any other reason."""
    assert tasks.holding(RuntimeFault("UNKNOWN", "container is in starting state, can't be removed")) == ""
