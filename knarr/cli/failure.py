"""Name what a request can end in, for the person at the terminal: what the server said, and what to do next."""

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
    reason = str(status.get("reason") or "Unknown")
    message = str(status.get("message") or f"HTTP {code}").strip()
    return RequestFailed(message, code, reason, _next_step(reason, status))


NEXT_STEPS = {  # reason → what to do
    "Unauthorized": "the kubeconfig's certificate or token is not good here; this machine's own: knarr kubeconfig",
    "Forbidden": "ask for a role that allows it; what you may do: kubectl auth can-i --list",
    "Conflict": "someone else changed it meanwhile: run it again",
    "AlreadyExists": "change it instead: knarr apply -f FILE",
    "Invalid": "mend the fields it names, then run it again",
    "BadRequest": "mend what it names, then run it again",
    "RequestEntityTooLarge": "split it into smaller objects",
    "TooManyRequests": "wait a little, then run it again",
    "ServiceUnavailable": "what ails the server: knarr doctor",
    "InternalError": "what ails the server: knarr doctor",
}


def _next_step(reason: str, status: dict[str, Any]) -> str:
    kind = str((status.get("details") or {}).get("kind") or "")
    if reason == "NotFound" and kind == "namespaces":
        return "what there is: knarr get namespaces; or make it: kubectl create namespace NAME"
    if reason == "NotFound" and kind:
        return f"what there is: knarr get {kind} -A"
    return NEXT_STEPS.get(reason, "")
