"""Turn a tree into functions that compute it. Each step is charged to the frame, which has a limit.

A failure is an exception; `&&`, `||` and the tests of `all` and `exists` pass one over where the other side decides.
Source: CEL language definition, Evaluation; cel-go interpreter/runtimecost.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from knarr.api.cel.faults import CelError, NoOverload, OverBudget
from knarr.api.cel.library import FUNCTIONS
from knarr.api.cel.library.basics import NONE
from knarr.api.cel.library.operators import BINARY
from knarr.api.cel.loops import loop
from knarr.api.cel.overloads import Overload, flat
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
)
from knarr.api.cel.values import NAMES, Moment, Optional, Span, Thing, TypeName

LIST_COST, MAP_COST, MESSAGE_COST = 10, 30, 40
TYPES = {name: TypeName(name) for name in NAMES.values()}
KEYS = (str, int, bool)
ABSENT: Any = object()


class Frame:
    """The variables of one evaluation, and what it has cost."""

    __slots__ = ("cost", "limit", "names")

    def __init__(self, names: dict[str, Any], limit: int) -> None:
        self.names, self.limit, self.cost = names, limit, 0

    def charge(self, cost: int) -> None:
        """Add to the cost; raises OverBudget."""
        self.cost += cost
        if self.cost > self.limit:
            raise OverBudget


Run = Callable[[Frame], Any]


def build(node: Expr) -> Run:
    """Return what computes an expression; raises CelError for functions that nobody knows."""
    match node:
        case Literal():
            value = node.value
            return lambda frame: value
        case Ident():
            return _ident(node.name)
        case Select():
            return _select(node)
        case Call():
            return _call(node)
        case ListExpr():
            return _list(node)
        case MapExpr():
            return _map(node)
        case Message():
            return _message(node)
        case Loop():
            return loop(node.sort, len(node.names) == 2, source=build(node.source), names=node.names,
                        test=build(node.test) if node.test is not None else None,
                        body=build(node.body) if node.body is not None else None)
        case Bind():
            return _bind(node, LIST_COST)
        case OptMap():
            return _opt_map(node)
    raise AssertionError(node)


def _ident(name: str) -> Run:
    def run(frame: Frame) -> Any:
        frame.charge(1)
        found = frame.names.get(name, ABSENT)
        if found is not ABSENT:
            return found
        if name in TYPES:
            return TYPES[name]
        raise CelError(f"no such attribute(s): {name}")
    return run


def dotted(node: Expr) -> str:
    """Return a chain of names as text; empty if it is something else."""
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.test and not node.optional:
        head = dotted(node.operand)
        return f"{head}.{node.field}" if head else ""
    return ""


def _select(node: Select) -> Run:
    full, field = dotted(node), node.field
    if full in TYPES:
        return lambda frame: TYPES[full]
    operand, test, optional = build(node.operand), node.test, node.optional

    def run(frame: Frame) -> Any:
        held = operand(frame)
        frame.charge(1)
        chained = type(held) is Optional
        if chained:
            if not held.there:
                return False if test else held
            held = held.value
        if type(held) is not dict:
            raise NoOverload
        found = held.get(field, ABSENT)
        if test:
            return found is not ABSENT
        if found is not ABSENT:
            return Optional(True, found) if optional or chained else found
        if optional or chained:
            return NONE
        raise CelError(f"no such key: {field}")
    return run


def _call(node: Call) -> Run:
    name = node.name
    if name in ("_&&_", "_||_"):
        return _either(build(node.args[0]), build(node.args[1]), decides=name == "_||_")
    if name == "_?_:_":
        return _choice(*map(build, node.args))
    if name == "!_":
        return _not(build(node.args[0]))
    if name in BINARY:
        return _binary(node)
    args, member = node.args, node.target is not None
    if node.target is not None:
        spaced = f"{dotted(node.target)}.{name}"
        if (spaced, False) in FUNCTIONS.names:
            name, member = spaced, False
        else:
            args = (node.target, *args)
    if member and name in ("or", "orValue") and len(args) == 2:
        return _otherwise(build(args[0]), build(args[1]), unwrapped=name == "orValue")
    found = FUNCTIONS.find(name, len(args), member=member)
    if not found and name not in {one for one, _ in FUNCTIONS.names}:
        raise CelError(f"undeclared reference to '{name}' (in container '')")
    return _function(found, tuple(map(build, args)))


def _function(overloads: list[Overload], args: tuple[Run, ...]) -> Run:
    def run(frame: Frame) -> Any:
        values = tuple([one(frame) for one in args])
        for overload in overloads:
            if overload.takes(values):
                break
        else:
            raise NoOverload
        frame.charge(1 if overload.cost is flat else overload.cost(tuple(map(size_of, values))))
        assert overload.run is not None
        return overload.run(*values)
    return run


def size_of(value: Any) -> int:
    """Return how large a value is, as costs count: characters, items, entries, or 1."""
    return len(value) if isinstance(value, str | bytes | list | dict) else 1


def _binary(node: Call) -> Run:
    operator, name = BINARY[node.name], node.name
    left, right = build(node.args[0]), build(node.args[1])
    sized = name in ("_==_", "_!=_", "_+_", "@in")

    def run(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        frame.charge(_operator_cost(name, one, other) if sized else 1)
        return operator(one, other)
    return run


def _operator_cost(name: str, left: Any, right: Any) -> int:
    if name == "@in":
        return len(right) if type(right) is list else 1
    if name == "_+_":
        return (size_of(left) + size_of(right) + 9) // 10 if type(left) is str else 1
    return (min(size_of(left), size_of(right)) + 9) // 10


def _either(left: Run, right: Run, *, decides: bool) -> Run:
    """Compute `||`, for which True decides, or `&&`, for which False does."""
    def run(frame: Frame) -> Any:
        fault: CelError | None = None
        try:
            value = left(frame)
            if value is decides:
                return decides
            if value is not (not decides):
                fault = NoOverload()
        except OverBudget:
            raise
        except CelError as found:
            fault = found
        value = right(frame)
        if value is decides:
            return decides
        if fault is not None:
            raise fault
        if value is not (not decides):
            raise NoOverload
        return value
    return run


def _choice(test: Run, yes: Run, no: Run) -> Run:
    def run(frame: Frame) -> Any:
        value = test(frame)
        if value is True:
            return yes(frame)
        if value is False:
            return no(frame)
        raise NoOverload
    return run


def _otherwise(first: Run, second: Run, *, unwrapped: bool) -> Run:
    """Ask the second only where the first has nothing. Source: cel-go cel/optional.go, evalOptionalOr."""
    def run(frame: Frame) -> Any:
        value = first(frame)
        frame.charge(1)
        if type(value) is not Optional:
            raise NoOverload
        if value.there:
            return value.value if unwrapped else value
        other = second(frame)
        if not unwrapped and type(other) is not Optional:
            raise NoOverload
        return other
    return run


def _not(operand: Run) -> Run:
    def run(frame: Frame) -> Any:
        value = operand(frame)
        frame.charge(1)
        if value is True or value is False:
            return not value
        raise NoOverload
    return run


def _list(node: ListExpr) -> Run:
    items, optional = [build(one) for one in node.items], node.optional

    def run(frame: Frame) -> Any:
        frame.charge(LIST_COST)
        if not optional:
            return [one(frame) for one in items]
        made = []
        for number, one in enumerate(items):
            value = one(frame)
            if number not in optional:
                made.append(value)
            elif present(value):
                made.append(value.value)
        return made
    return run


def present(value: Any) -> bool:
    """Say whether an entry behind `?` is there; raises CelError for one that is no optional."""
    if not isinstance(value, Optional):
        raise CelError("cannot initialize optional entry from a non-optional value")
    return value.there


def _map(node: MapExpr) -> Run:
    entries, optional = [(build(key), build(value)) for key, value in node.entries], node.optional

    def run(frame: Frame) -> Any:
        frame.charge(MAP_COST)
        made: dict[Any, Any] = {}
        for number, (key_of, value_of) in enumerate(entries):
            key, value = key_of(frame), value_of(frame)
            if not isinstance(key, KEYS):
                raise CelError(f"unsupported key type: {key}")
            if key in made:
                raise CelError(f"duplicate map key: {key}")
            if number not in optional:
                made[key] = value
            elif present(value):
                made[key] = value.value
        return made
    return run


def _message(node: Message) -> Run:
    name, entries = node.name, [(field, build(value)) for field, value in node.entries]

    def run(frame: Frame) -> Any:
        frame.charge(MESSAGE_COST)
        return Thing(name, {field: plain(value(frame)) for field, value in entries})
    return run


def plain(value: Any) -> Any:
    """Bring a value into JSON's form: what `JSONPatch` and `Object` hold."""
    match value:
        case dict():
            return {str(key): plain(one) for key, one in value.items()}
        case list():
            return [plain(one) for one in value]
        case Thing():
            return plain(value.held) if isinstance(value.held, dict) else str(value.held)
        case Moment() | Span():
            return FUNCTIONS.find("string", 1, member=False)[0].run(value)  # type: ignore[misc]
        case Optional():
            return plain(value.value) if value.there else None
    return value


def _bind(node: Bind, cost: int = 0) -> Run:
    value_of, body, name = build(node.value), build(node.body), node.name

    def run(frame: Frame) -> Any:
        frame.charge(cost)
        value = value_of(frame)
        before = frame.names.get(name, ABSENT)
        frame.names[name] = value
        try:
            return body(frame)
        finally:
            restore(frame, name, before)
    return run


def restore(frame: Frame, name: str, before: Any) -> None:
    """Give a name back what it meant before."""
    if before is ABSENT:
        frame.names.pop(name, None)
    else:
        frame.names[name] = before


def _opt_map(node: OptMap) -> Run:
    source, flat_ = build(node.source), node.flat
    body = _bind(Bind(node.at, node.name, Ident(node.at, "@optional"), node.body))

    def run(frame: Frame) -> Any:
        held = source(frame)
        if type(held) is not Optional:
            raise NoOverload
        if not held.there:
            return NONE
        frame.names["@optional"] = held.value
        found = body(frame)
        return found if flat_ else Optional(True, found)
    return run
