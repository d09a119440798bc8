"""What pods call themselves."""

from __future__ import annotations

import asyncio

import pytest

from knarr.node import podnames
from knarr.node.faces import ConfigError
from knarr.node.resolv import own_names
from tests.unit.node.making import pod
from tests.unit.node.test_agent import World, ready, tell

FULL = "web.db.shop.svc.cluster.local"


def state(shown):
    """Return why the first container waits."""
    return shown["status"]["containerStatuses"][0]["state"].get("waiting")


@pytest.mark.parametrize(("spec", "kernel", "hosts"), [
    pytest.param({}, "web", ("web",), id="its object's name"),
    pytest.param({"hostname": "a"}, "a", ("a",), id="its own"),
    pytest.param({"subdomain": "db"}, "web", (FULL, "web"), id="with a domain"),
    pytest.param({"subdomain": "db", "setHostnameAsFQDN": True}, FULL, (FULL, "web"), id="the kernel, too"),
    pytest.param({"setHostnameAsFQDN": True}, "web", ("web",), id="there is no domain"),
    pytest.param({"hostnameOverride": "www.example.com", "hostname": "a", "subdomain": "db"}, "www.example.com",
                 ("www.example.com",), id="none of it counts"),
])
def test_names(spec, kernel, hosts):
    """What `hostname` prints, and what stands in /etc/hosts."""
    made = pod(**spec)

    assert (kernel, hosts) == (podnames.in_kernel(made, "cluster.local"), own_names(made, "cluster.local"))


@pytest.mark.parametrize(("length", "fits"), [(64, True), (65, False)])
def test_the_longest_name(length, fits):
    """The kernel has room for 64 characters."""
    rest = len(".db.shop.svc.cluster.local")
    made = pod(hostname="a" * (length - rest), subdomain="db", setHostnameAsFQDN=True)
    if fits:
        assert length == len(podnames.in_kernel(made, "cluster.local"))
        return
    with pytest.raises(ConfigError, match=r"is too long \(64 characters is the max, 65 characters requested\)$"):
        podnames.in_kernel(made, "cluster.local")


def test_a_name_that_is_too_long_is_told(tmp_path):
    """No sandbox is made, and events say why; its neighbour runs under its full name."""
    async def story(world: World) -> None:
        long = "a" * 63
        await world.make("long", hostname=long, subdomain="db", setHostnameAsFQDN=True)
        await world.make("short", subdomain="db", setHostnameAsFQDN=True)
        await world.until(ready, name="short")
        await asyncio.sleep(5)
        _, events = await world.api.ask("GET", "/api/v1/namespaces/web/events")
        assert {f"Failed to create pod sandbox: failed to construct FQDN from pod hostname and cluster domain, FQDN {long}.db.web."
                "svc.cluster.local is too long (64 characters is the max, 88 characters requested)"} == {
            each["message"] for each in events["items"] if each["reason"] == "FailedCreatePodSandBox"}
        assert ["short"] == [each.name for each in world.runtime.sandboxes.values()]

    tell(tmp_path, story)


def test_a_name_that_has_become_too_long_is_told(tmp_path):
    """The cluster's domain is another one when a container must begin again: it waits, and its status and events say why."""
    async def story(world: World) -> None:
        await world.make("full", subdomain="db", setHostnameAsFQDN=True)
        await world.until(ready, name="full")
        await world.kill_agent()
        world.api.clock.advance(1)          # events are named by their time
        world.cluster_domain = "b" * 63
        world.start_agent()
        await asyncio.sleep(5)
        (running,) = [held.report for held in world.runtime.containers.values() if held.report.state == "running"]
        world.runtime.exit(running.id, 1)
        fault = (f"failed to construct FQDN from pod hostname and cluster domain, FQDN full.db.web.svc.{world.cluster_domain} is "
                 "too long (64 characters is the max, 79 characters requested)")
        await world.until(lambda each: state(each) == {"reason": "CreateContainerConfigError", "message": fault}, name="full")
        await asyncio.sleep(5)
        _, events = await world.api.ask("GET", "/api/v1/namespaces/web/events")
        assert {f"Error: {fault}"} == {each["message"] for each in events["items"] if each["reason"] == "Failed"}

        await world.kill_agent()
        world.cluster_domain = "cluster.local"
        world.start_agent()
        await world.until(ready, name="full")

    tell(tmp_path, story)
