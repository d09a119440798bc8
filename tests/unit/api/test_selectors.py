"""Selectors and names: what they choose, and how they complain."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.api import names, selectors
from knarr.api.selectors import SelectorError
from knarr.api.types.meta_v1 import LabelSelector, LabelSelectorRequirement

LABELS = {"app": "web", "tier": "front", "weight": "7"}


@pytest.mark.parametrize(("text", "chosen"), [
    ("", True), ("app", True), ("!app", False), ("!old", True), ("app=web", True), ("app==web", True),
    ("app!=web", False), ("old!=x", True), ("app in (web, api)", True), ("app notin (web)", False),
    ("old notin (x)", True), ("app in (api)", False), ("weight>6", True), ("weight<7", False), ("app>1", False),
    ("old>1", False), ("app=web,tier=back", False), (" app = web , !old ", True), ("old=", False),
    ("app in (,web)", True),
])
def test_labels(text, chosen):
    """One object with three labels."""
    assert chosen == selectors.parse_labels(text).matches(LABELS)


@pytest.mark.parametrize(("text", "fault"), [
    ("a===b", "unable to parse requirement: found '=', expected: identifier"),
    ("a,", "found '', expected: identifier after ','"),
    ("a=b c", "found 'c', expected: ',' or 'end of string'"),
    ("=", "found '=', expected: !, identifier, or 'end of string'"),
    ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
    ("a in b", "unable to parse requirement: found 'b' expected: '('"),
    ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
    ("a in ()", "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set "
                "can't be empty"),
    ("a>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be "
            "an integer"),
    ("!", "unable to parse requirement: found '', expected: identifier"),
])
def test_label_faults(text, fault):
    """The words of Kubernetes' parser."""
    with pytest.raises(SelectorError) as refused:
        selectors.parse_labels(text)

    assert fault == refused.value.message


def test_selector_objects():
    """Objects' selectors: absent chooses nothing, empty chooses all."""
    typed = LabelSelector(matchLabels={"app": "web"}, matchExpressions=(
        LabelSelectorRequirement(key="tier", operator="In", values=("front", "back")),
        LabelSelectorRequirement(key="old", operator="DoesNotExist")))
    raw = {"matchLabels": {"app": "web"}, "matchExpressions": [
        {"key": "tier", "operator": "In", "values": ["front", "back"]}, {"key": "old", "operator": "DoesNotExist"}]}

    assert selectors.of(typed) == selectors.of_object(raw)
    assert selectors.of(typed).matches(LABELS)
    assert "app=web,!old,tier in (back,front)" == str(selectors.of(typed))
    assert [False, True] == [selectors.of(None).matches({}), selectors.of(LabelSelector()).matches({})]
    assert selectors.of_labels({"app": "web"}).matches(LABELS)


def test_unknown_operators():
    """An object's selector may name an operator that does not exist."""
    with pytest.raises(SelectorError, match='"Like" is not a valid label selector operator'):
        selectors.of_object({"matchExpressions": [{"key": "a", "operator": "Like"}]})


@pytest.mark.parametrize(("text", "terms"), [
    ("", []), ("a=b", [("a", "b", True)]), ("a==b,c!=d", [("a", "b", True), ("c", "d", False)]),
    ("a=b\\,c", [("a", "b,c", True)]), ("a=", [("a", "", True)]),
])
def test_fields(text, terms):
    """Field selectors are simple."""
    assert terms == [(term.path, term.value, term.equal) for term in selectors.parse_fields(text)]


@pytest.mark.parametrize(("text", "fault"), [
    ("a", "invalid selector: 'a'; can't understand 'a'"), ("spec.nope=x", "field label not supported: spec.nope"),
])
def test_field_faults(text, fault):
    """Only some fields can be selected by."""
    with pytest.raises(SelectorError) as refused:
        selectors.parse_fields(text, known=("metadata.name",))

    assert fault == refused.value.message


@given(st.dictionaries(st.sampled_from("abc"), st.text("xyz", min_size=1, max_size=3)))
def test_law_a_printed_selector_reads_back(labels):
    """A selector's text means the selector."""
    selector = selectors.of_labels(labels)

    assert selector == selectors.parse_labels(str(selector))
    assert selector.matches(labels)


@given(st.text("ab=!,() ><in", max_size=12))
def test_law_parsing_ends(text):
    """Any text is read or refused."""
    with suppress(SelectorError):
        selectors.parse_labels(text)


@pytest.mark.parametrize(("check", "good", "bad"), [
    pytest.param(names.label, ["a", "a-1", "1a"], ["", "A", "-a", "a-", "a.b", "a" * 64], id="label"),
    pytest.param(names.label_1035, ["a", "a-1"], ["1a", "", "A", "a" * 64], id="label that starts with a letter"),
    pytest.param(names.subdomain, ["a.b", "a", "1.2"], ["a..b", ".a", "A", "a_b", "a" * 254], id="subdomain"),
    pytest.param(names.wildcard_subdomain, ["*.a.b"], ["a", "*", "*.A"], id="wildcard"),
    pytest.param(names.path_segment, ["a:b", "A b"], ["a/b", "a%b", ".", ".."], id="path segment"),
    pytest.param(names.qualified_name, ["a", "x.y/A_b.c"], ["", "/a", "a/", "a/b/c", "X/a", "-a", "a" * 64], id="key"),
    pytest.param(names.label_value, ["", "a", "A_b.c"], ["-a", "a b", "a" * 64], id="value"),
    pytest.param(names.config_key, ["a.B_c-1", "_a"], ["", "a/b", "..", "..a", "a" * 254], id="config key"),
    pytest.param(names.env_name, ["A_b", "a.b-c"], ["1a", "", "a b", ".."], id="environment"),
    pytest.param(names.relaxed_env_name, ["1a", "a b"], ["", "a=b", "ä"], id="environment, relaxed"),
    pytest.param(names.c_identifier, ["a_B1"], ["1a", "a-b"], id="C identifier"),
    pytest.param(names.http_header, ["X-A"], ["", "a b"], id="header"),
    pytest.param(names.port_name, ["http", "a-1"], ["", "A", "1", "a--b", "-a", "a" * 16], id="port name"),
    pytest.param(names.port_number, [1, 65535], [0, 65536, -1], id="port"),
])
def test_names(check, good, bad):
    """What passes and what does not."""
    assert not [name for name in good if check(name)]
    assert not [name for name in bad if not check(name)]
