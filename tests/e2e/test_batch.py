"""Jobs, CronJobs and DaemonSets on real containers."""

from __future__ import annotations

from tests.e2e.cluster import pod, until


def ended(cluster, name, namespace):
    """Return the Job's last condition once it has ended."""
    def look():
        conditions = cluster.get("job", name, namespace=namespace)["status"].get("conditions") or []
        return next((one for one in conditions if one["type"] in ("Complete", "Failed")), None)
    return until(look, f"job {name} ends")


def job(name, command, **spec):
    template = {"spec": {**pod(name, command)["spec"], "restartPolicy": "Never", "terminationGracePeriodSeconds": 0}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template, **spec}}


def test_jobs_run_and_fail_and_pods_know_their_index(cluster, namespace):
    """One of three indexes fails for good; another Job's exit code fails it at once; a third just works."""
    fatal = {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]}
    jobs = [
        job("plain", "echo done", completions=2, parallelism=2),
        job("indexed", "[ $JOB_COMPLETION_INDEX != 1 ]", completions=3, parallelism=3, completionMode="Indexed",
            backoffLimitPerIndex=0),
        job("fatal", "exit 42", podFailurePolicy=fatal),
    ]
    for one in jobs:
        cluster.apply(one, namespace=namespace, wait=False)
    assert "CompletionsReached" == ended(cluster, "plain", namespace)["reason"]
    assert "FailedIndexes" == ended(cluster, "indexed", namespace)["reason"]
    assert "PodFailurePolicy" == ended(cluster, "fatal", namespace)["reason"]
    status = cluster.get("job", "indexed", namespace=namespace)["status"]
    assert ("0,2", "1") == (status["completedIndexes"], status["failedIndexes"])


def test_a_daemonset_runs_on_the_node_and_rolls(cluster, namespace):
    """One node, one pod; a new template replaces it."""
    def daemonset(version):
        template = {"metadata": {"labels": {"app": "ds"}, "annotations": {"v": version}},
                    "spec": {**pod("ds", "sleep inf")["spec"], "terminationGracePeriodSeconds": 0}}
        return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "ds"},
                "spec": {"selector": {"matchLabels": {"app": "ds"}}, "template": template}}

    for version in ("1", "2"):
        cluster.apply(daemonset(version), namespace=namespace, wait=False)

        def settled(version=version):
            pods = cluster.get("pods", "-l", "app=ds", namespace=namespace)["items"]
            status = cluster.get("daemonset", "ds", namespace=namespace)["status"]
            return [version] == [one["metadata"]["annotations"]["v"] for one in pods] and status.get("numberAvailable") == 1
        until(settled, f"version {version} serves")


def test_a_cronjob_makes_its_job(cluster, namespace):
    """Every five seconds: the first Job comes, runs and is remembered."""
    spec = job("tick", "true")["spec"]
    cluster.apply({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"},
                   "spec": {"schedule": "@every 5s", "jobTemplate": {"spec": spec}}}, namespace=namespace, wait=False)

    def remembered():
        return cluster.get("cronjob", "tick", namespace=namespace)["status"].get("lastSuccessfulTime")
    until(remembered, "a Job of the CronJob succeeds")
