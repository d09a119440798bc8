"""When cron schedules come due."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knarr.api import cron


def moment(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(("schedule", "after", "expected"), [
    pytest.param("* * * * *", "2026-01-01T00:00:30", "2026-01-01T00:01", id="every minute"),
    pytest.param("*/15 * * * *", "2026-01-01T00:15", "2026-01-01T00:30", id="strictly later"),
    pytest.param("5/20 * * * *", "2026-01-01T00:26", "2026-01-01T00:45", id="from 5 every 20"),
    pytest.param("@hourly", "2026-01-01T00:15", "2026-01-01T01:00", id="hourly"),
    pytest.param("@every 90m", "2026-01-01T00:15", "2026-01-01T01:45", id="every 90 minutes"),
    pytest.param("0 0 ? * MON-WED", "2026-01-01T00:00", "2026-01-05T00:00", id="names, and a question mark"),
    pytest.param("0 0 13 * 5", "2026-01-01T12:00", "2026-01-02T00:00", id="two restricted day fields: either"),
    pytest.param("0 0 */2 * 5", "2026-01-01T12:00", "2026-01-02T00:00", id="a stepped star is a restriction"),
    pytest.param("0 0 * * 5", "2026-01-02T12:00", "2026-01-09T00:00", id="one restricted day field: that one"),
    pytest.param("0 12 29 2 *", "2026-01-01T00:00", "2028-02-29T12:00", id="a leap day"),
    pytest.param("0 0 31 12 *", "2026-12-31T00:00", "2027-12-31T00:00", id="over the year"),
    pytest.param("0 0 30 2 *", "2026-01-01T00:00", None, id="never"),
])
def test_next(schedule, after, expected):
    """Schedules in UTC."""
    found = cron.next_after(cron.parse(schedule), moment(after))

    assert (None if expected is None else moment(expected)) == found


@pytest.mark.parametrize(("schedule", "after", "zone", "expected"), [
    pytest.param("30 2 * * *", "2026-03-28T12:00", "Europe/Berlin", "2026-03-30T00:30Z", id="an hour that is skipped"),
    pytest.param("30 2 * * *", "2026-10-25T00:00", "Europe/Berlin", "2026-10-25T00:30Z", id="a repeated hour, first"),
    pytest.param("30 2 * * *", "2026-10-25T02:30", "Europe/Berlin", "2026-10-25T01:30Z", id="a repeated hour, again"),
    pytest.param("0 * * * *", "2026-03-29T01:00", "Europe/Berlin", "2026-03-29T01:00Z", id="hourly over the gap"),
    pytest.param("0 9 * * *", "2026-01-01T00:00", "Asia/Kolkata", "2026-01-01T03:30Z", id="half an hour aside"),
])
def test_time_zones(schedule, after, zone, expected):
    """What the clocks skip is skipped; what they repeat comes twice."""
    found = cron.next_after(cron.parse(schedule), moment(after, zone), ZoneInfo(zone))

    assert expected == datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%dT%H:%MZ")


@pytest.mark.parametrize("text", ["", "* * * *", "60 * * * *", "* * * * 7", "@never", "TZ=UTC * * * * *", "@every x"])
def test_what_is_no_schedule(text):
    """It is refused with words."""
    with pytest.raises(ValueError, match=r"."):
        cron.parse(text)


def test_the_latest_of_many_missed():
    """A minutely schedule slept for a year: the last minute is found, and that it was too many."""
    found = cron.latest(
        cron.parse("* * * * *"), after_s=moment("2025-01-01T00:00"), until_s=moment("2026-01-01T00:00:30"))

    assert (moment("2026-01-01T00:00"), 101) == found


FIELD = st.sampled_from(["*", "*/7", "3", "1-5", "2,4"])


@settings(max_examples=60, deadline=None)
@given(st.tuples(FIELD, FIELD, FIELD, FIELD, FIELD).map(" ".join), st.integers(0, 2_000_000_000), st.integers(0, 3_000_000))
def test_laws(schedule, after_s, span_s):
    """The next moment is later and on a minute; the latest is due, and none follows it in time."""
    parsed = cron.parse(schedule)
    following = cron.next_after(parsed, after_s)
    assert following is None or (following > after_s and following % 60 == 0)
    last, count = cron.latest(parsed, after_s=after_s, until_s=after_s + span_s)
    if last is None:
        assert count == 0
    else:
        after_last = cron.next_after(parsed, last)
        assert after_s < last <= after_s + span_s
        assert after_last is None or after_last > after_s + span_s


CLOCKS = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "Asia/Kolkata"]
TIMES = ["*/20 * * * *", "30 2 * * *", "0 0 * * *", "15 0-3 * * *", "59 23 * * 6,0", "*/30 1 * 3,4,10,11 *"]
CHANGES = ["2026-03-08", "2026-03-29", "2026-04-05", "2026-04-24", "2026-10-04", "2026-10-25", "2026-10-30", "2026-11-01"]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TIMES), st.sampled_from(CLOCKS), st.sampled_from(CHANGES), st.integers(-1440, 1440))
def test_clocks_that_change(schedule, zone, day, shift_minutes):
    """Around every change of clocks the next moment is the first minute whose wall clock the schedule allows."""
    parsed, clock, after_s = cron.parse(schedule), ZoneInfo(zone), moment(day) + 60 * shift_minutes
    found = cron.next_after(parsed, after_s, clock)
    minutes = (datetime.fromtimestamp(after_s + 60 * number, clock) for number in range(1, 2881))
    expected = next((each.timestamp() for each in minutes if allows(parsed, each)), None)

    assert expected == found or (expected is None and (found is None or found > after_s + 2880 * 60))


def allows(fields, wall):
    """Tell whether a schedule without restricted days of the month allows a minute of the wall clock."""
    return (wall.minute in fields.minutes and wall.hour in fields.hours and wall.month in fields.months
            and wall.isoweekday() % 7 in fields.weekdays)
