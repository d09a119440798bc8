"""Name what can go wrong with an expression.

    CelError                    the expression cannot be compiled, or fails on its values
      NoOverload                no function of the name takes these values
      OverBudget                the evaluation cost more than it may
"""

from __future__ import annotations


class CelError(Exception):
    """An expression cannot be compiled, or fails on its values; says why."""


class NoOverload(CelError):
    """No function of the name takes these values."""

    def __init__(self) -> None:
        super().__init__("no such overload")


class OverBudget(CelError):
    """The evaluation was stopped, for it cost more than it may."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


def pointed(text: str, at: int, why: str) -> str:
    """Say where in an expression something is wrong, as CEL's own faults do. at: characters from the start."""
    line = text.count("\n", 0, at) + 1
    start = text.rfind("\n", 0, at) + 1
    column = at - start
    shown = text[start:].partition("\n")[0]
    return f"ERROR: <input>:{line}:{column + 1}: {why}\n | {shown}\n | {'.' * column}^"
