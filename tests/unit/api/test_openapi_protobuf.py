"""The version 2 document in protobuf: read back field by field, it says what the JSON says."""

from __future__ import annotations

from typing import Any

from knarr.api import openapi, openapi_protobuf


def read(data: bytes) -> dict[int, list[Any]]:
    """Return a message's fields by number: bytes for length-delimited ones, numbers for the others."""
    fields: dict[int, list[Any]] = {}
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        fields.setdefault(key >> 3, []).append(value)
    assert at == len(data)
    return fields


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    value = shift = 0
    while data[at] > 127:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
    return value | data[at] << shift, at + 1


def named(items: list[bytes]) -> dict[str, dict[int, list[Any]]]:
    """Return name → message of a list of pairs."""
    pairs = [read(item) for item in items]
    return {pair[1][0].decode(): read(pair[2][0]) for pair in pairs}


DOCUMENT = openapi.v2(texts={"core_v1.Pod": {"": "A pod.", "spec": "Its wish."}})
MESSAGE = read(openapi_protobuf.encode(DOCUMENT))


def test_every_path_and_definition_is_there():
    """Nothing is lost on the way."""
    assert list(DOCUMENT["paths"]) == list(named(read(MESSAGE[8][0])[2]))
    assert list(DOCUMENT["definitions"]) == list(named(read(MESSAGE[9][0])[1]))
    assert b"2.0" == MESSAGE[1][0]


def test_a_definition():
    """A pod's schema: its text, its fields, its kind as an extension."""
    pod = named(read(MESSAGE[9][0])[1])["io.k8s.api.core.v1.Pod"]
    fields = named(read(pod[25][0])[1])
    extensions = named(pod[31])

    assert b"A pod." == pod[4][0]
    assert {"apiVersion", "kind", "metadata", "spec", "status"} == set(fields)
    assert b"#/definitions/io.k8s.api.core.v1.PodSpec" == fields["spec"][1][0]
    assert b'[{"group":"","version":"v1","kind":"Pod"}]\n' == extensions["x-kubernetes-group-version-kind"][2][0]


def test_what_kubectl_looks_for():
    """PATCH of a pod has a query parameter `fieldValidation`, so kubectl leaves validation to the server."""
    path = named(read(MESSAGE[8][0])[2])["/api/v1/namespaces/{namespace}/pods/{name}"]
    patch = read(path[8][0])
    parameters = [read(read(read(item)[1][0]).get(2, [b""])[0]) for item in patch[8]]
    names = {read(row[3][0])[4][0].decode() for row in parameters if 3 in row}

    assert {"dryRun", "fieldValidation", "force"} <= names
    assert "x-kubernetes-action" in named(patch[13])
