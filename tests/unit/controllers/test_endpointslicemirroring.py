"""Endpoints that somebody writes by hand reach proxies and DNS as slices."""

from __future__ import annotations

import asyncio
import copy

import pytest

from knarr.controllers.endpointslicemirroring import CONTROLLER
from knarr.controllers.endpointslicemirroring.plan import ENDPOINTS_MAX, MANAGER
from tests.unit.stage import events, play

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db", "namespace": "d", "uid": "s-1"},
           "spec": {"clusterIP": "10.96.0.9", "ports": [{"port": 5432}]}}
ENDPOINTS = {
    "apiVersion": "v1", "kind": "Endpoints",
    "metadata": {"name": "db", "namespace": "d", "uid": "e-1", "labels": {"team": "x"}, "annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "kept"}},
    "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "notReadyAddresses": [{"ip": "192.0.2.2", "nodeName": "n1"}],
                 "ports": [{"port": 5432, "protocol": "TCP"}]}],
}


def with_(obj, **meta):
    changed = copy.deepcopy(obj)
    changed["metadata"].update(meta)
    return changed


def run(*objects, then=lambda api: None):
    async def story(api):
        for one in objects:
            api.put(copy.deepcopy(one))
        await asyncio.sleep(1)
        then(api)
        await asyncio.sleep(1)

    return play([CONTROLLER], story)


def test_a_database_outside_the_cluster():
    """A Service without selector and its Endpoints: one slice, owned by the Endpoints, in their words."""
    (one,) = run(SERVICE, ENDPOINTS).all("endpointslices")
    meta = one["metadata"]

    assert {"team": "x", "kubernetes.io/service-name": "db", "endpointslice.kubernetes.io/managed-by": MANAGER} == \
        meta["labels"]
    assert {"note": "kept"} == meta["annotations"]
    assert [("Endpoints", "e-1")] == [(owner["kind"], owner["uid"]) for owner in meta["ownerReferences"]]
    assert [(["192.0.2.1"], True), (["192.0.2.2"], False)] == [
        (each["addresses"], each["conditions"]["ready"]) for each in one["endpoints"]]
    assert [(5432, "TCP")] == [(port["port"], port["protocol"]) for port in one["ports"]]


@pytest.mark.parametrize(("service", "endpoints"), [
    pytest.param({**SERVICE, "spec": {**SERVICE["spec"], "selector": {"a": "b"}}}, ENDPOINTS, id="it selects pods"),
    pytest.param(SERVICE, with_(ENDPOINTS, labels={"endpointslice.kubernetes.io/skip-mirror": "true"}), id="opted out"),
    pytest.param(SERVICE, with_(ENDPOINTS, annotations={"control-plane.alpha.kubernetes.io/leader": "{}"}), id="a lock"),
    pytest.param(with_(SERVICE, name="other"), ENDPOINTS, id="no service of that name"),
])
def test_what_is_not_mirrored(service, endpoints):
    """Others keep those slices, or nobody wants them."""
    assert [] == run(service, endpoints).all("endpointslices")


def test_changes_follow():
    """An address moves, later the Endpoints go: the same slice changes, then goes too."""
    def move(api):
        changed = copy.deepcopy(api.all("endpoints")[0])
        changed["subsets"][0]["addresses"][0]["ip"] = "192.0.2.7"
        api.put(changed)

    moved = run(SERVICE, ENDPOINTS, then=move)
    gone = run(SERVICE, ENDPOINTS, then=lambda api: api.drop("endpoints", "d", "db"))

    assert ["192.0.2.7"] == moved.all("endpointslices")[0]["endpoints"][0]["addresses"]
    assert 1 == len(moved.all("endpointslices"))
    assert [] == gone.all("endpointslices")


def test_too_many_addresses_are_told():
    """More than a slice may hold: the rest is left out, and an event says how many."""
    many = copy.deepcopy(ENDPOINTS)
    many["subsets"][0]["addresses"] = [{"ip": f"10.1.{n // 250}.{n % 250}"} for n in range(ENDPOINTS_MAX + 3)]
    many["subsets"][0]["notReadyAddresses"] = []
    api = run(SERVICE, many)

    assert ENDPOINTS_MAX == len(api.all("endpointslices")[0]["endpoints"])
    assert any(told.startswith("TooManyAddressesToMirror") and "3 addresses" in told for told in events(api))
