"""Check counts that may be given as a share: `2` or `25%`. Source: kube pkg/apis/apps/validation/validation.go."""

from __future__ import annotations

from knarr.api.validation import formats
from knarr.api.validation.spot import Spot


def count_or_percent(spot: Spot, value: int | str | None) -> None:
    """Check a number that is not negative, or a percentage."""
    if isinstance(value, str):
        faults = formats.percent(value)
        if faults:
            spot.each(value, faults)
    else:
        spot.not_negative(value)


def at_most_all(spot: Spot, value: int | str | None) -> None:
    """Check that a percentage is at most 100."""
    if share(value) > 100:
        spot.invalid(value, "must not be greater than 100%")


def share(value: int | str | None) -> int:
    """Return the number before the `%`; 0 for anything else."""
    return int(value[:-1]) if isinstance(value, str) and not formats.percent(value) else 0


def is_zero(value: int | str | None) -> bool:
    """Whether the value is 0 or 0%."""
    return value == 0 or (isinstance(value, str) and not formats.percent(value) and share(value) == 0)
