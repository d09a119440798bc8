"""Read the fields of a file that a machine's owner wrote; what is wrong is named by its field. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from knarr.api import quantity

UNITS_S: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
DURATION: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|us|µs|ns|m|s)")


class BadRules(Exception):
    """The configuration cannot be followed; the text names the field."""


def mapping(document: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Return a field that is a map."""
    value = document.get(field) or {}
    if not isinstance(value, Mapping):
        raise BadRules(f"{field}: expected a map (got {value!r})")
    return value


def whole(document: Mapping[str, Any], field: str, default: int, *, least: int = 0) -> int:
    """Return a field that is a whole number."""
    value = document.get(field, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadRules(f"{field}: expected a whole number of at least {least} (got {value!r})")
    return value


def truth(document: Mapping[str, Any], field: str) -> bool:
    """Return a field that is true or false."""
    value = document.get(field, False)
    if not isinstance(value, bool):
        raise BadRules(f"{field}: expected true or false (got {value!r})")
    return value


def amount(text: object, where: str, *, milli: bool = False) -> int:
    """Return a quantity that is not negative."""
    try:
        known = quantity.parse(str(text))
    except ValueError as error:
        raise BadRules(f"{where}: {error}") from error
    value = known.milli if milli else known.value
    if value < 0:
        raise BadRules(f"{where}: cannot be negative (got {text})")
    return value


def seconds(text: object, where: str) -> float:
    """Return a duration as Go writes it: `1m30s`.

    >>> seconds("1m30s", "")
    90.0
    """
    said = str(text)
    parts = DURATION.findall(said)
    if (said != "0" and "".join(number + unit for number, unit in parts) != said) or not said:
        raise BadRules(f'{where}: invalid duration "{said}"')
    return sum(float(number) * UNITS_S[unit] for number, unit in parts)


def word_list(document: Mapping[str, Any], field: str) -> list[str]:
    """Return a field that is a list of words."""
    value = document.get(field) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadRules(f"{field}: expected a list of words (got {value!r})")
    return value


def one_of(document: Mapping[str, Any], field: str, known: Sequence[str]) -> str:
    """Return a field that is one of these words; the first where it is not there."""
    word = document.get(field) or known[0]
    if word not in known:
        raise BadRules(f"{field}: expected one of {', '.join(known)} (got {word})")
    return str(word)
