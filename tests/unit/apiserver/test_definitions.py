"""Definitions come to life and go: names, versions, watches, cleanup, restart; and published operators' own."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import orjson
import pytest

from knarr.api.custom.names import Definition, kind_of
from knarr.api.yamldoc import read_yaml
from tests.unit.apiserver.asking import MERGE, Asker

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GADGETS = "/apis/example.com/v1/namespaces/web/gadgets"
OPERATORS = Path(__file__).parents[4] / "shared/manifests/operators"


def definition(plural="gadgets", kind="Gadget", **spec):
    version = {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}, "schema": {
        "openAPIV3Schema": {"type": "object", "properties": {
            "spec": {"type": "object", "properties": {"n": {"type": "integer", "default": 1}, "color": {"type": "string"}}},
            "status": {"type": "object", "properties": {"seen": {"type": "integer"}}}}}}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
                     "versions": [version], **spec}}


def gadget(name="a", **more):
    return {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": name}, "spec": {}, **more}


async def condition(api, name, sort):
    _, obj = await api.ask("GET", f"{DEFINITIONS}/{name}")
    return next((row for row in obj["status"]["conditions"] if row["type"] == sort), None)


async def test_a_definition_is_served_at_once(api):
    """Who has been told of a definition can use its kind: discovery and documents show it as well."""
    await api.make(DEFINITIONS, definition())
    made = await api.make(GADGETS, gadget())
    _, listed = await api.ask("GET", "/apis/example.com/v1/gadgets")
    _, groups = await api.ask("GET", "/apis")
    _, index = await api.ask("GET", "/openapi/v3")
    _, document = await api.ask("GET", "/openapi/v3/apis/example.com/v1")

    patched = document["paths"]["/apis/example.com/v1/namespaces/{namespace}/gadgets/{name}"]["patch"]["requestBody"]
    assert "application/strategic-merge-patch+json" not in patched["content"]
    assert (made["spec"], made["metadata"]["generation"]) == ({"n": 1}, 1)
    assert (listed["kind"], len(listed["items"])) == ("GadgetList", 1)
    assert "example.com" in [group["name"] for group in groups["groups"]]
    assert "apis/example.com/v1" in index["paths"]
    assert document["components"]["schemas"]["com.example.v1.Gadget"]["properties"]["spec"]["properties"]["n"]["default"] == 1


async def test_a_kind_without_a_schema_does_not_spoil_the_document_of_all(api):
    """An operator keeps everything it is sent: older programs still read the version 2 document."""
    loose = definition()
    loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    await api.make(DEFINITIONS, loose)
    code, document = await api.ask("GET", "/openapi/v2")

    assert 200 == code
    assert {"apiVersion", "kind", "metadata"} == set(document["definitions"]["com.example.v1.Gadget"]["properties"])


async def test_older_programs_hear_of_it_too(api):
    """The version 2 document names the kind in its own words, in JSON and in protobuf, and forgets it again."""
    loose = definition()
    fields = loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    fields |= {"port": {"x-kubernetes-int-or-string": True}, "note": {"type": "string", "nullable": True},
               "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": {"type": "string"}}},
               "extra": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}}
    before = (await api.call("GET", "/openapi/v2")).headers["ETag"]
    await api.make(DEFINITIONS, loose)
    answer = await api.call("GET", "/openapi/v2")
    document = orjson.loads(answer.body)
    spec = document["definitions"]["com.example.v1.Gadget"]["properties"]["spec"]["properties"]
    packed = await api.call("GET", "/openapi/v2", accept="application/com.github.proto-openapi.spec.v2@v1.0+protobuf")

    assert before != answer.headers["ETag"]
    assert "/apis/example.com/v1/namespaces/{namespace}/gadgets/{name}" in document["paths"]
    assert ({"type": "string"}, {"x-kubernetes-int-or-string": True}, {}) == (spec["color"], spec["port"], spec["note"])
    assert {"type": "object", "x-kubernetes-preserve-unknown-fields": True} == spec["any"]
    assert "array" == spec["extra"]["additionalProperties"]["type"]
    assert {"$ref": "#/definitions/com.example.v1.Gadget"} == \
        document["definitions"]["com.example.v1.GadgetList"]["properties"]["items"]["items"]
    assert b"com.example.v1.Gadget" in packed.body

    await api.call("DELETE", f"{DEFINITIONS}/gadgets.example.com")
    assert "com.example.v1.Gadget" not in orjson.loads((await api.call("GET", "/openapi/v2")).body)["definitions"]


async def test_names_belong_to_who_came_first(api):
    """A second definition wants a kind that is taken: it is not served until the first one is gone."""
    await api.make(DEFINITIONS, definition())
    await api.make(DEFINITIONS, definition("widgets", "Gadget"))

    assert (await condition(api, "widgets.example.com", "NamesAccepted"))["reason"] == "ListKindConflict"
    assert (await api.call("GET", "/apis/example.com/v1/widgets")).status == 404

    await api.call("DELETE", f"{DEFINITIONS}/gadgets.example.com")

    assert (await condition(api, "widgets.example.com", "Established"))["status"] == "True"
    assert (await api.call("GET", "/apis/example.com/v1/widgets")).status == 200


async def test_the_last_object_lets_a_definition_go(api):
    """A definition is deleted while one of its objects waits for an operator: it stays until that has finished."""
    await api.make(DEFINITIONS, definition())
    await api.make(GADGETS, gadget("quick"))
    await api.make(GADGETS, gadget("held", metadata={"name": "held", "finalizers": ["example.com/hold"]}))
    await api.call("DELETE", f"{DEFINITIONS}/gadgets.example.com")

    assert (await condition(api, "gadgets.example.com", "Terminating"))["reason"] == "InstanceDeletionInProgress"
    assert (await api.call("GET", f"{GADGETS}/quick")).status == 404
    assert (await api.call("POST", GADGETS, gadget("late"))).status == 405

    await api.call("PATCH", f"{GADGETS}/held", {"metadata": {"finalizers": None}}, content_type=MERGE)

    assert (await api.call("GET", f"{DEFINITIONS}/gadgets.example.com")).status == 404
    assert (await api.call("GET", GADGETS)).status == 404


async def test_another_server_on_the_same_store(api):
    """After a restart the kinds are served as before."""
    await api.make(DEFINITIONS, definition())
    await api.make(GADGETS, gadget())
    again = Asker(store=api.store)
    await again.server.start()

    assert (await again.call("GET", f"{GADGETS}/a")).status == 200


async def test_versions_show_the_same_object(api):
    """A second version is added: both show every object, each in its own name and with its own defaults."""
    await api.make(DEFINITIONS, definition())
    await api.make(GADGETS, gadget())
    _, stored = await api.ask("GET", f"{DEFINITIONS}/gadgets.example.com")
    old = stored["spec"]["versions"][0]
    new = orjson.loads(orjson.dumps(old)) | {"name": "v2", "storage": False}
    new["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["color"]["default"] = "red"
    stored["spec"]["versions"] = [old, new]
    code, answer = await api.ask("PUT", f"{DEFINITIONS}/gadgets.example.com", stored)
    _, first = await api.ask("GET", f"{GADGETS}/a")
    _, second = await api.ask("GET", "/apis/example.com/v2/namespaces/web/gadgets/a")
    _, listed = await api.ask("GET", "/apis/example.com/v2/gadgets")

    assert code == 200, answer
    assert (first["apiVersion"], first["spec"]) == ("example.com/v1", {"n": 1})
    assert (second["apiVersion"], second["spec"]) == ("example.com/v2", {"n": 1, "color": "red"})
    assert listed["items"][0]["spec"] == second["spec"]


async def test_a_version_goes_when_nothing_is_stored_in_it(api):
    """v2 becomes the stored version: v1 stays until its operator has rewritten all objects and said so in the status."""
    path, both = f"{DEFINITIONS}/gadgets.example.com", definition()
    both["spec"]["versions"].append(both["spec"]["versions"][0] | {"name": "v2", "storage": False})
    made = await api.make(DEFINITIONS, both)
    await api.make(GADGETS, gadget())
    old, new = made["spec"]["versions"]

    async def change(where: str, body: object) -> tuple[int, object]:
        return await api.ask("PATCH", where, body, content_type=MERGE)

    code, moved = await change(path, {"spec": {"versions": [old | {"storage": False}, new | {"storage": True}]}})
    assert (200, ["v1", "v2"]) == (code, moved["status"]["storedVersions"])
    code, told = await change(path, {"spec": {"versions": [new | {"storage": True}]}})
    assert (422, "status.storedVersions[0]") == (code, told["details"]["causes"][0]["field"])
    assert "v1 was previously a storage version, and must remain in spec.versions" in told["message"]

    await change(f"{GADGETS}/a", {"metadata": {"annotations": {"migrated": "yes"}}})
    assert (200, ["v2"]) == ((done := await change(f"{path}/status", {"status": {"storedVersions": ["v2"]}}))[0],
                             done[1]["status"]["storedVersions"])
    code, moved = await change(path, {"spec": {"versions": [new | {"storage": True}]}})
    assert (200, ["v2"]) == (code, moved["status"]["storedVersions"])
    assert 404 == (await api.call("GET", f"{GADGETS}/a")).status
    _, kept = await api.ask("GET", "/apis/example.com/v2/namespaces/web/gadgets/a")
    assert ("example.com/v2", {"n": 1}) == (kept["apiVersion"], kept["spec"])


async def test_a_write_through_another_version_is_one_object(api):
    """A change that adds nothing but another version's name is no new generation."""
    both = definition()
    both["spec"]["versions"].append(both["spec"]["versions"][0] | {"name": "v2", "storage": False})
    await api.make(DEFINITIONS, both)
    await api.make(GADGETS, gadget())
    labels = {"metadata": {"labels": {"x": "y"}}}
    _, changed = await api.ask("PATCH", "/apis/example.com/v2/namespaces/web/gadgets/a", labels, content_type=MERGE)

    assert changed["metadata"]["generation"] == 1
    assert (await api.ask("GET", f"{GADGETS}/a"))[1]["metadata"]["labels"] == {"x": "y"}


