"""Versions. Source: kube apiserver pkg/cel/library/semverlib.go; semver.org 2.0.0."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

from knarr.api.cel.faults import CelError
from knarr.api.cel.overloads import Functions, scan
from knarr.api.cel.values import Thing

SEMVER = "kubernetes.Semver"
NUMBER = r"(0|[1-9]\d*)"
MARK = r"(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
VERSION = re.compile(rf"{NUMBER}\.{NUMBER}\.{NUMBER}(?:-({MARK}(?:\.{MARK})*))?"
                     r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII)


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version; what is built of it does not count."""

    numbers: tuple[int, int, int]
    marks: tuple[str, ...] = ()

    def __lt__(self, other: Version) -> bool:
        if self.numbers != other.numbers:
            return self.numbers < other.numbers
        if not self.marks or not other.marks:
            return bool(self.marks)
        return [_rank(one) for one in self.marks] < [_rank(one) for one in other.marks]


def declare(functions: Functions) -> None:
    """Declare them."""
    add = functions.add
    add(f"semver(string) -> {SEMVER}", lambda value: _semver(value, loose=False), cost=scan)
    add(f"semver(string, bool) -> {SEMVER}", lambda value, loose: _semver(value, loose=loose), cost=scan)
    add("isSemver(string) -> bool", lambda value: _parsed(value, loose=False) is not None, cost=scan)
    add("isSemver(string, bool) -> bool", lambda value, loose: _parsed(value, loose=loose) is not None, cost=scan)
    add(f"({SEMVER}).isGreaterThan({SEMVER}) -> bool", lambda left, right: left.held > right.held)
    add(f"({SEMVER}).isLessThan({SEMVER}) -> bool", lambda left, right: left.held < right.held)
    add(f"({SEMVER}).compareTo({SEMVER}) -> int",
        lambda left, right: (left.held > right.held) - (left.held < right.held))
    for number, name in enumerate(("major", "minor", "patch")):
        add(f"({SEMVER}).{name}() -> int", lambda value, number=number: value.held.numbers[number])


def _rank(mark: str) -> tuple[int, int, str]:
    return (0, int(mark), "") if mark.isdecimal() else (1, 0, mark)


def _parsed(value: str, *, loose: bool) -> Version | None:
    found = VERSION.fullmatch(_normal(value) if loose else value)
    if found is None:
        return None
    return Version((int(found[1]), int(found[2]), int(found[3])), tuple(found[4].split(".")) if found[4] else ())


def _normal(value: str) -> str:
    """Drop a `v` and leading zeros, and put in what numbers are missing."""
    head = re.match(r"v?([\d.]*)", value, re.ASCII)
    assert head is not None
    rest = value[head.end():]
    numbers = [one.lstrip("0") or "0" for one in head[1].split(".")] if head[1] else []
    return ".".join(numbers + ["0"] * (3 - len(numbers) if numbers and not rest.startswith(".") else 0)) + rest


def _semver(value: str, *, loose: bool) -> Thing:
    found = _parsed(value, loose=loose)
    if found is None:
        raise CelError(f'Semver parse error during conversion from string: "{value}" is no version')
    return Thing(SEMVER, found)
