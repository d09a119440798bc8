"""Read Kubernetes' protobuf bodies into the same objects that JSON gives. Clients since kubectl 1.32 write them;
answers stay JSON.

Field numbers stand in `protobuf_numbers.json` (scripts/generate_protobuf_numbers.py). Unknown numbers are skipped.
Source: kube apimachinery runtime/serializer/protobuf/protobuf.go; protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pkgutil import get_data
from struct import unpack
from typing import Any, TypeAlias

import orjson

from knarr.api.gojson import load

MEDIA = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
DEPTH_MAX = 100  # messages in messages: objects are far flatter, and reading recurses
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
Row: TypeAlias = tuple[str, str, bool, bool]  # name, type, zero means absent, lies in the parent's JSON
Raw: TypeAlias = int | bytes


class ProtobufError(ValueError):
    """The bytes are no message."""


def decode(body: bytes, definition: str) -> dict[str, Any]:
    """Decode an enveloped object. definition: its row in the table, `core_v1.Pod`. Raises ProtobufError."""
    if not body.startswith(MAGIC):
        raise ProtobufError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    envelope = dict(_parts(body[len(MAGIC):]))
    meta = dict(_parts(_bytes(envelope.get(1, b""))))
    obj = message(_bytes(envelope.get(2, b"")), definition)
    said = {"kind": _bytes(meta.get(2, b"")).decode(), "apiVersion": _bytes(meta.get(1, b"")).decode()}
    return {**{key: text for key, text in said.items() if text}, **obj}


def message(data: bytes, definition: str, depth: int = 0) -> Any:
    """Decode one message by its row in the table."""
    if depth > DEPTH_MAX:
        raise ProtobufError("the message is nested too deep")
    special = SPECIAL.get(definition)
    if special is not None:
        return special(data)
    rows = _rows(definition)
    obj: dict[str, Any] = {}
    for number, raw in _parts(data):
        row = rows.get(number)
        if row is not None:
            _put(obj, row, raw, depth)
    return obj["items"] if definition.endswith(".ExtraValue") and "items" in obj else obj


def _put(obj: dict[str, Any], row: Row, raw: Raw, depth: int) -> None:
    name, kind, zero_absent, inline = row
    if kind.startswith("{}"):
        entry = dict(_parts(_bytes(raw)))
        key = _bytes(entry.get(1, b"")).decode()
        obj.setdefault(name, {})[key] = _value(entry.get(2, b""), kind[2:], depth)
    elif kind.startswith("[]"):
        obj.setdefault(name, []).append(_value(raw, kind[2:], depth))
    elif inline:
        obj.update(message(_bytes(raw), kind, depth + 1))
    else:
        value = _value(raw, kind, depth)
        if not zero_absent or value not in ABSENT:
            obj[name] = value


ABSENT: tuple[Any, ...] = ("", 0, False, {}, None)


def _value(raw: Raw, kind: str, depth: int) -> Any:
    scalar = SCALARS.get(kind)
    return scalar(raw) if scalar is not None else message(_bytes(raw), kind, depth + 1)


def _parts(data: bytes) -> Iterator[tuple[int, Raw]]:
    """Yield field numbers and their raw values."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if wire == BYTES:
            size, at = _varint(data, at)
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
        else:
            raise ProtobufError(f"illegal wireType {wire}")
        if at + size > len(data):
            raise ProtobufError("unexpected EOF")
        yield tag >> 3, data[at:at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise ProtobufError("unexpected EOF")


def _bytes(raw: Raw) -> bytes:
    if not isinstance(raw, bytes):
        raise ProtobufError("wrong wireType for a message")
    return raw


def _integer(raw: Raw) -> int:
    if isinstance(raw, bytes):
        raise ProtobufError("wrong wireType for a number")
    return raw - (1 << 64) if raw >= 1 << 63 else raw


def _text(raw: Raw) -> str:
    return _bytes(raw).decode("utf-8", errors="replace")


def _double(raw: Raw) -> float:
    return float(unpack("<d", _bytes(raw))[0])


def _time(data: bytes) -> str | None:
    """Return RFC 3339; None for the zero time, which stands for no time at all."""
    parts = dict(_parts(data))
    seconds, nanos = _integer(parts.get(1, 0)), _integer(parts.get(2, 0))
    if not seconds and not nanos:
        return None
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{nanos // 1000:06d}Z" if nanos else f"{text}Z"


def _int_or_string(data: bytes) -> int | str:
    parts = dict(_parts(data))
    return _text(parts.get(3, b"")) if parts.get(1, 0) else _integer(parts.get(2, 0))


def _quantity(data: bytes) -> str:
    return _text(dict(_parts(data)).get(1, b"0"))


def _json(data: bytes) -> Any:
    raw = _bytes(dict(_parts(data)).get(1, b""))
    try:
        return load(raw) if raw else {}
    except ValueError as fault:
        raise ProtobufError(str(fault)) from fault


SCALARS: dict[str, Callable[[Raw], Any]] = {
    "string": _text, "int": _integer, "double": _double,
    "bool": lambda raw: bool(_integer(raw)), "bytes": lambda raw: b64encode(_bytes(raw)).decode(),
}
SPECIAL: dict[str, Callable[[bytes], Any]] = {
    "meta_v1.Time": _time, "meta_v1.MicroTime": _time, "intstr.IntOrString": _int_or_string,
    "resource.Quantity": _quantity, "runtime.RawExtension": _json, "meta_v1.FieldsV1": _json,
}


@cache
def _rows(definition: str) -> dict[int, Row]:
    rows = _table().get(definition)
    if rows is None:
        raise ProtobufError(f"{definition} has no protobuf form")
    return {int(number): (row[0], row[1], bool(row[2]), bool(row[3])) for number, row in rows.items()}


@cache
def _table() -> dict[str, dict[str, list[Any]]]:
    raw = get_data("knarr.apiserver", "protobuf_numbers.json")
    assert raw is not None
    table: dict[str, dict[str, list[Any]]] = orjson.loads(raw)
    return table
