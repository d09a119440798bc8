"""Decoding and checking: what goes in wrong comes out as Kubernetes' refusal; what is right is settled."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knarr.api import kinds, schema, schema_decode
from knarr.api.errors import BadRequest
from knarr.api.gojson import json_fault
from knarr.api.kinds import Kind
from knarr.api.types import apps_v1, core_v1
from knarr.api.yamldoc import YamlError, plain, read_yaml
from tests.unit.api.wire import kind_at, query_of, recorded

POD, DEPLOYMENT = kinds.of(core_v1.Pod), kinds.of(apps_v1.Deployment)
CONFIG_MAP, SECRET, EVENT = kinds.of(core_v1.ConfigMap), kinds.of(core_v1.Secret), kinds.of(core_v1.Event)
REFUSED_LATER = "the namespace of the provided object does not match the namespace sent on the request"
JSON, YAML = "application/json", "application/yaml"


def test_recorded_refusals():
    """Of the recorded creations, exactly those that the decoder refused are refused here, with the same words."""
    compared = 0
    for case in recorded("refusals/create.json"):
        request = case["request"]
        kind = kind_at(request["path"])
        words = request["path"].partition("?")[0].split("/")
        if kind is None or words[-1] != kind.plural or request.get("method", "POST") != "POST":
            continue
        body = request["body"] if isinstance(request["body"], str) else orjson.dumps(request["body"]).decode()
        validation = query_of(request["path"]).get("fieldValidation", "Warn")
        theirs = case["response"]["message"] if case["code"] == 400 else None
        ours = refusal(body.encode(), request.get("content-type", JSON), kind, validation)
        assert theirs in (ours, REFUSED_LATER), case["case"]
        compared += 1
    assert compared > 200


def refusal(body: bytes, media: str, kind: Kind, validation: str = "Warn") -> str | None:
    """Return why a body is refused; None if it is not."""
    try:
        schema_decode.decode(body, media, kind, validation=validation)
    except BadRequest as refused:
        return refused.message
    return None


def test_recorded_objects_are_settled_already():
    """What a real server returns has its fields known, typed and in canonical form: settling changes only nulls."""
    compared = 0
    for case in recorded("objects/created.json"):
        kind = kinds.of_object(case["response"])
        if kind is None or case["code"] != 201:
            continue
        text = orjson.dumps(case["response"]).replace(b'"<port>"', b"30000")
        text = text.replace(b'"eventTime":"<time>"', b'"eventTime":"2026-01-01T00:00:00.000000Z"')
        obj = orjson.loads(text.replace(b"<time>", b"2026-01-01T00:00:00Z"))
        before = without_nulls(orjson.loads(orjson.dumps(obj)))
        found = schema.check(kind, obj)
        assert ([], "") == (found.unknown, found.wrong), kind.kind
        assert before == without_nulls(obj), kind.kind
        compared += 1
    assert compared > 25


def without_nulls(value):
    """Drop nulls everywhere."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("kind", "obj", "unknown"), [
    pytest.param(POD, {"spec": {"foo": 1}}, ["spec.foo"], id="in an object"),
    pytest.param(POD, {"foo": 1, "bar": 2}, ["foo", "bar"], id="at the top, in order"),
    pytest.param(POD, {"spec": {"containers": [{}, {"foo": 1}]}}, ["spec.containers[1].foo"], id="in a list"),
    pytest.param(CONFIG_MAP, {"data": {"foo": "1"}}, [], id="a map's keys are free"),
    pytest.param(POD, {"metadata": {"managedFields": [{"fieldsV1": {"f:x": {}}}]}}, [], id="free-form values"),
])
def test_unknown_fields(kind, obj, unknown):
    """Paths as strict decoding writes them; the fields are taken out."""
    found = schema.check(kind, obj)

    assert unknown == found.unknown
    assert "foo" not in obj


