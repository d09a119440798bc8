"""Cron schedules and time zones, good and bad."""

from __future__ import annotations

import pytest

from knarr.api.validation.schedule import schedule_fault, time_zone_fault


@pytest.mark.parametrize("schedule", [
    "* * * * *", "*/5 * * * *", "0 2 * * 1-5", "0,30 8-18/2 1 jan MON", "@hourly", "@every 1h30m", "0 0 ? * sun",
])
def test_good_schedules(schedule):
    """What users write in their CronJobs."""
    assert "" == schedule_fault(schedule)


@pytest.mark.parametrize(("schedule", "fault"), [
    pytest.param("60 * * * *", "end of range (60) above maximum (59): 60", id="no minute 60"),
    pytest.param("* * 0 * *", "beginning of range (0) below minimum (1): 0", id="no day 0"),
    pytest.param("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1", id="backwards"),
    pytest.param("*/0 * * * *", "step of range should be a positive number: */0", id="no step"),
    pytest.param("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax', id="a word"),
    pytest.param("1/2/3 * * * *", "too many slashes: 1/2/3", id="slashes"),
    pytest.param("1-2-3 * * * *", "too many hyphens: 1-2-3", id="hyphens"),
    pytest.param("@often", "unrecognized descriptor: @often", id="an unknown word"),
    pytest.param("@every x", 'failed to parse duration @every x: time: invalid duration "x"', id="no duration"),
])
def test_bad_schedules(schedule, fault):
    """Each is told in the parser's own words."""
    assert fault == schedule_fault(schedule)


@pytest.mark.parametrize(("zone", "fault"), [
    pytest.param("Europe/Berlin", "", id="a place"),
    pytest.param("America/Argentina/Ushuaia", "", id="a place in a place"),
    pytest.param("Etc/GMT+5", "", id="an offset"),
    pytest.param("UTC", "", id="none"),
    pytest.param("Europe/../etc", "unknown time zone Europe/../etc", id="a way out"),
    pytest.param("Local", "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
                 id="wherever the server is"),
])
def test_time_zones(zone, fault):
    """A CronJob says in whose clock it counts."""
    assert fault == time_zone_fault(zone)
