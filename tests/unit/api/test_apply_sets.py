"""Sets of fields obey the laws of sets, whatever form their tries have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.api import apply_sets as sets

STEPS = st.sampled_from(["f:a", "f:b", 'k:{"name":"c"}', 'v:"x"'])
PATHS = st.frozensets(st.lists(STEPS, min_size=1, max_size=4).map(tuple), max_size=8)


def trie(paths: frozenset[Any]) -> dict[str, Any]:
    """Build a set the slow way."""
    built: dict[str, Any] = {}
    for path in sorted(paths):
        built = sets.union(built, sets.of_path(path))
    return built


def scalar(fields: dict[str, Any]) -> frozenset[Any]:
    return frozenset(sets.paths(fields))


@given(PATHS, PATHS)
def test_sets_of_paths_are_sets(one, other):
    """Union, difference and intersection say what Python's own sets of paths say."""
    left, right = trie(one), trie(other)

    assert scalar(left) == one
    assert scalar(sets.union(left, right)) == one | other
    assert scalar(sets.difference(left, right)) == one - other
    assert scalar(sets.intersection(left, right)) == one & other


@given(PATHS, PATHS)
def test_below_takes_whole_branches(one, other):
    """What lies below a path of the other set goes with it."""
    kept = {path for path in one if not any(path[: len(stop)] == stop for stop in other)}

    assert scalar(sets.below(trie(one), trie(other))) == kept


@given(PATHS)
def test_membership(one):
    """Every path of a set is in it, and only those."""
    fields = trie(one)

    assert all(sets.has(fields, path) for path in one)
    assert not sets.has(fields, ("f:elsewhere",))
    assert sets.sound(fields)


@pytest.mark.parametrize(("path", "text"), [
    pytest.param(("f:spec", "f:replicas"), ".spec.replicas", id="fields"),
    pytest.param(("f:ports", 'k:{"port":80,"protocol":"TCP"}'), '.ports[port=80,protocol="TCP"]', id="two keys"),
    pytest.param(("f:finalizers", 'v:"a/b"'), '.finalizers[="a/b"]', id="an item of a set"),
    pytest.param(("f:list", "i:3"), ".list[3]", id="an index"),
])
def test_paths_read_as_kubernetes_writes_them(path, text):
    assert text == sets.text(path)


@pytest.mark.parametrize("junk", [None, [], {"spec": {}}, {"f:a": 1}, {"f:a": {"x": {}}}])
def test_what_is_no_set_is_told(junk):
    """Clients may send anything as `fieldsV1`."""
    assert not sets.sound(junk)
