"""Write sets of completion indexes as a Job's status has them, and read them back. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def parse(text: str | None, *, limit: int) -> set[int]:
    """Return the indexes below `limit` that a text names; what cannot be read counts as none.

    >>> sorted(parse("1,3-5,7", limit=5))
    [1, 3, 4]
    """
    found: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            found.update(range(int(first), min(int(last or first) + 1, limit)))
    return found


def render(indexes: Iterable[int]) -> str:
    """Return the shortest text for a set: neighbours of three and more as a span. Source: kube indexed_job_utils.go.

    >>> render({0, 2, 4, 5, 7, 8, 9})
    '0,2,4,5,7-9'
    """
    spans: list[list[int]] = []
    for index in sorted(set(indexes)):
        if spans and spans[-1][-1] == index - 1:
            spans[-1][1:] = [index]
        else:
            spans.append([index])
    return ",".join(_span(*span) for span in spans)


def _span(first: int, last: int | None = None) -> str:
    if last is None:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"