@pytest.mark.parametrize(("kind", "given", "settled"), [
    pytest.param(POD, {"metadata": {"creationTimestamp": None}}, {"metadata": {}}, id="nulls go"),
    pytest.param(POD, {"metadata": {"labels": {}}}, {"metadata": {}}, id="empty maps go"),
    pytest.param(POD, {"spec": {"containers": [], "volumes": []}}, {"spec": {"containers": []}},
                 id="empty lists go, unless required"),
    pytest.param(POD, {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}},
                 {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}, id="empty objects stay"),
    pytest.param(POD, {"spec": {"containers": [{"resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}}}]}},
                 {"spec": {"containers": [{"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}}]}},
                 id="quantities become canonical"),
    pytest.param(POD, {"metadata": {"deletionTimestamp": "2026-01-01T02:00:00.5+02:00"}},
                 {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, id="times become UTC seconds"),
    pytest.param(EVENT, {"eventTime": "2026-01-01T00:00:00Z"}, {"eventTime": "2026-01-01T00:00:00.000000Z"},
                 id="micro times become microseconds"),
    pytest.param(CONFIG_MAP, {"data": {"a": None}}, {"data": {"a": ""}}, id="a null in a map of words is empty"),
    pytest.param(SECRET, {"data": {"a": "YQ=\n="}}, {"data": {"a": "YQ=="}}, id="base64 loses its line breaks"),
])
def test_settling(kind, given, settled):
    """The form that a real server would answer with."""
    assert "" == schema.check(kind, given).wrong
    assert settled == given


@pytest.mark.parametrize(("kind", "obj", "why"), [
    pytest.param(POD, {"spec": []}, "json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec",
                 id="a list for an object"),
    pytest.param(POD, {"metadata": {"labels": {"a": 1}}},
                 "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
                 id="a number for a label"),
    pytest.param(POD, {"spec": {"containers": [{"ports": [{"containerPort": 1.5}]}]}},
                 "json: cannot unmarshal number 1.5 into Go struct field ContainerPort.spec.containers.ports."
                 "containerPort of type int32", id="a fraction for a port"),
    pytest.param(DEPLOYMENT, {"spec": {"replicas": 3_000_000_000}},
                 "json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type "
                 "int32", id="more than an int32 holds"),
    pytest.param(POD, {"spec": {"hostNetwork": 1}},
                 "json: cannot unmarshal number into Go struct field PodSpec.spec.hostNetwork of type bool",
                 id="a number for a switch"),
    pytest.param(POD, {"metadata": {"creationTimestamp": "x"}},
                 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"', id="no time"),
    pytest.param(SECRET, {"data": {"a": "YQ"}}, "illegal base64 data at input byte 0", id="half of base64"),
    pytest.param(SECRET, {"data": {"a": "YWJj="}}, "illegal base64 data at input byte 4",
                 id="base64 with too much padding"),
    pytest.param(DEPLOYMENT, {"spec": {"strategy": {"rollingUpdate": {"maxSurge": True}}}},
                 "json: cannot unmarshal bool into Go value of type int32", id="a switch for a count"),
    pytest.param(POD, {"metadata": {"creationTimestamp": "2026-13-01T00:00:00Z"}},
                 'parsing time "2026-13-01T00:00:00Z": month out of range', id="no such month"),
])
def test_wrong_types(kind, obj, why):
    """The decoder's own words."""
    assert why == schema.check(kind, obj).wrong


@pytest.mark.parametrize(("body", "media", "duplicates"), [
    pytest.param(b'{"metadata":{"name":"a","name":"b"}}', JSON, ["metadata.name"], id="json"),
    pytest.param(b'{"spec":{"containers":[{"name":"a"},{"name":"b","name":"b"}]}}', JSON,
                 ["spec.containers[1].name"], id="in a list"),
    pytest.param(b'{"metadata":{"name":"a:b"}}', JSON, [], id="colons in words mean nothing"),
    pytest.param(b'{"metadata":{"name":"\\u003a"},"kind":"Pod","kind":"Pod"}', JSON, ["kind"],
                 id="an escape hides none"),
    pytest.param(b"metadata:\n  name: a\n  name: b\n", YAML, ["metadata.name"], id="yaml"),
])
def test_duplicate_keys(body, media, duplicates):
    """The last one wins, and the client is told."""
    draft = schema_decode.decode(body, media, POD)

    assert [f'duplicate field "{path}"' for path in duplicates] == draft.warnings
    assert (refusal(body, media, POD, "Strict") is None) == (not duplicates)
    assert not schema_decode.decode(body, media, POD, validation="Ignore").warnings


@pytest.mark.parametrize(("body", "fault"), [
    (b"", "unexpected end of JSON input"), (b"{", "unexpected end of JSON input"),
    (b"{bad", "invalid character 'b' looking for beginning of object key string"),
    (b'{"a" 1}', "invalid character '1' after object key"),
    (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
    (b"[1 2]", "invalid character '2' after array element"),
    (b"nul", "unexpected end of JSON input"),
    (b"nope", "invalid character 'o' in literal null (expecting 'u')"),
    (b"{} x", "invalid character 'x' after top-level value"),
    (b'"\n"', r"invalid character '\n' in string literal"),
    (b'"\\x"', "invalid character 'x' in string escape code"),
    (b'"\\u12x"', r"invalid character 'x' in \u hexadecimal character escape"),
    (b"-x", "invalid character 'x' in numeric literal"),
    (b"@", "invalid character '@' looking for beginning of value"),
    (b'{"a": [1, {"b": "c"}]}', ""),
])
def test_json_faults(body, fault):
    """Go's scanner says where a text stops to be JSON."""
    assert fault == json_fault(body)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=12) | st.text('{}[]":,0truefalsn \\-.e', max_size=12).map(str.encode))
def test_law_faults_are_found_where_the_parser_finds_them(body):
    """Whatever the parser accepts has no fault; decoding never fails with anything but a refusal."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        assert refusal(body, JSON, POD) is not None
    else:
        assert "" == json_fault(body)
    refusal(body, YAML, POD)


@pytest.mark.parametrize(("word", "value"), [
    ("y", True), ("off", False), ("~", None), ("1_000", 1000), ("0x1F", 31), ("010", 8), ("0o10", 8), ("1e3", 1000.0),
    ("1.5", 1.5), (".5", 0.5), ("1.2.3", "1.2.3"), ("-7", -7), ("abc", "abc"), ("0b11", 3), ("12:30", "12:30"),
    ("2026-01-01", "2026-01-01"), ("0x", "0x"), ("1e999", "1e999"),
])
def test_yaml_words(word, value):
    """Unquoted words as YAML 1.1 reads them."""
    assert value == plain(word)
    assert type(value) is type(plain(word))


@pytest.mark.parametrize(("text", "value"), [
    pytest.param(b'a: "1"\nb: 1\nc: \'yes\'\n', {"a": "1", "b": 1, "c": "yes"}, id="quotes make words"),
    pytest.param(b"1: a\ntrue: b\n", {"1": "a", "true": "b"}, id="keys are words"),
    pytest.param(b"a: &x {k: 1}\nb: *x\nc: {<<: *x, l: 2}\n", {"a": {"k": 1}, "b": {"k": 1}, "c": {"k": 1, "l": 2}},
                 id="aliases and merges"),
    pytest.param(b"a: |\n  x\n  y\n", {"a": "x\ny\n"}, id="blocks"),
    pytest.param(b"a: !!str 1\nb: !!binary aGk=\n", {"a": "1", "b": "hi"}, id="tags"),
    pytest.param(b"a: 1\n---\nb: 2\n", {"a": 1}, id="the first document"),
    pytest.param(b"", None, id="nothing"),
])
def test_yaml_documents(text, value):
    """YAML with JSON's data model."""
    assert value == read_yaml(text)[0]


def test_aliases_share_nothing():
    """What one alias becomes can be changed without changing the other."""
    value, _ = read_yaml(b"a: &x {k: 1}\nb: *x\n")
    value["a"]["k"] = 2

    assert {"k": 1} == value["b"]


@pytest.mark.parametrize("text", [
    pytest.param(b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (n, n, b",".join([b"*%c" % (n - 1)] * 9)) for n in range(98, 106)), id="a billion laughs"),
    pytest.param(b"a: &a [*a]\n", id="itself"),
    pytest.param(b"[" * 500 + b"]" * 500, id="deep"),
    pytest.param(b"a: *b\n", id="an alias of nothing"),
    pytest.param(b"a: [\n", id="unfinished"),
    pytest.param(b"\xff\xfe\xff", id="no text"),
    pytest.param(b"? [a]\n: b\n", id="a list as a key"),
])
def test_bad_yaml(text):
    """A bomb is refused before it goes off; bad text says so."""
    with pytest.raises(YamlError, match="yaml: "):
        read_yaml(text)


def test_options_are_known_in_every_group():
    """kubectl deletes with DeleteOptions of v1, others with those of the group."""
    options = kinds.by_kind("meta.k8s.io", "v1", "DeleteOptions")
    assert options is not None
    for version in ("v1", "apps/v1", "meta.k8s.io/v1"):
        body = orjson.dumps({"apiVersion": version, "kind": "DeleteOptions", "gracePeriodSeconds": 0})
        assert 0 == schema_decode.decode(body, JSON, options).obj["gracePeriodSeconds"]


def test_what_is_left_out_comes_from_the_url():
    """A body without kind and apiVersion is taken for what the URL says."""
    assert {"apiVersion": "apps/v1", "kind": "Deployment"} == schema_decode.decode(b"{}", JSON, DEPLOYMENT).obj


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'{"kind":1}', b"", b"\x00", b"x" * 100])
def test_what_is_no_object(body):
    """Anything else than an object is refused."""
    assert "the object provided is unrecognized (must be of type Pod)" in (refusal(body, JSON, POD) or "")


@pytest.mark.parametrize("body", [
    pytest.param(b'{"a":' * 300 + b"1" + b"}" * 300, id="deep"),
    pytest.param(b'{"a":' * 5000, id="deep and unfinished"),
    pytest.param(b'{"a":' + b"[" * 1000 + b"]" * 1000 + b',"a":1}', id="deep in what a duplicate hides"),
])
def test_deep_json_is_refused(body):
    """Nothing we run may be driven into its recursion limit."""
    assert refusal(body, JSON, POD) is not None


@pytest.mark.parametrize("text", [b"[" * 100_000, b"- " * 100_000, b"{a: " * 100_000])
def test_deep_yaml_is_refused(text):
    """A C stack is not ours to fill: a hundred thousand brackets must not end the process."""
    assert refusal(text, YAML, POD) is not None


@pytest.mark.parametrize("word", ["items", "additionalProperties", "not"])
@pytest.mark.parametrize("rules", ["x", ["x"], [1], {"a": 1}], ids=str)
def test_schemas_within_schemas_are_checked_wherever_they_stand(word, rules):
    """A definition's rules are text, not rules, below `items`: Go's decoder refuses it, and so do we."""
    kind = kinds.by_kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    inner = {"type": "object", word: {"type": "object", "x-kubernetes-validations": rules}}
    obj = {"spec": {"versions": [{"schema": {"openAPIV3Schema": inner}}]}}

    assert "x-kubernetes-validations" in schema.check(kind, obj).wrong


@pytest.mark.parametrize(("given", "kept"), [(True, {"additionalProperties": True}), ({"type": "string", "zz": 1}, {"additionalProperties": {"type": "string"}})])
def test_a_boolean_may_stand_for_a_schema(given, kept):
    """`additionalProperties: true` is whole; what a schema in its place has too much is dropped without a word."""
    kind = kinds.by_kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    obj = {"spec": {"versions": [{"schema": {"openAPIV3Schema": {"additionalProperties": given}}}]}}
    found = schema.check(kind, obj)

    assert ([], "", kept) == (found.unknown, found.wrong, obj["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
