"""Nothing of the recordings is passed over: what is not served or not replayed stands here with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.wire import kind_at
from tests.unit.apiserver import test_wire_objects, test_wire_refusals
from tests.unit.apiserver.oracle import recorded

POLICIES = "policies for admission are not served yet"
NOT_SERVED = {
    "mutatingadmissionpolicies": POLICIES,
    "mutatingadmissionpolicybindings": POLICIES,
    "validatingadmissionpolicies": POLICIES,
    "validatingadmissionpolicies/status": POLICIES,
    "validatingadmissionpolicybindings": POLICIES,
    "noxus": "a custom kind of the recorded cluster's own",
}
REVIEWS = "reviews are answered by what decides, test_access has them"
NOT_CREATED = {
    "SelfSubjectAccessReview": REVIEWS, "SelfSubjectReview": REVIEWS, "SelfSubjectRulesReview": REVIEWS,
    "SubjectAccessReview": REVIEWS, "TokenReview": REVIEWS,
    "ValidatingAdmissionPolicy": POLICIES, "ValidatingAdmissionPolicyBinding": POLICIES,
}
NOT_REFUSED = {
    "ValidatingAdmissionPolicy": POLICIES,
    "POST /api/v1/namespaces/rec/serviceaccounts/default/token application/json": "test_authn has it",
}


def test_every_resource_is_served():
    """Each group version's resources and subresources, without exception but those above."""
    absent = {row["name"] for path, listed in recorded("discovery/resources.json").items() for row in listed["resources"]
              if not served(path, row["name"])}

    assert set() == absent - set(NOT_SERVED)


def test_every_table_has_its_columns():
    """`kubectl get` of every kind that can be listed."""
    absent = {path.rpartition("/")[2] for path in recorded("tables/columns.json") if kind_at(path) is None}

    assert set() == absent - set(NOT_SERVED)


def test_every_creation_is_replayed():
    """The objects that a minimal body becomes."""
    bodies = [case["request"]["body"] for case in recorded("objects/created.json")]
    left_out = {body["kind"] for body in bodies if not test_wire_objects.is_stored(body)}

    assert set() == left_out - set(NOT_CREATED)


def test_every_refusal_is_replayed():
    """What a bad body is told."""
    rows = recorded("refusals/create.json")
    left_out = {row["case"].partition(":")[0] for row in rows if not test_wire_refusals.in_scope(row)}

    assert set() == left_out - set(NOT_REFUSED)


def served(path: str, name: str) -> Any:
    plural, _, subresource = name.partition("/")
    kind = kind_at(f"{path}/{plural}")
    return kind is not None and (not subresource or kind.subresource(subresource))


@pytest.mark.parametrize("reasons", [NOT_SERVED, NOT_CREATED, NOT_REFUSED], ids=["served", "created", "refused"])
def test_every_exception_has_a_reason(reasons):
    """A difference that nobody can explain is a fault."""
    assert all(reasons.values())
