"""Read what a real API server answered, or skip the test, saying so, where that is absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from knarr.api import kinds
from knarr.api.kinds import Kind

WIRE = Path(__file__).resolve().parents[4] / "shared" / "wire"


def recorded(name: str) -> Any:
    """Return one recorded file."""
    path = WIRE / name
    if not path.exists():
        pytest.skip(f"no recorded answers at {path}")
    return json.loads(path.read_text())


def stories() -> list[dict[str, Any]]:
    """Return the recorded write sequences; none where they are absent."""
    path = WIRE / "sequences/writes.json"
    return json.loads(path.read_text()) if path.exists() else []


def kind_at(path: str) -> Kind | None:
    """Return the kind that a collection or object path is about; None if it is not served."""
    words = urlsplit(path).path.strip("/").split("/")
    group, version, rest = ("", words[1], words[2:]) if words[0] == "api" else (words[1], words[2], words[3:])
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return kinds.by_resource(group, version, rest[0]) if rest else None


def query_of(path: str) -> dict[str, str]:
    """Return a recorded path's query."""
    return {key: values[-1] for key, values in parse_qs(urlsplit(path).query).items()}
