"""Write the OpenAPI documents: `/openapi/v3`, one document per group version below it, and `/openapi/v2`.

Descriptions are handed in (`openapi_schemas.describe`), so that nothing here reads files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha512
from typing import Any

from knarr.api.openapi_operations import BOOLEANS, INTEGERS, Operation, operations
from knarr.api.openapi_schemas import V2, V3, Descriptions, Style, definitions, describe, type_schema

__all__ = ["describe", "document", "etag", "index", "names", "v2", "v3"]

TITLE = "Kubernetes"
SECURITY = {"BearerToken": {"description": "Bearer Token authentication", "type": "apiKey", "name": "authorization",
                            "in": "header"}}
CODES = {200: "OK", 201: "Created", 202: "Accepted", 401: "Unauthorized"}
PATH_PARAMS = ("name", "namespace")
IN_BRACES = re.compile(r"\{(\w+)\}")


def names() -> list[str]:
    """Return the names of the version 3 documents: `api/v1`, `apis/apps/v1`…"""
    return sorted({operation.document for operation in _operations()})


def index(hashes: Mapping[str, str]) -> dict[str, Any]:
    """Return `/openapi/v3`. hashes: each document's etag; clients keep what they have while it stays the same."""
    rows = sorted(hashes.items())
    return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={digest}"} for name, digest in rows}}


def etag(document: bytes) -> str:
    """Return a document's hash."""
    return sha512(document).hexdigest().upper()


def v3(name: str, *, version: str = "v1.36.2", texts: Descriptions | None = None) -> dict[str, Any] | None:
    """Return one version 3 document; None if there is no such. version: the server's own."""
    chosen = [operation for operation in _operations() if operation.document == name]
    if not chosen:
        return None
    return document(chosen, version=version, texts=texts)


def document(chosen: Sequence[Operation], *, version: str, texts: Descriptions | None = None,
             customs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the version 3 document of some operations. customs: schemas of custom kinds, by full name."""
    mentioned = ["meta_v1.ObjectMeta"] if customs else []
    mentioned += [kind for operation in chosen for kind in (operation.body, operation.result)]
    return {
        "openapi": "3.0.0", "info": {"title": TITLE, "version": version},
        "paths": _paths(chosen, _operation_v3),
        "components": {"schemas": definitions(mentioned, V3, texts or {}) | dict(customs or {}),
                       "securitySchemes": SECURITY},
    }


def v2(*, version: str = "v1.36.2", texts: Descriptions | None = None, more: Sequence[Operation] = (),
       customs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the version 2 document, all groups in one. more, customs: operations and schemas of custom kinds."""
    mentioned = [kind for operation in _operations() for kind in (operation.body, operation.result)]
    return {
        "swagger": "2.0", "info": {"title": TITLE, "version": version},
        "paths": _paths((*_operations(), *more), _operation_v2),
        "definitions": definitions([*mentioned, "meta_v1.WatchEvent"], V2, texts or {}) | dict(customs or {}),
        "securityDefinitions": SECURITY, "security": [{"BearerToken": []}],
    }


@cache
def _operations() -> tuple[Operation, ...]:
    return tuple(operations())


def _paths(chosen: Any, render: Any) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for operation in chosen:
        paths.setdefault(operation.path, {})[operation.method] = render(operation)
    return dict(sorted(paths.items()))


def _operation_v3(operation: Operation) -> dict[str, Any]:
    made = _common(operation)
    made["parameters"] = [where | {"schema": _parameter_type(where["name"])} for where in _parameters(operation)]
    if operation.body:
        body = _schema(operation.body, V3)
        made["requestBody"] = {"content": {media: {"schema": body} for media in operation.consumes}, "required": True}
    content = {media: {"schema": _schema(operation.result, V3)} for media in operation.produces}
    made["responses"] = {str(code): {"description": CODES[code], "content": content} for code in operation.codes}
    made["responses"]["401"] = {"description": CODES[401]}
    return made


def _operation_v2(operation: Operation) -> dict[str, Any]:
    made = _common(operation) | {"consumes": list(operation.consumes or ("*/*",)), "produces": list(operation.produces)}
    made["schemes"] = ["https"]
    parameters: list[dict[str, Any]] = [where | _parameter_type(where["name"]) for where in _parameters(operation)]
    if operation.body:
        parameters.append({"name": "body", "in": "body", "required": True, "schema": _schema(operation.body, V2)})
    made["parameters"] = parameters
    result = _schema(operation.result, V2)
    made["responses"] = {str(code): {"description": CODES[code], "schema": result} for code in operation.codes}
    made["responses"]["401"] = {"description": CODES[401]}
    return made


def _common(operation: Operation) -> dict[str, Any]:
    tag = operation.document.removeprefix("apis/").removeprefix("api/").partition(".")[0].replace("/", "_")
    made: dict[str, Any] = {"operationId": operation.id, "tags": [tag]}
    if operation.action:
        made["x-kubernetes-action"] = operation.action
    if operation.kind is not None:
        group, version, kind = operation.kind
        made["x-kubernetes-group-version-kind"] = {"group": group, "version": version, "kind": kind}
    return made


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    """Say of each parameter where it stands: a proxy's `path` is one of the path, and one of the query."""
    for name in IN_BRACES.findall(operation.path):
        yield {"name": name, "in": "path", "required": True}
    for name in operation.params:
        if name not in PATH_PARAMS:
            yield {"name": name, "in": "query"}


def _parameter_type(name: str) -> dict[str, Any]:
    kind = "boolean" if name in BOOLEANS else "integer" if name in INTEGERS else "string"
    return {"type": kind, "uniqueItems": True}


def _schema(name: str, style: Style) -> dict[str, Any]:
    return type_schema(name, style)
