"""What Kubernetes' real Job controller did, ours does."""

from __future__ import annotations

import pytest

from tests.unit.controllers.batch import replay_job


def well(pod):
    """Every pod ends well."""
    return 0


def index_one_fails(pod):
    """All but index 1 end well."""
    return int(pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] == "1")


@pytest.mark.parametrize(("name", "ends"), [
    pytest.param("job-completes", well, id="completes"),
    pytest.param("job-fails-backoff", lambda pod: 1, id="fails beyond its backoff limit"),
    pytest.param("job-deadline", lambda pod: None, id="runs longer than its deadline"),
    pytest.param("job-indexed", index_one_fails, id="one index fails"),
    pytest.param("job-pod-failure-policy", lambda pod: 42, id="an exit code fails it"),
])
def test_a_job_leads_where_it_led(name, ends):
    """The same Job on the same pods: its status at the end and its events are the recorded ones."""
    expected, got, recorded, told = replay_job(name, ends)

    assert expected == got
    assert recorded == told


def test_a_suspended_job_resumes_and_goes_after_its_time_to_live():
    """Suspended at first; resumed it runs to its end; three seconds later it is told to go."""
    expected, got, recorded, told = replay_job("job-suspend-resume-ttl", well, settle_s=4.5)

    assert expected[0] == got[0]
    assert expected[1] == got[1]
    assert recorded == told
