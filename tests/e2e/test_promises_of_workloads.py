"""What Kubernetes' conformance rules promise of workloads: whose pods are whose, in which order they come and go.

Source: kubernetes test/conformance/testdata/conformance.yaml, the rules of apps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from knarr.cli.failure import RequestFailed
from tests.e2e.cluster import deployment, pod, until
from tests.e2e.place import Objects, Place, name_of, ready
from tests.e2e.test_batch import job

GONE = {"terminationGracePeriodSeconds": 0}
WELL = {"readinessProbe": {"exec": {"command": ["test", "!", "-e", "/tmp/ill"]}, "periodSeconds": 1,
                           "failureThreshold": 1}}


def owner(one: dict[str, Any]) -> str | None:
    return next((str(ref["name"]) for ref in one["metadata"].get("ownerReferences", ()) if ref.get("controller")), None)


def images(pods: Objects) -> list[str]:
    """Return what each pod's annotation says of its template."""
    return [one["metadata"].get("annotations", {}).get("v", "") for one in pods]


def workload(kind: str, name: str, replicas: int, version: str = "1", **spec: Any) -> dict[str, Any]:
    """Return a workload of any kind that has a template."""
    made = deployment(name, replicas, "sleep inf", **WELL)
    made["kind"] = kind
    made["spec"]["template"]["metadata"]["annotations"] = {"v": version}
    made["spec"]["template"]["spec"] |= GONE
    made["spec"] |= spec
    if kind == "ReplicationController":
        made["apiVersion"], made["spec"]["selector"] = "v1", {"app": name}
    if kind == "DaemonSet":
        del made["spec"]["replicas"]
    return made


def plural(kind: str) -> str:
    return kind.lower() + "s"


@pytest.mark.parametrize("kind", ["ReplicaSet", "ReplicationController"])
def test_a_pod_is_adopted_while_its_labels_match(place, kind):
    """A pod that was there first is one of the set's; with another label it is let go, alive, and another one comes."""
    place.make(pod("orphan", labels={"app": "set"}, **GONE))
    until(lambda: ready(place.get("pods/orphan")), "the orphan runs")
    place.make(workload(kind, "set", 1))
    until(lambda: owner(place.get("pods/orphan")) == "set", "it is adopted")
    assert ["orphan"] == [name_of(one) for one in place.pods("set")]

    place.patch("pods/orphan", {"metadata": {"labels": {"app": "free"}}})
    until(lambda: owner(place.get("pods/orphan")) is None, "it is let go")
    (other,) = until(place.all_ready("set", 1), "another pod comes")
    assert ("set", "Running") == (owner(other), place.get("pods/orphan")["status"]["phase"])


def test_a_job_takes_back_its_orphan_and_lets_strangers_go(place):
    """Its pod's owner taken away comes again; without the labels that it is known by, the pod is not the job's."""
    place.make(job("work", "sleep inf", parallelism=2, completions=2))
    one, _ = until(lambda: len(found := jobs_pods(place, "work")) == 2 and found, "two pods")
    place.patch(f"pods/{name_of(one)}", {"metadata": {"ownerReferences": None}})
    until(lambda: owner(place.get(f"pods/{name_of(one)}")) == "work", "it is taken back")

    place.patch(f"pods/{name_of(one)}", {"metadata": {"labels": None}})
    until(lambda: owner(place.get(f"pods/{name_of(one)}")) is None, "it is let go")
    until(lambda: len(jobs_pods(place, "work")) == 2, "another pod comes")


def jobs_pods(place: Place, name: str) -> Objects:
    found: Objects = place.server.ask("GET", place.path("pods"), query={"labelSelector": f"job-name={name}"})["items"]
    return [one for one in found if "deletionTimestamp" not in one["metadata"]]


def test_recreate_never_runs_two_versions(place):
    """The old pods have gone when the first new one is made; of the history nothing stays where nothing shall."""
    place.make(workload("Deployment", "web", 2, strategy={"type": "Recreate"}, revisionHistoryLimit=0))
    old = {one["metadata"]["uid"] for one in until(place.all_ready("web", 2), "version 1")}
    place.make(workload("Deployment", "web", 2, "2", strategy={"type": "Recreate"}, revisionHistoryLimit=0))

    def rolled() -> Objects | None:
        found = place.server.ask("GET", place.path("pods"), query={"labelSelector": "app=web"})["items"]
        assert len({one["metadata"]["uid"] in old for one in found}) <= 1, [name_of(one) for one in found]
        return place.all_ready("web", 2)() if found and found[0]["metadata"]["uid"] not in old else None

    assert ["2", "2"] == images(until(rolled, "version 2"))
    until(lambda: len(place.get("replicasets")["items"]) == 1, "the old set goes")