async def test_objects_of_another_kind_are_refused(api):
    """Bodies without a kind, of another kind, of another version, in protobuf, and strategic patches."""
    await api.make(DEFINITIONS, definition())
    code, answer = await api.ask("POST", GADGETS, gadget() | {"kind": "Other"})
    assert (code, answer["details"]["causes"][0]["message"]) == (422, 'Invalid value: "Other": must be Gadget')
    assert (await api.call("POST", GADGETS, {"metadata": {"name": "a"}})).status == 400
    assert (await api.call("POST", GADGETS, gadget() | {"apiVersion": "example.com/v9"})).status == 400
    assert (await api.call("POST", GADGETS, b"k8s\0", content_type="application/vnd.kubernetes.protobuf")).status == 415


async def test_deprecated_versions_warn(api):
    """Who uses an old version is told with every answer."""
    old = definition()
    old["spec"]["versions"][0] |= {"deprecated": True}
    await api.make(DEFINITIONS, old)

    assert (await api.call("GET", GADGETS)).headers["Warning"] == '299 - "example.com/v1 Gadget is deprecated"'


async def test_selectable_fields(api):
    """Field selectors know what the definition offers, and nothing else."""
    offered = definition()
    offered["spec"]["versions"][0]["selectableFields"] = [{"jsonPath": ".spec.color"}]
    await api.make(DEFINITIONS, offered)
    for name, color in (("a", "red"), ("b", "blue")):
        await api.make(GADGETS, gadget(name, spec={"color": color}))
    _, listed = await api.ask("GET", f"{GADGETS}?fieldSelector=spec.color=red")

    assert [item["metadata"]["name"] for item in listed["items"]] == ["a"]
    assert (await api.call("GET", f"{GADGETS}?fieldSelector=spec.n=1")).status == 400


