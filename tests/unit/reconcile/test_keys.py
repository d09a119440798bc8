"""Whose turn it is when a pod changes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from knarr.api.types.apps_v1 import ReplicaSet, ReplicaSetSpec
from knarr.api.types.core_v1 import Pod
from knarr.api.types.meta_v1 import LabelSelector, ObjectMeta, OwnerReference
from knarr.reconcile.keys import keys_of_owners, own_key


def a_set(name: str, **labels: str) -> ReplicaSet:
    return ReplicaSet(metadata=ObjectMeta(name=name, namespace="shop"),
                      spec=ReplicaSetSpec(selector=LabelSelector(matchLabels=labels)))


SETS = [a_set("web", app="web"), a_set("also-web", app="web"), a_set("db", app="db")]
INFORMERS = SimpleNamespace(of=lambda kind: SimpleNamespace(by=lambda index, namespace: SETS if namespace == "shop" else []))


def owner(kind: str) -> tuple[OwnerReference, ...]:
    return (OwnerReference(apiVersion="apps/v1", kind=kind, name="mine", uid="u", controller=True),)


@pytest.mark.parametrize(("meta", "keys"), [
    pytest.param({"ownerReferences": owner("ReplicaSet")}, [("shop", "mine")], id="its controller"),
    pytest.param({"ownerReferences": owner("StatefulSet")}, [], id="somebody else's"),
    pytest.param({"labels": {"app": "web"}}, [("shop", "web"), ("shop", "also-web")], id="an orphan whom two would adopt"),
    pytest.param({"labels": {"app": "x"}}, [], id="an orphan nobody wants"),
    pytest.param({"labels": {"app": "web"}, "deletionTimestamp": "2026-01-01T00:00:00Z"}, [], id="an orphan that goes"),
])
def test_keys_of_owners(meta, keys):
    pod = Pod(metadata=ObjectMeta(name="p", namespace="shop", **meta))

    assert keys == list(keys_of_owners(ReplicaSet)(INFORMERS, pod))


def test_an_objects_own_key():
    """Cluster-wide objects have an empty namespace."""
    assert [("", "n")] == own_key(INFORMERS, Pod(metadata=ObjectMeta(name="n")))
