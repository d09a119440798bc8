"""Stories that Kubernetes' conformance suite tells of the API machinery, and no other test here tells whole.

Source: kube test/conformance/testdata/conformance.yaml, [sig-api-machinery]. Each story bears its subject's name.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from knarr.apiserver.outbound import CallFailed
from tests.unit.apiserver.asking import MERGE, Asker
from tests.unit.apiserver.test_authn import World, lived
from tests.unit.apiserver.test_definitions import DEFINITIONS, GADGETS, definition, gadget
from tests.unit.apiserver.test_webhooks import MAPS, ROOT, RULE, Hooks, config_map, hooks, patching, yes

JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
ADDING = patching({"op": "add", "path": "/data/added", "value": "yes"})
GADGET_RULE = {"apiGroups": ["example.com"], "apiVersions": ["*"], "operations": ["*"], "resources": ["gadgets"]}
__all__ = ["hooks"]


def no(_: dict[str, Any]) -> dict[str, Any]:
    return {"allowed": False, "status": {"message": "never"}}


@pytest.mark.parametrize(("sort", "say", "code", "added"), [
    pytest.param("mutating", ADDING, 201, True, id="mutating"), pytest.param("validating", no, 400, False, id="validating")])
async def test_webhooks_listed_and_deleted_by_label(api: Asker, hooks: Hooks, sort: str, say: Any, code: int, added: bool) -> None:
    """Ten of them share a label: the list shows the ten, a collection's deletion takes them, and they are heard no more."""
    hooks.servers["https://h.example.com/x"] = say
    for number in range(10):
        hook = {"name": "h.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "clientConfig": {"url": "https://h.example.com/x"}, "rules": [RULE]}
        await api.make(f"{ROOT}/{sort}webhookconfigurations", {
            "metadata": {"name": f"h{number}", "labels": {"of": "us"}}, "webhooks": [hook]})
    everyone = f"{ROOT}/{sort}webhookconfigurations?labelSelector=of%3Dus".replace("%3D", "=")
    before, shown = await api.ask("POST", MAPS, config_map())
    listed = (await api.ask("GET", everyone))[1]["items"]
    await api.ask("DELETE", everyone)
    after = await api.make(MAPS, config_map("d"))

    assert (10, code) == (len(listed), before)
    assert added == ("added" in shown.get("data", {}))
    assert {"a": "b"} == after["data"]


async def test_a_webhook_put_off_and_on_by_update_and_patch(api: Asker, hooks: Hooks) -> None:
    """An update takes creations out of its rules, a patch puts them back: it is heard accordingly."""
    await hooks.add("m", ADDING, sort="mutating")
    where = f"{ROOT}/mutatingwebhookconfigurations/m"
    _, shown = await api.ask("GET", where)
    shown["webhooks"][0]["rules"][0]["operations"] = ["UPDATE"]
    assert 200 == (await api.ask("PUT", where, shown))[0]
    off = await api.make(MAPS, config_map("off"))
    change = [{"op": "replace", "path": "/webhooks/0/rules/0/operations", "value": ["CREATE"]}]
    assert 200 == (await api.ask("PATCH", where, change, content_type=JSON_PATCH))[0]
    on = await api.make(MAPS, config_map("on"))

    assert ({"a": "b"}, {"a": "b", "added": "yes"}) == (off["data"], on["data"])


async def test_one_webhook_builds_on_what_another_added(api: Asker, hooks: Hooks) -> None:
    """Two in one configuration: the second finds the first one's key."""

    def second(request: dict[str, Any]) -> dict[str, Any]:
        found = "added" in request["object"]["data"]
        return patching({"op": "add", "path": "/data/second", "value": "yes"})(request) if found else yes(request)

    await hooks.add("a", ADDING, sort="mutating")
    await hooks.add("b", second, sort="mutating")

    assert {"a": "b", "added": "yes", "second": "yes"} == (await api.make(MAPS, config_map()))["data"]


async def test_a_webhook_denies_definitions(api: Asker, hooks: Hooks) -> None:
    """A kind that is not wanted does not come to be."""
    rule = {"apiGroups": ["apiextensions.k8s.io"], "apiVersions": ["*"], "operations": ["CREATE"],
            "resources": ["customresourcedefinitions"]}
    await hooks.add("v", no, rules=[rule])
    code, refusal = await api.ask("POST", DEFINITIONS, definition())

    assert (400, 'admission webhook "v.example.com" denied the request: never') == (code, refusal["message"])
    assert 404 == (await api.ask("GET", f"{DEFINITIONS}/gadgets.example.com"))[0]


async def test_a_webhook_denies_custom_objects(api: Asker, hooks: Hooks) -> None:
    """Creation, update, patch and deletion of one's own kind; and once the webhook lets go, deletion works."""
    await api.make(DEFINITIONS, definition())
    await api.make(GADGETS, gadget("there"))
    await hooks.add("v", no, rules=[GADGET_RULE])
    _, shown = await api.ask("GET", f"{GADGETS}/there")
    codes = [
        (await api.ask("POST", GADGETS, gadget("new")))[0],
        (await api.ask("PUT", f"{GADGETS}/there", {**shown, "spec": {"n": 5}}))[0],
        (await api.ask("PATCH", f"{GADGETS}/there", {"spec": {"n": 6}}, content_type=MERGE))[0],
        (await api.ask("DELETE", f"{GADGETS}/there"))[0],
    ]
    assert [400] * 4 == codes
    await api.ask("DELETE", f"{ROOT}/validatingwebhookconfigurations/v")
    assert (200, 404) == ((await api.ask("DELETE", f"{GADGETS}/there"))[0], (await api.ask("GET", f"{GADGETS}/there"))[0])


async def test_a_webhook_mutates_custom_objects_and_pruning_follows(api: Asker, hooks: Hooks) -> None:
    """It adds a field of the schema and one that is not: the first stays, the second is dropped without a word."""
    await api.make(DEFINITIONS, definition())
    await hooks.add("m", patching({"op": "add", "path": "/spec/color", "value": "red"},
                                  {"op": "add", "path": "/spec/smell", "value": "sweet"}), sort="mutating", rules=[GADGET_RULE])

    assert {"n": 1, "color": "red"} == (await api.make(GADGETS, gadget()))["spec"]


async def test_a_webhook_mutates_through_a_change_of_the_stored_version(api: Asker, hooks: Hooks) -> None:
    """v1 is stored, then v2 is: an object of before is patched in v2, and the webhook adds its part."""
    two = definition()
    schema = two["spec"]["versions"][0]["schema"]
    two["spec"]["versions"].append({"name": "v2", "served": True, "storage": False, "schema": schema})
    await api.make(DEFINITIONS, two)
    await hooks.add("m", patching({"op": "add", "path": "/spec/color", "value": "red"}), sort="mutating", rules=[GADGET_RULE])
    await api.make(GADGETS, gadget())
    swap = [{"op": "replace", "path": f"/spec/versions/{n}/storage", "value": bool(n)} for n in (0, 1)]
    assert 200 == (await api.ask("PATCH", f"{DEFINITIONS}/gadgets.example.com", swap, content_type=JSON_PATCH))[0]
    code, after = await api.ask("PATCH", f"{GADGETS.replace('v1', 'v2')}/a", {"spec": {"n": 9}}, content_type=MERGE)

    assert (200, "example.com/v2", {"n": 9, "color": "red"}) == (code, after["apiVersion"], after["spec"])


async def test_a_webhook_spares_one_by_match_condition(api: Asker, hooks: Hooks) -> None:
    """All are mutated but the one that is named so."""
    spare = [{"name": "not-that-one", "expression": "object.metadata.name != 'skip-me'"}]
    await hooks.add("m", ADDING, sort="mutating", matchConditions=spare)
    made = [await api.make(MAPS, config_map(name)) for name in ("skip-me", "other")]

    assert [{"a": "b"}, {"a": "b", "added": "yes"}] == [one["data"] for one in made]


async def test_a_webhook_that_adds_a_container_gets_it_defaulted(api: Asker, hooks: Hooks) -> None:
    """An init container comes from a webhook: what the user left out of it is filled in as for his own."""
    added = [{"name": "early", "image": "i:1"}]
    await hooks.add("m", patching({"op": "add", "path": "/spec/initContainers", "value": added}), sort="mutating",
                    rules=[{**RULE, "resources": ["pods"]}])
    made = await api.make("/api/v1/namespaces/web/pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})

    assert ("File", "IfNotPresent") == tuple(
        made["spec"]["initContainers"][0][key] for key in ("terminationMessagePolicy", "imagePullPolicy"))


@pytest.mark.parametrize(("timeout_s", "policy", "code"), [
    pytest.param(1, "Fail", 500, id="too slow, fail"), pytest.param(1, "Ignore", 201, id="too slow, ignore"),
    pytest.param(10, "Fail", 201, id="time enough")])
async def test_a_webhooks_time_is_honored(api: Asker, timeout_s: int, policy: str, code: int) -> None:
    """It takes five seconds: whoever gives it one is refused, unless the policy ignores it."""
    allowed_s = []

    async def post(place: Any, body: bytes, **options: Any) -> bytes:
        allowed_s.append(options["timeout_s"])
        if options["timeout_s"] < 5:
            raise CallFailed(f'Post "{place.url}": context deadline exceeded')
        review = orjson.loads(body)
        return orjson.dumps({**review, "response": {"uid": review["request"]["uid"], "allowed": True}})

    api.server.core.outbound.post = post  # type: ignore[method-assign]
    await Hooks.add(_bare(api), "v", timeoutSeconds=timeout_s, failurePolicy=policy)
    found, refusal = await api.ask("POST", MAPS, config_map())

    assert (code, [timeout_s]) == (found, [round(one) for one in allowed_s])
    assert code == 201 or "context deadline exceeded" in refusal["message"]


def _bare(api: Asker) -> Hooks:
    """Return something to add webhooks with that leaves the way out as it is."""
    hooks = Hooks.__new__(Hooks)
    hooks.api, hooks.servers, hooks.asked = api, {}, []
    return hooks


@pytest.mark.parametrize("sort", ["mutating", "validating"])
async def test_match_conditions_are_kept_changed_and_checked(api: Asker, hooks: Hooks, sort: str) -> None:
    """They are stored, replaced by an update, and refused where they are no expressions."""
    where = f"{ROOT}/{sort}webhookconfigurations"
    first, then = ([{"name": "c", "expression": text}] for text in ("true", "object.metadata.name != 'x'"))
    await hooks.add("h", yes, sort=sort, matchConditions=first)
    _, shown = await api.ask("GET", f"{where}/h")
    assert first == shown["webhooks"][0]["matchConditions"]
    shown["webhooks"][0]["matchConditions"] = then
    _, shown = await api.ask("PUT", f"{where}/h", shown)
    assert then == shown["webhooks"][0]["matchConditions"]
    shown["webhooks"][0]["matchConditions"] = [{"name": "c", "expression": "... [] bad expression"}]
    code, refusal = await api.ask("PUT", f"{where}/h", shown)

    assert (422, True) == (code, "compilation failed" in refusal["message"])


async def test_a_definitions_status_is_read_updated_and_patched(api: Asker) -> None:
    """Its status alone changes by the subresource; what is patched is read again."""
    await api.make(DEFINITIONS, definition())
    where = f"{DEFINITIONS}/gadgets.example.com/status"
    condition = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from a test",
                 "lastTransitionTime": "2026-01-01T00:00:00Z"}
    _, shown = await api.ask("GET", where)
    shown["status"]["conditions"].append(condition)
    shown["spec"]["scope"] = "Cluster"
    code, updated = await api.ask("PUT", where, shown)
    assert (200, True, "Namespaced") == (code, condition in updated["status"]["conditions"], updated["spec"]["scope"])
    code, patched = await api.ask("PATCH", where, {"status": {"storedVersions": ["v1"]}}, content_type=MERGE)
    _, again = await api.ask("GET", f"{DEFINITIONS}/gadgets.example.com")

    assert (200, patched["status"]) == (code, again["status"])


async def test_defaults_are_for_requests_and_for_what_is_stored(api: Asker) -> None:
    """A default comes: an old object shows it at once. It goes, another comes: what was written with it keeps it."""
    bare = definition()
    fields = bare["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    fields["n"] = {"type": "integer"}
    await api.make(DEFINITIONS, bare)
    await api.make(GADGETS, gadget("old"))
    path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties"

    async def change(*operations: dict[str, Any]) -> None:
        code, said = await api.ask("PATCH", f"{DEFINITIONS}/gadgets.example.com", operations, content_type=JSON_PATCH)
        assert 200 == code, said

    async def spec(name: str) -> Any:
        return (await api.ask("GET", f"{GADGETS}/{name}"))[1]["spec"]

    await change({"op": "add", "path": f"{path}/n/default", "value": 7})
    assert {"n": 7} == await spec("old")
    await api.make(GADGETS, gadget("new"))
    await change({"op": "remove", "path": f"{path}/n/default"}, {"op": "add", "path": f"{path}/color/default", "value": "blue"})

    assert ({"color": "blue"}, {"n": 7, "color": "blue"}) == (await spec("old"), await spec("new"))


async def test_published_openapi_follows_versions(api: Asker) -> None:
    """A version is renamed, another is served no more: the documents of both forms say so at once."""
    several = definition()
    one = several["spec"]["versions"][0]
    several["spec"]["versions"] = [one, {**one, "name": "v2", "storage": False}, {**one, "name": "v3", "storage": False}]
    await api.make(DEFINITIONS, several)

    async def versions() -> tuple[list[str], list[str]]:
        _, index = await api.ask("GET", "/openapi/v3")
        _, old = await api.ask("GET", "/openapi/v2")
        return (sorted(path.rpartition("/")[2] for path in index["paths"] if path.startswith("apis/example.com/")),
                sorted(name.split(".")[2] for name in old["definitions"] if name.endswith(".Gadget")))

    assert (["v1", "v2", "v3"], ["v1", "v2", "v3"]) == await versions()
    await api.ask("PATCH", f"{DEFINITIONS}/gadgets.example.com", [
        {"op": "replace", "path": "/spec/versions/1/name", "value": "v4"},
        {"op": "replace", "path": "/spec/versions/2/served", "value": False}], content_type=JSON_PATCH)

    assert (["v1", "v4"], ["v1", "v4"]) == await versions()


OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {
    "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {
        "template": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {
            "metadata": {"type": "object"}, "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}}}}}
BODY = '{"apiVersion":"example.com/v1","kind":"Gadget","metadata":{"name":"a"%s},"spec":{%s}}'
EMBEDDED = '"template":{"apiVersion":"v1","kind":"P","metadata":{"name":"x","odd":"y"}}'


@pytest.mark.parametrize(("metadata", "spec", "told"), [
    pytest.param("", '"extra":"1"', "", id="unknown, kept"),
    pytest.param("", '"extra":"1","extra":"2"', 'duplicate field "spec.extra"', id="twice"),
    pytest.param(',"odd":"x"', "", 'unknown field "metadata.odd"', id="unknown in metadata"),
    pytest.param("", EMBEDDED, 'unknown field "spec.template.metadata.odd"', id="unknown in embedded metadata"),
])
async def test_strict_fields_of_an_open_kind(api: Asker, metadata: str, spec: str, told: str) -> None:
    """A kind keeps what it does not know; the server still finds what is said twice, and what metadata has no place for."""
    loose = definition()
    loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = OPEN
    await api.make(DEFINITIONS, loose)
    code, answer = await api.ask("POST", f"{GADGETS}?fieldValidation=Strict", (BODY % (metadata, spec)).encode())

    prefix = 'Gadget in version "v1" cannot be handled as a Gadget: strict decoding error: '
    assert ((400, prefix + told) if told else (201, None)) == (code, answer.get("message"))


@pytest.mark.parametrize(("template", "code", "told"), [
    pytest.param({"apiVersion": "v1", "kind": "P"}, 201, [], id="whole"),
    pytest.param({}, 422, ["spec.template.apiVersion: Required value", "spec.template.kind: Required value"], id="nothing"),
    pytest.param({"apiVersion": "a/b/c", "kind": "P"}, 422, ["spec.template.apiVersion: Invalid value: \"a/b/c\": unexpected "
                 "GroupVersion string: a/b/c"], id="no version"),
    pytest.param({"apiVersion": "v1", "kind": "P P"}, 422, ["spec.template.kind: Invalid value: \"P P\": may have mixed case, but "
                 "should otherwise match: a DNS-1035 label must consist of"], id="no kind"),
    pytest.param({"apiVersion": 1, "kind": "P"}, 400, ["spec.template.apiVersion: Invalid value: 1: must be a string"], id="a number"),
    pytest.param({"apiVersion": "v1", "kind": "P", "metadata": {"name": "a/b", "labels": {"-": "x"}}}, 422, [
        "spec.template.metadata.name: Invalid value: \"a/b\": may not contain '/'", "spec.template.metadata.labels: Invalid value"],
        id="bad metadata"),
    pytest.param({"apiVersion": "v1", "kind": "P", "metadata": {"labels": {"a": 1}}}, 400, ["spec.template.metadata: Invalid value: "],
                 id="metadata of other types"),
])
async def test_an_object_inside_of_another_is_one(api: Asker, template: dict[str, Any], code: int, told: list[str]) -> None:
    """It has a version and a kind, and metadata like any other; a write and a later update are held to it."""
    loose = definition()
    loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = OPEN
    await api.make(DEFINITIONS, loose)
    await api.make(GADGETS, gadget("there"))
    found, answer = await api.ask("POST", GADGETS, gadget("new", spec={"template": template}))
    updated, _ = await api.ask("PATCH", f"{GADGETS}/there", {"spec": {"template": template}}, content_type=MERGE)

    assert (code, 200 if code == 201 else 422) == (found, updated)  # what a patch makes cannot be unreadable, only wrong
    assert [True] * len(told) == [one in answer["message"] for one in told], answer["message"]


async def test_watches_at_once_tell_the_same_order(api: Asker) -> None:
    """While somebody writes, a new watch begins at each event another one shows: all tell the same from there on."""
    for number in range(8):
        await api.make(MAPS, config_map(f"c{number}"))
    first = [event["object"]["metadata"]["resourceVersion"] for event in await _watched(api, "0")]
    await api.ask("PATCH", f"{MAPS}/c3", {"data": {"a": "z"}}, content_type=MERGE)
    await api.ask("DELETE", f"{MAPS}/c5")
    whole = [(event["type"], event["object"]["metadata"]["resourceVersion"]) for event in await _watched(api, first[0])]

    for place, version in enumerate(first[1:], 1):
        told = [(event["type"], event["object"]["metadata"]["resourceVersion"]) for event in await _watched(api, version)]
        assert whole[place:] == told
    assert ["ADDED"] * 7 + ["MODIFIED", "DELETED"] == [sort for sort, _ in whole]


async def _watched(api: Asker, since: str) -> list[dict[str, Any]]:
    """Return all events there are from a revision on."""
    answer = await api.call("GET", f"{MAPS}?watch=true&resourceVersion={since}")
    assert answer.stream is not None
    events: list[dict[str, Any]] = []
    while True:
        try:
            chunk = await asyncio.wait_for(anext(answer.stream), 0.05)
        except (TimeoutError, StopAsyncIteration):
            break
        events += [orjson.loads(line) for line in chunk.splitlines()]
    await answer.stream.aclose()  # type: ignore[attr-defined]
    return events


async def test_a_quotas_status_and_spec_are_apart(api: Asker) -> None:
    """What is written to one side leaves the other as it was."""
    where = "/api/v1/namespaces/web/resourcequotas"
    await api.make(where, {"metadata": {"name": "q"}, "spec": {"hard": {"cpu": "500m", "memory": "500Mi"}}})
    _, first = await api.ask("PATCH", f"{where}/q/status", {"status": {"hard": {"cpu": "500m", "memory": "500Mi"}}}, content_type=MERGE)
    _, second = await api.ask("PATCH", f"{where}/q", {"spec": {"hard": {"cpu": "1", "memory": "1Gi"}}}, content_type=MERGE)
    _, third = await api.ask("PATCH", f"{where}/q/status", {"spec": {"hard": {"cpu": "9"}}, "status": {"hard": {"cpu": "2"}}}, content_type=MERGE)

    assert [("500m", "500m"), ("1", "500m"), ("1", "2")] == [
        (one["spec"]["hard"]["cpu"], one["status"]["hard"]["cpu"]) for one in (first, second, third)]


async def test_a_namespaces_finalizer_comes_and_goes(api: Asker) -> None:
    """By the finalize subresource, beside the one of its own."""
    _, shown = await api.ask("GET", "/api/v1/namespaces/web")
    shown["spec"]["finalizers"].append("e2e.example.com/fake")
    code, with_it = await api.ask("PUT", "/api/v1/namespaces/web/finalize", shown)
    assert (200, ["kubernetes", "e2e.example.com/fake"]) == (code, with_it["spec"]["finalizers"])
    with_it["spec"]["finalizers"].pop()
    code, without = await api.ask("PUT", "/api/v1/namespaces/web/finalize", with_it)

    assert (200, ["kubernetes"], "Active") == (code, without["spec"]["finalizers"], without["status"]["phase"])


async def test_a_form_that_a_subject_has_not_is_406() -> None:
    """A review is no list of rows: who wants a table of it is told what is acceptable."""
    review = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    async with lived(World()) as world:
        code, refusal = await world.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review,
                                        headers={"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})

    assert (406, "NotAcceptable") == (code, refusal["reason"])


async def test_the_server_names_its_version_in_numbers(api: Asker) -> None:
    """Major and minor are nothing but digits."""
    _, version = await api.ask("GET", "/version")

    assert (True, True) == (version["major"].isdigit(), version["minor"].isdigit())
