"""Namespaces ask for Pod Security by labels: what is refused, warned of, and in which words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from knarr.api.http import Call, User
from knarr.apiserver.admission.configuration import read
from knarr.apiserver.admission.pod_standards import LATEST, Standard, evaluate, parse_version, rules_of
from knarr.apiserver.config_files import BadConfiguration
from knarr.apiserver.settings import PodSecurityDefaults, Settings
from tests.unit.apiserver.asking import ADMIN, MERGE, Asker

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


CONFIGURED = PodSecurityDefaults(((LABEL + "enforce", "baseline"), (LABEL + "warn", "restricted")), frozenset({"robot"}),
                                 frozenset({"exempt"}), frozenset({"sandboxed"}))


@pytest.fixture
async def configured():
    """A server whose configuration asks for `baseline` where nobody says otherwise."""
    api = await Asker(settings=Settings(pod_security=CONFIGURED)).start("web", "exempt")
    await api.make("/apis/node.k8s.io/v1/runtimeclasses", {"metadata": {"name": "sandboxed"}, "handler": "h"})
    return api


async def sent(api, path, body, user=ADMIN):
    """Create, audited; return code, warning and what the audit log is told of Pod Security."""
    call = Call("POST", path, {}, {"content-type": "application/json"}, orjson.dumps(body), user, notes={})
    answer = await api.server.handle(call)
    return answer.status, answer.headers.get("Warning", ""), {
        key.removeprefix(LABEL): value for key, value in call.notes.items() if key.startswith(LABEL)}


async def test_a_namespace_that_says_nothing_is_held_to_the_defaults(configured):
    """Baseline is enforced, restricted is warned of; a namespace's own label comes before that."""
    refused = await sent(configured, PODS, pod(hostNetwork=True))
    warned = await sent(configured, PODS, pod())
    await labelled(configured, enforce="privileged", warn="privileged")
    own = await sent(configured, PODS, pod(name="own", hostNetwork=True))

    assert (403, {"enforce-policy": "baseline:latest"}) == (refused[0], refused[2])
    assert (201, True) == (warned[0], 'would violate PodSecurity \\"restricted:latest\\"' in warned[1])
    assert (201, "", {"enforce-policy": "privileged:latest"}) == own


@pytest.mark.parametrize(("path", "body", "user", "why"), [
    pytest.param("/api/v1/namespaces/exempt/pods", pod(hostNetwork=True), ADMIN, "namespace", id="namespace"),
    pytest.param(PODS, pod(hostNetwork=True), User("robot", groups=("system:masters",)), "user", id="user"),
    pytest.param(PODS, pod(hostNetwork=True, runtimeClassName="sandboxed"), ADMIN, "runtimeClass", id="runtime class"),
])
async def test_who_is_exempt_is_not_looked_at(configured, path, body, user, why):
    """The pod breaks what is enforced, and is let in without a word; the audit log says why."""
    assert (201, "", {"exempt": why}) == await sent(configured, path, body, user)


async def test_labels_of_an_exempt_namespace_are_for_nothing(configured):
    """Somebody labels it all the same, and is told."""
    answer = await configured.call("PATCH", "/api/v1/namespaces/exempt", {"metadata": {"labels": {LABEL + "enforce": "restricted"}}}, content_type=MERGE)

    assert 'namespace \\"exempt\\" is exempt from Pod Security, and the policy (enforce=restricted:latest, warn=restricted:latest) will be ignored' in (
        answer.headers["Warning"])


HEAD = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\n"
INNER = "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\n"


def inline(text: str) -> str:
    lines = (INNER + text).splitlines()
    return HEAD + "plugins:\n- name: PodSecurity\n  configuration:\n" + "".join(f"    {line}\n" for line in lines)


def test_the_file_is_read_whole():
    """As Kubernetes' documentation shows it, in the file and in another that it names."""
    inner = "defaults: {enforce: baseline, enforce-version: latest, warn: restricted}\nexemptions: {usernames: [robot], namespaces: [exempt]}\n"
    wanted = PodSecurityDefaults(((LABEL + "enforce", "baseline"), (LABEL + "enforce-version", "latest"), (LABEL + "warn", "restricted")),
                                 frozenset({"robot"}), frozenset({"exempt"}))
    asked = []

    def load(path):
        asked.append(path)
        return (INNER + inner).encode()

    assert wanted == read(inline(inner).encode(), load)
    assert wanted == read(f"{HEAD}plugins: [{{name: PodSecurity, path: pods.yaml}}]".encode(), load)
    assert PodSecurityDefaults() == read(HEAD.encode(), load)
    assert ["pods.yaml"] == asked


@pytest.mark.parametrize(("text", "said"), [
    pytest.param("{", "yaml", id="no YAML"), pytest.param("kind: Pod", "expected apiVersion apiserver.config.k8s.io/v1", id="something else"),
    pytest.param(HEAD + "plugins: [{name: EventRateLimit, path: x}]", "only PodSecurity can be configured (got EventRateLimit)", id="another rule"),
    pytest.param(HEAD + "plugins: [{name: PodSecurity}]", "exactly one of path and configuration", id="nothing"),
    pytest.param(HEAD + "plugins: [{name: PodSecurity, path: gone}]", "gone cannot be read", id="no file"),
    pytest.param(inline("defaults: {enforce: strict}"), 'defaults.enforce: Invalid value: "strict": must be one of privileged, baseline, restricted', id="level"),
    pytest.param(inline("defaults: {enforce-version: v2}"), 'must be "latest" or "v1.x"', id="version"),
    pytest.param(inline("defaults: {force: baseline}"), "unknown field defaults.force", id="mode"),
    pytest.param(inline("exemptions: {users: [x]}"), "strict decoding error", id="misspelt"),
    pytest.param(inline("exemptions: {namespaces: [A]}"), 'exemptions.namespaces[0]: Invalid value: "A"', id="namespace"),
    pytest.param(inline("exemptions: {usernames: ['']}"), "username must not be empty", id="nobody"),
    pytest.param(inline("exemptions: {runtimeClasses: [a, a]}"), 'exemptions.runtimeClasses[1]: Duplicate value: "a"', id="twice"),
])  # fmt: skip
def test_a_file_that_cannot_be_used(text, said):
    """With the reason and the place."""
    def load(path):
        raise FileNotFoundError(2, "No such file or directory", path)

    with pytest.raises(BadConfiguration) as caught:
        read(text.encode(), load)

    assert said in str(caught.value)