def test_a_deployment_amid_a_rollout_grows_in_proportion(place):
    """Five pods, two more allowed, one missing: a rollout that hangs holds 4 + 3; with ten it holds 7 + 5."""
    limits = {"strategy": {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}}}
    place.make(workload("Deployment", "web", 5, **limits))
    until(place.all_ready("web", 5), "version 1")
    bad = workload("Deployment", "web", 5, "2", **limits)
    bad["spec"]["template"]["spec"]["containers"][0]["image"] = "localhost/absent:1"
    place.make(bad)

    def sizes() -> list[int]:
        return sorted(one["spec"]["replicas"] for one in place.get("replicasets")["items"])

    until(lambda: sizes() == [3, 4], "the rollout hangs")
    until(lambda: place.get("deployments/web")["status"].get("availableReplicas") == 4, "four serve")
    place.patch("deployments/web", {"spec": {"replicas": 10}})
    until(lambda: sizes() == [5, 7], "both grow")


def make_ill(place: Place, *names: str) -> None:
    """Let pods be unready, and wait until that is seen."""
    for name in names:
        place.cluster.exec(name, "touch", "/tmp/ill", namespace=place.namespace)
    until(lambda: not any(ready(place.get(f"pods/{name}")) for name in names), "they are unwell")


def make_well(place: Place, *names: str) -> None:
    for name in names:
        place.cluster.exec(name, "rm", "-f", "/tmp/ill", namespace=place.namespace)


def test_an_ordered_set_waits_for_the_unwell(place):
    """Up: the next is made when those before it are ready. Down: of the unwell only the lowest may go."""
    place.make(workload("StatefulSet", "db", 1))
    until(place.all_ready("db", 1), "the first")
    make_ill(place, "db-0")
    place.patch("statefulsets/db", {"spec": {"replicas": 3}})
    until(lambda: place.get("statefulsets/db")["status"]["observedGeneration"] == 2, "the set has heard")
    assert ["db-0"] == [name_of(one) for one in place.pods("db")]
    make_well(place, "db-0")
    pods = until(place.all_ready("db", 3), "all three")
    times = [one["metadata"]["creationTimestamp"] for one in pods]
    assert times == sorted(times)

    make_ill(place, "db-0", "db-1", "db-2")
    place.patch("statefulsets/db", {"spec": {"replicas": 0}})
    until(lambda: place.get("statefulsets/db")["status"]["observedGeneration"] == 3, "the set has heard")
    assert 3 == len(place.pods("db"))
    make_well(place, "db-0", "db-1")  # then db-2 is the only one
    until(lambda: not place.pods("db"), "all go")


def test_a_parallel_set_waits_for_nobody(place):
    """It grows and shrinks at once, whoever is unwell."""
    place.make(workload("StatefulSet", "db", 1, podManagementPolicy="Parallel"))
    until(place.all_ready("db", 1), "the first")
    make_ill(place, "db-0")
    place.patch("statefulsets/db", {"spec": {"replicas": 3}})
    until(lambda: len(place.pods("db")) == 3, "all three")
    place.patch("statefulsets/db", {"spec": {"replicas": 0}})
    until(lambda: not place.pods("db"), "all go")


def test_a_set_rolls_in_phases_and_back(place):
    """A canary is the highest ordinal; a smaller partition takes more; deleted pods come as their side of it says."""
    def rolling(version: str, partition: int) -> dict[str, Any]:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
        return workload("StatefulSet", "db", 3, version, updateStrategy=strategy)

    def settled(*versions: str) -> Callable[[], bool]:
        return lambda: images(place.all_ready("db", 3)() or []) == list(versions)

    place.make(rolling("1", 2))
    until(settled("1", "1", "1"), "version 1")
    place.make(rolling("2", 2))
    until(settled("1", "1", "2"), "the canary")
    for name in ("db-0", "db-2"):
        place.delete(f"pods/{name}")
    until(settled("1", "1", "2"), "each comes as it was")
    status = place.get("statefulsets/db")["status"]
    assert status["currentRevision"] != status["updateRevision"]
    place.make(rolling("2", 0))
    until(settled("2", "2", "2"), "all have it")
    place.make(rolling("1", 0))
    until(settled("1", "1", "1"), "back again")
    until(lambda: place.get("statefulsets/db")["status"]["currentRevision"] == status["currentRevision"], "known as it was")


def test_a_budget_guards_its_pods(place):
    """An eviction that would leave too few is refused until the budget allows it."""
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "guard"},
              "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}}
    place.make(budget, workload("ReplicaSet", "web", 2))
    one, _ = until(place.all_ready("web", 2), "two pods")
    until(lambda: place.get("poddisruptionbudgets/guard")["status"].get("currentHealthy") == 2, "the budget counts them")

    def evict() -> str:
        wish = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name_of(one)}}
        try:
            place.server.ask("POST", place.path(f"pods/{name_of(one)}/eviction"), wish)
        except RequestFailed as refused:
            return str(refused)
        return ""

    assert "Cannot evict pod as it would violate the pod's disruption budget." in evict()
    place.patch("poddisruptionbudgets/guard", {"spec": {"minAvailable": 1}})
    until(lambda: evict() == "", "it is let go")
    until(lambda: name_of(one) not in {name_of(other) for other in place.pods("web")}, "it goes")


