"""Print custom objects as their definition's columns say.

Source: kube apiextensions registry/customresource/tableconvertor/tableconvertor.go.
"""

from __future__ import annotations

import json
from typing import Any

from knarr.api.columns.view import Column, View, human, name, seconds_of
from knarr.api.custom import jsonpath

NAME = Column("Name", format="name", description=(
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a "
    "client to request the generation of an appropriate name automatically."))
AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def view(columns: list[dict[str, Any]]) -> View:
    """Return how a kind is printed. columns: its additionalPrinterColumns; empty for none."""
    rows = columns or [AGE]
    heads = (NAME, *(_column(row) for row in rows))
    return View(heads, lambda obj, now_s: [name(obj), *(_cell(obj, row, now_s) for row in rows)])


def _column(row: dict[str, Any]) -> Column:
    return Column(row["name"], row["type"], row.get("format", ""), row.get("priority", 0), row.get("description", ""))


def _cell(obj: Any, row: dict[str, Any], now_s: float) -> Any:
    found = jsonpath.find(obj, row["jsonPath"])
    if not found or found[0] is None:
        return None
    value, sort = found[0], row["type"]
    if sort == "string":
        return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if sort == "date":
        return _date(value, now_s)
    if sort == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if sort == "integer" else value


def _date(value: Any, now_s: float) -> str:
    try:
        return human(now_s - seconds_of(str(value)))
    except ValueError:
        return "<invalid>"
