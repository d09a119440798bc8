"""Word things for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MINUTE_S, HOUR_S, DAY_S, YEAR_S = 60, 3_600, 86_400, 31_536_000


def human_duration(seconds_s: float) -> str:
    """Return an age as tables show it: short, and coarser the longer it is.

    Source: kube apimachinery util/duration/duration.go, HumanDuration.

    >>> [human_duration(s) for s in (-5, 0, 119, 330, 7200, 28_800, 200_000, 90_000_000)]
    ['<invalid>', '0s', '119s', '5m30s', '120m', '8h', '2d7h', '2y311d']
    """
    whole_s = int(seconds_s)
    if whole_s < -1:
        return "<invalid>"
    if whole_s < 2 * MINUTE_S:
        return f"{max(whole_s, 0)}s"
    if whole_s < 10 * MINUTE_S:
        return _two(whole_s, MINUTE_S, "m", unit_s=1, small="s")
    if whole_s < 3 * HOUR_S:
        return f"{whole_s // MINUTE_S}m"
    if whole_s < 8 * HOUR_S:
        return _two(whole_s, HOUR_S, "h", unit_s=MINUTE_S, small="m")
    if whole_s < 2 * DAY_S:
        return f"{whole_s // HOUR_S}h"
    if whole_s < 8 * DAY_S:
        return _two(whole_s, DAY_S, "d", unit_s=HOUR_S, small="h")
    if whole_s < 2 * YEAR_S:
        return f"{whole_s // DAY_S}d"
    if whole_s < 8 * YEAR_S:
        return _two(whole_s, YEAR_S, "y", unit_s=DAY_S, small="d")
    return f"{whole_s // YEAR_S}y"


def plural(count: int, noun: str, *, many: str = "") -> str:
    """Return a count with its noun.

    >>> plural(1, "pod"), plural(3, "pod"), plural(2, "policy", many="policies")
    ('1 pod', '3 pods', '2 policies')
    """
    return f"{count} {noun if count == 1 else many or noun + 's'}"


def sentence_list(items: Iterable[str], *, joiner: str = "and") -> str:
    """Return items as one would say them.

    >>> sentence_list(["a"]), sentence_list(["a", "b"]), sentence_list(["a", "b", "c"], joiner="or")
    ('a', 'a and b', 'a, b or c')
    """
    said = list(items)
    if len(said) < 2:
        return "".join(said)
    return f"{', '.join(said[:-1])} {joiner} {said[-1]}"


def shorten(text: str, *, characters_max: int) -> str:
    """Cut a text that is too long, and show that it was cut."""
    assert characters_max >= 3, f"characters_max must be >= 3 (got {characters_max})"
    return text if len(text) <= characters_max else text[: characters_max - 3] + "..."


def nearest(word: str, known: Sequence[str]) -> str | None:
    """Return the known word one probably meant, or None when none is close.

    >>> nearest("deploymnet", ["pods", "deployments"]), nearest("zebra", ["pods"])
    ('deployments', None)
    """
    near = min(known, key=lambda other: edits(word, other), default=None)
    return near if near is not None and edits(word, near) <= max(1, len(word) // 3) else None


def edits(one: str, other: str) -> int:
    """Count the insertions, deletions and replacements between two words (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        diagonal, row[0] = row[0], i
        for j, against in enumerate(other, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (letter != against))
    return row[-1]


def _two(whole_s: int, big_s: int, big: str, *, unit_s: int, small: str) -> str:
    rest = whole_s % big_s // unit_s
    return f"{whole_s // big_s}{big}" + (f"{rest}{small}" if rest else "")
