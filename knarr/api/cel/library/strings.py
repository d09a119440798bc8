"""Texts, and what regular expressions find in them.

Source: cel-go ext/strings.go; kube apiserver pkg/cel/library/{regex,urls}.go.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

from knarr.api.cel.faults import CelError
from knarr.api.cel.library.basics import double_text, text
from knarr.api.cel.overloads import Cost, Functions, each, rewrite, scan, search, tenth, within
from knarr.api.cel.values import Moment, Span, TypeName, Uint, type_name
from knarr.api.regexes import BadPattern, found, matcher

NUMBERED = str.maketrans({chr(code): chr(code + 32) for code in range(65, 91)})
RAISED = str.maketrans({chr(code): chr(code - 32) for code in range(97, 123)})
DIRECTIVE = re.compile(r"%(?:\.(\d+))?(.)", re.DOTALL)
PRECISION_MAX = 100
SPACES = " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def _same(sizes: tuple[int, ...]) -> int:
    return sizes[0]


def declare(functions: Functions) -> None:
    """Declare them."""
    add = functions.add
    starts: Cost = lambda sizes: tenth(sizes[1])  # noqa: E731
    add("(string).startsWith(string) -> bool", str.startswith, cost=starts)
    add("(string).endsWith(string) -> bool", str.endswith, cost=starts)
    add("(string).contains(string) -> bool", lambda value, part: part in value, cost=within)
    for member in ("(string).matches(string)", "matches(string, string)"):
        add(f"{member} -> bool", _matches, cost=search)
    add("(string).lowerAscii() -> string", lambda value: value.translate(NUMBERED), cost=scan, size=_same)
    add("(string).upperAscii() -> string", lambda value: value.translate(RAISED), cost=scan, size=_same)
    add("(string).trim() -> string", lambda value: value.strip(SPACES), cost=scan, size=_same)
    add("(string).reverse() -> string", lambda value: value[::-1], cost=scan, size=_same)
    add("(string).charAt(int) -> string", _char)
    add("(string).substring(int) -> string", lambda value, start: _substring(value, start, len(value)), cost=scan,
        size=_same)
    add("(string).substring(int, int) -> string", _substring, cost=scan, size=_same)
    _searches(functions)
    _lists(functions)


def _searches(functions: Functions) -> None:
    add = functions.add
    add("(string).indexOf(string) -> int", str.find, cost=scan)
    add("(string).indexOf(string, int) -> int", lambda value, part, at: value.find(part, _offset(value, at)), cost=scan)
    add("(string).lastIndexOf(string) -> int", str.rfind, cost=scan)
    add("(string).lastIndexOf(string, int) -> int",
        lambda value, part, at: value.rfind(part, 0, _offset(value, at) + len(part)), cost=scan)
    add("(string).find(string) -> string", _find, cost=search, size=_same)
    add("(string).findAll(string) -> list<string>", lambda value, pattern: _find_all(value, pattern, -1), cost=search,
        size=_same)
    add("(string).findAll(string, int) -> list<string>", _find_all, cost=search, size=_same)
    replaced: Cost = lambda sizes: (sizes[0] + 1) * (sizes[2] + 1)  # noqa: E731
    add("(string).replace(string, string) -> string", str.replace, cost=rewrite, size=replaced)
    add("(string).replace(string, string, int) -> string", str.replace, cost=rewrite, size=replaced)


def _lists(functions: Functions) -> None:
    add = functions.add
    add("(string).split(string) -> list<string>", lambda value, mark: _split(value, mark, -1), cost=rewrite, size=_same)
    add("(string).split(string, int) -> list<string>", _split, cost=rewrite, size=_same)
    add("(list<string>).join() -> string", "".join, cost=each)
    add("(list<string>).join(string) -> string", lambda parts, mark: mark.join(parts), cost=each)
    add("strings.quote(string) -> string", _quote, cost=scan, size=lambda sizes: 2 * sizes[0] + 2)
    add("(string).format(list<dyn>) -> string", _format, cost=scan)
    add("jsonpatch.escapeKey(string) -> string", lambda value: value.replace("~", "~0").replace("/", "~1"), cost=scan,
        size=lambda sizes: 2 * sizes[0])


def _matches(value: str, pattern: str) -> bool:
    try:
        return matcher(pattern)(value)
    except BadPattern as fault:
        raise CelError(str(fault)) from fault


def _find(value: str, pattern: str) -> str:
    return next(iter(_find_all(value, pattern, 1)), "")


def _find_all(value: str, pattern: str, count: int) -> list[str]:
    try:
        return list(itertools.islice(found(pattern, value), count if count >= 0 else None))
    except BadPattern as fault:
        raise CelError(str(fault)) from fault


def _offset(value: str, at: int) -> int:
    if not 0 <= at <= len(value):
        raise CelError(f"index out of range: {at}")
    return at


def _char(value: str, at: int) -> str:
    return value[_offset(value, at):][:1]


def _substring(value: str, start: int, end: int) -> str:
    _offset(value, start)
    _offset(value, end)
    if start > end:
        raise CelError(f"invalid substring range. start: {start}, end: {end}")
    return value[start:end]


def _split(value: str, mark: str, count: int) -> list[str]:
    if count == 0:
        return []
    if not mark:
        parts = list(value) if count < 0 else [*value[:count - 1], value[count - 1:]]
        return [one for one in parts if one]
    return value.split(mark) if count < 0 else value.split(mark, count - 1)


def _quote(value: str) -> str:
    names = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\",
             '"': '\\"'}
    return '"' + "".join(names.get(one, one) for one in value) + '"'


def _format(value: str, values: list[Any]) -> str:
    """Put values into a text. Source: cel-go ext/formatting.go."""
    taken = iter(values)

    def one(found: re.Match[str]) -> str:
        if found[2] == "%":
            return "%"
        try:
            given = next(taken)
        except StopIteration:
            raise CelError(f"index {len(values)} out of range") from None
        return _clause(found[2], given, int(found[1]) if found[1] else None)

    return DIRECTIVE.sub(one, value)


def _clause(verb: str, given: Any, places: int | None) -> str:
    if places is not None and places > PRECISION_MAX:
        raise CelError(f"precision must be at most {PRECISION_MAX}")
    if verb == "s":
        return _shown(given)
    number = type(given) in (int, Uint)
    if verb == "d" and (number or type(given) is float):
        return str(int(given)) if number else double_text(given)
    if verb in "fe" and (number or type(given) is float):
        return _exponent(float(given), 6 if places is None else places) if verb == "e" else (
            f"{float(given):.{6 if places is None else places}f}")
    if verb == "b" and (number or type(given) is bool):
        return f"{int(given):b}"
    if verb == "o" and number:
        return f"{int(given):o}"
    if verb in "xX" and (number or isinstance(given, str | bytes)):
        said = f"{int(given):x}" if number else (given.encode() if isinstance(given, str) else given).hex()
        return said.upper() if verb == "X" else said
    if verb not in "sdfebox" + "X":
        raise CelError(f'could not parse formatting clause: unrecognized formatting clause "{verb}"')
    raise CelError(f"error during formatting: %{verb} cannot be used on {type_name(given)}")


def _exponent(value: float, places: int) -> str:
    mantissa, _, exponent = f"{value:.{places}e}".partition("e")
    return f"{mantissa}e{int(exponent):+03d}"


def _shown(given: Any) -> str:
    if given is None:
        return "null"
    if isinstance(given, list):
        return f"[{', '.join(map(_shown, given))}]"
    if isinstance(given, dict):
        return "{" + ", ".join(f"{_shown(key)}: {_shown(given[key])}" for key in sorted(given, key=str)) + "}"
    if isinstance(given, TypeName):
        return given.name
    if isinstance(given, float):
        return double_text(given)
    if isinstance(given, str | bytes | int | Moment | Span):
        return text(given)
    raise CelError(f"error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, "
                   f"maps, lists, types, durations, and timestamps, was given {type_name(given)}")
