"""Compile and evaluate CEL: the door to `cel_expr_python`.

Values go in as JSON has them; `self` and `oldSelf` may be anything. Kubernetes' own functions that are here: find,
findAll, isSorted, sum, min, max. Nothing is compiled twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings
from google.protobuf import descriptor_pool
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from knarr.api.regexes import BadPattern, matcher

COMPILED_MAX = 4096  # expressions kept
TEXT_MAX = 16 << 10  # characters of an expression, as the API limits rules; longer ones are refused
PATTERNS_MAX = 1000  # characters of a text in which `find` looks, for Python's engine backtracks


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
        return Program(_environment().compile(text))
    except RuntimeError as fault:
        raise CelError(_worded(str(fault))) from fault


def moment(text: str) -> Any:
    """Return an RFC 3339 time, or a date alone, as rules see it; raises ValueError."""
    stamp = Timestamp()
    stamp.FromJsonString(text if "T" in text.upper() else f"{text}T00:00:00Z")
    return stamp


def duration(length_s: float) -> Any:
    """Return a duration as rules see it."""
    whole = Duration()
    whole.FromNanoseconds(round(length_s * 1e9))
    return whole


@lru_cache(maxsize=1)
def _environment() -> Any:
    dyn, text, listed = cel.Type.DYN, cel.Type.STRING, cel.Type.List(cel.Type.DYN)
    functions = [
        _member("find", (text, text), text, _find),
        _member("findAll", (text, text), cel.Type.List(text), _find_all),
        _member("isSorted", (listed,), cel.Type.BOOL, lambda items: items == sorted(items)),
        _member("sum", (listed,), dyn, sum),
        _member("min", (listed,), dyn, min),
        _member("max", (listed,), dyn, max),
    ]
    variables = {"self": dyn, "oldSelf": dyn, "priorSelf": dyn, "hasOld": cel.Type.BOOL}
    extensions = [ext_strings.ExtStrings(), ext_optional.ExtOptional(), ext_bindings.ExtBindings(), ext_math.ExtMath(),
                  ext_encoders.ExtEncoders()]
    return cel.NewEnv(descriptor_pool.Default(), variables=variables, extensions=extensions, functions=functions)


def _member(name: str, parameters: tuple[Any, ...], result: Any, impl: Any) -> Any:
    overload = cel.Overload(f"knarr_{name}", return_type=result, parameters=list(parameters), is_member=True, impl=impl)
    return cel.FunctionDecl(name, [overload])


def _find(text: str, pattern: str) -> str:
    found = re.search(pattern, text) if _may_hold(text, pattern) else None
    return found[0] if found else ""


def _find_all(text: str, pattern: str) -> list[str]:
    return [one[0] for one in re.finditer(pattern, text)] if _may_hold(text, pattern) else []


def _may_hold(text: str, pattern: str) -> bool:
    """Say whether a text holds a match, in linear time, before Python's engine is asked where."""
    try:
        return matcher(pattern)(text) and len(text) <= PATTERNS_MAX
    except BadPattern:
        return False


def _worded(fault: str) -> str:
    """Leave out the library's own codes."""
    text = re.sub(r"^(INVALID_ARGUMENT|NOT_FOUND|UNKNOWN): ", "", fault)
    text = re.sub(r" \[INVALID_ARGUMENT\]$", "", text)
    return re.sub(r'Key not found in map : "(.*)"', r"no such key: \1", text)
