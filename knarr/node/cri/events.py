"""Read containerd's own event stream, which its CRI plugin of 1.6 does not offer: ends of processes, out of memory.

The few fields we need are decoded by hand, so that no generated code of containerd's internal API is needed.
Source: containerd api/services/events/v1/events.proto, api/events/task.proto; protobuf's wire format.
"""

from __future__ import annotations

from collections.abc import Iterator

from knarr.node.cri.face import RuntimeEvent

METHOD = "/containerd.services.events.v1.Events/Subscribe"
NAMESPACE = "k8s.io"
FILTERS = ('topic=="/tasks/exit"', 'topic=="/tasks/oom"')
NS_PER_S = 1_000_000_000


def subscribe_request() -> bytes:
    """Encode a SubscribeRequest: filters = 1, repeated string."""
    return b"".join(b"\x0a" + varint(len(text)) + text.encode() for text in FILTERS)


def runtime_event(envelope: bytes) -> RuntimeEvent | None:
    """Decode an Envelope; None for what does not concern a container's main process.

    Envelope: namespace = 2, topic = 3, event = 4 (Any: value = 2).
    """
    fields = dict(walk(envelope))
    if fields.get(2) != NAMESPACE.encode():
        return None
    event = fields.get(4, b"")
    value = dict(walk(event if isinstance(event, bytes) else b"")).get(2, b"")
    body = dict(walk(value if isinstance(value, bytes) else b""))
    topic = fields.get(3)
    if topic == b"/tasks/oom":
        return RuntimeEvent("oom", text(body.get(1)))
    if topic == b"/tasks/exit":
        return task_exit(body)
    return None


def task_exit(body: dict[int, int | bytes]) -> RuntimeEvent | None:
    """Decode a TaskExit: container_id = 1, id = 2, exit_status = 4, exited_at = 5. An exec has an id of its own."""
    container_id = text(body.get(1))
    if text(body.get(2)) != container_id:
        return None
    stamp = body.get(5, b"")
    at = dict(walk(stamp if isinstance(stamp, bytes) else b""))
    seconds, nanos = number(at.get(1)), number(at.get(2))
    return RuntimeEvent("exited", container_id, number(body.get(4)), seconds + nanos / NS_PER_S)


def walk(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (field number, value) of a protobuf message; the last one of a repeated field wins in a dict."""
    at = 0
    while at < len(message):
        key, at = read_varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = read_varint(message, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = read_varint(message, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"protobuf wire type must be 0, 1, 2 or 5 (got {kind})")
        if at + size > len(message):
            raise ValueError(f"protobuf field ends past its message (at {at}, {size} bytes)")
        yield key >> 3, message[at:at + size]
        at += size


def read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Read a varint; return it and where the next field begins."""
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            break
    raise ValueError("protobuf varint has no end")


def varint(value: int) -> bytes:
    """Encode a varint.

    >>> varint(300).hex()
    'ac02'
    """
    assert value >= 0, f"varint must be >= 0 (got {value})"
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value: int | bytes | None) -> str:
    """Read a string field; absent is empty."""
    return value.decode() if isinstance(value, bytes) else ""


def number(value: int | bytes | None) -> int:
    """Read a number field; absent is 0."""
    return value if isinstance(value, int) else 0
