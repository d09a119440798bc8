"""Access reviews: questions that make no sense, in Kubernetes' words, and what a good one asks the authorizers."""

from __future__ import annotations

import pytest

from knarr.api.http import User
from knarr.apiserver.authz import asked
from knarr.apiserver.security import Attributes, Decision
from tests.unit.apiserver.test_authn import CLIENTS, World, lived

GROUP = "/apis/authorization.k8s.io/v1"
PODS = {"verb": "list", "resource": "pods", "namespace": "shop"}
AGENT = CLIENTS.of("system:node:n1", "system:nodes")


@pytest.fixture
async def world():
    async with lived(World()) as found:
        yield found


def with_fields(**selector):
    return {"resourceAttributes": {**PODS, "fieldSelector": selector}}


ONE = {"key": "a", "operator": "In", "values": ["x"]}


@pytest.mark.parametrize(("kind", "spec", "said"), [
    pytest.param("selfsubjectaccessreviews", {}, "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or "
                 "resourceAttributes must be specified", id="nothing"),
    pytest.param("selfsubjectaccessreviews", {"resourceAttributes": PODS, "nonResourceAttributes": {"path": "/x", "verb": "get"}},
                 "cannot be specified in combination with resourceAttributes", id="both"),
    pytest.param("subjectaccessreviews", {"resourceAttributes": PODS}, "spec.user: Invalid value: \"\": at least one of user or group must be "
                 "specified", id="nobody"),
    pytest.param("selfsubjectaccessreviews", with_fields(), "when spec.resourceAttributes.fieldSelector is specified, requirements or "
                 "rawSelector is required", id="an empty selector"),
    pytest.param("selfsubjectaccessreviews", with_fields(rawSelector="a=b", requirements=[ONE]),
                 "may not specified at the same time as requirements", id="two selectors"),
    pytest.param("selfsubjectaccessreviews", with_fields(requirements=[{"key": "a", "operator": "In"}]),
                 "spec.resourceAttributes.fieldSelector.requirements[0].values: Required value", id="no values"),
    pytest.param("selfsubjectaccessreviews", with_fields(requirements=[{"key": "a", "operator": "Exists", "values": ["x"]}]),
                 "may not be specified when `operator` is 'Exists' or 'DoesNotExist'", id="values too many"),
    pytest.param("selfsubjectaccessreviews", with_fields(requirements=[{**ONE, "key": ""}]), "key: Required value", id="no key"),
])
async def test_questions_that_make_no_sense(world, kind, spec, said):
    code, body = await world.ask("POST", f"{GROUP}/{kind}", {"spec": spec})

    assert (422, True) == (code, said in body["message"]), body["message"]


async def test_a_review_may_have_a_name(world):
    """It is answered and forgotten, so it has no revision; what it says of itself comes back whole."""
    named = {"metadata": {"name": "mine"}, "spec": {"namespace": "shop"}}
    code, body = await world.ask("POST", f"{GROUP}/selfsubjectrulesreviews", named)

    assert (201, "mine", False) == (code, body["metadata"]["name"], "resourceVersion" in body["metadata"])


async def test_a_local_review_asks_within_its_namespace(world):
    """Of the namespace in the path, and of resources only."""
    path = f"{GROUP}/namespaces/shop/localsubjectaccessreviews"
    good, body = await world.ask("POST", path, {"spec": {"user": "mia", "resourceAttributes": PODS}})
    other, why = await world.ask("POST", path, {"spec": {"user": "mia", "resourceAttributes": {**PODS, "namespace": "till"}}})
    paths, also = await world.ask("POST", path, {"spec": {"user": "mia", "nonResourceAttributes": {"path": "/x", "verb": "get"}}})

    assert (201, {"allowed": False}) == (good, body["status"])
    assert (422, 422) == (other, paths)
    assert "must match metadata.namespace" in why["message"]
    assert "disallowed on this kind of request" in also["message"]


async def test_metadata_says_nothing_in_a_review(world):
    """A name in it is a mistake."""
    code, body = await world.ask("POST", f"{GROUP}/selfsubjectaccessreviews", {"metadata": {"name": "x"}, "spec": {"resourceAttributes": PODS}})

    assert (422, True) == (code, "metadata: Invalid value" in body["message"])


@pytest.mark.parametrize(("selector", "allowed"), [
    pytest.param({"rawSelector": "spec.nodeName=n1"}, True, id="raw"),
    pytest.param({"requirements": [{"key": "spec.nodeName", "operator": "In", "values": ["n1"]}]}, True, id="as a requirement"),
    pytest.param({"requirements": [{"key": "spec.nodeName", "operator": "NotIn", "values": ["n1"]}]}, False, id="all but its own"),
    pytest.param({"requirements": [{"key": "spec.nodeName", "operator": "Future", "values": ["n1"]}]}, False, id="an operator to come"),
])
async def test_selectors_count(world, selector, allowed):
    """An agent may list the pods of its own node, and asks beforehand."""
    attributes = {"verb": "list", "resource": "pods", "fieldSelector": selector}
    _, body = await world.ask("POST", f"{GROUP}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": attributes}}, der=AGENT)

    assert allowed == body["status"]["allowed"]


async def test_an_agents_rules_are_not_all_told(world):
    """The node authorizer keeps no list of rules; the answer says that it is incomplete."""
    _, body = await world.ask("POST", f"{GROUP}/selfsubjectrulesreviews", {"spec": {"namespace": "shop"}}, der=AGENT)

    assert (True, "node authorizer does not support user rule resolution") == (
        body["status"]["incomplete"], body["status"]["evaluationError"])


async def test_a_binding_to_a_role_that_is_not_there_is_named(world):
    """The refusal says what somebody forgot."""
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    await world.make(f"{rbac}/clusterrolebindings", {
        "metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "nope"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}]})
    _, why = await world.ask("GET", "/api/v1/pods", der=CLIENTS.of("eve"))

    assert why["message"].endswith('at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io "nope" not found')


async def test_aggregation_is_for_those_who_may_everything(world):
    """A role that gathers others' rules could gather anything."""
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    await world.make(f"{rbac}/clusterroles", {"metadata": {"name": "writer"}, "rules": [
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["create"]}]})
    await world.make(f"{rbac}/clusterrolebindings", {
        "metadata": {"name": "writer"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "writer"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}]})
    code, why = await world.ask("POST", f"{rbac}/clusterroles", {
        "metadata": {"name": "all"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}, der=CLIENTS.of("eve"))

    assert (403, True) == (code, why["message"].endswith("must have cluster-admin privileges to use the aggregationRule"))


def test_label_requirements_are_written_as_requests_write_them():
    """So that authorizers read both alike."""
    requirements = [{"key": "a", "operator": "In", "values": ["x", "y"]}, {"key": "b", "operator": "DoesNotExist"}, {"key": "c", "operator": "Exists"}]
    found = asked.attributes({"resourceAttributes": {**PODS, "labelSelector": {"requirements": requirements}}}, User("eve"))

    assert Attributes(User("eve"), "list", "", "", "", "pods", "", "shop", "", "", "a in (x,y),!b,c") == found
    assert Decision(False) == Decision(False, "")
