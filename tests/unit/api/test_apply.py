"""Server-side apply without a server: who owns what, what stays, what goes, and who is in whose way."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.api import apply, apply_owners, apply_shapes
from knarr.api import apply_sets as sets
from knarr.api.apply import Conflicting, Untyped, Write
from knarr.api.apply_compare import compare, fresh, owned
from knarr.api.apply_merge import merge, remove

DEPLOYMENT = apply_shapes.of_definition("apps_v1.Deployment")
CONFIG = apply_shapes.of_definition("core_v1.ConfigMap")
ONE = Write(DEPLOYMENT, "one", "apps/v1", now="2026-01-01T00:00:00Z")
TWO = replace(ONE, manager="two")


def pods(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Return a Deployment with these containers."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {**spec, "template": {"spec": {"containers": list(containers)}}}}


def made(write: Write, live: dict[str, Any], applied: dict[str, Any], owners: Any, **options: bool) -> Any:
    merged, after = apply.apply(write, live, applied, owners, **options)
    return (live if merged is None else merged), after


def fields(owners: Any, manager: str) -> list[str]:
    return [sets.text(path) for owner in owners.values() if owner.manager == manager for path in sets.paths(owner.fields)]


def test_a_field_no_longer_applied_goes():
    """One applies two variables, then only the second: the first leaves the container."""
    both, second = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], [{"name": "B", "value": "2"}]
    live, owners = made(ONE, {}, pods({"name": "c", "image": "i", "env": both}), {})
    live, owners = made(ONE, live, pods({"name": "c", "image": "i", "env": second}), owners)

    assert second == live["spec"]["template"]["spec"]["containers"][0]["env"]


def test_a_field_that_another_applies_stays():
    """Both apply the same count; the first lets go of it: it stays, for the other still wants it."""
    live, owners = made(ONE, {}, pods({"name": "c"}, replicas=3), {})
    live, owners = made(TWO, live, {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 3}}, owners)
    live, owners = made(ONE, live, pods({"name": "c"}), owners)

    assert 3 == live["spec"]["replicas"]
    assert ".spec.replicas" not in fields(owners, "one")
    assert ".spec.replicas" in fields(owners, "two")


def test_what_was_written_by_update_stays():
    """A count set by PATCH is not the applier's to remove."""
    live, owners = made(ONE, {}, pods({"name": "c"}, replicas=3), {})
    scaled = copy.deepcopy(live)
    scaled["spec"]["replicas"] = 5
    owners = apply.track(TWO, live, scaled, owners)
    live, owners = made(ONE, scaled, pods({"name": "c"}), owners)

    assert 5 == live["spec"]["replicas"]
    assert [".spec.replicas"] == fields(owners, "two")


def test_a_conflict_names_every_field():
    """Two wants other values for two of One's fields."""
    live, owners = made(ONE, {}, pods({"name": "c", "image": "i"}, replicas=3), {})
    with pytest.raises(Conflicting) as caught:
        apply.apply(TWO, live, pods({"name": "c", "image": "j"}, replicas=4), owners)
    said = apply.conflict(caught.value.found)

    assert said.message == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.replicas\n'
        '- .spec.template.spec.containers[name="c"].image'
    )
    assert [".spec.replicas", '.spec.template.spec.containers[name="c"].image'] == [
        cause["field"] for cause in said.details["causes"]
    ]


def test_force_takes_the_field():
    """Two insists: the field is Two's, and One no longer owns it."""
    live, owners = made(ONE, {}, pods({"name": "c", "image": "i"}), {})
    live, owners = made(TWO, live, pods({"name": "c", "image": "j"}), owners, force=True)

    assert "j" == live["spec"]["template"]["spec"]["containers"][0]["image"]
    assert '.spec.template.spec.containers[name="c"].image' not in fields(owners, "one")


def test_an_object_without_owners_is_somebodys_before_the_first_apply():
    """The object was reset: what it holds is owned by nobody known, so that a conflict can be told."""
    live = pods({"name": "c", "image": "i"})
    with pytest.raises(Conflicting) as caught:
        apply.apply(ONE, live, pods({"name": "c", "image": "j"}), {})

    assert ["before-first-apply"] == [owner.manager for owner, _ in caught.value.found]


def test_updates_of_an_object_without_owners_are_not_followed():
    """After `managedFields: [{}]` only an apply begins to keep owners again."""
    assert {} == apply.track(ONE, pods({"name": "c"}), pods({"name": "d"}), {})


@pytest.mark.parametrize(("spec", "why"), [
    pytest.param({"nope": 1}, ".spec.nope: field not declared in schema", id="unknown"),
    pytest.param({"replicas": "3"}, ".spec.replicas: expected numeric (int or float), got string", id="type"),
    pytest.param({"template": {"spec": {"containers": [{"name": "c"}, {"name": "c"}]}}},
                 '.spec.template.spec.containers: duplicate entries for key [name="c"]', id="twins"),
    pytest.param({"template": {"spec": {"containers": [{}]}}},
                 '.spec.template.spec.containers: element 0: associative list with keys has an element that omits key '
                 'field "name" (and doesn\'t have default value)', id="no key"),
    pytest.param({"nope": 1, "paused": 2},
                 "errors:\n  .spec.nope: field not declared in schema\n  .spec.paused: expected boolean, got 2", id="two"),
])
def test_what_does_not_fit_is_refused(spec, why):
    with pytest.raises(Untyped) as caught:
        apply.apply(ONE, {}, {"spec": spec}, {})

    assert why == str(caught.value)