async def test_watches_end_when_the_schema_changes(api):
    """A watcher would go on seeing objects in the old form: it is sent to watch again."""
    await api.make(DEFINITIONS, definition())
    answer = await api.call("GET", f"{GADGETS}?watch=1")
    await api.make(GADGETS, gadget())
    stream = answer.stream
    assert orjson.loads(await anext(stream))["type"] == "ADDED"
    _, stored = await api.ask("GET", f"{DEFINITIONS}/gadgets.example.com")
    stored["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["x"] = {"type": "string"}
    await api.call("PUT", f"{DEFINITIONS}/gadgets.example.com", stored)

    assert [chunk async for chunk in stream] == []


@pytest.mark.parametrize(("part", "field", "said"), [
    ({"x-kubernetes-validations": [{"rule": "self > 1"}]}, "x-kubernetes-validations", "must be empty to be structural"),
    ({"nullable": True}, "nullable", "must be false to be structural"),
    ({"default": False}, "default", "must be undefined to be structural"),
    ({"type": "integer"}, "type", "must be empty to be structural"),
    ({"properties": {"metadata": {}}}, "properties[metadata]", "must not be specified in a nested context"),
], ids=lambda one: one if isinstance(one, str) else "")  # fmt: skip
@pytest.mark.parametrize("word", ["allOf", "anyOf", "oneOf", "not"])
async def test_what_stands_below_a_logical_operator_only_narrows(api, word, part, field, said):
    """Rules in CEL too: which of the alternatives they would count for, nobody could tell."""
    broken = definition()
    place = broken["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    place[word] = part if word == "not" else [part]
    code, status = await api.ask("POST", DEFINITIONS, broken)

    where = word if word == "not" else f"{word}[0]"
    assert 422 == code
    assert [(f"spec.validation.openAPIV3Schema.properties[spec].{where}.{field}", f"Forbidden: {said}")] == [
        (cause["field"], cause["message"]) for cause in status["details"]["causes"]]


def operators():
    files = sorted(OPERATORS.rglob("*.yaml"))
    parts = [part for file in files for part in re.split(r"(?m)^---.*$", file.read_text())]
    return [part for part in parts if "kind: CustomResourceDefinition" in part]


@pytest.mark.skipif(not OPERATORS.exists(), reason=f"no manifests at {OPERATORS}")
async def test_published_operators():
    """What operators publish is taken as it is, established, read back equal, applied again without a change, and goes."""
    api = await Asker().start()
    for text in operators():
        one = read_yaml(text.encode())[0]
        path = f"{DEFINITIONS}/{one['metadata']['name']}"
        await api.make(f"{DEFINITIONS}?fieldValidation=Strict", one)
        _, stored = await api.ask("GET", path)
        code, applied = await api.ask("PATCH", f"{path}?fieldManager=a&force=true", orjson.dumps(one),
                                      content_type="application/apply-patch+yaml")

        assert (await condition(api, one["metadata"]["name"], "Established"))["status"] == "True"
        assert [version["schema"] for version in stored["spec"]["versions"]] == [
            version["schema"] for version in one["spec"]["versions"]]
        assert (code, applied["spec"], applied["metadata"]["generation"]) == (200, stored["spec"], 1)
        assert (await api.call("DELETE", path)).status == 200
        assert (await api.call("GET", path)).status == 404


@pytest.mark.skipif(not OPERATORS.exists(), reason=f"no manifests at {OPERATORS}")
async def test_published_operators_applied_on_the_server():
    """The same, made by server-side apply from the start."""
    api = await Asker().start()
    for text in operators():
        one = read_yaml(text.encode())[0]
        code, applied = await api.ask("PATCH", f"{DEFINITIONS}/{one['metadata']['name']}?fieldManager=a", orjson.dumps(one),
                                      content_type="application/apply-patch+yaml")

        assert code == 201, applied
        assert (await condition(api, one["metadata"]["name"], "Established"))["status"] == "True"


async def test_watchers_see_the_end_of_a_kind(api):
    """A definition goes: who watches its objects is told of each one's end, then of the end of the watch."""
    await api.make(DEFINITIONS, definition())
    for name in "ab":
        await api.make(GADGETS, gadget(name))
    answer = await api.call("GET", f"{GADGETS}?watch=1")
    assert (await anext(answer.stream)).count(b"ADDED") == 2
    await api.call("DELETE", f"{DEFINITIONS}/gadgets.example.com")
    told = [orjson.loads(line) for chunk in [chunk async for chunk in answer.stream] for line in chunk.splitlines()]

    assert [(event["type"], event["object"]["metadata"]["name"]) for event in told] == [("DELETED", "a"), ("DELETED", "b")]
    assert (await api.call("GET", f"{GADGETS}?watch=1")).status == 404


async def test_a_watch_by_a_selectable_field(api):
    """The watcher asked for red ones: an object that becomes red is added, one that ceases to be is deleted."""
    offered = definition()
    offered["spec"]["versions"][0]["selectableFields"] = [{"jsonPath": ".spec.color"}]
    await api.make(DEFINITIONS, offered)
    answer = await api.call("GET", f"{GADGETS}?watch=1&resourceVersion={api.store.revision}&fieldSelector=spec.color=red")
    await api.make(GADGETS, gadget("a", spec={"color": "blue"}))
    for color in ("red", "green"):
        await api.call("PATCH", f"{GADGETS}/a", {"spec": {"color": color}}, content_type=MERGE)
    found = []
    while len(found) < 2:
        found += [orjson.loads(line)["type"] for line in (await anext(answer.stream)).splitlines()]

    assert found == ["ADDED", "DELETED"]


async def test_followers_learn_the_names(api):
    """Controllers read of a definition what its objects are called, not its schema."""
    await api.make(DEFINITIONS, definition())
    body = (await api.call("GET", f"{DEFINITIONS}/gadgets.example.com")).body

    kind = kind_of(msgspec.json.decode(body, type=Definition))

    assert kind is not None
    assert (kind.path("web", "a"), kind.verbs[:1]) == (f"{GADGETS}/a", ("delete",))
