"""Expressions that nobody means well: put together from what the language has, and from what it has not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knarr.api.cel import CelError, compiled

ATOMS = (
    "self", "oldSelf", "self.a", "self.?a", "1", "-1", "9223372036854775807", "1u", "1.5", "1e400", "'a'", '"é"', "b'x'", "''", "[]", "[1,2]", "{}", "{'a':1}", "[1,?2]", "{?'a':1}", "true", "null",
    "optional.none()", "quantity('1Gi')", "quantity('x')", "ip('1.2.3.4')", "cidr('10.0.0.0/8')", "url('http://a')", "semver('1.2.3')", "duration('1h')", "timestamp('2026-01-01T00:00:00Z')", "type(1)", "x", "int",
    "(", "[", "{", "'", "\\", "..", "?", "\x00", "//", "0x", "1.", "&&", "in",
)  # fmt: skip
ONE = (
    "!{}", "-{}", "size({})", "string({})", "int({})", "double({})", "uint({})", "bytes({})", "has({})", "type({})", "{}.a", "{}[0]", "{}['a']", "{}.lowerAscii()", "{}.sum()", "{}.min()", "{}.isSorted()", "{}.orValue(1)", "{}.value()",
    "{}.getFullYear()", "{}.asInteger()", "({})", "{}.sort()", "{}.reverse()", "{}.flatten()", "base64.encode({})", "base64.decode({})", "math.abs({})", "math.greatest({})", "isIP({})", "isURL({})", "duration({})", "timestamp({})", "{}.format([1])",
    "{}.prefixLength()", "sets.contains({},[1])", "{}.find('(a+)+$')", "{}.findAll('[')", "{}.matches('(')", "{}.substring(-1)", "{}.charAt(99)", "{}.split('',-5)", "{}.replace('','x',2147483647)", "lists.range({})", "{}.slice(0,9)",
)  # fmt: skip
TWO = (
    "{}+{}", "{}-{}", "{}*{}", "{}/{}", "{}%{}", "{}=={}", "{}<{}", "{} in {}", "{}&&{}", "{}||{}", "{}?1:{}", "{}.contains({})", "{}.indexOf({})", "{}.matches({})", "{}[{}]", "{}.all(x,{})", "{}.exists_one(x,{})", "{}.map(x,{})", "{}.filter(x,{})",
    "{}.all(i,v,{})", "{}.transformMap(k,v,{})", "[{},{}]", "{{{}:{}}}", "{}.add({})", "{}.compareTo({})", "{}.join({})", "{}.split({})", "optional.of({}).or({})", "{}.optMap(y,{})", "math.least({},{})", "{}.containsIP({})",
)  # fmt: skip
TEXTS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.builds(lambda form, one: form.format(one), st.sampled_from(ONE), inner),
        st.builds(lambda form, one, other: form.format(one, other), st.sampled_from(TWO), inner, inner),
    ),
    max_leaves=6,
)
VALUES: tuple[dict[str, Any], ...] = (
    {"self": {"a": {"b": [1, None]}, "s": "a" * 30}, "oldSelf": {"a": 1}}, {"self": None, "oldSelf": []}, {"self": "x" * 500, "oldSelf": 1.5},
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.sampled_from(VALUES), st.booleans())
def test_an_expression_is_refused_or_has_a_value(text, variables, declared):
    """Whatever a rule says, and whatever it meets: a value or a refusal in words, nothing else."""
    try:
        compiled(text, names=("self", "oldSelf") if declared else ()).value(variables)
    except CelError:
        return


@pytest.mark.parametrize("text", ['{}["a"]', '{}[1] == {}["a"]', "[][0] + [][0]"])
def test_empty_collections_have_items_of_any_type(text):
    """Nothing is known of what an empty map holds: that is no reason to look for it for ever."""
    with pytest.raises(CelError):
        compiled(text, names=("self",)).value({"self": 1})


@pytest.mark.parametrize("text", ["[1, ?2]", "{?'a': 1}"])
def test_an_optional_entry_needs_an_optional(text):
    """A question mark before what is always there means nothing."""
    with pytest.raises(CelError, match="non-optional"):
        compiled(text).value({})


@pytest.mark.parametrize("pattern", ["a*a*a*a*a*a*a*b", "(a*)*b", "(a|aa)+$b", "(a|a)*b", "a{0,200}a{0,200}b"])
def test_looking_for_a_pattern_takes_a_time_linear_in_the_text(pattern):
    """Repetitions side by side, or one in another, are what backtracking engines hang on; these texts would take years."""
    text = f"self.find('{pattern}') == '' && self.findAll('{pattern}') == [] && !self.matches('{pattern}')"

    assert compiled(text).value({"self": "a" * 10_000}) is True


@pytest.mark.parametrize(("pattern", "said"), [
    ("[", "missing closing ]: `[`"), ("(a", "missing closing ): `(a`"), ("*", "missing argument to repetition operator: `*`"),
    ("a**", "invalid nested repetition operator: `**`"), ("a{2000}", "invalid repeat count: `{2000}`"), ("(?z)", "invalid or unsupported Perl syntax: `(?z`"),
    ("a\\\\", "trailing backslash at end of expression: ``"), ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"), ("\\\\C", "invalid escape sequence: `\\C`"),
])
def test_a_broken_pattern_is_named_as_kubernetes_names_it(pattern, said):
    """Rules are often copied from there to here, and their faults looked up."""
    with pytest.raises(CelError) as fault:
        compiled(f"self.matches('{pattern}')").value({"self": "a"})

    assert f"error parsing regexp: {said}" == str(fault.value)


def test_only_a_list_is_sorted():
    """What can be no list is refused where it stands."""
    with pytest.raises(CelError, match="sortBy can only be applied to a list, identifier, comprehension, call or select expression"):
        compiled("{}.sortBy(x, x)")