def test_old_updaters_are_merged():
    """Twelve controllers write one label each; the oldest end up in one entry."""
    owners: Any = {}
    old: dict[str, Any] = {"metadata": {"name": "x", "labels": {}}}
    owners = apply.track(Write(CONFIG, "maker", "v1", now="2026-01-01T00:00:00Z"), {}, {**old, "data": {"a": "1"}}, {})
    for number in range(12):
        new = {"metadata": {"name": "x", "labels": {**old["metadata"]["labels"], f"l{number}": "x"}}}
        write = Write(CONFIG, f"m{number}", "v1", now=f"2026-01-01T00:00:{number + 1:02}Z")
        owners = apply.track(write, old, new, owners)
        old = new

    assert apply_owners.UPDATERS_MAX == len(owners)
    assert "ancient-changes" in {owner.manager for owner in owners.values()}
    assert {f".metadata.labels.l{number}" for number in range(12)} <= {
        sets.text(path) for owner in owners.values() for path in sets.paths(owner.fields)
    }


def test_kubectl_takes_over_what_it_applied_before():
    """The image is as the last client-side apply left it, and so kubectl's own; the count is not."""
    last = pods({"name": "c", "image": "i"}, replicas=1)
    live = pods({"name": "c", "image": "i"}, replicas=9)
    image = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"c"}', "f:image")
    owner = ONE.owner("Update", {})
    left = apply.last_applied_allows(ONE, live, last, Conflicting([(owner, image), (owner, ("f:spec", "f:replicas"))]))

    assert left is not None
    assert [(owner, ("f:spec", "f:replicas"))] == left.found


CONTAINER = st.fixed_dictionaries(
    {"name": st.sampled_from("abc")},
    optional={
        "image": st.sampled_from(["i", "j"]), "command": st.lists(st.sampled_from("xy"), min_size=1, max_size=2),
        "env": st.lists(st.fixed_dictionaries({"name": st.sampled_from("PQ"), "value": st.sampled_from("12")}),
                        min_size=1, max_size=2, unique_by=lambda item: item["name"]),
    },
)
OBJECTS = st.builds(
    lambda containers, labels, spec: {
        "metadata": {"name": "web", **({"labels": labels} if labels else {})},
        "spec": {**spec, **({"template": {"spec": {"containers": containers}}} if containers else {})},
    },
    st.lists(CONTAINER, max_size=3, unique_by=lambda item: item["name"]),
    st.dictionaries(st.sampled_from("lmn"), st.sampled_from("12"), max_size=2),
    st.fixed_dictionaries({}, optional={"replicas": st.integers(0, 2), "paused": st.booleans()}),
)


def canonical(value: Any) -> Any:
    """Leave out what settling leaves out: None and empty maps."""
    if isinstance(value, dict):
        kept = {key: canonical(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {}, [])}
    return [canonical(item) for item in value] if isinstance(value, list) else value


def timeless(owners: Any) -> Any:
    return {key: apply_owners.with_fields(owner, owner.fields, time="") for key, owner in owners.items()}


@given(OBJECTS, OBJECTS)
def test_applying_twice_is_applying_once(first, second):
    """The second time nothing changes, neither the object nor its owners."""
    live, owners = made(ONE, {}, first, {})
    live, owners = made(TWO, canonical(live), second, owners, force=True)
    again, after = apply.apply(TWO, canonical(live), second, owners)

    assert again is None or canonical(again) == canonical(live)
    assert timeless(owners) == timeless(after)


@given(OBJECTS, OBJECTS)
def test_what_is_applied_is_there(first, second):
    """After an apply the object says all that was applied, and the applier owns just that."""
    live, owners = made(ONE, {}, first, {})
    live, owners = made(TWO, canonical(live), second, owners, force=True)
    mine = {key: owner for key, owner in owners.items() if owner.manager == "two"}
    claimed = sets.difference(owned(DEPLOYMENT, second), apply.UNOWNED)

    assert not compare(DEPLOYMENT, canonical(live), canonical(merge(DEPLOYMENT, live, second)))
    assert set(sets.paths(claimed)) == {path for owner in mine.values() for path in sets.paths(owner.fields)}


@given(OBJECTS, OBJECTS)
def test_leaving_restores(first, second):
    """Two applies over One without conflict, then applies nothing: One's object is left, as it was."""
    live, owners = made(ONE, {}, first, {})
    before = canonical(live)
    try:
        live, owners = made(TWO, before, second, owners)
    except Conflicting:
        return
    live, owners = made(TWO, canonical(live), {"metadata": {"name": "web"}}, owners)

    assert not compare(DEPLOYMENT, before, canonical(live))
    assert [] == fields(owners, "two")


@given(OBJECTS, OBJECTS)
def test_differences_are_exact(old, new):
    """An object does not differ from itself; what came one way goes the other way."""
    there, back = compare(DEPLOYMENT, old, new), compare(DEPLOYMENT, new, old)

    assert not compare(DEPLOYMENT, old, old)
    assert set(sets.paths(there.added)) == set(sets.paths(back.removed))
    assert set(sets.paths(there.modified)) == set(sets.paths(back.modified))
    assert set(sets.paths(fresh(DEPLOYMENT, new))) == set(sets.paths(compare(DEPLOYMENT, {}, new).set))


@given(OBJECTS)
def test_taking_out_all_leaves_nothing_owned(obj):
    """Without the fields it owns, an object owns none."""
    rest = canonical(remove(DEPLOYMENT, obj, owned(DEPLOYMENT, obj)) or {})

    assert {} == sets.intersection(owned(DEPLOYMENT, rest), owned(DEPLOYMENT, obj))
