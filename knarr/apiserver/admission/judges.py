"""Bring in what lets webhooks and policies judge, when the first one is configured: most clusters have none.

A door of its own, so that what is always loaded never names what seldom is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol, cast


class Judges(Protocol):
    """What looks at writes where anything is configured; `admission.judging` is it."""

    async def mutate(self, admission: Any, complete: Callable[[Any], Awaitable[None]]) -> None: ...
    async def validate(self, admission: Any) -> None: ...
    async def answered(self, core: Any, request: Any) -> None: ...


@lru_cache(maxsize=1)
def judges() -> Judges:
    """Return the judges; the first call imports them."""
    return cast(Judges, import_module("knarr.apiserver.admission.judging"))
