"""The types of expressions, as a checker needs them. Dynamic ones fit everything.

`size_max` is how many characters, items or entries a value may have at most; None where nothing says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

Fields = Callable[[str], "Type | None"]


class Type:
    """One type. fields: finds the members of an object's type. parameter: it stands for any, the same everywhere."""

    __slots__ = ("args", "fields", "name", "parameter", "size_max")

    def __init__(self, name: str, args: tuple[Type, ...] = (), *, size_max: int | None = None,
                 fields: Fields | None = None) -> None:
        self.name, self.args, self.size_max, self.fields = name, args, size_max, fields
        self.parameter = len(name) == 1

    def __str__(self) -> str:
        if self.name == "type":
            return f"type({self.args[0]})" if self.args else "type"
        return f"{self.name}({', '.join(map(str, self.args))})" if self.args else self.name

    @property
    def dynamic(self) -> bool:
        """Whether nothing is known of the values."""
        return self.name in ("dyn", "error")


DYN, BOOL, INT, UINT, DOUBLE = Type("dyn"), Type("bool"), Type("int"), Type("uint"), Type("double")
STRING, BYTES, NULL = Type("string"), Type("bytes"), Type("null")
MOMENT, SPAN = Type("timestamp"), Type("duration")
NULLABLE = frozenset({"timestamp", "duration", "optional_type"})
Bindings = dict[str, Type]


def list_of(item: Type) -> Type:
    """Return the type of lists of something."""
    return Type("list", (item,))


def map_of(key: Type, value: Type) -> Type:
    """Return the type of maps."""
    return Type("map", (key, value))


def optional_of(value: Type) -> Type:
    """Return the type of values that may be absent."""
    return Type("optional_type", (value,))


@lru_cache(maxsize=512)
def read(text: str) -> Type:
    """Read a type as declarations write it: `map<string, list<A>>`."""
    head, _, rest = text.strip().partition("<")
    if not rest:
        return Type({"optional": "optional_type"}.get(head, head))
    return Type({"optional": "optional_type"}.get(head, head), tuple(read(one) for one in split(rest[:-1])))


def split(text: str) -> list[str]:
    """Cut at the commas that stand outside of brackets."""
    parts, depth, part = list[str](), 0, ""
    for sign in text:
        depth += (sign == "<") - (sign == ">")
        if sign == "," and not depth:
            parts.append(part.strip())
            part = ""
        else:
            part += sign
    return [*parts, part.strip()] if part.strip() else parts


def fits(wanted: Type, given: Type, bound: Bindings) -> bool:
    """Say whether a value of one type may stand where another is wanted. bound: what parameters have come to mean."""
    if wanted.parameter:
        known = bound.get(wanted.name)
        if known is None or known.dynamic or known.parameter:  # a parameter that means a parameter means nothing yet
            bound[wanted.name] = given
            return True
        if given.parameter or given.dynamic:
            return True
        return fits(known, given, bound) or fits(given, known, bound)
    if wanted.dynamic or given.dynamic or given.parameter:
        return True
    if given.name == "null" and wanted.name in NULLABLE:
        return True
    if wanted.name != given.name:
        return False
    if wanted.name == "type":
        return True
    return all(fits(want, give, bound) for want, give in zip(wanted.args, given.args, strict=False))


def filled(made: Type, bound: Bindings) -> Type:
    """Put what parameters mean into a type; what means nothing stays open to all."""
    if made.parameter:
        return bound.get(made.name, made)
    if not made.args:
        return made
    return Type(made.name, tuple(filled(one, bound) for one in made.args), size_max=made.size_max, fields=made.fields)


def joined(left: Type, right: Type) -> Type:
    """Return what two kinds of items have in common."""
    if left.parameter or right.parameter:
        return right if left.parameter else left
    if left.name == right.name and fits(left, right, {}) and fits(right, left, {}):
        return left if not any(one.parameter for one in left.args) else right
    return DYN
