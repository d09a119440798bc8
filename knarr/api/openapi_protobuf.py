"""Write the version 2 OpenAPI document in protobuf, which is all that kubectl up to 1.28 asks for.

Field numbers: github.com/google/gnostic openapiv2/OpenAPIv2.proto. Wire format:
protobuf.dev/programming-guides/encoding. What our documents and those of extension servers
contain is written; KeyError, TypeError, AttributeError or ValueError for what is no such document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

MEDIA = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"  # what answers are called
ACCEPTED = (MEDIA, MEDIA.replace("v2.v1", "v2@v1"))  # what clients ask for; no `@` belongs there, but old ones send it
METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}
Row = Mapping[str, Any]


def encode(document: Row) -> bytes:
    """Encode a whole version 2 document, as `openapi.v2` makes it."""
    info = document["info"]
    paths = b"".join(_named(2, path, _path(item)) for path, item in document["paths"].items())
    definitions = b"".join(_named(1, name, _schema(row)) for name, row in document["definitions"].items())
    security = b"".join(_named(1, name, _field(2, _api_key(row)))
                        for name, row in document["securityDefinitions"].items())
    return b"".join((
        _text(1, document["swagger"]), _field(2, _text(1, info["title"]) + _text(2, info["version"])),
        _field(8, paths), _field(9, definitions), _field(13, security),
    ))


def _path(item: Row) -> bytes:
    methods = b"".join(_field(METHODS[name], _operation(row)) for name, row in item.items() if name in METHODS)
    return methods + b"".join(_field(9, _field(1, _parameter(row))) for row in item.get("parameters", ()))


def _operation(row: Row) -> bytes:
    responses = b"".join(_named(1, code, _field(1, _response(answer))) for code, answer in row["responses"].items())
    return b"".join((
        _texts(1, row.get("tags", ())), _text(5, row.get("operationId", "")),
        _texts(6, row.get("produces", ())), _texts(7, row.get("consumes", ())),
        *(_field(8, _field(1, _parameter(parameter))) for parameter in row.get("parameters", ())),
        _field(9, responses), _texts(10, row.get("schemes", ())), _extensions(13, row),
    ))


def _parameter(row: Row) -> bytes:
    """Encode a Parameter: a body, or one of the query or the path."""
    if row["in"] == "body":
        named = _text(2, row["name"]) + _text(3, "body") + _flag(4, row.get("required"))
        return _field(1, named + _field(5, _schema(row["schema"])))
    if row["in"] not in ("path", "query"):
        raise ValueError(f"a parameter in {row['in']} cannot be written")
    in_path = row["in"] == "path"
    shift = 0 if in_path else 1  # query parameters have one field more in the middle
    fields = b"".join((
        _flag(1, row.get("required")), _text(2, row["in"]), _text(3, row.get("description", "")), _text(4, row["name"]),
        _text(5 + shift, row["type"]), _flag(19 + shift, row.get("uniqueItems")),
    ))
    return _field(2, _field(4 if in_path else 3, fields))


def _response(row: Row) -> bytes:
    schema = _field(2, _field(1, _schema(row["schema"]))) if "schema" in row else b""
    return _text(1, row["description"]) + schema


def _schema(row: Row) -> bytes:
    parts = [_text(1, row.get("$ref", "")), _text(2, row.get("format", "")), _text(4, row.get("description", "")),
             _texts(19, row.get("required", ()))]
    if "additionalProperties" in row:
        more = row["additionalProperties"]
        parts.append(_field(21, _flag(2, more) if isinstance(more, bool) else _field(1, _schema(more))))
    if "type" in row:
        parts.append(_field(22, _text(1, row["type"])))
    if "items" in row:
        parts.append(_field(23, _field(1, _schema(row["items"]))))
    if "properties" in row:
        parts.append(_field(25, b"".join(_named(1, name, _schema(field)) for name, field in row["properties"].items())))
    return b"".join(parts) + _extensions(31, row)


def _api_key(row: Row) -> bytes:
    return _text(1, row["type"]) + _text(2, row["name"]) + _text(3, row["in"]) + _text(4, row.get("description", ""))


def _extensions(number: int, row: Row) -> bytes:
    """Encode what begins with `x-`; values are YAML, which JSON is."""
    return b"".join(_named(number, key, _text(2, orjson.dumps(value).decode() + "\n"))
                    for key, value in row.items() if key.startswith("x-"))


# Wire format


def _named(number: int, name: str, value: bytes) -> bytes:
    return _field(number, _text(1, name) + _field(2, value))


def _texts(number: int, values: Any) -> bytes:
    return b"".join(_field(number, value.encode()) for value in values)


def _text(number: int, value: str) -> bytes:
    return _field(number, value.encode()) if value else b""


def _flag(number: int, value: bool | None) -> bytes:
    return _varint(number << 3) + b"\x01" if value else b""


def _field(number: int, value: bytes) -> bytes:
    """Encode a length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
