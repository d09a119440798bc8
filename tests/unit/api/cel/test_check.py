"""Types are checked and costs estimated before any value is there."""

from __future__ import annotations

import pytest

from knarr.api import cel
from knarr.api.cel import CelError, cost
from knarr.api.cel.check import check
from knarr.api.cel.overloads import COST_MAX
from knarr.api.custom.declared import type_of

TEXT = {"type": "string"}
SCHEMA = {"type": "object", "properties": {
    "n": {"type": "integer"}, "x": {"type": "number"}, "on": {"type": "boolean"}, "s": TEXT,
    "short": {"type": "string", "maxLength": 10}, "when": {"type": "string", "format": "date-time"},
    "port": {"x-kubernetes-int-or-string": True}, "x-y": TEXT, "namespace": TEXT,
    "list": {"type": "array", "items": TEXT}, "few": {"type": "array", "maxItems": 5, "items": {"type": "integer"}},
    "map": {"type": "object", "additionalProperties": {"type": "integer"}},
    "pod": {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
    "rows": {"type": "array", "maxItems": 10, "items": {"type": "object", "properties": {"k": TEXT}}}}}


def checked(text):
    own = type_of(SCHEMA, root=True)
    return check(text, cel.tree(text), {"self": own, "oldSelf": own})


@pytest.mark.parametrize("text", [
    "self.n > 1 && self.x > 1.5", "self.when < timestamp('2020-01-01T00:00:00Z')", "self.port == 80 || self.port == '80'",
    "self.x__dash__y == self.__namespace__", "self.list.all(s, s.startsWith('a'))", "self.map.all(k, self.map[k] > 1)",
    "self.rows.exists(r, r.k == 'a')", "self.metadata.name == 'a'", "self.pod.kind == 'Pod'", "self.?s.orValue('') == ''",
    "self == oldSelf", "self.list == []", "quantity(self.s).isLessThan(quantity('1'))", "self.few.sum() < 3",
    "self.map.transformMap(k, v, string(v)).size() == 0", "self.list.filter(s, s != '').size() > dyn(1)",
    "self.on ? self.n == 1 : self.s == 'a'", "type(self.n) == int", "self.few.map(n, [n]).exists(l, l[0] == 1)",
])
def test_sound_rules(text):
    """Rules that authors write pass, and evaluate to a bool."""
    assert str(checked(text).result) == "bool"


@pytest.mark.parametrize(("text", "at", "fault"), [
    ("self.nope > 1", 5, "undefined field 'nope'"),
    ("self.metadata.labels.size() > 1", 14, "undefined field 'labels'"),
    ("self.n + 'a' == ''", 8, "found no matching overload for '_+_' applied to '(int, string)'"),
    ("self.n == 1.0", 8, "found no matching overload for '_==_' applied to '(int, double)'"),
    ("self.n.startsWith(1)", 18, "found no matching overload for 'startsWith' applied to 'int.(int)'"),
    ("self.list.size", 10, "type 'list(string)' does not support field selection"),
    ("self.s in self.few", 8, "found no matching overload for '@in' applied to '(string, list(int))'"),
    ("foo(1)", 4, "undeclared reference to 'foo' (in container '')"),
    ("other.n > 1", 1, "undeclared reference to 'other' (in container '')"),
    ("self.n.all(x, x)", 5, "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)"),
    ("self.list.all(x, x.size())", 24, "expected type 'bool' but found 'int'"),
    ("!self.s", 1, "found no matching overload for '!_' applied to '(string)'"),
])
def test_faults_are_pointed_at(text, at, fault):
    """A rule that cannot work says where and why, in CEL's words."""
    with pytest.raises(CelError) as raised:
        checked(text)

    assert str(raised.value).startswith(f"ERROR: <input>:1:{at}: {fault}\n | {text}\n")


@pytest.mark.parametrize(("text", "low", "high"), [
    pytest.param("self.n > 1", 2, 5, id="a comparison"),
    pytest.param("self.few.all(x, x > 1)", 20, 60, id="five items"),
    pytest.param("self.rows.all(r, self.rows.exists_one(o, o == r))", 500, 2000, id="ten times ten"),
    pytest.param("self.list.all(s, s.startsWith('a'))", 4_000_000, 9_000_000, id="as many as a request holds"),
    pytest.param("self.list.all(a, self.list.all(b, a == b))", 10**12, COST_MAX, id="squared"),
    pytest.param("'a' + string(self.n) == ''", 10**12, COST_MAX, id="a number's text has no known length"),
    pytest.param("self.short.contains(self.short)", 15, 30, id="short texts"),
])
def test_costs(text, low, high):
    """What a rule costs at most follows from the limits that the schema sets."""
    assert low <= cost.estimate(checked(text)) <= high


@pytest.mark.parametrize("text", [
    "self.few.all(x, x > 1)", "self.few.map(x, x * 2).sum() > 3", "self.short.matches('a+') && self.n > 1",
    "self.few.exists(x, x == 9) || self.few.filter(x, x > 1).size() == 9", "self.short + 'a' == self.short",
])
def test_no_evaluation_costs_more_than_estimated(text):
    """The estimate is a twin of the charges: nothing within the limits of the schema exceeds it."""
    _, spent = cel.compiled(text).spent({"self": {"few": [1, 2, 3, 4, 5], "short": "a" * 10, "n": 1}})

    assert spent <= cost.estimate(checked(text))


@pytest.mark.parametrize(("text", "said"), [
    ("[1, 'a'] == []", "expected type 'int' but found 'string'"),
    ("{'a': 1, 'b': true} == {}", "expected type 'int' but found 'bool'"),
    ("{'a': 1, 2: 1} == {}", "expected type 'string' but found 'int'"),
    ("duration('1x') == duration('1s')", "invalid duration argument"),
    ("timestamp('yesterday') > timestamp('2026-01-01T00:00:00Z')", "invalid timestamp argument"),
    ("'a'.matches('[')", "invalid matches argument"),
])
def test_constants_that_cannot_be_meant(text, said):
    """Lists and maps of one type, and texts that the function they are given to can read: it is said when the rule is made."""
    with pytest.raises(CelError, match=said):
        cel.compiled(text, names=("self",))


@pytest.mark.parametrize("text", ["[1, dyn('a')] == []", "[[], [1]] == []", "[self.a, 1] == []", "'a'.matches(self)", "'%s %d'.format(['a', 1])", "self.map(x, '%s: %d'.format([x, [1, 'a'].size()])) == []", "[optional.of(1), optional.none()] == []"])
def test_constants_that_can(text):
    """What has no type of its own goes with anything."""
    cel.compiled(text, names=("self",))
