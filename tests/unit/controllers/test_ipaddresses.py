"""Every cluster address of a Service has its object, as long as it is the Service's."""

from __future__ import annotations

import asyncio

from knarr.controllers.ipaddresses import CONTROLLER
from tests.unit.stage import play

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "d", "uid": "s-1"},
           "spec": {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"], "ports": [{"port": 80}]}}
HEADLESS = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db", "namespace": "d", "uid": "s-2"},
            "spec": {"clusterIP": "None", "clusterIPs": ["None"], "ports": [{"port": 80}]}}
OURS = {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}


def held(address, name, **labels):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IPAddress", "metadata": {"name": address, "uid": address, "labels": labels},
            "spec": {"parentRef": {"resource": "services", "namespace": "d", "name": name}}}


def told(api):
    return {one["metadata"]["name"]: one["spec"]["parentRef"]["name"] for one in api.all("ipaddresses")}


def run(*objects):
    async def story(api):
        for one in objects:
            api.put(one)
        await asyncio.sleep(2)

    return play([CONTROLLER], story)


def test_a_service_and_a_headless_one():
    """The object names its Service and its family; what has no address has no object."""
    (one,) = run(SERVICE, HEADLESS).all("ipaddresses")

    assert {"ipaddress.kubernetes.io/ip-family": "IPv4", **OURS} == one["metadata"]["labels"]
    assert {"resource": "services", "namespace": "d", "name": "web"} == one["spec"]["parentRef"]


def test_what_is_left_of_others():
    """A Service that went leaves nothing, one that came in its place is named; what somebody reserved by hand stays."""
    api = run(SERVICE, held("10.96.0.9", "gone", **OURS), held("10.96.0.8", "gone", **OURS), held("10.96.0.7", "mine"))

    assert {"10.96.0.9": "web", "10.96.0.7": "mine"} == told(api)
