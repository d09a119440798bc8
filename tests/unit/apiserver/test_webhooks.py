"""Webhooks change and refuse writes; one that is down harms only what its failurePolicy says."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from knarr.api.http import Call
from knarr.apiserver.outbound import CallFailed, Place
from tests.unit.apiserver.asking import ADMIN, MERGE, Asker

ROOT = "/apis/admissionregistration.k8s.io/v1"
MAPS = "/api/v1/namespaces/web/configmaps"
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE", "DELETE"], "resources": ["configmaps"]}
Say = Callable[[dict[str, Any]], dict[str, Any]]


class Hooks:
    """Servers by URL, and what they were asked."""

    def __init__(self, api: Asker) -> None:
        self.api, self.servers, self.asked = api, {}, []
        api.server.core.outbound.post = self.post  # type: ignore[method-assign]

    async def post(self, place: Place, body: bytes, **_: Any) -> bytes:
        url, review = place.url, orjson.loads(body)
        self.asked.append((url.partition("?")[0], review["request"]))
        say: Say | None = self.servers.get(url.partition("?")[0])
        if say is None:
            raise CallFailed(f'Post "{url}": connection refused')
        return orjson.dumps({"kind": "AdmissionReview", "apiVersion": review["apiVersion"],
                             "response": {"uid": review["request"]["uid"], **say(review["request"])}})

    async def add(self, name: str, say: Say | None = None, *, sort: str = "validating", **changes: Any) -> None:
        url = f"https://{name}.example.com/x"
        if say is not None:
            self.servers[url] = say
        hook = {"name": f"{name}.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "clientConfig": {"url": url}, "rules": [RULE], **changes}
        await self.api.make(f"{ROOT}/{sort}webhookconfigurations", {"metadata": {"name": name}, "webhooks": [hook]})


@pytest.fixture
def hooks(api) -> Hooks:
    return Hooks(api)


def yes(_: dict[str, Any]) -> dict[str, Any]:
    return {"allowed": True}


def patching(*operations: dict[str, Any]) -> Say:
    return lambda _: {"allowed": True, "patchType": "JSONPatch", "patch": b64encode(orjson.dumps(operations)).decode()}


def config_map(name: str = "c", **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "data": {"a": "b"}}


async def test_one_changes_another_refuses(api, hooks):
    """A mutating webhook adds data; a validating one sees it, and says no in its own words."""
    await hooks.add("m", patching({"op": "add", "path": "/data/added", "value": "yes"}), sort="mutating")
    assert {"a": "b", "added": "yes"} == (await api.make(MAPS, config_map()))["data"]
    await hooks.add("v", lambda request: {"allowed": "added" not in request["object"]["data"],
                                          "status": {"code": 418, "reason": "Teapot", "message": "no tea"}})
    code, refusal = await api.ask("POST", MAPS, config_map("d"))

    assert (418, "Teapot", 'admission webhook "v.example.com" denied the request: no tea') == (
        code, refusal["reason"], refusal["message"])


async def test_what_a_webhook_is_told(api, hooks):
    """Who does what to which object, before and after."""
    await hooks.add("v", yes)
    await api.make(MAPS, config_map())
    await api.ask("PATCH", f"{MAPS}/c", {"data": {"a": "c"}}, content_type=MERGE)
    await api.ask("DELETE", f"{MAPS}/c")
    created, changed, deleted = [request for _, request in hooks.asked]

    assert ["CREATE", "UPDATE", "DELETE"] == [one["operation"] for one in (created, changed, deleted)]
    assert {"group": "", "version": "v1", "resource": "configmaps"} == created["resource"]
    assert ("c", "web", "admin", False) == (created["name"], created["namespace"], created["userInfo"]["username"], created["dryRun"])
    assert ("b", "c") == (changed["oldObject"]["data"]["a"], changed["object"]["data"]["a"])
    assert (None, "c") == (deleted["object"], deleted["oldObject"]["data"]["a"])


@pytest.mark.parametrize(("policy", "code"), [("Fail", 500), ("Ignore", 201)])
async def test_a_webhook_that_is_down(api, hooks, policy, code):
    """Fail refuses and says which webhook; Ignore lets the write through."""
    await hooks.add("v", failurePolicy=policy, timeoutSeconds=3)
    found, answer = await api.ask("POST", MAPS, config_map())

    assert code == found
    if code == 500:
        assert answer["message"] == (
            'Internal error occurred: failed calling webhook "v.example.com": failed to call webhook: '
            'Post "https://v.example.com/x?timeout=3s": connection refused')


@pytest.mark.parametrize(("changes", "asked"), [
    pytest.param({}, True, id="all"),
    pytest.param({"objectSelector": {"matchLabels": {"x": "y"}}}, True, id="its label"),
    pytest.param({"objectSelector": {"matchLabels": {"x": "z"}}}, False, id="another label"),
    pytest.param({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "web"}}}, True, id="its namespace"),
    pytest.param({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "x"}}}, False, id="another namespace"),
    pytest.param({"rules": [{**RULE, "resources": ["*"]}]}, True, id="every kind"),
    pytest.param({"rules": [{**RULE, "resources": ["configmaps/status"]}]}, False, id="a subresource"),
    pytest.param({"rules": [{**RULE, "scope": "Cluster"}]}, False, id="cluster-wide kinds"),
    pytest.param({"rules": [{**RULE, "operations": ["DELETE"]}]}, False, id="another operation"),
    pytest.param({"rules": [{**RULE, "apiGroups": ["apps"]}]}, False, id="another group"),
])
async def test_who_is_asked(api, hooks, changes, asked):
    """Rules and selectors choose."""
    await hooks.add("v", yes, **changes)
    await api.make(MAPS, config_map(x="y"))

    assert asked == bool(hooks.asked)


async def test_the_other_version_of_a_kind_is_meant_too(api, hooks):
    """A webhook for autoscaling/v1 sees a v2 object in the form that it knows, unless it asks for exact matches."""
    rule = {**RULE, "apiGroups": ["autoscaling"], "apiVersions": ["v1"], "resources": ["horizontalpodautoscalers"]}
    await hooks.add("v", yes, rules=[rule])
    await hooks.add("w", yes, rules=[rule], matchPolicy="Exact")
    spec = {"maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}
    await api.make("/apis/autoscaling/v2/namespaces/web/horizontalpodautoscalers", {"metadata": {"name": "h"}, "spec": spec})
    ((url, request),) = hooks.asked

    assert ("https://v.example.com/x", "v1", "autoscaling/v1") == (url, request["kind"]["version"], request["object"]["apiVersion"])


async def test_one_is_asked_again_when_a_later_one_changed_more(api, hooks):
    """The first wants to see the end; the second adds something; the first is asked twice."""
    await hooks.add("a", yes, sort="mutating", reinvocationPolicy="IfNeeded")
    await hooks.add("b", patching({"op": "add", "path": "/data/z", "value": "1"}), sort="mutating")
    await api.make(MAPS, config_map())

    assert ["a", "b", "a"] == [url.removeprefix("https://")[0] for url, _ in hooks.asked]
    assert "z" in hooks.asked[-1][1]["object"]["data"]


async def test_warnings_reach_the_client(api, hooks):
    """From either sort."""
    await hooks.add("v", lambda _: {"allowed": True, "warnings": ["old news"]})

    assert '299 - "old news"' == (await api.call("POST", MAPS, config_map())).headers["Warning"]


async def test_webhooks_cannot_shut_out_their_own_configuration(api, hooks):
    """A webhook for everything that is down: its configuration can still be deleted."""
    await hooks.add("v", rules=[{**RULE, "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}])

    assert 500 == (await api.ask("POST", MAPS, config_map()))[0]
    assert 200 == (await api.ask("DELETE", f"{ROOT}/validatingwebhookconfigurations/v"))[0]
    assert 201 == (await api.ask("POST", MAPS, config_map()))[0]


@pytest.mark.parametrize("say", [
    pytest.param(patching({"op": "remove", "path": "/nope"}), id="removes what is not there"),
    pytest.param(lambda _: {"allowed": True, "patch": "!!"}, id="no base64"),
    pytest.param(lambda _: {"uid": "another", "allowed": True}, id="another uid"),
])
async def test_a_webhook_that_talks_nonsense(api, hooks, say):
    """500, never a broken object."""
    await hooks.add("m", say, sort="mutating")

    assert 500 == (await api.ask("POST", MAPS, config_map()))[0]


async def test_a_service_is_asked_at_a_ready_endpoint(api, hooks):
    """The certificate is for the Service's name; the connection goes to a pod."""
    reached = []

    async def post(place: Place, body: bytes, **_: Any) -> bytes:
        reached.append((place.url, place.name))
        raise CallFailed("stop here")

    await hooks.add("v", clientConfig={"service": {"namespace": "web", "name": "s", "path": "/check"}})
    await api.make("/api/v1/namespaces/web/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 443}]}})
    assert b"no endpoints available" in (await api.call("POST", MAPS, config_map())).body
    await api.make("/apis/discovery.k8s.io/v1/namespaces/web/endpointslices", {
        "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}}, "addressType": "IPv4",
        "ports": [{"port": 8443}], "endpoints": [{"addresses": ["10.0.0.9"], "conditions": {"ready": False}},
                                                 {"addresses": ["10.0.0.7"]}]})
    api.server.core.outbound.post = post
    await api.ask("POST", MAPS, config_map())

    assert [("https://10.0.0.7:8443/check?timeout=10s", "s.web.svc")] == reached


@pytest.mark.parametrize(("conditions", "code", "asked"), [
    pytest.param(["object.metadata.name == 'c'"], 201, True, id="holds"),
    pytest.param(["object.metadata.name == 'd'"], 201, False, id="does not hold"),
    pytest.param(["object.nope == 1", "false"], 201, False, id="a fault, and one that decides"),
    pytest.param(["object.nope == 1", "true"], 403, False, id="a fault"),
    pytest.param(["!authorizer.group('').resource('x').check('breakglass').allowed()"], 201, False, id="who may pass it by"),
])
async def test_match_conditions(api, hooks, conditions, code, asked):
    """Expressions say whether the webhook is asked; a fault is as good as the failurePolicy."""
    rows = [{"name": f"n{number}", "expression": text} for number, text in enumerate(conditions)]
    await hooks.add("v", yes, matchConditions=rows)
    found, answer = await api.ask("POST", MAPS, config_map())

    assert (code, asked) == (found, bool(hooks.asked))
    if code == 403:
        assert answer["message"] == "configmaps \"c\" is forbidden: expression 'object.nope == 1' resulted in error: no such key: nope"


@pytest.mark.parametrize(("answer", "sort", "said"), [
    pytest.param({"uid": "other", "allowed": True}, "validating", 'expected response.uid="', id="another uid"),
    pytest.param({"allowed": True, "patch": "e30="}, "mutating", "webhook returned response.patch but not response.patchType", id="no type"),
    pytest.param({"allowed": True, "patchType": "JSONPatch"}, "mutating", "webhook returned response.patchType but not response.patch", id="no patch"),
    pytest.param({"allowed": True, "patch": "W10=", "patchType": "JSONPatch"}, "validating", "validating webhook may not return response.patch", id="must not change"),
    pytest.param({"allowed": True, "patch": "W10=", "patchType": "Merge"}, "mutating", 'unsupported patch type "Merge"', id="unknown type"),
])
async def test_a_webhook_that_breaks_the_contract(api, hooks, answer, sort, said):
    """It counts as one that failed: Ignore lets the write through."""
    await hooks.add("v", lambda _: answer, sort=sort)
    code, refusal = await api.ask("POST", MAPS, config_map())
    start = 'Internal error occurred: failed calling webhook "v.example.com": received invalid webhook response: '

    assert (500, True, True) == (code, refusal["message"].startswith(start), said in refusal["message"])
    patch = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]
    await api.ask("PATCH", f"{ROOT}/{sort}webhookconfigurations/v", patch, content_type="application/json-patch+json")
    assert 201 == (await api.ask("POST", MAPS, config_map()))[0]


