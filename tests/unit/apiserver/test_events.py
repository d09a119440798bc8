"""Events through both APIs: v1 takes nearly anything, events.k8s.io keeps what has happened as it was."""

from __future__ import annotations

import pytest

from tests.unit.apiserver.asking import MERGE

NEW, OLD = (f"{root}/namespaces/web/events" for root in ("/apis/events.k8s.io/v1", "/api/v1"))
WHEN = "2026-01-01T00:00:00.000000Z"
SEEN = {
    "metadata": {"name": "e"}, "regarding": {"kind": "Pod", "namespace": "web", "name": "p"}, "eventTime": WHEN,
    "reportingController": "shop.io/robot", "reportingInstance": "robot-1", "action": "Looking", "reason": "Seen", "type": "Normal",
    "note": "it was seen"}


@pytest.mark.parametrize(("change", "said"), [
    pytest.param({}, "", id="whole"),
    pytest.param({"eventTime": None}, "eventTime: Required value", id="no time"),
    pytest.param({"type": "Odd"}, 'type: Invalid value: "": has invalid value: Odd', id="type"),
    pytest.param({"reportingController": ""}, "reportingController: Required value", id="nobody saw it"),
    pytest.param({"reportingController": "a b"}, "reportingController: Invalid value", id="who is no name"),
    pytest.param({"reportingInstance": "x" * 129}, "reportingInstance: Invalid value: \"\": can have at most 128 characters", id="a long instance"),
    pytest.param({"action": ""}, "action: Required value", id="no action"), pytest.param({"reason": ""}, "reason: Required value", id="no reason"),
    pytest.param({"note": "x" * 1025}, "message: Invalid value: \"\": can have at most 1024 characters", id="a long note"),
    pytest.param({"regarding": {"kind": "Pod", "name": "p"}}, "involvedObject.namespace: Invalid value: \"\": does not match event.namespace", id="elsewhere"),
    pytest.param({"deprecatedCount": 2}, "count: Invalid value: \"\": needs to be unset", id="an old count"),
    pytest.param({"deprecatedFirstTimestamp": "2026-01-01T00:00:00Z"}, "firstTimestamp: Invalid value: \"\": needs to be unset", id="an old time"),
    pytest.param({"deprecatedSource": {"component": "c"}}, "source: Invalid value: \"\": needs to be unset", id="an old source"),
    pytest.param({"series": {"count": 1, "lastObservedTime": WHEN}}, "series.count: Invalid value: \"\": should be at least 2", id="a series of one"),
    pytest.param({"series": {"count": 2}}, "series.lastObservedTime: Required value", id="a series without an end"),
])  # fmt: skip
async def test_what_a_new_event_must_say(api, change, said):
    """An operator tells what it saw through events.k8s.io."""
    code, answer = await api.ask("POST", NEW, SEEN | change)

    assert (422 if said else 201) == code
    assert said in answer.get("message", "")


async def test_a_series_grows_and_nothing_else_changes(api):
    """The same happens again: the recorder counts it in the event's series, seen by both APIs; the story itself stays."""
    await api.make(NEW, SEEN)
    again = {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:05.000000Z"}}
    code, _ = await api.ask("PATCH", f"{NEW}/e", again, content_type=MERGE)
    _, seen = await api.ask("GET", f"{OLD}/e")
    refusals = [await api.ask("PATCH", f"{NEW}/e", change, content_type=MERGE) for change in (
        {"note": "other"}, {"reason": "Other"}, {"action": "Other"}, {"type": "Warning"}, {"regarding": {"name": "q"}},
        {"reportingInstance": "robot-2"}, {"eventTime": "2026-01-01T00:00:01.000000Z"}, {"series": {"count": 1}})]  # fmt: skip

    assert (200, 2, "it was seen") == (code, seen["series"]["count"], seen["message"])
    assert [(422, "events.k8s.io")] * 8 == [(found, answer["details"]["group"]) for found, answer in refusals]
    assert ["message", "reason", "action", "type", "involvedObject", "reportingInstance", "eventTime", "series.count"] == [
        answer["details"]["causes"][0]["field"] for _, answer in refusals]


async def test_v1_lets_a_count_grow(api):
    """An old client counts in place, and corrects its words: v1 lets it."""
    old = {"metadata": {"name": "o"}, "involvedObject": {"kind": "Pod", "namespace": "web", "name": "p"}, "reason": "Seen", "count": 1}
    await api.make(OLD, old)
    code, seen = await api.ask("PATCH", f"{OLD}/o", {"count": 2, "message": "again"}, content_type=MERGE)
    _, bad = await api.ask("PATCH", f"{OLD}/o", {"involvedObject": {"namespace": "else"}}, content_type=MERGE)
    _, whole = await api.ask("POST", OLD, {**old, "metadata": {"name": "w"}, "eventTime": WHEN})

    assert (200, 2) == (code, seen["count"])
    assert "does not match event.namespace" in bad["message"]
    assert ["reportingComponent", "reportingInstance", "action"] == list(dict.fromkeys(
        cause["field"] for cause in whole["details"]["causes"]))
