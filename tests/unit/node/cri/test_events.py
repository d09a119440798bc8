"""containerd's event envelopes, decoded by hand."""

from __future__ import annotations

import pytest

from knarr.node.cri.events import number, read_varint, runtime_event, subscribe_request, varint
from knarr.node.cri.face import RuntimeEvent, RuntimeFault


def field(number: int, value: int | bytes) -> bytes:
    """Encode one protobuf field."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def envelope(topic: str, body: bytes, namespace: str = "k8s.io") -> bytes:
    """Encode an Envelope as containerd sends it."""
    wrapped = field(1, b"containerd.events.TaskExit") + field(2, body)
    return field(1, field(1, 1)) + field(2, namespace.encode()) + field(3, topic.encode()) + field(4, wrapped)


EXIT = field(1, b"box") + field(2, b"box") + field(3, 77) + field(4, 137) + field(5, field(1, 1000) + field(2, 500_000_000))
EXEC_EXIT = field(1, b"box") + field(2, b"exec-1") + field(4, 1)
SUCCESS = field(1, b"box") + field(2, b"box") + field(5, field(1, 1000))


@pytest.mark.parametrize(("sent", "heard"), [
    pytest.param(envelope("/tasks/exit", EXIT), RuntimeEvent("exited", "box", 137, 1000.5), id="killed"),
    pytest.param(envelope("/tasks/exit", SUCCESS), RuntimeEvent("exited", "box", 0, 1000.0), id="zero is left out"),
    pytest.param(envelope("/tasks/exit", EXEC_EXIT), None, id="an exec is not the container"),
    pytest.param(envelope("/tasks/exit", EXIT, "moby"), None, id="somebody else's"),
    pytest.param(envelope("/tasks/oom", field(1, b"box")), RuntimeEvent("oom", "box"), id="out of memory"),
    pytest.param(envelope("/tasks/start", EXIT), None, id="not asked for"),
])
def test_envelopes(sent, heard):
    """What containerd says, in our words."""
    assert heard == runtime_event(sent)


@pytest.mark.parametrize("broken", [b"\x0a\x05ab", b"\xff" * 11, b"\x0b"], ids=["cut", "endless", "group"])
def test_broken_messages_are_refused(broken):
    """Nothing is guessed from what is no protobuf."""
    with pytest.raises(ValueError, match="protobuf"):
        runtime_event(broken)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**32, 2**63 - 1])
def test_varints_return(value):
    """What is encoded is decoded."""
    assert (value, len(varint(value))) == read_varint(varint(value), 0)


def test_we_subscribe_to_exits_and_memory_only():
    """The rest of containerd's chatter never wakes us."""
    assert b'topic=="/tasks/exit"' in subscribe_request()
    assert 0 == number(None)


def test_faults_read_as_in_go():
    """Users know these texts from kubelet."""
    fault = RuntimeFault("DEADLINE_EXCEEDED", "too late")

    assert "rpc error: code = DeadlineExceeded desc = too late" == str(fault)
