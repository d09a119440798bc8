"""Name the one error that starting and stopping can end in: what went wrong, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class Failure(Exception):
    """The machine or the user must do something first. fix: the next command or step, in one line."""

    why: str
    fix: str

    def __str__(self) -> str:
        return f"{self.why}\n  → {self.fix}" if self.fix else self.why
