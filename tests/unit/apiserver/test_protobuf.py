"""Protobuf bodies become the objects that JSON would have given."""

from __future__ import annotations

import pytest

from knarr.apiserver import protobuf
from tests.unit.apiserver.asking import Asker

VARINT, BYTES = 0, 2


def varint(value: int) -> bytes:
    low = bytes(value >> shift & 0x7F | 0x80 for shift in range(0, value.bit_length() - 7, 7))
    return low + bytes([value >> 7 * len(low)])


def field(at: int, value: bytes) -> bytes:
    return varint(at << 3 | BYTES) + varint(len(value)) + value


def number(at: int, value: int) -> bytes:
    return varint(at << 3 | VARINT) + varint(value)


def enveloped(api_version: str, kind: str, message: bytes) -> bytes:
    meta = field(1, api_version.encode()) + field(2, kind.encode())
    return b"k8s\x00" + field(1, meta) + field(2, message)


DEPLOYMENT = enveloped("apps/v1", "Deployment", (
    field(1, field(1, b"d") + field(3, b"") + number(7, 0) + field(8, b"") + field(11, field(1, b"a") + field(2, b"b")))
    + field(2, (
        number(1, 0)  # replicas: a pointer, so zero counts
        + field(2, field(1, field(1, b"a") + field(2, b"b")))
        + field(3, field(1, field(11, field(1, b"a") + field(2, b"b"))) + field(2, field(2, field(1, b"c") + field(2, b"i"))))
        + number(5, 0)  # minReadySeconds: none, so zero is absent
    ))
))


def test_zero_counts_only_where_it_may_be_absent():
    """A Deployment scaled to nothing: `replicas: 0` stays, zeros of plain fields and empty times go."""
    found = protobuf.decode(DEPLOYMENT, "apps_v1.Deployment")

    assert {"name": "d", "labels": {"a": "b"}} == found["metadata"]
    assert 0 == found["spec"]["replicas"]
    assert "minReadySeconds" not in found["spec"]
    assert [{"name": "c", "image": "i"}] == found["spec"]["template"]["spec"]["containers"]


def test_bytes_become_base64_and_inline_parts_their_parents():
    """A Secret's data; a volume's source, which JSON holds in the volume itself."""
    secret = protobuf.decode(enveloped("v1", "Secret", field(2, field(1, b"k") + field(2, b"v"))), "core_v1.Secret")
    volume = protobuf.message(field(1, b"v") + field(2, field(6, field(1, b"s"))), "core_v1.Volume")

    assert {"k": "dg=="} == secret["data"]
    assert {"name": "v", "secret": {"secretName": "s"}} == volume


@pytest.mark.parametrize(("body", "why"), [
    pytest.param(b"{}", "expected prefix", id="no envelope"),
    pytest.param(b"k8s\x00" + field(2, b"\x0a\xff"), "unexpected EOF", id="cut short"),
    pytest.param(b"k8s\x00" + field(2, b"\x0f"), "illegal wireType", id="an unknown wire type"),
    pytest.param(b"k8s\x00\xff", "unexpected EOF", id="half a number"),
])
def test_what_is_no_message(body, why):
    """The refusal says where it broke."""
    with pytest.raises(protobuf.ProtobufError, match=why):
        protobuf.decode(body, "core_v1.Secret")


@pytest.mark.parametrize("raw", [b"[" * 500 + b"]" * 500, b"{"], ids=["too deep", "cut short"])
def test_json_inside_a_message_is_bounded_like_other_json(raw):
    """What stands in a ControllerRevision is JSON that the client wrote as it liked."""
    body = b"k8s\x00" + field(2, field(2, field(1, raw)))
    with pytest.raises(protobuf.ProtobufError, match="exceeded max depth|unexpected end"):
        protobuf.decode(body, "apps_v1.ControllerRevision")


async def test_a_client_creates_with_protobuf(api: Asker):
    """The server takes it, answers in JSON, and refuses what is broken with 400."""
    path = "/apis/apps/v1/namespaces/web/deployments"
    answer = await api.call("POST", path, DEPLOYMENT, content_type=protobuf.MEDIA)
    assert (201, "application/json") == (answer.status, answer.content_type)
    broken = await api.call("POST", path, DEPLOYMENT[:-9], content_type=protobuf.MEDIA)
    assert 400 == broken.status
