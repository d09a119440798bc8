"""The CEL rules of a definition are checked when it is made: words, types, costs, and whether old values can be told."""

from __future__ import annotations

import pytest

from knarr.api.validation import structural
from knarr.api.validation.spot import Spot

ADVICE = ("(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are "
          "declared)")
TEXT = {"type": "string"}


def faults(rules, root=(), **properties):
    """Return path and message of what is wrong with a schema with these rules at `spec`."""
    spec = {"type": "object", "x-kubernetes-validations": rules, "properties": properties}
    causes = []
    structural.check(Spot("s", causes), {"type": "object", "properties": {"spec": spec},
                                         "x-kubernetes-validations": list(root)})
    return [(cause.field.removeprefix("s."), cause.message) for cause in causes]


RULES = "properties[spec].x-kubernetes-validations[0]"


@pytest.mark.parametrize(("rule", "where", "said"), [
    pytest.param({"rule": " "}, "rule", "Required value: rule is not specified", id="none"),
    pytest.param({"rule": "self.a ==\n ''"}, "message",
                 "Required value: message must be specified if rule contains line breaks", id="lines"),
    pytest.param({"rule": "true", "message": " "}, "message",
                 'Invalid value: " ": message must be non-empty if specified', id="empty message"),
    pytest.param({"rule": "true", "reason": "Nope"}, "reason", 'Unsupported value: "Nope": supported values: '
                 '"FieldValueRequired", "FieldValueForbidden", "FieldValueInvalid", "FieldValueDuplicate"', id="reason"),
    pytest.param({"rule": "true", "fieldPath": ".nope"}, "fieldPath", 'Invalid value: ".nope": fieldPath must be a valid '
                 "path: does not refer to a valid field", id="path"),
    pytest.param({"rule": "true", "optionalOldSelf": True}, "optionalOldSelf",
                 "Invalid value: true: may not be set if oldSelf is not used in rule", id="optional without old"),
])
def test_words(rule, where, said):
    """Each member of a rule has its own rules."""
    assert faults([rule], a=TEXT) == [(f"{RULES}.{where}", said)]


@pytest.mark.parametrize(("rule", "where", "end"), [
    ({"rule": "self.a"}, "rule", "cel expression must evaluate to a bool"),
    ({"rule": "true", "messageExpression": "1"}, "messageExpression", "messageExpression must evaluate to a string"),
    ({"rule": "self.a + 1 == ''"}, "rule", "compilation failed: ERROR: <input>:1:8: found no matching overload for '_+_' "
     "applied to '(string, int)'\n | self.a + 1 == ''\n | .......^"),
    ({"rule": "true", "messageExpression": "self.b"}, "messageExpression", "messageExpression compilation failed: ERROR: "
     "<input>:1:5: undefined field 'b'\n | self.b\n | ....^"),
])
def test_types(rule, where, end):
    """A rule says yes or no of what the schema has."""
    [(path, said)] = faults([rule], a=TEXT)

    assert path == f"{RULES}.{where}"
    assert said.endswith(f": {end}")


def test_a_rule_that_costs_too_much():
    """A list without a limit is held against itself: the author learns by how much to shrink it."""
    squared = {"rule": "self.l.all(a, self.l.all(b, a == b))"}

    assert faults([squared], l={"type": "array", "items": TEXT}) == [
        (f"{RULES}.rule", f"Forbidden: estimated rule cost exceeds budget by factor of more than 100x {ADVICE}"),
        (f"{RULES}.rule", "Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 "
                          "schema"),
        ("s", "Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by "
              f"factor of more than 100x {ADVICE}"),
    ]
    assert faults([squared], l={"type": "array", "maxItems": 100, "items": {**TEXT, "maxLength": 10}}) == []


def test_a_cheap_rule_in_a_long_list():
    """What stands below a list is paid for once per item."""
    deep = {"type": "object", "properties": {"n": {**TEXT, "x-kubernetes-validations": [{"rule": "self.contains('abc')"}]}}}

    assert faults([], l={"type": "array", "items": deep}) != []
    assert faults([], l={"type": "array", "items": deep, "maxItems": 20}) == []


@pytest.mark.parametrize(("more", "fault"), [
    pytest.param({}, True, id="atomic"), pytest.param({"x-kubernetes-list-type": "set"}, True, id="set"),
    pytest.param({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}, False, id="map"),
])
def test_old_values_that_cannot_be_told(more, fault):
    """An item of a plain list has no identity: nothing can be said of what it was."""
    item = {"type": "object", "required": ["k"], "properties": {"k": {**TEXT, "maxLength": 10}},
            "x-kubernetes-validations": [{"rule": "self.k == oldSelf.k"}]}
    if more.get("x-kubernetes-list-type") == "set":
        item["x-kubernetes-map-type"] = "atomic"
    found = faults([], l={"type": "array", "maxItems": 10, "items": item, **more})

    said = ("oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties[spec].properties[l]"
            ".items")
    assert [message.partition('": ')[2] for _, message in found] == ([said] if fault else [])
