"""What must hold of patches, whatever is patched: differences lead to their target, directives do what they say, steps compose."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from knarr.api import kinds, patch
from knarr.api.errors import ApiError

POD = kinds.by_kind("", "v1", "Pod")
assert POD is not None
VALUES = st.recursive(
    st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc/~"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc/~"), VALUES, max_size=4)
POINTERS = st.sampled_from(["/a", "/b", "/c", "/a/0", "/a/1", "/a/-", "/a/b", "/b/a/0", "/~1", "/~0", "/a/~01"])


def merge_difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Write the merge patch from one object to another, by RFC 7396's own description."""
    change: dict[str, Any] = dict.fromkeys(key for key in before if key not in after)
    for key, value in after.items():
        if key in before and patch.same(before[key], value):
            continue
        both = isinstance(value, dict) and isinstance(before.get(key), dict)
        change[key] = merge_difference(before[key], value) if both else value
    return change


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_of_the_difference_leads_to_its_target(before, after):
    """Whatever the two objects, as long as neither holds a null: there is a patch between them, and it is the least."""
    assert after == patch.merge_patch(before, merge_difference(before, after))
    assert {} == merge_difference(after, after)


@settings(max_examples=200)
@given(OBJECTS, st.lists(st.fixed_dictionaries({"op": st.sampled_from(["add", "remove", "replace", "copy", "move", "test"]), "path": POINTERS, "from": POINTERS, "value": VALUES}), max_size=4))
def test_what_another_implementation_patches_is_patched_alike(document, operations):
    """Where the library succeeds, so do we, and arrive at the same object. It moves things into themselves and takes true for 1: we do not."""
    try:
        theirs = jsonpatch.apply_patch(document, copy.deepcopy(operations))
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError):
        return
    assume(not any(one["op"] in ("move", "test") for one in operations))
    assume(isinstance(theirs, dict))

    assert patch.same(theirs, patch.json_patch(document, operations))


@given(OBJECTS, OBJECTS)
def test_a_patch_is_done_whole_or_not_at_all(before, after):
    """The last step fails: nothing of the others is seen, and the original is as it was."""
    steps = jsonpatch.make_patch(before, after).patch
    kept = copy.deepcopy(before)
    with pytest.raises(ApiError):
        patch.json_patch(before, [*steps, {"op": "test", "path": "/nowhere", "value": 1}])

    assert kept == before


@given(OBJECTS)
def test_adding_and_removing_cancel(document):
    """A key that was not there comes and goes."""
    assume("c" not in document)

    assert document == patch.json_patch(document, [{"op": "add", "path": "/c", "value": [1]}, {"op": "test", "path": "/c/0", "value": 1}, {"op": "remove", "path": "/c"}])


ENV = st.dictionaries(st.sampled_from("PQ"), st.sampled_from("12"), max_size=2)
FIELDS = st.fixed_dictionaries({}, optional={"image": st.sampled_from("xy"), "env": ENV})
CONTAINERS = st.dictionaries(st.sampled_from("abc"), FIELDS, max_size=3)
WORDS = st.lists(st.sampled_from("pqrs"), max_size=4, unique=True)
Containers = dict[str, dict[str, Any]]


def pod(containers: Containers, **spec: Any) -> dict[str, Any]:
    """A pod, or a patch of one: containers and their variables are lists of items with names."""
    items = [{"name": name, **fields, **({"env": [{"name": key, "value": value} for key, value in fields["env"].items()]} if "env" in fields else {})} for name, fields in containers.items()]
    return {"spec": {"containers": items, **spec}}


def seen(obj: dict[str, Any]) -> Containers:
    """Read it back."""
    return {one["name"]: {key: {row["name"]: row["value"] for row in value} if key == "env" else value for key, value in one.items() if key != "name"} for one in obj["spec"].get("containers") or ()}


def laid_over(had: Containers, change: Containers) -> Containers:
    """The twin: items by name, in them fields, in them variables by name."""
    made = copy.deepcopy(had)
    for name, fields in change.items():
        into = made.setdefault(name, {})
        for key, value in fields.items():
            into[key] = {**into.get("env", {}), **value} if key == "env" else value
    return made


@given(CONTAINERS, CONTAINERS)
def test_lists_within_lists_merge_by_name(had, change):
    """Two levels of lists, both merged by name."""
    assert laid_over(had, change) == seen(patch.strategic_merge(POD, pod(had), pod(change)))


@given(CONTAINERS, CONTAINERS, CONTAINERS)
def test_additions_are_associative(had, first, then):
    """Patches that only set: one after the other, or the second laid over the first, and both at once."""
    one_by_one = patch.strategic_merge(POD, patch.strategic_merge(POD, pod(had), pod(first)), pod(then))
    together = patch.strategic_merge(POD, pod(had), patch.strategic_merge(POD, pod(first), pod(then)))

    assert seen(one_by_one) == seen(together)


@given(CONTAINERS, CONTAINERS, st.sampled_from(["list", "map"]))
def test_replace_leaves_nothing_of_the_old(had, change, where):
    """`$patch: replace` as an item replaces its list; as a field, its map."""
    sent = pod(change)
    if where == "list":
        sent["spec"]["containers"].append({"$patch": "replace"})
    else:
        sent["spec"]["$patch"] = "replace"

    assert change == seen(patch.strategic_merge(POD, pod(had, hostNetwork=True) if where == "list" else pod(had), sent))


@given(CONTAINERS, CONTAINERS, st.permutations("abc"))
def test_the_order_of_items_is_the_patchs(had, change, order):
    """`$setElementOrder` moves what it names, and changes nothing else."""
    named = [name for name in order if name in {**had, **change}]
    sent = pod(change)
    sent["spec"]["$setElementOrder/containers"] = [{"name": name} for name in named]
    merged = patch.strategic_merge(POD, pod(had), sent)

    assert laid_over(had, change) == seen(merged)
    assert named == [one["name"] for one in merged["spec"].get("containers") or ()]


@given(WORDS, WORDS, WORDS)
def test_words_are_added_once_and_taken_out(had, added, gone):
    """Finalizers: a list of words is a set. What is both added and taken out is nobody's wish."""
    assume(not set(added) & set(gone))
    sent = {"metadata": {"finalizers": added, "$deleteFromPrimitiveList/finalizers": gone}}
    merged = patch.strategic_merge(POD, {"metadata": {"finalizers": had}}, sent)["metadata"]["finalizers"]

    assert (set(had) - set(gone)) | set(added) == set(merged)
    assert len(merged) == len(set(merged))


@given(CONTAINERS, st.sets(st.sampled_from(["containers", "hostname", "nodeName"])))
def test_only_named_keys_are_retained(had, kept):
    """`$retainKeys` names all that may stay."""
    merged = patch.strategic_merge(POD, pod(had, hostname="h", nodeName="n"), {"spec": {"$retainKeys": sorted(kept)}})

    assert kept == set(merged["spec"])
