"""Which address leads where: readiness, traffic policies, and what the proxy leaves alone."""

from __future__ import annotations

import pytest

from knarr.api.types.discovery_v1 import EndpointPort
from knarr.proxy.plan import Backend, Frontend, View, local_ips, plan
from tests.unit.proxy.objects import ENDED, ENDING, READY, UNREADY, at, port, service, slice_of


def backends(*ips: str, port: int = 8080) -> tuple[Backend, ...]:
    return tuple(Backend(ip, port) for ip in ips)


def view(*args: object) -> View:
    return View(args[0], tuple(args[1:]), "here")


@pytest.mark.parametrize(("endpoints", "chosen"), [
    pytest.param([at("10.0.0.2"), at("10.0.0.1")], ["10.0.0.1", "10.0.0.2"], id="ready ones in order"),
    pytest.param([at("10.0.0.1"), at("10.0.0.2", UNREADY)], ["10.0.0.1"], id="unready ones are left out"),
    pytest.param([at("10.0.0.1", None)], ["10.0.0.1"], id="unknown counts as ready"),
    pytest.param([at("10.0.0.1"), at("10.0.0.2", ENDING)], ["10.0.0.1"], id="an ending one rests"),
    pytest.param([at("10.0.0.1", UNREADY), at("10.0.0.2", ENDING)], ["10.0.0.2"], id="the last resort"),
    pytest.param([at("10.0.0.1", ENDED)], [], id="an ended one never serves"),
])
def test_which_endpoints_serve(endpoints, chosen):
    """A rollout replaces pods one by one: clients must always meet somebody who can answer."""
    (frontend,) = plan(view(service(), slice_of("web", *endpoints)))

    assert backends(*chosen) == frontend.backends


def test_all_ways_in():
    """A load balancer Service has three sorts of addresses; from outside the client is masqueraded."""
    ways = plan(view(
        service("web", port(80, node_port=30080), type="LoadBalancer", externalIPs=("1.1.1.1",), ingress=("2.2.2.2",)),
        slice_of("web", at("10.0.0.1"))))

    there = backends("10.0.0.1")
    assert [
        Frontend("10.96.0.1", "tcp", 80, there, empty="discard"),
        Frontend("1.1.1.1", "tcp", 80, there, masquerade=True, empty="discard"),
        Frontend("2.2.2.2", "tcp", 80, there, masquerade=True, empty="discard"),
        Frontend("", "tcp", 30080, there, masquerade=True, empty="discard"),
    ] == ways


@pytest.mark.parametrize(("node", "outside", "empty"), [
    pytest.param("here", backends("10.0.0.1"), "discard", id="a backend is here"),
    pytest.param("there", (), "discard", id="backends are elsewhere: drop, the balancer shall not come here"),
])
def test_external_policy_local(node, outside, empty):
    """The client's address must be kept: only this node's backends serve outsiders; pods still reach all."""
    web = service("web", port(80, node_port=30080), type="NodePort", externalTrafficPolicy="Local")
    cluster, kept, inside = plan(view(web, slice_of("web", at("10.0.0.1", node=node))))

    assert backends("10.0.0.1") == cluster.backends == inside.backends
    assert (outside, False, empty, False) == (kept.backends, kept.masquerade, kept.empty, kept.inside)
    assert (True, True) == (inside.inside, inside.masquerade)


def test_internal_policy_local():
    """Pods want the node's own agent; where there is none, the connection is dropped, not sent elsewhere."""
    local = service(internalTrafficPolicy="Local")
    (served,) = plan(view(local, slice_of("web", at("10.0.0.1"), at("10.0.0.2", node="there"))))
    (dropped,) = plan(view(local, slice_of("web", at("10.0.0.2", node="there"))))
    (refused,) = plan(view(local, slice_of("web")))

    assert backends("10.0.0.1") == served.backends
    assert ((), "discard") == (dropped.backends, dropped.empty)
    assert ((), "refuse") == (refused.backends, refused.empty)


def test_ports_meet_by_name_and_protocol():
    """DNS has one number twice, told apart by name and protocol; several slices add up."""
    dns = service("dns", port(53, name="dns", protocol="UDP"), port(53, name="dns-tcp"), sessionAffinity="ClientIP")
    ports = (
        EndpointPort(name="dns", port=5353, protocol="UDP"), EndpointPort(name="dns-tcp", port=5354, protocol="TCP"))
    udp, tcp = plan(view(
        dns, slice_of("dns", at("10.0.0.1"), ports=ports), slice_of("dns", at("10.0.0.2"), ports=ports[:1])))

    assert ("udp", backends("10.0.0.1", "10.0.0.2", port=5353)) == (udp.protocol, udp.backends)
    assert ("tcp", backends("10.0.0.1", port=5354)) == (tcp.protocol, tcp.backends)
    assert udp.sticky


@pytest.mark.parametrize("what", [
    pytest.param(None, id="deleted"),
    pytest.param(service(ip="None"), id="headless"),
    pytest.param(service(ip="", type="ExternalName", externalName="example.org"), id="external name"),
    pytest.param(service(ip="fd00::1"), id="another family"),
])
def test_what_has_no_frontends(what):
    """Nothing to steer here."""
    assert [] == plan(view(what, slice_of("web", at("10.0.0.1"), family="IPv4")))


def test_other_family_and_other_proxys_services():
    """Slices of IPv6 addresses are another table's; a label hands a Service to another proxy."""
    mine = service()
    theirs = service()
    theirs.metadata.labels["service.kubernetes.io/service-proxy-name"] = "other"

    assert () == plan(view(mine, slice_of("web", at("fd00::9"), family="IPv6")))[0].backends
    assert [] == plan(view(theirs, slice_of("web", at("10.0.0.1"))))


def test_local_addresses():
    """Only pods of this node can be their own clients through us."""
    here = view(service(), slice_of("web", at("10.0.0.1"), at("10.0.0.2", READY, node="there")))

    assert {"10.0.0.1"} == local_ips(here)
