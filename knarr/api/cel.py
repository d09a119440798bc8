"""Compile and evaluate CEL. `cel_environment` is the door to `cel_expr_python`.

Values go in as JSON has them; `self` and `oldSelf` may be anything. Nothing is compiled twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

COMPILED_MAX = 4096  # expressions kept
TEXT_MAX = 16 << 10  # characters of an expression, as the API limits rules; longer ones are refused


class CelError(Exception):
    """An expression cannot be compiled, or fails on its values; says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression."""

    expression: Any

    def value(self, variables: Mapping[str, Any]) -> Any:
        """Return its value; raises CelError."""
        try:
            found = self.expression.eval(data=dict(variables))
        except (RuntimeError, TypeError, ValueError) as fault:
            raise CelError(str(fault)) from fault
        if found.type().name() == "ERROR":
            raise CelError(_worded(str(found.plain_value())))
        return found.plain_value()


@lru_cache(maxsize=COMPILED_MAX)
def compiled(text: str, *, optional_old: bool = False) -> Program:
    """Compile an expression; raises CelError. optional_old: `oldSelf` is an optional, `hasOld` says if it is there."""
    if len(text) > TEXT_MAX:
        raise CelError(f"the expression is longer than {TEXT_MAX} characters")
    if optional_old:
        text = f"cel.bind(oldSelf, hasOld ? optional.of(dyn(priorSelf)) : optional.none(), {text})"
    try:
        return Program(_engine().environment().compile(text))
    except RuntimeError as fault:
        raise CelError(_worded(str(fault))) from fault


def moment(text: str) -> Any:
    """Return an RFC 3339 time, or a date alone, as rules see it; raises ValueError."""
    return _engine().moment(text)


def duration(length_s: float) -> Any:
    """Return a duration as rules see it."""
    return _engine().duration(length_s)


@lru_cache(maxsize=1)
def _engine() -> Any:
    """Bring the library in when the first rule asks for it: most clusters have none."""
    return import_module("knarr.api.cel_environment")


def _worded(fault: str) -> str:
    """Leave out the library's own codes."""
    text = re.sub(r"^(INVALID_ARGUMENT|NOT_FOUND|UNKNOWN): ", "", fault)
    text = re.sub(r" \[INVALID_ARGUMENT\]$", "", text)
    return re.sub(r'Key not found in map : "(.*)"', r"no such key: \1", text)
