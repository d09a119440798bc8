"""Build the CEL environment: the door to `cel_expr_python`.

Only the first rule that is compiled brings this module in: the library costs more memory than the rest of the server.
Kubernetes' own functions that are here: find, findAll, isSorted, sum, min, max.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings
from google.protobuf import descriptor_pool
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from knarr.api.regexes import BadPattern, matcher

PATTERNS_MAX = 1000  # characters of a text in which `find` looks, for Python's engine backtracks


@lru_cache(maxsize=1)
def environment() -> Any:
    """Return the one environment of this process."""
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
