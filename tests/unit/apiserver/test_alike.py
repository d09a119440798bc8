"""Many objects alike are read, checked and owned once: nobody can tell the second from the first, nor a bad one from a good one."""

from __future__ import annotations

import re
from itertools import combinations

import orjson
import pytest

from knarr.api.alike import KEPT_MAX, MARKS_MAX, Alike
from knarr.api.validation import pod as pod_rules
from knarr.apiserver import bodies, ownership
from knarr.apiserver.admission import pod_standards, pod_standards_baseline
from tests.unit.apiserver.asking import AGENT

PODS = "/api/v1/namespaces/web/pods"
DRAWN = re.compile(rb'"uid":"[^"]*"|"resourceVersion":"[0-9]*"|kube-api-access-[a-z0-9]{5}|"name":"many-[a-z0-9]{5}"|"10\.[0-9.]*"')


def pod(**spec):
    container = {"name": "c", "image": "i", "ports": [{"containerPort": 80}], "resources": {"requests": {"cpu": "1"}}}
    return {"metadata": {"generateName": "many-", "labels": {"a": "b"}}, "spec": {"containers": [container], **spec}}


@pytest.fixture(autouse=True)
def forgetful():
    """Nothing is remembered of other tests."""
    for known in (bodies.SETTLED, ownership.GIVEN, pod_rules.SOUND):
        known.forget()


