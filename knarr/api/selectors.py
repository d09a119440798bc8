"""Read label and field selectors and match objects with them.

Source: kube apimachinery/pkg/labels/selector.go and fields/selector.go; the errors are theirs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from knarr.api import names
from knarr.api.errors import BadRequest
from knarr.api.types.meta_v1 import LabelSelector

IN, NOT_IN, EQUAL, UNEQUAL, EXISTS, ABSENT, GREATER, LESS = "in", "notin", "=", "!=", "exists", "!", ">", "<"
OPERATORS = {"in": IN, "notin": NOT_IN, "=": EQUAL, "==": EQUAL, "!=": UNEQUAL, ">": GREATER, "<": LESS}
OBJECT_OPERATORS = {"In": IN, "NotIn": NOT_IN, "Exists": EXISTS, "DoesNotExist": ABSENT}
TOKENS = re.compile(r"\s*(==|!=|[(),!=<>]|[^\s(),!=<>]+|$)")
MARKS = frozenset({"==", "!=", "(", ")", ",", "!", "=", "<", ">", ""})


class SelectorError(BadRequest):
    """A selector that cannot be read."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether the labels fulfil it. A label that is absent is in no set."""
        found = labels.get(self.key)
        if self.operator in (IN, EQUAL):
            return found is not None and found in self.values
        if self.operator in (NOT_IN, UNEQUAL):
            return found is None or found not in self.values
        if self.operator == EXISTS:
            return found is not None
        if self.operator == ABSENT:
            return found is None
        return self._compares(found)

    def _compares(self, found: str | None) -> bool:
        (bound,) = self.values
        if found is None or not re.fullmatch(r"[+-]?[0-9]+", found):
            return False
        return int(found) > int(bound) if self.operator == GREATER else int(found) < int(bound)

    def __str__(self) -> str:
        listed = ",".join(sorted(self.values))
        if self.operator == EXISTS:
            return self.key
        if self.operator == ABSENT:
            return f"!{self.key}"
        if self.operator not in (IN, NOT_IN):
            return f"{self.key}{self.operator}{listed}"
        return f"{self.key} {self.operator} ({listed})"


