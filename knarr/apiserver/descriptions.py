"""Read the fields' descriptions, where they are installed: the `kubernetes-validate` package ships them.

They are megabytes that hardly anybody asks for, so they are neither copied into this package, nor read before somebody
runs `kubectl explain`, nor kept. Without that package, `explain` shows the fields alone.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import orjson

from knarr.api import openapi
from knarr.api.openapi_schemas import Descriptions
from knarr.apiserver.settings import KUBERNETES_VERSION

PACKAGE = "kubernetes_validate"  # only looked for: it is never imported


def edition() -> str:
    """Say which texts `read` will find; empty where there are none. It is part of the documents' hashes."""
    return _RELEASE if _path() is not None else ""


def read() -> Descriptions:
    """Read all descriptions: file, JSON and all, which takes 15 ms. Empty where they are not installed."""
    path = _path()
    if path is None:
        return {}
    return openapi.describe(orjson.loads(path.read_bytes())["$defs"])


_RELEASE = ".".join(KUBERNETES_VERSION.split(".")[:2])  # v1.36: descriptions do not change within it


@cache
def _path() -> Path | None:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "kubernetes-json-schema" / f"{_RELEASE}.0-local" / "_definitions.json"
    return path if path.is_file() else None