DEPLOYMENT = {"metadata": {"generateName": "many-"}, "spec": {
    "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}}}


@pytest.mark.parametrize(("path", "body"), [
    pytest.param(PODS, pod(), id="pods"),
    pytest.param("/apis/apps/v1/namespaces/web/deployments", DEPLOYMENT, id="deployments"),
    pytest.param("/api/v1/namespaces/web/services", {"metadata": {"generateName": "many-"}, "spec": {"ports": [{"port": 1}]}},
                 id="services"),
    pytest.param("/api/v1/namespaces/web/configmaps", {"metadata": {"generateName": "many-"}, "data": {"a": "é\n", "b": ""}}, id="maps"),
    pytest.param("/apis/autoscaling/v1/namespaces/web/horizontalpodautoscalers", {
        "metadata": {"generateName": "many-"}, "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}},
        id="stored in another version"),
])
async def test_the_third_is_as_the_first(api, path, body):
    """The same bytes come three times: but for what is drawn for each, three equal objects, managed fields included."""
    shown = [(await api.call("POST", path, body)).body for _ in range(3)]

    assert 1 == len({DRAWN.sub(b"", one) for one in shown}), shown
    assert {"manager": AGENT.partition("/")[0], "operation": "Update"}.items() <= orjson.loads(shown[2])["metadata"]["managedFields"][0].items()
    assert 3 == len({orjson.loads(one)["metadata"]["uid"] for one in shown})


async def test_each_writer_owns_its_own(api):
    """Two clients send the same: what they wrote is the same, who wrote it is not."""
    entries = [(await api.ask("POST", f"{PODS}?fieldManager={name}", pod()))[1]["metadata"]["managedFields"] for name in ("one", "two")]

    assert ["one", "two"] == [found[0]["manager"] for found in entries]
    assert entries[0][0]["fieldsV1"] == entries[1][0]["fieldsV1"]


async def test_one_who_changes_his_object_changes_no_other(api):
    """The first of two alike is patched: the third, made later, knows nothing of it."""
    first = (await api.ask("POST", PODS, pod()))[1]
    await api.ask("PATCH", f"{PODS}/{first['metadata']['name']}", {"metadata": {"labels": {"a": None, "new": "x"}}},
                  content_type="application/merge-patch+json")
    third = (await api.ask("POST", PODS, pod()))[1]

    assert {"a": "b"} == third["metadata"]["labels"]
    assert ["f:a"] == [key for key in third["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:labels"] if key != "."]


@pytest.mark.parametrize("validation", ["Warn", "Strict", "Ignore"])
async def test_who_errs_twice_is_told_twice(api, validation):
    """An unknown field: warned of, refused or passed over, the second time as the first."""
    answers = [await api.call("POST", f"{PODS}?fieldValidation={validation}", pod(unheard=1)) for _ in range(3)]

    told = {"Warn": (201, True), "Strict": (400, False), "Ignore": (201, False)}[validation]
    assert [told] * 3 == [(one.status, "Warning" in one.headers) for one in answers]


async def test_a_wrong_pod_stays_wrong(api):
    """422 each time, in the same words, between pods that are right."""
    wrong, said = pod(restartPolicy="Sometimes"), []
    for _ in range(3):
        await api.make(PODS, pod())
        said.append((await api.ask("POST", PODS, wrong))[1]["details"]["causes"])

    assert said[0] == said[1] == said[2]
    assert "spec.restartPolicy" == said[0][0]["field"]


def volumes(*names: str):
    return pod(automountServiceAccountToken=False, volumes=[{"name": name, "emptyDir": {}} for name in names])


async def test_two_volumes_are_never_taken_for_one(api):
    """Names like those of token volumes: two different ones are right; the same twice is not, whatever was let in before."""
    await api.make(PODS, volumes("kube-api-access-aaaaa", "kube-api-access-bbbbb"))
    await api.make(PODS, volumes("kube-api-access-bbbbb"))
    code, refusal = await api.ask("POST", PODS, volumes("kube-api-access-bbbbb", "kube-api-access-bbbbb"))

    assert (422, True) == (code, "Duplicate value" in refusal["message"])


SPOTS = [
    ({}, {"hostNetwork": True}, {}), ({}, {"hostPID": True}, {}), ({}, {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, {}),
    ({}, {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}, {}), ({}, {"hostUsers": False}, {}),
    ({}, {"securityContext": {"windowsOptions": {"hostProcess": True}}}, {}), ({}, {"os": {"name": "windows"}}, {}),
    ({}, {}, {"securityContext": {"privileged": True}}), ({}, {}, {"securityContext": {"procMount": "Unmasked"}}),
    ({}, {}, {"ports": [{"containerPort": 1, "hostPort": 1}]}), ({}, {}, {"ports": [{"containerPort": 1}]}),
    ({}, {}, {"livenessProbe": {"httpGet": {"host": "h"}}}), ({}, {}, {"lifecycle": {"preStop": {"tcpSocket": {"host": "h"}}}}),
    ({"annotations": {"container.apparmor.security.beta.kubernetes.io/c": "unconfined"}}, {}, {}),
    ({"annotations": {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}}, {}, {}),
    ({"annotations": {"container.seccomp.security.alpha.kubernetes.io/c": "unconfined"}}, {}, {}), ({"annotations": {"a": "b"}}, {}, {}),
]


@pytest.mark.parametrize("part", ["containers", "initContainers", "ephemeralContainers"])
def test_harmless_pods_break_no_rule(part):
    """Whatever one or two things a pod has: a look finds it harmless only if every rule of any version does."""
    seen = 0
    for picked in [*combinations(SPOTS, 1), *combinations(SPOTS, 2)]:
        meta, spec, container = ({key: value for spot in picked for key, value in spot[at].items()} for at in range(3))
        spec = {**spec, part: [{"name": "c", "image": "i", **container}]}
        broken = [name for name, _, rule in pod_standards.BASELINE if rule(meta, spec) is not None]
        harmless = pod_standards_baseline.harmless(meta, spec)
        seen += harmless
        assert not (broken and harmless), (broken, meta, spec)

    assert seen >= 4


def test_what_comes_once_is_not_worked_out():
    """The first time costs a mark, the second a look and a place, the third a look."""
    known, worked = Alike(), []
    found = [known.recall(b"thing", lambda: worked.append(1) or "found") for _ in range(4)]

    assert ([None, "found", "found", "found"], [1]) == (found, worked)


def test_what_is_known_stays_bounded():
    """Twenty thousand things come twice each: some are kept, and a thing that was forgotten is worked out anew."""
    known = Alike()
    for number in range(20_000):
        assert [None, number + 1] == [known.recall(number, lambda number=number: number + 1) for _ in range(2)]

    assert len(known._kept) <= KEPT_MAX
    assert len(known._marks) <= MARKS_MAX
