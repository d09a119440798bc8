"""Say what types an expression deals with, and refuse what cannot work, before it meets any value.

Source: cel-go checker/{checker,types,errors}.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from knarr.api.cel import types
from knarr.api.cel.evaluate import TYPES, dotted
from knarr.api.cel.faults import CelError, pointed
from knarr.api.cel.library import FUNCTIONS
from knarr.api.cel.overloads import Overload
from knarr.api.cel.syntax import (
    Bind,
    Call,
    Expr,
    Ident,
    ListExpr,
    Literal,
    Loop,
    MapExpr,
    Message,
    OptMap,
    Select,
    children,
)
from knarr.api.cel.types import BOOL, DYN, Type, fits, list_of, map_of, optional_of
from knarr.api.cel.values import moment, span
from knarr.api.regexes import matcher

ERROR = Type("error")
EMPTY_ITEM = Type("A")
LITERALS = {"bool": types.BOOL, "int": types.INT, "Uint": types.UINT, "float": types.DOUBLE, "str": types.STRING,
            "bytes": types.BYTES, "NoneType": types.NULL}
PATCH = {"op": types.STRING, "path": types.STRING, "from": types.STRING, "value": DYN}
READERS: dict[str, Callable[[str], object]] = {"duration": span, "timestamp": moment, "matches": matcher}
Variables = Mapping[str, Type]


@dataclass(slots=True)
class Checked:
    """An expression whose types are known. called: the functions that its calls may mean."""

    tree: Expr
    variables: Variables
    types: dict[Expr, Type] = field(default_factory=dict)
    called: dict[Expr, tuple[list[Overload], tuple[Expr, ...]]] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)

    @property
    def result(self) -> Type:
        """What the expression evaluates to."""
        return self.types[self.tree]


def check(text: str, tree: Expr, variables: Variables, *, messages: frozenset[str] = frozenset()) -> Checked:
    """Check an expression; raises CelError with every fault. messages: the names that `Name{…}` may have."""
    checked = Checked(tree, variables)
    _Checker(checked, messages).type_of(tree, dict(variables))
    if checked.faults:
        raise CelError("\n".join(pointed(text, at, why) for at, why in sorted(checked.faults, key=lambda one: one[0])))
    return checked


class _Checker:
    """One walk over a tree. Scopes are dicts from names to types."""

    def __init__(self, checked: Checked, messages: frozenset[str]) -> None:
        self._checked, self._messages = checked, messages
        self._formatting = 0  # calls of `format` around what is looked at

    def type_of(self, node: Expr, scope: dict[str, Type]) -> Type:
        """Return the type of a node, and note it."""
        found = self._found(node, scope)
        self._checked.types[node] = found
        return found

    def _fault(self, at: int, why: str) -> Type:
        self._checked.faults.append((at, why))
        return ERROR

    def _found(self, node: Expr, scope: dict[str, Type]) -> Type:
        match node:
            case Literal():
                return LITERALS[type(node.value).__name__]
            case Ident():
                return self._ident(node, scope)
            case Select():
                return self._select(node, scope)
            case Call():
                return self._call(node, scope)
            case ListExpr():
                found = [(one, self._opened(self.type_of(one, scope), number in node.optional))
                         for number, one in enumerate(node.items)]
                return list_of(self._one(found))
            case MapExpr():
                keys = [(key, self.type_of(key, scope)) for key, _ in node.entries]
                values = [(value, self._opened(self.type_of(value, scope), number in node.optional))
                          for number, (_, value) in enumerate(node.entries)]
                return map_of(self._one(keys), self._one(values))
            case Message():
                return self._message(node, scope)
            case Loop():
                return self._loop(node, scope)
            case Bind():
                return self.type_of(node.body, {**scope, node.name: self.type_of(node.value, scope)})
            case OptMap():
                return self._opt_map(node, scope)
        raise AssertionError(node)

    def _one(self, found: list[tuple[Expr, Type]]) -> Type:
        """Return what the items of a constant have in common: all are of one type, but what is given to `format`.

        Source: kube environment/base.go; cel-go cel/validator.go, homogeneousAggregateLiteralValidator.
        """
        common = EMPTY_ITEM
        for node, one in found:
            if one is ERROR or common is ERROR:
                return ERROR
            if not self._formatting and not fits(common, one, {}) and not fits(one, common, {}):
                common = self._fault(node.at, f"expected type '{common}' but found '{one}'")
                continue
            common = types.joined(common, one)
        return common

    def _opened(self, given: Type, optional: bool) -> Type:
        if not optional:
            return given
        return given.args[0] if given.name == "optional_type" and given.args else DYN

    def _ident(self, node: Ident, scope: dict[str, Type]) -> Type:
        if node.name in scope:
            return scope[node.name]
        if node.name in TYPES:
            return Type("type", (Type(node.name),))
        return self._fault(node.at, f"undeclared reference to '{node.name}' (in container '')")

    def _select(self, node: Select, scope: dict[str, Type]) -> Type:
        full = dotted(node)
        if full in TYPES:
            return Type("type", (Type(full),))
        if full in scope:  # `authorizer.requestResource` is one variable
            return scope[full]
        held = self.type_of(node.operand, scope)
        optional = held.name == "optional_type"
        held = held.args[0] if optional and held.args else held
        found = self._field(node, held)
        if node.test:
            return BOOL
        return optional_of(found) if (optional or node.optional) and found is not ERROR else found

    def _field(self, node: Select, held: Type) -> Type:
        if held.dynamic or held.parameter:
            return DYN
        if held.name == "map":
            return held.args[1]
        if held.fields is None:
            return self._fault(node.at, f"type '{held}' does not support field selection")
        found = held.fields(node.field)
        return found if found is not None else self._fault(node.at, f"undefined field '{node.field}'")

    def _call(self, node: Call, scope: dict[str, Type]) -> Type:
        name, args, member = node.name, node.args, node.target is not None
        if node.target is not None:
            spaced = f"{dotted(node.target)}.{name}"
            if (spaced, False) in FUNCTIONS.names and dotted(node.target) not in scope:
                name, member = spaced, False
            else:
                args = (node.target, *args)
        self._formatting += name == "format"
        given = [self.type_of(one, scope) for one in args]
        self._formatting -= name == "format"
        if any(one is ERROR for one in given):
            return ERROR
        if (name, member) not in FUNCTIONS.names:
            return self._fault(node.at, f"undeclared reference to '{name}' (in container '')")
        return self._resolved(node, (name, member), args, given)

    def _resolved(self, node: Call, name: tuple[str, bool], args: tuple[Expr, ...], given: list[Type]) -> Type:
        fitting: list[Overload] = []
        results: list[Type] = []
        for overload in FUNCTIONS.find(name[0], len(args), member=name[1]):
            bound: types.Bindings = {}
            if all(fits(wanted, one, bound) for wanted, one in zip(overload.parameters, given, strict=True)):
                fitting.append(overload)
                results.append(types.filled(overload.result, bound))
        if not fitting:
            return self._fault(node.at, f"found no matching overload for '{name[0]}' applied to "
                                        f"'{_applied(given, member=name[1])}'")
        self._checked.called[node] = fitting, args
        self._literal(node)
        first = results[0]
        return first if all(fits(first, one, {}) and first.name == one.name for one in results[1:]) else DYN

    def _literal(self, node: Call) -> None:
        """Refuse constants that a function will never read. Source: cel-go cel/validator.go, formatValidator."""
        read, given = READERS.get(node.name), node.args[0] if node.args else None
        if read is None or not isinstance(given, Literal) or not isinstance(given.value, str):
            return
        try:
            read(given.value)
        except ValueError:
            self._fault(given.at, f"invalid {node.name} argument")

    def _message(self, node: Message, scope: dict[str, Type]) -> Type:
        head = node.name.partition(".")[0]
        if head not in self._messages:
            for child in children(node):
                self.type_of(child, scope)
            return self._fault(node.at, f"undeclared reference to '{node.name}' (in container '')")
        for name, value in node.entries:
            given = self.type_of(value, scope)
            wanted = PATCH.get(name) if head == "JSONPatch" else DYN
            if wanted is None:
                self._fault(value.at, f"undefined field '{name}'")
            elif not fits(wanted, given, {}):
                self._fault(value.at, f"expected type of field '{name}' is '{wanted}' but provided type is '{given}'")
        return Type(node.name)

    def _loop(self, node: Loop, scope: dict[str, Type]) -> Type:
        held = self.type_of(node.source, scope)
        key, value = self._ranged(node, held)
        if len(node.names) == 2:
            inner = {**scope, node.names[0]: key, node.names[1]: value}
        else:
            inner = {**scope, node.names[0]: key if held.name == "map" else value}
        if node.test is not None:
            self._expect(node.test, inner)
        body = self.type_of(node.body, inner) if node.body is not None else BOOL
        if node.sort in ("all", "exists", "exists_one"):
            return BOOL
        if node.sort == "filter":
            return list_of(inner[node.names[0]])
        if node.sort == "transformMap":
            return map_of(key, body)
        return body if node.sort == "transformMapEntry" else list_of(body)

    def _ranged(self, node: Loop, held: Type) -> tuple[Type, Type]:
        """Return the types of a turn's key (or number) and value."""
        if held.name == "list":
            return types.INT, held.args[0]
        if held.name == "map":
            return held.args[0], held.args[1]
        if not held.dynamic and not held.parameter:
            self._fault(node.source.at, f"expression of type '{held}' cannot be range of a comprehension "
                                        "(must be list, map, or dynamic)")
        return DYN, DYN

    def _expect(self, node: Expr, scope: dict[str, Type]) -> None:
        found = self.type_of(node, scope)
        if not fits(BOOL, found, {}):
            self._fault(node.at, f"expected type 'bool' but found '{found}'")

    def _opt_map(self, node: OptMap, scope: dict[str, Type]) -> Type:
        held = self.type_of(node.source, scope)
        if held.name != "optional_type" and not held.dynamic:
            return self._fault(node.at, f"found no matching overload for 'optMap' applied to '{held}'")
        inner = held.args[0] if held.args else DYN
        body = self.type_of(node.body, {**scope, node.name: inner})
        return body if node.flat else optional_of(body)


def _applied(given: list[Type], *, member: bool) -> str:
    if member:
        return f"{given[0]}.({', '.join(map(str, given[1:]))})"
    return f"({', '.join(map(str, given))})"
