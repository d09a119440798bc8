"""Patches: the recorded stories, the three algorithms' rules, and laws against another implementation."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knarr.api import kinds, patch, schema
from knarr.api.errors import ApiError, BadRequest, Invalid, TooLarge, UnsupportedMedia
from tests.unit.api.wire import recorded

DEPLOYMENT = kinds.by_kind("apps", "v1", "Deployment")
POD = kinds.by_kind("", "v1", "Pod")
assert DEPLOYMENT is not None
assert POD is not None

MEDIA = {patch.JSON, patch.MERGE, patch.STRATEGIC}
SERVER_OWNED = {"metadata", "status"}


def test_recorded_patches_of_deployments():
    """Fifteen strategic merges and a few of the other two, in a row: each gives the spec that Kubernetes gave."""
    compared = 0
    for story in recorded("sequences/writes.json"):
        before: dict[str, Any] = {}
        for step in story["steps"]:
            request, answer = step["request"], step["response"]
            media = request.get("content-type", "")
            plain = request["path"].startswith("/apis/apps/v1") and request["path"].count("/") == 7
            if media in MEDIA and step["code"] == 200 and plain and "scale" not in request["path"]:
                body = orjson.dumps(request["body"])
                patched = patch.apply(DEPLOYMENT, before, body=body, content_type=media)
                assert_covers(patched["spec"], answer["spec"])
                compared += 1
            if isinstance(answer, dict) and answer.get("kind") == "Deployment":
                before = answer
    assert compared >= 20


def assert_covers(ours: Any, theirs: Any) -> None:
    """Everything we have stands in theirs, lists alike and in order; defaults may come on top of ours."""
    if isinstance(ours, dict):
        for key, value in ours.items():
            if key != "nope":
                assert key in theirs, key
                assert_covers(value, theirs[key])
    elif isinstance(ours, list):
        assert len(theirs) == len(ours)
        for left, right in zip(ours, theirs, strict=True):
            assert_covers(left, right)
    else:
        assert theirs == ours


CONTAINERS = [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}, {"name": "c", "image": "3"}]


@pytest.mark.parametrize(("change", "names"), [
    pytest.param([{"name": "b", "image": "9"}], "abc", id="a merged item keeps its place"),
    pytest.param([{"name": "z", "image": "9"}], "zabc", id="a new item goes before what the server has"),
    pytest.param([{"name": "b", "$patch": "delete"}], "ac", id="deleted"),
    pytest.param([{"name": "c"}, {"name": "a"}], "bca", id="the patch's order wins, the others fill in"),
    pytest.param([{"$patch": "replace"}, {"name": "z"}], "z", id="the list is replaced"),
    pytest.param([{"$patch": "replace"}], "", id="the list is emptied"),
])
def test_lists_merge_by_key(change, names):
    """Containers merge by name."""
    original = {"spec": {"containers": CONTAINERS}}

    patched = patch.strategic_merge(POD, original, {"spec": {"containers": change}})

    assert names == "".join(item["name"] for item in patched["spec"]["containers"])


@pytest.mark.parametrize(("change", "finalizers"), [
    pytest.param({"finalizers": ["b", "c"]}, ["a", "b", "c"], id="a set of words grows"),
    pytest.param({"$deleteFromPrimitiveList/finalizers": ["a"]}, ["b"], id="a word is taken out"),
    pytest.param({"$setElementOrder/finalizers": ["b", "a"]}, ["b", "a"], id="only the order changes"),
    pytest.param({"$setElementOrder/finalizers": ["c", "b"], "$deleteFromPrimitiveList/finalizers": ["a"],
                  "finalizers": ["c"]}, ["c", "b"], id="all at once, as kubectl apply sends it"),
    pytest.param({"finalizers": None}, None, id="null deletes"),
])
def test_lists_of_words(change, finalizers):
    """Finalizers are a set."""
    patched = patch.strategic_merge(POD, {"metadata": {"finalizers": ["a", "b"]}}, {"metadata": change})

    assert finalizers == patched["metadata"].get("finalizers")


@pytest.mark.parametrize(("change", "expected"), [
    pytest.param({"labels": {"a": None, "c": "3"}}, {"labels": {"b": "2", "c": "3"}}, id="maps merge"),
    pytest.param({"labels": {"$patch": "replace", "c": "3"}}, {"labels": {"c": "3"}}, id="a map is replaced"),
    pytest.param({"labels": {"$patch": "delete"}}, {"labels": {}}, id="a map is emptied"),
    pytest.param({"labels": {"$retainKeys": ["b"]}}, {"labels": {"b": "2"}}, id="only some keys stay"),
    pytest.param({"annotations": {"x": None, "y": "1"}}, {"labels": {"a": "1", "b": "2"}, "annotations": {"y": "1"}},
                 id="nulls of new maps are dropped"),
])
def test_maps(change, expected):
    """Labels and annotations are maps."""
    patched = patch.strategic_merge(POD, {"metadata": {"labels": {"a": "1", "b": "2"}}}, {"metadata": change})

    assert expected == patched["metadata"]


@pytest.mark.parametrize(("change", "message"), [
    pytest.param({"spec": {"containers": [{"image": "x"}]}},
                 "map: map[image:x] does not contain declared merge key: name", id="no key"),
    pytest.param({"spec": {"$patch": "nope"}}, "unknown patch type: nope in map: map[]", id="unknown directive"),
    pytest.param({"spec": {"$retainKeys": ["x"], "y": 1}}, "invalid patch format of retainKeys", id="not retained"),
    pytest.param({"nope": {"a": 1}}, 'unable to find api field in struct Pod for the json field "nope"', id="unknown"),
])
def test_bad_strategic_patches(change, message):
    """What cannot be merged is refused with the reason, never with a fault of ours."""
    with pytest.raises(BadRequest) as refusal:
        patch.strategic_merge(POD, {"spec": {"containers": CONTAINERS}, "nope": {}}, change)

    assert message == refusal.value.message


@pytest.mark.parametrize(("media", "body", "error"), [
    pytest.param("text/plain", b"{}", UnsupportedMedia, id="unknown format"),
    pytest.param(patch.MERGE, b"{bad", BadRequest, id="no JSON"),
    pytest.param(patch.MERGE, b"[]", BadRequest, id="a list is no merge patch"),
    pytest.param(patch.JSON, b"{}", BadRequest, id="an object is no JSON patch"),
    pytest.param(patch.JSON, b'[{"op":"bad"}]', Invalid, id="unknown operation"),
    pytest.param(patch.JSON, b'[{"op":"remove","path":"/nope"}]', Invalid, id="nothing there"),
    pytest.param(patch.JSON, b'[{"op":"test","path":"/a","value":1}]', Invalid, id="test fails: true is not 1"),
    pytest.param(patch.JSON, b"[" + b",".join([b"{}"] * 10_001) + b"]", TooLarge, id="too many operations"),
    pytest.param(patch.JSON, b'[{"op":"move","from":"/a","path":"/a/b"}]', Invalid, id="into itself"),
    pytest.param(patch.JSON, b'[{"op":"replace","path":"","value":1}]', Invalid, id="no object is left"),
])
def test_refused_bodies(media, body, error):
    """A patch that cannot be applied is refused as a whole."""
    with pytest.raises(error):
        patch.apply(POD, {"a": True}, body=body, content_type=media)


@pytest.mark.parametrize(("operations", "patched"), [
    pytest.param([{"op": "replace", "path": "/b", "value": 2}], {"a": [1, 2, 3], "b": 2}, id="replace may add a key"),
    pytest.param([{"op": "remove", "path": "/a/-1"}], {"a": [1, 2]}, id="the last item"),
    pytest.param([{"op": "add", "path": "/a/-", "value": 4}], {"a": [1, 2, 3, 4]}, id="after the last item"),
    pytest.param([{"op": "replace", "path": "/a/0", "value": {"x": "y"}}], {"a": [{"x": "y"}, 2, 3]}, id="an item"),
    pytest.param([{"op": "test", "path": "/nope", "value": None}], {"a": [1, 2, 3]}, id="absent is null"),
])
def test_what_kubernetes_lets_pass(operations, patched):
    """Where Kubernetes is milder than the RFC, so are we."""
    assert patched == patch.json_patch({"a": [1, 2, 3]}, operations)


def test_copies_are_bounded():
    """A few dozen copies of copies would fill the memory: the patch is refused instead."""
    doubling = [{"op": "copy", "from": "", "path": "/a"}] * 64

    with pytest.raises(TooLarge):
        patch.json_patch({"x": "y" * 100_000}, doubling)


def test_depth_is_bounded():
    """Each move puts the whole below itself: refused before anything recurses."""
    nest = [{"op": "move", "from": "/a", "path": "/t"}, {"op": "add", "path": "/a", "value": {}},
            {"op": "move", "from": "/t", "path": "/a/x"}] * 1500

    with pytest.raises(Invalid):
        patch.json_patch({"a": {}}, nest)
    with pytest.raises(BadRequest):
        patch.read(b"[" * 1000 + b"]" * 1000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc/~"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc/~"), JSON, max_size=4)


@settings(max_examples=60, deadline=None)
@given(OBJECTS, OBJECTS)
def test_law_a_made_patch_leads_to_its_target(before, after):
    """Another implementation writes the patch from one object to the other: ours arrives at the same place."""
    original = copy.deepcopy(before)

    assert after == patch.json_patch(before, jsonpatch.make_patch(before, after).patch)
    assert original == before


@settings(max_examples=60, deadline=None)
@given(OBJECTS, st.lists(st.fixed_dictionaries({
    "op": st.sampled_from(["add", "remove", "replace", "copy", "move", "test"]),
    "path": st.sampled_from(["/a", "/b", "/a/0", "/a/-", "/a/b", "/c~1", "/~0"]),
    "from": st.sampled_from(["/a", "/b", "/a/0"]), "value": JSON,
}), max_size=3))
def test_law_json_patch_equals_another_implementation(document, operations):
    """Whatever the operations: where both apply them, both say the same."""
    try:
        theirs = jsonpatch.apply_patch(document, copy.deepcopy(operations))
        ours = patch.json_patch(document, operations)
    except (ApiError, jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError):
        return
    if isinstance(theirs, dict) and not any(row["op"] == "test" for row in operations):
        assert theirs == ours


@settings(max_examples=60, deadline=None)
@given(OBJECTS, OBJECTS)
def test_law_merge_patch_is_idempotent(original, change):
    """Applying a merge patch twice is applying it once."""
    once = patch.merge_patch(original, change)

    assert once == patch.merge_patch(once, change)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from("abcdef"), unique=True))
def test_law_a_merged_list_holds_both(have, want):
    """Each name once, all of both lists, the patch's names in the patch's order."""
    original = {"spec": {"containers": [{"name": name} for name in have]}}
    patched = patch.strategic_merge(POD, original, {"spec": {"containers": [{"name": name} for name in want]}})
    names = [item["name"] for item in patched["spec"].get("containers", [])]

    assert sorted(set(have) | set(want)) == sorted(names)
    assert want == [name for name in names if name in want]
    assert [name for name in have if name not in want] == [name for name in names if name not in want]


def test_merge_keys_come_from_the_table():
    """The table knows which lists merge and by what."""
    assert "name" == schema.fields_of("core_v1.PodSpec")["containers"].merge_key
    assert "uid" == schema.fields_of("meta_v1.ObjectMeta")["ownerReferences"].merge_key
    assert "" == schema.fields_of("core_v1.PodSpec")["tolerations"].merge_key
