"""Say what an expression can cost at most, from the sizes that its types allow. A twin of the charges in `evaluate`.

Source: cel-go checker/cost.go; kube apiserver pkg/cel/library/cost.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from knarr.api.cel.check import Checked
from knarr.api.cel.evaluate import LIST_COST, MAP_COST, MESSAGE_COST
from knarr.api.cel.overloads import COST_MAX, Overload, flat
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
from knarr.api.cel.types import Type

TURN = {"all": 3, "exists": 4, "exists_one": 2, "filter": 13, "map": 12, "transformList": 12, "transformMap": 32,
        "transformMapEntry": 32}
SIZED = frozenset({"string", "bytes", "list", "map", "dyn", "object"})
SHORT = frozenset({"_&&_", "_||_", "_?_:_"})


@dataclass(frozen=True, slots=True)
class Estimate:
    """cost: at most. size: of the value, at most."""

    cost: int
    size: int


def estimate(checked: Checked) -> int:
    """Return what one evaluation can cost at most, COST_MAX where nothing bounds it."""
    return _of(checked, checked.tree, {}).cost


def _of(checked: Checked, node: Expr, sizes: dict[str, int]) -> Estimate:
    """sizes: of bound variables, where more is known than their type says."""
    match node:
        case Literal():
            return Estimate(0, len(node.value) if isinstance(node.value, str | bytes) else 1)
        case Ident():
            return Estimate(1, sizes.get(node.name, _size(checked, node)))
        case Select():
            return Estimate(_capped(_of(checked, node.operand, sizes).cost + 1), _size(checked, node))
        case Call():
            return _call(checked, node, sizes)
        case ListExpr():
            return Estimate(_all(checked, node, sizes) + LIST_COST, len(node.items))
        case MapExpr():
            return Estimate(_all(checked, node, sizes) + MAP_COST, len(node.entries))
        case Message():
            return Estimate(_all(checked, node, sizes) + MESSAGE_COST, 1)
        case Loop():
            return _loop(checked, node, sizes)
        case Bind():
            value = _of(checked, node.value, sizes)
            body = _of(checked, node.body, {**sizes, node.name: value.size})
            return Estimate(_capped(value.cost + body.cost + LIST_COST), body.size)  # in cel-go it loops over no item
        case OptMap():
            source = _of(checked, node.source, sizes)
            body = _of(checked, node.body, sizes)
            return Estimate(_capped(source.cost + body.cost + 1), body.size)
    raise AssertionError(node)


def _capped(number: int) -> int:
    return min(number, COST_MAX)


def _size(checked: Checked, node: Expr) -> int:
    return size_of(checked.types[node])


def size_of(kind: Type) -> int:
    """Return how large a value of a type can be."""
    if kind.size_max is not None:
        return kind.size_max
    if kind.name == "optional_type" and kind.args:
        return size_of(kind.args[0])
    return COST_MAX if kind.name in SIZED else 1


def _all(checked: Checked, node: Expr, sizes: dict[str, int]) -> int:
    return _capped(sum(_of(checked, one, sizes).cost for one in children(node)))


def _call(checked: Checked, node: Call, sizes: dict[str, int]) -> Estimate:
    if node.name in SHORT:
        return _branches(checked, node, sizes)
    overloads, args = checked.called[node]
    inner = [_of(checked, one, sizes) for one in args]
    given = tuple(one.size for one in inner)
    cost = sum(one.cost for one in inner) + max(_charge(one, given, checked, args) for one in overloads)
    return Estimate(_capped(cost), max(_result_size(one, given, checked, node) for one in overloads))


def _charge(overload: Overload, given: tuple[int, ...], checked: Checked, args: tuple[Expr, ...]) -> int:
    cost = 1 if overload.cost is flat else overload.cost(given)
    if overload.member and overload.parameters[0].name == "list" and cost > 1:
        item = checked.types[args[0]].args
        texts = item and item[0].name in ("string", "bytes")
        cost *= 1 + (size_of(item[0]) + 9) // 10 if texts else 1
    return _capped(cost)


def _result_size(overload: Overload, given: tuple[int, ...], checked: Checked, node: Expr) -> int:
    return _capped(overload.size(given)) if overload.size is not None else _size(checked, node)


def _branches(checked: Checked, node: Call, sizes: dict[str, int]) -> Estimate:
    inner = [_of(checked, one, sizes) for one in node.args]
    if node.name == "_?_:_":
        test, yes, no = inner
        return Estimate(_capped(test.cost + max(yes.cost, no.cost)), max(yes.size, no.size))
    return Estimate(_capped(sum(one.cost for one in inner)), 1)


def _loop(checked: Checked, node: Loop, sizes: dict[str, int]) -> Estimate:
    source = _of(checked, node.source, sizes)
    turn = TURN[node.sort] + sum(_of(checked, one, sizes).cost for one in (node.test, node.body) if one is not None)
    start = {"map": LIST_COST, "filter": LIST_COST, "transformList": LIST_COST, "transformMap": MAP_COST,
             "transformMapEntry": MAP_COST}.get(node.sort, 0)
    end = 2 if node.sort == "exists_one" else 1
    return Estimate(_capped(source.cost + start + source.size * turn + end), source.size)
