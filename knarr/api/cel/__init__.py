"""Compile, check and evaluate CEL, the language of rules, with Kubernetes' libraries. Pure.

    compiled(text).value({"self": …})     compile once, evaluate often
    check.check(tree, variables)          what types an expression deals with, before it meets any value
    cost.estimate(checked)                what it can cost at most
    parser → syntax → check, cost, evaluate;  library/ has the functions

Values go in as JSON has them, and come out as `values` describes. Nothing is compiled twice.
Source: CEL language definition; cel-go; kube apiserver pkg/cel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from knarr.api.cel.check import check
from knarr.api.cel.evaluate import Frame, Run, build
from knarr.api.cel.faults import CelError, NoOverload, OverBudget
from knarr.api.cel.parser import parse
from knarr.api.cel.syntax import Expr
from knarr.api.cel.types import DYN
from knarr.api.cel.values import Moment, Optional, Span, moment, span

__all__ = ["CelError", "Moment", "NoOverload", "Optional", "OverBudget", "Program", "Span", "compiled", "moment",
           "span", "tree"]

COMPILED_MAX = 4096  # expressions kept
TEXT_MAX = 16 << 10  # characters of an expression, as the API limits rules; longer ones are refused
CALL_COST_MAX = 1_000_000  # of one evaluation. Source: kube apiserver pkg/apis/cel/config.go, PerCallLimit


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression."""

    run: Run
    tree: Expr
    result: str = "DYN"  # the type of the value as far as it is known: BOOL, STRING, NULL, MAP, LIST

    def value(self, variables: Mapping[str, Any]) -> Any:
        """Return its value; raises CelError."""
        return self.spent(variables)[0]

    def spent(self, variables: Mapping[str, Any], limit: int = CALL_COST_MAX) -> tuple[Any, int]:
        """Return its value and what that has cost; raises CelError, OverBudget if it costs more than `limit`."""
        frame = Frame(dict(variables), limit)
        return self.run(frame), frame.cost


@lru_cache(maxsize=COMPILED_MAX)
def tree(text: str) -> Expr:
    """Read an expression; raises CelError."""
    if len(text) > TEXT_MAX:
        raise CelError(f"the expression is longer than {TEXT_MAX} characters")
    return parse(text)


@lru_cache(maxsize=COMPILED_MAX)
def compiled(text: str, *, names: tuple[str, ...] = ()) -> Program:
    """Compile an expression; raises CelError. names: the variables, where all that is not theirs is to be refused."""
    root = tree(text)
    result = str(check(text, root, dict.fromkeys(names, DYN)).result) if names else "dyn"
    return Program(build(root), root, result.partition("(")[0].upper())