@pytest.mark.parametrize("kind", ["ReplicationController", "ReplicaSet"])
def test_a_quota_that_stops_a_set_is_told_in_its_conditions(place, kind):
    """Two pods may be, three are asked for: the set says so, until it asks for two."""
    place.make({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "two"}, "spec": {"hard": {"pods": "2"}}})
    until(lambda: place.get("resourcequotas/two").get("status", {}).get("hard"), "the quota counts")
    place.make(workload(kind, "set", 3))

    def failure() -> str:
        conditions = place.get(f"{plural(kind)}/set")["status"].get("conditions", ())
        return next((one["reason"] for one in conditions if one["type"] == "ReplicaFailure"), "")

    until(lambda: failure() == "FailedCreate", "the failure is told")
    place.patch(f"{plural(kind)}/set", {"spec": {"replicas": 2}})
    until(lambda: failure() == "", "it is over")


def test_jobs_stop_and_go_on(place):
    """Suspended, a job's pods go; resumed, they come again. One index is enough where the job says so."""
    place.make(job("still", "sleep inf"), job("enough", '[ $JOB_COMPLETION_INDEX = 0 ] || sleep inf', completions=3,
                                              parallelism=3, completionMode="Indexed",
                                              successPolicy={"rules": [{"succeededIndexes": "0"}]}))
    until(lambda: jobs_pods(place, "still"), "it begins")
    place.patch("jobs/still", {"spec": {"suspend": True}})
    until(lambda: conditions_of(place, "still").get("Suspended") == "True" and not jobs_pods(place, "still"), "it stands still")
    place.patch("jobs/still", {"spec": {"suspend": False}})
    until(lambda: conditions_of(place, "still")["Suspended"] == "False" and jobs_pods(place, "still"), "it goes on")
    until(lambda: conditions_of(place, "enough").get("Complete") == "True", "one index was enough")
    assert "True" == conditions_of(place, "enough")["SuccessCriteriaMet"]


def conditions_of(place: Place, name: str) -> dict[str, str]:
    return {one["type"]: one["status"] for one in place.get(f"jobs/{name}")["status"].get("conditions", ())}


def test_a_disrupted_pod_does_not_count_as_failed(place):
    """Evicted, it is made again though not one failure is allowed; a container that fails is begun again in its pod."""
    ignore = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}
    again = job("again", "[ -e /d/once ] && exit 0; touch /d/once; exit 1", completions=1)
    again["spec"]["template"]["spec"] |= {"restartPolicy": "OnFailure", "volumes": [{"name": "d", "emptyDir": {}}]}
    again["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "d", "mountPath": "/d"}]
    place.make(again, job("strict", "sleep inf", backoffLimit=0, podFailurePolicy=ignore))
    first = until(lambda: [one for one in jobs_pods(place, "strict") if ready(one)], "its pod runs")[0]
    wish = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name_of(first)}}
    place.server.ask("POST", place.path(f"pods/{name_of(first)}/eviction"), wish)

    until(lambda: [one for one in jobs_pods(place, "strict") if ready(one) and name_of(one) != name_of(first)], "another runs")
    assert "Failed" not in conditions_of(place, "strict")
    until(lambda: conditions_of(place, "again").get("Complete") == "True", "the other job completes")
    assert 1 == len(jobs_pods(place, "again"))


def test_a_daemon_that_failed_is_made_again_and_goes_with_the_nodes_label(place):
    """A pod said to have failed is replaced; a node that has lost the label has no daemon."""
    (node,) = place.server.ask("GET", "/api/v1/nodes")["items"]
    label = f"knarr.test/{place.namespace}"
    chosen = workload("DaemonSet", "ds", 1)
    chosen["spec"]["template"]["spec"]["nodeSelector"] = {label: "yes"}

    def mark(value: str | None) -> None:
        place.server.ask("PATCH", f"/api/v1/nodes/{name_of(node)}", {"metadata": {"labels": {label: value}}},
                         content_type="application/merge-patch+json")

    place.make(chosen)
    until(lambda: place.get("daemonsets/ds")["status"].get("observedGeneration") == 1, "the set has heard")
    assert [] == place.pods("ds")
    mark("yes")
    (first,) = until(place.all_ready("ds", 1), "the daemon runs")
    place.patch(f"pods/{name_of(first)}/status", {"status": {"phase": "Failed"}})
    until(lambda: name_of(first) not in [name_of(one) for one in place.pods("ds")], "it goes")
    until(place.all_ready("ds", 1), "another one runs")
    mark(None)
    until(lambda: not place.pods("ds"), "it is not wanted here any more")
