"""CronJobs and their Jobs against the real API server, on virtual time: it begins at 2026-01-01T00:00:00Z."""

from __future__ import annotations

import re

import pytest

from tests.unit.controllers.batch import JOBS, MERGE, PODS, run_pods, told
from tests.unit.controllers.cluster import live
from tests.unit.controllers.story import load

NAMES = ("cronjob", "garbagecollector", "job", "serviceaccounts")
CRONJOBS = "/apis/batch/v1/namespaces/default/cronjobs"
POD = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}


def cronjob(schedule="* * * * *", **spec):
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "cj"}, "spec": {
        "schedule": schedule, "jobTemplate": {"spec": {"template": {"spec": POD}}}, **spec}}


def lasts(seconds_s, clock):
    """Return what ends each pod well after some time."""
    born = {}
    def ends(pod):
        first = born.setdefault(pod["metadata"]["name"], clock.now_s())
        return 0 if clock.now_s() - first >= seconds_s else None
    return ends


def test_forbid_waits_for_the_one_before():
    """Each Job takes 90 s: the second minute is passed over, and made up for as soon as the first has ended."""
    story = load("cronjob-forbid")
    found = []

    async def act(cluster):
        await cluster.create(cronjob(concurrencyPolicy="Forbid"))
        await run_pods(cluster, lasts(90, cluster.clock), for_s=170)
        held = (await cluster.ask("GET", f"{CRONJOBS}/cj"))["status"]
        assert ["cj-29453761", "cj-29453762"] == await cluster.names(JOBS)
        assert [("cj-29453762", "2026-01-01T00:02:00Z")] == [
            (one["name"], held["lastScheduleTime"]) for one in held["active"]]
        assert "lastSuccessfulTime" in held
        found.extend(await told(cluster, "cronjob-controller"))

    live(NAMES, act)
    recorded = [f"{one['type']} {one['reason']} {one['message']}" for one in story["events"]
                if one["reportingComponent"] == "cronjob-controller"]
    assert {re.sub(r"-\d+", "", text) for text in recorded} == {re.sub(r"-\d+", "", text) for text in found}


@pytest.mark.parametrize(("policy", "running"), [
    pytest.param("Allow", ["cj-29453761", "cj-29453762", "cj-29453763"], id="side by side"),
    pytest.param("Replace", ["cj-29453763"], id="the new one takes the place of the old"),
])
def test_concurrency(policy, running):
    """Jobs that never end, for three minutes and a half."""
    async def story(cluster):
        await cluster.create(cronjob(concurrencyPolicy=policy))
        await run_pods(cluster, lambda pod: None, for_s=215)
        assert running == await cluster.names(JOBS)
        held = (await cluster.ask("GET", f"{CRONJOBS}/cj"))["status"]
        assert running == [one["name"] for one in held["active"]]
        assert len(running) == len(await cluster.names(PODS))

    live(NAMES, story)


def test_history_is_kept_short_and_a_suspended_one_rests():
    """Six Jobs end well, two are kept; suspended, ten minutes pass without another."""
    async def story(cluster):
        await cluster.create(cronjob(successfulJobsHistoryLimit=2))
        await run_pods(cluster, lambda pod: 0, for_s=375)
        assert ["cj-29453765", "cj-29453766"] == await cluster.names(JOBS)
        await cluster.ask("PATCH", f"{CRONJOBS}/cj", {"spec": {"suspend": True}}, kind=MERGE)
        await cluster.pass_time(600)
        assert ["cj-29453765", "cj-29453766"] == await cluster.names(JOBS)
        await cluster.ask("PATCH", f"{CRONJOBS}/cj", {"spec": {"suspend": False}}, kind=MERGE)
        await run_pods(cluster, lambda pod: 0, for_s=5)
        assert "cj-29453776" in await cluster.names(JOBS)       # the last one missed, and no other

    live(NAMES, story)


def test_what_is_too_late_is_not_started():
    """It rested while ten moments passed; the last was half a minute ago and ten seconds are allowed: the next one comes."""
    async def story(cluster):
        await cluster.create(cronjob(suspend=True, startingDeadlineSeconds=10))
        await cluster.pass_time(630)
        await cluster.ask("PATCH", f"{CRONJOBS}/cj", {"spec": {"suspend": False}}, kind=MERGE)
        await cluster.pass_time(5)
        assert [] == await cluster.names(JOBS)
        await cluster.pass_time(30)
        assert ["cj-29453771"] == await cluster.names(JOBS)

    live(NAMES, story)


def test_a_zone_of_its_own_and_a_job_that_says_its_moment():
    """Nine in the morning in Kolkata is half past three in London's winter."""
    async def story(cluster):
        await cluster.create(cronjob("0 9 * * *", timeZone="Asia/Kolkata"))
        await cluster.pass_time(3.5 * 3600 + 5)
        (job,) = (await cluster.ask("GET", JOBS))["items"]
        noted = job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
        assert "2026-01-01T09:00:00+05:30" == noted

    live(NAMES, story)


def test_a_schedule_that_never_comes_is_told():
    """The thirtieth of February: an event names the schedule and the next step, once."""
    async def story(cluster):
        await cluster.create(cronjob("0 0 30 2 *"))
        await cluster.pass_time(3600)
        (event,) = await cluster.events()
        assert "InvalidSchedule: schedule 0 0 30 2 * does not come within five years; correct .spec.schedule" == event

    live(NAMES, story)
