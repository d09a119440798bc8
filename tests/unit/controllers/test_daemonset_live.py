"""DaemonSets against the real API server and scheduler, on virtual time."""

from __future__ import annotations

import re

from tests.unit.controllers.batch import MERGE, PODS, run_pods
from tests.unit.controllers.cluster import live, node
from tests.unit.controllers.making import template
from tests.unit.controllers.story import load, mask, steps, told

NAMES = ("daemonset", "serviceaccounts")
DAEMONSETS = "/apis/apps/v1/namespaces/default/daemonsets"


def daemonset(**spec):
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "ds"},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template(), **spec}}


async def join(cluster, name):
    """Let a node join; no node lifecycle controller is here to take off the taint that every new node has."""
    await cluster.create(node(name))
    await cluster.ask("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}}, kind=MERGE)


def runs_on(pod):
    """No pod ends."""


async def where(cluster):
    """Return each pod's node and template version."""
    pods = (await cluster.ask("GET", PODS))["items"]
    return sorted((pod["spec"].get("nodeName"), pod["metadata"].get("annotations", {}).get("v")) for pod in pods)


def test_each_step_leads_where_it_led():
    """The recorded story on one node: the same status after each step, the same events."""
    story = load("daemonset")
    expected, got, events = [], [], []

    async def act(cluster):
        await join(cluster, "n1")
        for step, after in steps(story, "DaemonSet", "ds"):
            if "create" in step:
                await cluster.create(step["create"])
            else:
                await cluster.ask("PATCH", f"{DAEMONSETS}/ds", step["body"], kind=MERGE)
            await run_pods(cluster, runs_on, for_s=8)
            held = await cluster.ask("GET", f"{DAEMONSETS}/ds")
            expected.append((after["status"], after["annotations"]))
            got.append((held["status"], held["metadata"]["annotations"]))
        events.extend(await cluster.events())

    live(NAMES, act, scheduler=True)
    assert expected == got
    recorded = [re.sub(r"^\w+ (\w+) ", r"\1: ", text) for text in told(story, "daemonset-controller")]
    ours = [text for text in events if not text.startswith("Scheduled")]
    assert sorted(mask_names(recorded)) == sorted(mask_names(ours))


def mask_names(texts):
    return [re.sub(r"\bds-\w{5}\b", "ds-<rnd>", mask(text)) for text in texts]


def test_nodes_that_fit_get_one_pod_each():
    """Of four nodes one has another label and one a taint; a node that joins gets its pod, one that changes loses it."""
    async def story(cluster):
        for name in ("n1", "n2", "n3", "n4"):
            await join(cluster, name)
        for name in ("n1", "n2", "n4"):
            await cluster.ask("PATCH", f"/api/v1/nodes/{name}", {"metadata": {"labels": {"disk": "ssd"}}}, kind=MERGE)
        taint = {"spec": {"taints": [{"key": "own", "effect": "NoSchedule"}]}}
        await cluster.ask("PATCH", "/api/v1/nodes/n4", taint, kind=MERGE)
        spec = daemonset()
        spec["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
        await cluster.create(spec)
        await run_pods(cluster, runs_on, for_s=3)
        assert [("n1", None), ("n2", None)] == await where(cluster)
        await cluster.ask("PATCH", "/api/v1/nodes/n3", {"metadata": {"labels": {"disk": "ssd"}}}, kind=MERGE)
        await cluster.ask("PATCH", "/api/v1/nodes/n1", {"metadata": {"labels": {"disk": None}}}, kind=MERGE)
        await cluster.ask("PATCH", "/api/v1/nodes/n2", {"spec": {"unschedulable": True}}, kind=MERGE)
        await run_pods(cluster, runs_on, for_s=4)
        assert [("n2", None), ("n3", None)] == await where(cluster)

    live(NAMES, story, scheduler=True)


def test_an_update_goes_node_by_node_and_a_surging_one_never_goes_below():
    """Three nodes: in place, one at a time; with surge, three serve at every moment."""
    async def story(cluster):
        for name in ("n1", "n2", "n3"):
            await join(cluster, name)
        await cluster.create(daemonset())
        await run_pods(cluster, runs_on, for_s=4)
        for version, rolling, least in (
            ("2", {"maxUnavailable": 1, "maxSurge": 0}, 2), ("3", {"maxUnavailable": 0, "maxSurge": 1}, 3),
        ):
            body = {"spec": {"updateStrategy": {"rollingUpdate": rolling},
                             "template": {"metadata": {"annotations": {"v": version}}}}}
            await cluster.ask("PATCH", f"{DAEMONSETS}/ds", body, kind=MERGE)
            for _ in range(16):
                await run_pods(cluster, runs_on, for_s=1)
                pods = (await cluster.ask("GET", PODS))["items"]
                ready = {pod["spec"]["nodeName"] for pod in pods if pod["status"]["phase"] == "Running"
                         and not pod["metadata"].get("deletionTimestamp")}
                assert len(ready) >= least
            assert [(name, version) for name in ("n1", "n2", "n3")] == await where(cluster)
        assert 3 == len(await cluster.names("/apis/apps/v1/namespaces/default/controllerrevisions"))
        status = (await cluster.ask("GET", f"{DAEMONSETS}/ds"))["status"]
        assert (3, 3, 3) == (status["desiredNumberScheduled"], status["updatedNumberScheduled"], status["numberAvailable"])

    live(NAMES, story, scheduler=True)


def test_an_update_waits_until_a_pod_has_been_ready_for_a_while():
    """Three nodes, ten seconds each: after six one is new, in the end all are."""
    async def story(cluster):
        for name in ("n1", "n2", "n3"):
            await join(cluster, name)
        spec = daemonset()
        spec["spec"]["minReadySeconds"] = 10
        await cluster.create(spec)
        await run_pods(cluster, runs_on, for_s=15)
        await cluster.ask("PATCH", f"{DAEMONSETS}/ds", {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}},
                          kind=MERGE)
        await run_pods(cluster, runs_on, for_s=6)
        assert 1 == [version for _, version in await where(cluster)].count("2")
        await run_pods(cluster, runs_on, for_s=60)
        assert [(name, "2") for name in ("n1", "n2", "n3")] == await where(cluster)

    live(NAMES, story, scheduler=True)


def test_failed_pods_are_replaced_ever_more_slowly():
    """A daemon that always fails: replaced at once, after 1 s, 2 s, 4 s ...: fewer than ten times in two minutes."""
    async def story(cluster):
        await join(cluster, "n1")
        await cluster.create(daemonset())
        await run_pods(cluster, lambda pod: 1, for_s=120)
        failures = [text for text in await cluster.events() if text.startswith("SuccessfulCreate")]
        assert 5 <= len(failures) < 10

    live(NAMES, story, scheduler=True)


def test_on_delete_waits_for_somebody_to_delete():
    """A new template changes nothing until a pod is deleted."""
    async def story(cluster):
        await join(cluster, "n1")
        await cluster.create(daemonset(updateStrategy={"type": "OnDelete"}))
        await run_pods(cluster, runs_on, for_s=3)
        body = {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}}
        await cluster.ask("PATCH", f"{DAEMONSETS}/ds", body, kind=MERGE)
        await run_pods(cluster, runs_on, for_s=3)
        assert [("n1", None)] == await where(cluster)
        (name,) = await cluster.names(PODS)
        await cluster.ask("DELETE", f"{PODS}/{name}")
        await run_pods(cluster, runs_on, for_s=4)
        assert [("n1", "2")] == await where(cluster)

    live(NAMES, story, scheduler=True)
