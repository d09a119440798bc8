"""Roles that are made of others: an operator's rights reach `admin` and `edit` by a label."""

from __future__ import annotations

import asyncio

import pytest

from knarr.api.types.meta_v1 import LabelSelector, ObjectMeta
from knarr.api.types.rbac_v1 import AggregationRule, ClusterRole, PolicyRule
from knarr.controllers.clusterroles import CONTROLLER
from knarr.controllers.clusterroles.plan import View, plan
from tests.unit.stage import play

PODS = PolicyRule(verbs=("get",), apiGroups=("",), resources=("pods",))
SHOPS = PolicyRule(verbs=("*",), apiGroups=("shop.example.com",), resources=("shops",))
TO_ADMIN = {"to-admin": "true"}


def role(name, *rules, labels=None, aggregates=False):
    made_of = AggregationRule(clusterRoleSelectors=(LabelSelector(matchLabels=TO_ADMIN),)) if aggregates else None
    return ClusterRole(metadata=ObjectMeta(name=name, labels=labels or {}), rules=rules, aggregationRule=made_of)


@pytest.mark.parametrize(("others", "held", "wanted"), [
    pytest.param([role("b", SHOPS, labels=TO_ADMIN), role("a", PODS, labels=TO_ADMIN)], (), (PODS, SHOPS), id="by name"),
    pytest.param([role("a", PODS, labels=TO_ADMIN), role("b", PODS, labels=TO_ADMIN)], (), (PODS,), id="each rule once"),
    pytest.param([role("a", PODS)], (SHOPS,), (), id="none is chosen any more"),
    pytest.param([role("a", PODS, labels=TO_ADMIN)], (PODS,), None, id="right already"),
])
def test_rules(others, held, wanted):
    """What stood in the role by hand goes: only what is chosen counts."""
    admin = role("admin", *held, labels=TO_ADMIN, aggregates=True)
    actions = plan(View(admin, (admin, *others)))

    assert (None if wanted is None else wanted) == (actions[0].obj.rules if actions else None)


def test_a_definition_brings_its_roles():
    """An operator is installed after the cluster was made; whoever is admin may use its objects at once."""
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    admin = {**head, "metadata": {"name": "admin"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": TO_ADMIN}]}}
    shops = {**head, "metadata": {"name": "shops", "labels": TO_ADMIN},
             "rules": [{"verbs": ["*"], "apiGroups": ["shop.example.com"], "resources": ["shops"]}]}

    async def story(api):
        api.put(admin)
        await asyncio.sleep(1)
        api.put(shops)
        await asyncio.sleep(1)

    roles = {found["metadata"]["name"]: found for found in play([CONTROLLER], story).all("clusterroles")}

    assert shops["rules"] == roles["admin"]["rules"]
