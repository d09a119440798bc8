"""What a definition says of its objects: pruning, defaults, checks, columns, rules."""

from __future__ import annotations

import pytest

from knarr.api.custom import jsonpath
from knarr.api.custom.laws import Laws


def laws(schema, **version):
    """Return the laws of a version with one field `spec` of the given schema."""
    whole = {"type": "object", "properties": {"spec": schema}}
    return Laws({"name": "v1", "schema": {"openAPIV3Schema": whole}, **version},
                api_version="example.com/v1", storage_version="v1", reshapes=False)


def widget(spec):
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec}


SCHEMA = {"type": "object", "properties": {
    "n": {"type": "integer", "default": 3}, "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {"type": "string"}}}},
    "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}}},
    "pod": {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
}}


@pytest.mark.parametrize(("spec", "unknown", "left"), [
    pytest.param({"x": 1}, ["spec.x"], {}, id="unknown"),
    pytest.param({"open": {"x": {"y": 1}}}, [], {"open": {"x": {"y": 1}}}, id="preserved"),
    pytest.param({"map": {"k": {"a": "b", "x": 1}}}, ["spec.map.k.x"], {"map": {"k": {"a": "b"}}}, id="map"),
    pytest.param({"list": [{"x": 1}]}, ["spec.list[0].x"], {"list": [{}]}, id="list"),
    pytest.param({"pod": {"kind": "Pod", "spec": {}}}, [], {"pod": {"kind": "Pod", "spec": {}}}, id="embedded"),
])
def test_unknown_fields_go(spec, unknown, left):
    """What the schema does not know is taken out and told of, but where it says that anything may stand."""
    obj = widget(spec)

    assert laws(SCHEMA).settle(obj).unknown == unknown
    assert obj["spec"] == left


def test_unknown_metadata_is_told_of():
    """Metadata is the API's own, in custom objects too."""
    obj = widget({}) | {"metadata": {"name": "a", "nope": 1}}

    assert laws(SCHEMA).settle(obj).unknown == ["metadata.nope"]


@pytest.mark.parametrize(("spec", "completed"), [
    pytest.param({}, {"n": 3}, id="absent"),
    pytest.param({"n": None}, {"n": 3}, id="null"),
    pytest.param({"n": 4}, {"n": 4}, id="said"),
    pytest.param({"list": [{}]}, {"n": 3, "list": [{"a": "x"}]}, id="in a list"),
])
def test_defaults(spec, completed):
    """Absent fields get their defaults, at any depth; a null where none may be is absent."""
    obj = widget(spec)
    laws(SCHEMA).default(obj)

    assert obj["spec"] == completed


@pytest.mark.parametrize(("schema", "value", "fault"), [
    pytest.param({"type": "integer"}, "a", 'Invalid value: "string": spec in body must be of type integer: "string"',
                 id="type"),
    pytest.param({"type": "integer"}, 3.0, None, id="whole float"),
    pytest.param({"type": "integer"}, True, 'Invalid value: "boolean": spec in body must be of type integer: "boolean"',
                 id="bool"),
    pytest.param({"type": "string"}, None, 'Invalid value: "null": spec in body must be of type string: "null"', id="null"),
    pytest.param({"type": "string", "nullable": True}, None, None, id="nullable"),
    pytest.param({"type": "number", "maximum": 2, "exclusiveMaximum": True}, 2,
                 "Invalid value: 2: spec in body should be less than 2", id="maximum"),
    pytest.param({"type": "integer", "multipleOf": 5}, 7, "Invalid value: 7: spec in body should be a multiple of 5",
                 id="multiple"),
    pytest.param({"type": "integer", "format": "int32"}, 1 << 40,
                 'Invalid value: "": Checked value must be of type integer with format int32 in spec', id="int32"),
    pytest.param({"type": "string", "minLength": 2}, "a",
                 'Invalid value: "a": spec in body should be at least 2 chars long', id="short"),
    pytest.param({"type": "array", "items": {"type": "string"}, "maxItems": 1}, ["a", "b"],
                 "Too many: 2: must have at most 1 items", id="items"),
    pytest.param({"type": "object", "not": {"required": ["a"]}}, {"a": 1},
                 'Invalid value: "": "spec" must not validate the schema (not)', id="not"),
    pytest.param({"type": "string", "pattern": "(a+)+$"}, "a" * 40 + "b",
                 f"Invalid value: \"{'a' * 40}b\": spec in body should match '(a+)+$'", id="pattern that others choke on"),
    pytest.param({"type": "string", "format": "ipv4"}, "1.2.3", 'Invalid value: "1.2.3": spec in body must be of type '
                 'ipv4: "1.2.3"', id="format"),
    pytest.param({"type": "string", "format": "nope"}, "1", None, id="unknown format"),
    pytest.param({"x-kubernetes-int-or-string": True}, "50%", None, id="int or string"),
])
def test_checks(schema, value, fault):
    """Each keyword refuses in Kubernetes' words."""
    schema = {"properties": {"a": {"type": "integer"}}, **schema} if schema.get("type") == "object" else schema
    causes = [cause.message for cause in laws(schema).create(widget(value))]

    assert ([fault] if fault else []) == causes


def test_what_was_wrong_before_stays():
    """A schema became stricter: an object that no longer fits may be changed elsewhere, but not made worse."""
    rules = laws({"type": "object", "properties": {"a": {"type": "string", "maxLength": 1}, "b": {"type": "integer"}}})
    old = widget({"a": "long", "b": 1})

    assert rules.update(widget({"a": "long", "b": 2}), old, "") == []
    assert [cause.field for cause in rules.update(widget({"a": "longer", "b": 1}), old, "")] == ["spec.a"]


@pytest.mark.parametrize(("path", "found"), [
    (".spec.n", [1]), ("['spec']['n']", [1]), (".spec.list[0].a", ["x"]), (".spec.list[*].a", ["x", "y"]),
    ('.spec.list[?(@.a=="y")].v', [2]), (".spec.nope", []), (".spec.list[9]", []), ("[", []),
    (r".metadata.labels.example\.com/x", ["l"]),
])
def test_paths_of_columns(path, found):
    """Columns reach members, items and items that are like something."""
    obj = {"metadata": {"labels": {"example.com/x": "l"}},
           "spec": {"n": 1, "list": [{"a": "x", "v": 1}, {"a": "y", "v": 2}]}}

    assert jsonpath.find(obj, path) == found


def test_columns():
    """Cells are shown by type: what is absent, or of another type, is empty."""
    columns = [{"name": "N", "type": "integer", "jsonPath": ".spec.n"}, {"name": "S", "type": "string", "jsonPath": ".spec"},
               {"name": "B", "type": "boolean", "jsonPath": ".spec.n"}, {"name": "D", "type": "date", "jsonPath": ".spec.d"}]
    view = laws(SCHEMA, additionalPrinterColumns=columns).view

    assert view.cells(widget({"n": 1, "d": "1970-01-01T00:00:00Z"}), 60.0) == [
        "a", 1, '{"n":1,"d":"1970-01-01T00:00:00Z"}', None, "60s"]


def ruled(rule, **more):
    return laws({"type": "object", "x-kubernetes-validations": [{"rule": rule, **more}], "properties": {
        "n": {"type": "integer"}, "when": {"type": "string", "format": "date-time"}, "x-y": {"type": "integer"},
        "list": {"type": "array", "items": {"type": "integer"}}}})


@pytest.mark.parametrize(("rule", "spec", "fault"), [
    pytest.param({"rule": "self.n > 1"}, {"n": 1}, "Invalid value: failed rule: self.n > 1", id="plain"),
    pytest.param({"rule": "self.n > 1", "message": "more"}, {"n": 1}, "Invalid value: more", id="message"),
    pytest.param({"rule": "self.n > 1", "messageExpression": "'not ' + string(self.n)"}, {"n": 1}, "Invalid value: not 1",
                 id="message expression"),
    pytest.param({"rule": "self.n > 1", "reason": "FieldValueForbidden"}, {"n": 1}, "Forbidden: failed rule: self.n > 1",
                 id="reason"),
    pytest.param({"rule": "self.when > timestamp('2020-01-01T00:00:00Z')"}, {"when": "2021-01-01T00:00:00Z"}, None, id="time"),
    pytest.param({"rule": "self.x__dash__y == 1"}, {"x-y": 1}, None, id="escaped name"),
    pytest.param({"rule": "self.list.isSorted() && self.list.sum() == 6"}, {"list": [1, 2, 3]}, None, id="list functions"),
    pytest.param({"rule": "self.n > 1"}, {}, "Invalid value: no such key: n evaluating rule: self.n > 1", id="absent"),
    pytest.param({"rule": "self.n > oldSelf.n"}, {"n": 0}, None, id="transition at creation"),
    pytest.param({"rule": "oldSelf.hasValue() || self.n == 1", "optionalOldSelf": True}, {"n": 2},
                 "Invalid value: failed rule: oldSelf.hasValue() || self.n == 1", id="optional old"),
])
def test_rules_at_creation(rule, spec, fault):
    """A rule that is false, or fails, refuses; one about changes is not asked."""
    causes = [cause.message for cause in ruled(**rule).create(widget(spec))]

    assert ([fault] if fault else []) == causes


def test_rules_about_changes():
    """A count may only grow; and a rule that is broken already holds nothing else up."""
    grows = ruled("self.n >= oldSelf.n")

    assert [c.field for c in grows.update(widget({"n": 1}), widget({"n": 2}), "")] == ["spec"]
    assert grows.update(widget({"n": 3}), widget({"n": 2}), "") == []
    assert ruled("self.n > 9").update(widget({"n": 1}), widget({"n": 1}), "") == []
