"""A runtime that is not containerd tells of ends by CRI's own events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from cri_api.v1 import api_pb2 as pb
from cri_api.v1 import api_pb2_grpc as stubs

from knarr.node.cri import decode
from knarr.node.cri.face import RuntimeEvent, RuntimeFault
from knarr.node.cri.runtime import CriRuntime

NS = 1_000_000_000
CODE_3 = pb.ContainerStatus(id="box", exit_code=3, finished_at=5 * NS)


def told(container_id: str, kind: Any = pb.CONTAINER_STOPPED_EVENT, *statuses: Any) -> Any:
    """Return an event of a pod whose sandbox is `pause`."""
    return pb.ContainerEventResponse(
        container_id=container_id, container_event_type=kind, created_at=7 * NS,
        pod_sandbox_status=pb.PodSandboxStatus(id="pause"), containers_statuses=statuses)


@pytest.mark.parametrize(("message", "heard"), [
    pytest.param(told("box", pb.CONTAINER_STOPPED_EVENT, CODE_3), RuntimeEvent("exited", "box", 3, 5.0), id="a container"),
    pytest.param(told("pause"), RuntimeEvent("exited", "pause", 0, 7.0), id="a sandbox"),
    pytest.param(told("box"), None, id="a container that is removed already"),
    pytest.param(told("box", pb.CONTAINER_STARTED_EVENT, CODE_3), None, id="no end"),
])
def test_what_cri_tells(message, heard):
    """Only ends whose code is known are told; the rest is found by relisting."""
    assert heard == decode.ended(message)


class Other(stubs.RuntimeServiceServicer):
    """A runtime with CRI's events and nothing of containerd's."""

    async def GetContainerEvents(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802  gRPC's name
        yield told("box", pb.CONTAINER_STARTED_EVENT)
        yield told("box", pb.CONTAINER_STOPPED_EVENT, CODE_3)


class Old(stubs.RuntimeServiceServicer):
    """A runtime with neither."""


async def heard_from(servicer: Any, socket: Path) -> list[RuntimeEvent]:
    """Serve on a socket and return all that is heard there."""
    server = grpc.aio.server()
    stubs.add_RuntimeServiceServicer_to_server(servicer, server)
    server.add_insecure_port(f"unix://{socket}")
    await server.start()
    runtime = CriRuntime(f"unix://{socket}")
    try:
        return [event async for event in runtime.events()]
    finally:
        await runtime.close()
        await server.stop(None)


async def test_ends_are_heard_without_containerd(tmp_path):
    """Containerd's service is not there: CRI's is asked."""
    assert [RuntimeEvent("exited", "box", 3, 5.0)] == await heard_from(Other(), tmp_path / "s")


async def test_a_runtime_without_events_says_so(tmp_path):
    """Then only relisting is left."""
    with pytest.raises(RuntimeFault, match="UNIMPLEMENTED|not implemented"):
        await heard_from(Old(), tmp_path / "s")
