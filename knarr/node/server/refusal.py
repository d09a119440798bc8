"""Say no to a request: a status and a message, sent as a `v1.Status`."""

from __future__ import annotations


class Refusal(Exception):
    """The request cannot be served. status: HTTP."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