@dataclass(frozen=True, slots=True)
class Selector:
    """Conditions that must all hold. never: matches nothing, whatever the conditions."""

    requirements: tuple[Requirement, ...] = ()
    never: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether an object with these labels is chosen."""
        return not self.never and all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


EVERYTHING = Selector()
NOTHING = Selector(never=True)


@dataclass(frozen=True, slots=True)
class FieldTerm:
    """One condition on one field. equal: `path=value`, else `path!=value`."""

    path: str
    value: str
    equal: bool = True


def of(selector: LabelSelector | None) -> Selector:
    """Turn a typed label selector into a Selector. None chooses nothing, an empty one everything.

    Raises SelectorError for an operator that does not exist; stored objects have none such.
    """
    if selector is None:
        return NOTHING
    exact = [Requirement(key, EQUAL, frozenset((value,))) for key, value in selector.matchLabels.items()]
    rest = [Requirement(row.key, _operator(row.operator), frozenset(row.values)) for row in selector.matchExpressions]
    return Selector(tuple(sorted(exact + rest, key=lambda row: row.key)))


def of_object(selector: Mapping[str, Any] | None) -> Selector:
    """Turn the JSON of a label selector into a Selector."""
    if selector is None:
        return NOTHING
    exact = [Requirement(key, EQUAL, frozenset((value,))) for key, value in (selector.get("matchLabels") or {}).items()]
    rest = [Requirement(row["key"], _operator(row["operator"]), frozenset(row.get("values") or ()))
            for row in selector.get("matchExpressions") or ()]
    return Selector(tuple(sorted(exact + rest, key=lambda row: row.key)))


def _operator(word: str) -> str:
    """Return the operator that a selector object names. Raises SelectorError."""
    if word not in OBJECT_OPERATORS:
        raise SelectorError(f'"{word}" is not a valid label selector operator')
    return OBJECT_OPERATORS[word]


def of_labels(labels: Mapping[str, str] | None) -> Selector:
    """Turn a plain map (a Service's selector) into a Selector; an empty one chooses everything."""
    pairs = sorted((labels or {}).items())
    return Selector(tuple(Requirement(key, EQUAL, frozenset((value,))) for key, value in pairs))


def parse_labels(text: str) -> Selector:
    """Read `app=web,tier in (a, b),!old`. Raises SelectorError."""
    return Selector(tuple(sorted(_Parser(text).parse(), key=lambda row: row.key)))


def parse_fields(text: str, known: Collection[str] | None = None) -> tuple[FieldTerm, ...]:
    """Read `spec.nodeName=a,status.phase!=Failed`. Raises SelectorError.

    known: the fields that the kind can be selected by; None accepts any.
    """
    terms = tuple(_field_term(part, text) for part in _split_fields(text) if part)
    for term in terms:
        if known is not None and term.path not in known:
            raise SelectorError(f"field label not supported: {term.path}")
    return terms


def _split_fields(text: str) -> list[str]:
    """Split at commas that no backslash escapes."""
    return re.split(r"(?<!\\),", text)


def _field_term(part: str, whole: str) -> FieldTerm:
    match = re.fullmatch(r"((?:\\.|[^=!\\])*?)(!=|==|=)(.*)", part, re.DOTALL)
    if match is None:
        raise SelectorError(f"invalid selector: '{whole}'; can't understand '{part}'")
    path, operator, value = match.groups()
    return FieldTerm(path, re.sub(r"\\([\\,=])", r"\1", value), operator != "!=")


class _Parser:
    """A recursive descent over the tokens of one label selector."""

    def __init__(self, text: str) -> None:
        self.tokens: Iterator[str] = iter([match[1] for match in TOKENS.finditer(text)])
        self.next = next(self.tokens, "")

    def parse(self) -> list[Requirement]:
        found: list[Requirement] = []
        while self.next:
            if self.next != "!" and self.next in MARKS:
                raise SelectorError(f"found '{self.next}', expected: !, identifier, or 'end of string'")
            found.append(self._requirement())
            after = self._take()
            if not after:
                break
            if after != ",":
                raise SelectorError(f"found '{after}', expected: ',' or 'end of string'")
            if self.next in MARKS and self.next != "!":
                raise SelectorError(f"found '{self.next}', expected: identifier after ','")
        return found

    def _take(self) -> str:
        taken, self.next = self.next, next(self.tokens, "")
        return taken

    def _requirement(self) -> Requirement:
        absent = self.next == "!"
        if absent:
            self._take()
        key = self._take()
        if key in MARKS:
            raise _unreadable(f"found '{key}', expected: identifier")
        faults = names.qualified_name(key)
        if faults:
            raise _unreadable(f'key: Invalid value: "{key}": {"; ".join(faults)}')
        if absent or self.next in ("", ","):
            return Requirement(key, ABSENT if absent else EXISTS)
        return self._comparison(key)

    def _comparison(self, key: str) -> Requirement:
        word = self._take()
        operator = OPERATORS.get(word)
        if operator is None:
            raise _unreadable(f"found '{word}', expected: in, notin, =, ==, !=, gt, lt")
        values = self._set() if word in ("in", "notin") else frozenset((self._exact(),))
        if operator in (GREATER, LESS):
            for value in values:
                if not re.fullmatch(r"[+-]?[0-9]+", value):
                    raise _unreadable(f'values[0]: Invalid value: "{value}": for \'Gt\', \'Lt\' operators, '
                                      "the value must be an integer")
        for position, value in enumerate(sorted(values)):
            faults = names.label_value(value)
            if faults:
                raise _unreadable(f'values[{position}][{key}]: Invalid value: "{value}": {"; ".join(faults)}')
        return Requirement(key, operator, values)

    def _exact(self) -> str:
        if self.next in ("", ","):
            return ""
        value = self._take()
        if value in MARKS:
            raise _unreadable(f"found '{value}', expected: identifier")
        return value

    def _set(self) -> frozenset[str]:
        opening = self._take()
        if opening != "(":
            raise _unreadable(f"found '{opening}' expected: '('")
        values: set[str] = set()
        wanted = True  # a value may come; an empty one counts where a comma stands instead
        while self.next != ")":
            word = self._take()
            if word == ",":
                values |= {""} if wanted else set()
                wanted = True
            elif word in MARKS:
                raise _unreadable(f"found '{word}', expected: ',', ')' or identifier")
            elif not wanted:
                raise _unreadable(f"found '{word}', expected: ',' or ')'")
            else:
                values.add(word)
                wanted = False
        if wanted and values:
            values.add("")
        self._take()
        if not values:
            raise _unreadable("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
        return frozenset(values)


def _unreadable(why: str) -> SelectorError:
    return SelectorError(f"unable to parse requirement: {why}")
