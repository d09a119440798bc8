"""Events: one in the store, two ways to see it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from knarr.api import convert, kinds, schema
from knarr.api.types import core_v1, events_v1

CORE, NEW = kinds.of(core_v1.Event), kinds.of(events_v1.Event)
NEW_FIELDS = sorted(set(schema.fields_of("events_v1.Event")) - {"apiVersion", "kind"})


def test_an_event_of_the_new_group_is_stored_as_the_old_one():
    """`kubectl get events` and `kubectl get events.events.k8s.io` show the same thing."""
    stored = convert.to_stored(NEW, {"kind": "Event", "apiVersion": "events.k8s.io/v1", "metadata": {"name": "e"},
                                     "regarding": {"name": "p"}, "note": "n", "reason": "R"})

    assert {"kind": "Event", "apiVersion": "v1", "metadata": {"name": "e"}, "involvedObject": {"name": "p"},
            "message": "n", "reason": "R"} == stored
    assert not schema.check(CORE, stored).unknown


def test_other_kinds_stay_as_they_are():
    """Nothing is copied where there is one form only."""
    event = {"kind": "Event"}

    assert event is convert.to_stored(CORE, event)
    assert event is convert.from_stored(CORE, event)


@given(st.dictionaries(st.sampled_from(NEW_FIELDS), st.text()))
def test_law_there_and_back(fields):
    """Nothing is lost on the way into the store and out again."""
    event = {"kind": "Event", "apiVersion": "events.k8s.io/v1", **fields}

    assert event == convert.from_stored(NEW, convert.to_stored(NEW, event))
