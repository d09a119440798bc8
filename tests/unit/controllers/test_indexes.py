"""Controllers share informers and the indexes on them: an index of one name must be the same for all."""

from __future__ import annotations

from importlib import import_module
from inspect import signature

import pytest

from knarr.api.types.core_v1 import (
    EphemeralVolumeSource,
    PersistentVolumeClaimTemplate,
    PersistentVolumeClaimVolumeSource,
    Pod,
    PodSpec,
    Volume,
)
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base.clock import ManualClock
from knarr.controllers import ALL
from tests.unit.controllers.cluster import live, pod

POD = Pod(metadata=ObjectMeta(namespace="d", name="p", labels={"a": "b"}), spec=PodSpec(nodeName="n", volumes=(
    Volume(name="v", persistentVolumeClaim=PersistentVolumeClaimVolumeSource(claimName="c")),
    Volume(name="e", ephemeral=EphemeralVolumeSource(volumeClaimTemplate=PersistentVolumeClaimTemplate())))))


def watches_of(name):
    """Return the watches of a controller that says them at once."""
    module = import_module(f"knarr.controllers.{name}")
    if hasattr(module, "CONTROLLER"):
        return module.CONTROLLER.watches
    make = getattr(module, "controller", None)
    if make is None:
        return ()
    return make(*[ManualClock(0.0)] * len(signature(make).parameters)).watches


def test_indexes_of_pods_agree():
    """The first one of a name is the one that all use: each must give a pod the same values."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for name in ALL:
        for watch in watches_of(name):
            for index, values_of in watch.indexes.items() if watch.of is Pod else ():
                found.setdefault(index, set()).add(tuple(values_of(POD)))

    assert {} == {index: values for index, values in found.items() if len(values) > 1}
    assert {("d/c", "d/p-e")} == found["claim"]


@pytest.mark.parametrize("names", [ALL, tuple(reversed(ALL))], ids=["in order", "the other way round"])
def test_a_claim_in_use_is_kept_in_the_whole_assembly(names):
    """All controllers run together: a claim that a pod on a node uses stays when it is deleted, until the pod goes."""
    async def story(cluster):
        await cluster.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}})
        await cluster.create(pod("user", nodeName="n", volumes=[
            {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]))
        await cluster.pass_time()
        where = "/api/v1/namespaces/default/persistentvolumeclaims"
        await cluster.ask("DELETE", f"{where}/data")
        await cluster.pass_time(5)
        assert ["data"] == await cluster.names(where)
        await cluster.ask("DELETE", "/api/v1/namespaces/default/pods/user", {"gracePeriodSeconds": 0})
        await cluster.pass_time(5)
        assert [] == await cluster.names(where)

    chosen = tuple(name for name in names if name in (
        "attachdetach", "ephemeralvolume", "pvcprotection", "serviceaccounts", "volumebinder"))
    live(chosen, story)
