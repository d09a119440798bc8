"""Namespaces ask for Pod Security by labels: what is refused, warned of, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from knarr.apiserver.admission.pod_standards import LATEST, Standard, evaluate, parse_version, rules_of
from tests.unit.apiserver.asking import MERGE

PODS = "/api/v1/namespaces/web/pods"
LABEL = "pod-security.kubernetes.io/"
GOOD = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"}}


def pod(*, name: str = "p", context: Any = None, **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "i", **({"securityContext": context} if context else {})}
    return {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}


async def labelled(api, **labels: str) -> Any:
    found = {LABEL + name.replace("_", "-"): value for name, value in labels.items()}
    return await api.call("PATCH", "/api/v1/namespaces/web", {"metadata": {"labels": found}}, content_type=MERGE)


async def test_a_restricted_namespace_refuses_and_says_all(api):
    """Four things are missing; the refusal lists them in Kubernetes' order. A careful pod gets in."""
    await labelled(api, enforce="restricted")
    code, refusal = await api.ask("POST", PODS, pod())

    assert 403 == code
    assert refusal["message"] == (
        'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false '
        '(container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities '
        '(container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" '
        'must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set '
        'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    )
    assert {"name": "p", "kind": "pods"} == refusal["details"]
    await api.make(PODS, pod(context=GOOD))


async def test_warnings_come_with_what_is_let_in(api):
    """warn: the pod is made, the client is told; a Deployment is told of its pods to come, even where they are refused."""
    await labelled(api, warn="baseline", warn_version="v1.30")
    answer = await api.call("POST", PODS, pod(hostNetwork=True))

    assert 201 == answer.status
    assert answer.headers["Warning"] == (
        '299 - "would violate PodSecurity \\"baseline:v1.30\\": host namespaces (hostNetwork=true)"'
    )
    deployment = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
        "metadata": {"labels": {"a": "b"}}, "spec": pod(hostPID=True)["spec"]}}}
    answer = await api.call("POST", "/apis/apps/v1/namespaces/web/deployments", deployment)
    assert (201, True) == (answer.status, "hostPID=true" in answer.headers["Warning"])


async def test_a_label_that_means_nothing_is_refused(api):
    """A typing error must not leave the door open."""
    answer = await labelled(api, enforce="nope", audit_version="1.2")

    assert 422 == answer.status
    assert b"metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \\\"nope\\\": must be one of" in answer.body
    assert b'must be \\"latest\\" or \\"v1.x\\"' in answer.body


async def test_a_stricter_level_names_the_pods_it_came_too_late_for(api):
    """Three pods run when the level rises: nothing is stopped, they are listed, those with one fault together."""
    for name in ("a", "b", "c"):
        await api.make(PODS, pod(name=name, hostNetwork=True))
    answer = await labelled(api, enforce="baseline")

    assert 200 == answer.status
    assert answer.headers["Warning"] == (
        '299 - "existing pods in namespace \\"web\\" violate the new PodSecurity enforce level \\"baseline:latest\\"", '
        '299 - "a (and 2 other pods): host namespaces"'
    )


async def test_changes_that_do_not_matter_are_not_judged(api):
    """A pod from before the level rose may still get a label, but no other image."""
    await api.make(PODS, pod(hostNetwork=True))
    await labelled(api, enforce="baseline")
    code, _ = await api.ask("PATCH", f"{PODS}/p", {"metadata": {"labels": {"x": "y"}}}, content_type=MERGE)
    patch = {"spec": {"containers": [{"name": "c", "image": "other"}]}}
    refused, _ = await api.ask("PATCH", f"{PODS}/p", patch, content_type="application/strategic-merge-patch+json")

    assert (200, 403) == (code, refused)


TWO = [{"name": "c", "image": "i"}, {"name": "d", "image": "i"}]


