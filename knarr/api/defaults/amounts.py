"""Write quantities in the one form the API keeps: `0.5` becomes `500m`, `1024Mi` becomes `1Gi`.

What is no quantity stays as it is: the schema refuses it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from knarr.api import quantity


def normalize(amounts: dict[str, Any] | None, *names: str) -> None:
    """Rewrite the quantities of a map in place; only those under `names`, if any are given."""
    if not amounts:
        return
    for name in names or tuple(amounts):
        if name in amounts:
            amounts[name] = canonical(amounts[name])


def normalize_resources(resources: dict[str, Any]) -> None:
    """Rewrite requests and limits in place."""
    for name in ("requests", "limits"):
        if name in resources:
            normalize(resources[name])


def canonical(value: Any) -> Any:
    """Return the canonical text of a quantity; anything else comes back unchanged."""
    if value.__class__ in (str, int, float):
        return _canonical(value)
    return value


def amount(value: Any) -> int:
    """Return a quantity in billionths, for comparison; 0 for what is no quantity (the schema has refused it)."""
    return _nano(value) if value.__class__ in (str, int, float) else 0


@lru_cache(maxsize=4096)   # more than the distinct quantities of a large cluster
def _canonical(value: str | int | float) -> Any:
    try:
        return quantity.canonical(value)
    except quantity.QuantityError:
        return value


@lru_cache(maxsize=4096)
def _nano(value: str | int | float) -> int:
    try:
        return quantity.parse(value).nano
    except quantity.QuantityError:
        return 0
