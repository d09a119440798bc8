"""Read-only events/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import core_v1, meta_v1


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """events/v1 Event."""

    action: str | None = None
    apiVersion: str = field(default_factory=lambda: "events.k8s.io/v1")
    deprecatedCount: int | None = None
    deprecatedFirstTimestamp: str | None = None
    deprecatedLastTimestamp: str | None = None
    deprecatedSource: core_v1.EventSource | None = None
    eventTime: str | None = None
    kind: str = field(default_factory=lambda: "Event")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    note: str | None = None
    reason: str | None = None
    regarding: core_v1.ObjectReference | None = None
    related: core_v1.ObjectReference | None = None
    reportingController: str | None = None
    reportingInstance: str | None = None
    series: EventSeries | None = None
    type: str | None = None


class EventList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """events/v1 EventList."""

    apiVersion: str = field(default_factory=lambda: "events.k8s.io/v1")
    items: tuple[Event, ...] = ()
    kind: str = field(default_factory=lambda: "EventList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class EventSeries(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """events/v1 EventSeries."""

    count: int = field(default_factory=int)
    lastObservedTime: str | None = None