async def test_what_a_webhook_adds_is_completed_like_the_users_own(api, hooks):
    """A container that is injected gets the defaults, the LimitRange's amounts and the service account's token."""
    await api.make("/api/v1/namespaces/web/limitranges", {"metadata": {"name": "l"}, "spec": {
        "limits": [{"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}}]}})
    await hooks.add("m", patching({"op": "add", "path": "/spec/containers/-", "value": {"name": "side", "image": "s"}}),
                    sort="mutating", rules=[{**RULE, "resources": ["pods"]}])
    pod = await api.make("/api/v1/namespaces/web/pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "x"}]}})
    side = pod["spec"]["containers"][1]

    assert ("Always", {"cpu": "1"}, True) == (side["imagePullPolicy"], side["resources"]["requests"], bool(side["volumeMounts"]))


async def test_a_deletion_is_told_with_its_options(api, hooks):
    """What the client asked for; its warnings come back with the answer."""
    await hooks.add("v", lambda _: {"allowed": True, "warnings": ["mind"]})
    await api.make(MAPS, config_map())
    answer = await api.call("DELETE", f"{MAPS}/c", {"propagationPolicy": "Background"})

    assert {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", "propagationPolicy": "Background"} == hooks.asked[-1][1]["options"]
    assert '299 - "mind"' == answer.headers["Warning"]


async def test_what_cannot_be_changed(api, hooks):
    """A webhook that moves an object to another namespace, and one that patches what is being deleted."""
    await hooks.add("m", patching({"op": "replace", "path": "/metadata/namespace", "value": "default"}), sort="mutating")
    assert 400 == (await api.ask("POST", MAPS, config_map()))[0]
    hooks.servers["https://m.example.com/x"] = yes
    await api.make(MAPS, config_map())
    hooks.servers["https://m.example.com/x"] = patching({"op": "add", "path": "/data/b", "value": "c"})
    code, refusal = await api.ask("DELETE", f"{MAPS}/c")

    assert (500, True) == (code, "attempted to modify the object, which is not supported" in refusal["message"])


async def test_a_server_without_webhooks_has_nothing_to_ask(api, hooks):
    """The index follows the configuration within the request that writes it."""
    assert not api.server.core.configured.active
    await hooks.add("v", yes)
    assert api.server.core.configured.active
    await api.ask("DELETE", f"{ROOT}/validatingwebhookconfigurations/v")
    assert not api.server.core.configured.active


@pytest.mark.parametrize("operation", [
    {"op": "remove", "path": "/metadata"}, {"op": "replace", "path": "/metadata", "value": 3}, {"op": "replace", "path": "", "value": []},
    {"op": "replace", "path": "/kind", "value": "Secret"}, {"op": "replace", "path": "/data", "value": "x"}, {"op": "replace"}, 3,
], ids=str)
async def test_a_patch_that_leaves_no_object_behind(api, hooks, operation):
    """A fault of the webhook's, told as one."""
    await hooks.add("m", patching(operation), sort="mutating")
    code, refusal = await api.ask("POST", MAPS, config_map())

    assert (500, "InternalError", True) == (code, refusal["reason"], refusal["message"].startswith("Internal error occurred: "))
    assert refusal["details"]["causes"]


async def test_what_the_server_owns_stays(api, hooks):
    """Another uid and time than the server's are no webhook's choice."""
    await hooks.add("m", patching({"op": "replace", "path": "/metadata/uid", "value": "mine"},
                                  {"op": "replace", "path": "/metadata/creationTimestamp", "value": "2001-01-01T00:00:00Z"}), sort="mutating")
    meta = (await api.make(MAPS, config_map()))["metadata"]

    assert ("mine", "2001-01-01T00:00:00Z") != (meta["uid"], meta["creationTimestamp"])
    assert len(meta["uid"]) == 36


@pytest.mark.parametrize("answer", [
    {"allowed": "yes"}, {"allowed": True, "patch": 3}, {"allowed": True, "warnings": "w"}, {"allowed": True, "auditAnnotations": []},
    {"allowed": False, "status": "no"},
], ids=str)
async def test_an_answer_of_other_types(api, hooks, answer):
    """Nothing of it is believed."""
    await hooks.add("v", lambda _: answer)
    code, refusal = await api.ask("POST", MAPS, config_map())

    assert (500, True) == (code, "json: cannot unmarshal" in refusal["message"])


async def test_the_audit_log_is_told_who_changed_what(api, hooks):
    """Two webhooks change, one looks on, and two that may fail do: each has its note. Source: kube's own keys."""
    added = {"op": "add", "path": "/data/added", "value": "yes"}
    await hooks.add("a", patching(added), sort="mutating")
    await hooks.add("b", yes, sort="mutating")
    await hooks.add("c", sort="mutating", failurePolicy="Ignore")
    await hooks.add("d", failurePolicy="Ignore")
    call = Call("POST", MAPS, {}, {"content-type": "application/json"}, orjson.dumps(config_map()), ADMIN, notes={})
    await api.server.handle(call)
    notes = {key.partition("/")[::2]: value for key, value in call.notes.items() if "webhook" in key}

    assert {"configuration": "a", "webhook": "a.example.com", "mutated": True} == orjson.loads(
        notes["mutation.webhook.admission.k8s.io", "round_0_index_0"])
    assert {"configuration": "b", "webhook": "b.example.com", "mutated": False} == orjson.loads(
        notes["mutation.webhook.admission.k8s.io", "round_0_index_1"])
    assert [added] == orjson.loads(notes["patch.webhook.admission.k8s.io", "round_0_index_0"])["patch"]
    assert "c.example.com" == notes["failed-open.mutating.webhook.admission.k8s.io", "round_0_index_2"]
    assert "d.example.com" == notes["failed-open.validating.webhook.admission.k8s.io", "round_0_index_0"]
