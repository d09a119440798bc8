"""Choose the events that nobody will ask for any more. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from knarr.api.types.core_v1 import Event
from knarr.base.times import seconds

TTL_S = 3600.0


def expired(events: Iterable[Event], now_s: float) -> list[Event]:
    """Return the events last seen more than an hour ago, the oldest first. now_s: seconds since 1970."""
    old = [(last_seen_s(event), event) for event in events]
    return [event for seen_s, event in sorted(old, key=lambda pair: pair[0]) if now_s - seen_s > TTL_S]


def last_seen_s(event: Event) -> float:
    """Return when an event was last seen: the newest of the times it carries."""
    series = event.series.lastObservedTime if event.series is not None else None
    texts = (event.lastTimestamp, event.eventTime, series, event.metadata.creationTimestamp)
    return max((seconds(text) for text in texts if text), default=0.0)
