"""Check Events: leniently where they come through v1, strictly through events.k8s.io.

Both have the field paths of v1, whatever they were written as. Source: kube pkg/apis/core/validation/events.go.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api import names
from knarr.api.validation.spot import Spot

Obj = dict[str, Any]
TYPES: Final = ("Normal", "Warning")
TEXT_CHARS_MAX: Final = 128  # of who, what and why
NOTE_CHARS_MAX: Final = 1024
SERIES_MIN: Final = 2
UNSET: Final = "needs to be unset"
HOMES: Final = ("default", "kube-system")  # of events about what lies in no namespace
OLD_TIMES: Final = (("deprecatedFirstTimestamp", "firstTimestamp"), ("deprecatedLastTimestamp", "lastTimestamp"))
FIXED: Final = (
    ("regarding", "involvedObject"), ("reason", "reason"), ("note", "message"), ("deprecatedSource", "source"),
    *OLD_TIMES, ("deprecatedCount", "count"), ("type", "type"), ("eventTime", "eventTime"), ("action", "action"),
    ("related", "related"), ("reportingController", "reportingController"),
    ("reportingInstance", "reportingInstance"),
)  # fields that stay, and how messages call them


def event(root: Spot, obj: Obj) -> None:
    """Check an Event of v1."""
    _event(root, obj, about=obj.get("involvedObject") or {}, note=obj.get("message") or "", who="reportingComponent")


def event_update(root: Spot, new: Obj, old: Obj) -> None:
    """Check a change of an Event by v1, which may change anything."""
    event(root, new)


def event_v1(root: Spot, obj: Obj) -> None:
    """Check a new Event of events.k8s.io: it says who saw what, and nothing in the old fields."""
    _event_v1(root, obj)
    _series(root, obj)
    if obj.get("eventTime") is None:
        root.at("eventTime").required()
    if obj.get("type") not in TYPES:
        root.at("type").invalid("", f"has invalid value: {obj.get('type') or ''}")
    for name, shown in OLD_TIMES:
        if obj.get(name) is not None:
            root.at(shown).invalid("", UNSET)
    if obj.get("deprecatedCount"):
        root.at("count").invalid("", UNSET)
    if any((obj.get("deprecatedSource") or {}).values()):
        root.at("source").invalid("", UNSET)


def event_v1_update(root: Spot, new: Obj, old: Obj) -> None:
    """Check a change by events.k8s.io: what goes on may be counted, what has happened stays."""
    _event_v1(root, new)
    if new.get("series") != old.get("series"):
        _series(root, new)
    for name, shown in FIXED:
        if (new.get(name) or None) != (old.get(name) or None):
            root.at(shown).unchanged(new.get(name), old.get(name))


def _event_v1(root: Spot, obj: Obj) -> None:
    _event(root, obj, about=obj.get("regarding") or {}, note=obj.get("note") or "", who="reportingController")


def _event(root: Spot, obj: Obj, *, about: Obj, note: str, who: str) -> None:
    """Check what both demand. Events without an `eventTime` are of the old sort, which says less."""
    lies, place = obj["metadata"].get("namespace") or "", about.get("namespace") or ""
    spot = root.at("involvedObject").at("namespace")
    if obj.get("eventTime") is None:
        if place != lies and (place or lies != "default"):
            spot.invalid(place, "does not match event.namespace")
        return
    if not place and lies not in HOMES:
        spot.invalid(place, "does not match event.namespace")
    reporter = obj.get(who) or ""
    if not reporter:
        root.at(who).required()
    root.at(who).each(reporter, names.qualified_name(reporter))
    for name in ("reportingInstance", "action", "reason"):
        if not obj.get(name):
            root.at(name).required()
        _bounded(root.at(name), obj.get(name) or "", TEXT_CHARS_MAX)
    _bounded(root.at("message"), note, NOTE_CHARS_MAX)


def _bounded(spot: Spot, text: str, chars_max: int) -> None:
    if len(text.encode()) > chars_max:
        spot.invalid("", f"can have at most {chars_max} characters")


def _series(root: Spot, obj: Obj) -> None:
    series = obj.get("series")
    if series is None:
        return
    if series.get("count", 0) < SERIES_MIN:
        root.at("series.count").invalid("", f"should be at least {SERIES_MIN}")
    if series.get("lastObservedTime") is None:
        root.at("series.lastObservedTime").required()