@pytest.mark.parametrize(("level", "spec", "told"), [
    pytest.param("baseline", {"hostIPC": True, "hostPID": True}, "host namespaces (hostPID=true, hostIPC=true)", id="host"),
    pytest.param("baseline", {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, 'hostPath volumes (volume "v")',
                 id="hostPath"),
    pytest.param("baseline", {"containers": [{**one, "ports": [{"hostPort": 80}]} for one in TWO]},
                 'hostPort (containers "c", "d" use hostPort 80)', id="hostPort"),
    pytest.param("baseline", {"containers": [{**TWO[0], "securityContext": {"privileged": True}}]},
                 'privileged (container "c" must not set securityContext.privileged=true)', id="privileged"),
    pytest.param("baseline", {"containers": [{**TWO[0], "securityContext": {"capabilities": {"add": ["X", "KILL", "A"]}}}]},
                 'non-default capabilities (container "c" must not include "A", "X" in securityContext.capabilities.add)',
                 id="capabilities"),
    pytest.param("baseline", {"containers": [{**TWO[0], "livenessProbe": {"httpGet": {"host": "h"}}}]},
                 'probe or lifecycle host (container "c" uses probe or lifecycle host "h")', id="probe host"),
    pytest.param("baseline", {"securityContext": {"sysctls": [{"name": "kernel.msgmax"}, {"name": "net.ipv4.tcp_wmem"}]}},
                 "forbidden sysctls (kernel.msgmax)", id="sysctls"),
    pytest.param("baseline", {"securityContext": {"seLinuxOptions": {"type": "t", "user": "u"}}},
                 'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "t"; user may not be set)',
                 id="selinux"),
    pytest.param("baseline", {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
                 'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")', id="seccomp"),
    pytest.param("baseline", {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
                 'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")', id="apparmor"),
    pytest.param("baseline", {"containers": [{**TWO[0], "securityContext": {"procMount": "Unmasked"}}]},
                 'procMount (container "c" must not set securityContext.procMount to "Unmasked")', id="procMount"),
    pytest.param("baseline", {"hostUsers": False, "containers": [{**TWO[0], "securityContext": {"procMount": "Unmasked"}}]},
                 "", id="procMount in a user namespace"),
    pytest.param("baseline", {"securityContext": {"windowsOptions": {"hostProcess": True}}},
                 "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)", id="hostProcess"),
    pytest.param("restricted", {"containers": [{**TWO[0], "securityContext": {**GOOD, "runAsUser": 0}}]},
                 'runAsUser=0 (container "c" must not set runAsUser=0)', id="root"),
    pytest.param("restricted", {"containers": [{**TWO[0], "securityContext": {**GOOD, "runAsNonRoot": False}}]},
                 'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)', id="says root"),
    pytest.param("restricted", {"containers": [{**TWO[0], "securityContext": GOOD}],
                                "volumes": [{"name": "a", "nfs": {}}, {"name": "b", "emptyDir": {}}, {"name": "c"}]},
                 'restricted volume types (volumes "a", "c" use restricted volume types "nfs", "unknown")', id="volumes"),
    pytest.param("restricted", {"os": {"name": "windows"}, "securityContext": {"runAsNonRoot": True}}, "", id="windows"),
    pytest.param("privileged", {"hostNetwork": True}, "", id="privileged allows all"),
])
def test_what_a_standard_says(level, spec, told):
    """One fault, one sentence."""
    found = evaluate(Standard(level), {}, {"containers": TWO[:1], **spec})

    assert told == ", ".join(map(str, found))


def test_old_versions_ask_for_what_they_knew():
    """v1.0 judges by annotations and knows neither seccomp fields nor escalation; v1.22 knows nothing of Windows."""
    old = Standard("restricted", 0)
    annotated = {"annotations": {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}}

    assert ['seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")'] == [
        str(one) for one in evaluate(old, annotated, {"containers": [], "securityContext": {"runAsNonRoot": True}})]
    assert len(rules_of(old)) < len(rules_of(Standard("restricted", 22))) <= len(rules_of(Standard("restricted")))


@pytest.mark.parametrize(("text", "minor"), [("latest", LATEST), ("v1.0", 0), ("v1.36", 36), ("v1.01", None), ("1.2", None), ("v2.1", None)])
def test_versions(text, minor):
    """Only `latest` and `v1.x` are versions."""
    assert minor == parse_version(text)
