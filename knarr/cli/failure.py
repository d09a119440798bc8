"""Name what a request can end in, for the person at the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class RequestFailed(Exception):
    """The server refused, or did not answer. code: HTTP status, 0 when there was no answer."""

    message: str
    code: int = 0
    reason: str = ""
    hint: str = ""

    def __str__(self) -> str:
        head = f"Error from server ({self.reason}): {self.message}" if self.reason else self.message
        return f"{head}\n  → {self.hint}" if self.hint else head


def refused(code: int, status: dict[str, Any]) -> RequestFailed:
    """Turn a `v1.Status` into the failure a person reads."""
    return RequestFailed(str(status.get("message") or f"HTTP {code}"), code, str(status.get("reason") or "Unknown"))
