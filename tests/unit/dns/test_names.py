"""The names of Services, asked as a pod's resolver would and read by dnspython."""

from __future__ import annotations

import asyncio
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from knarr.api.types.core_v1 import Service, ServicePort, ServiceSpec
from knarr.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.dns.forward import Unreachable
from knarr.dns.server import Responder
from knarr.dns.zone import Zone, names_of

ORIGIN = "cluster.local"


def service(name: str, **spec: Any) -> Service:
    return Service(metadata=ObjectMeta(name=name, namespace="shop"), spec=ServiceSpec(**spec))


WEB = service("web", clusterIP="10.96.0.7", clusterIPs=("10.96.0.7", "fd00::7"),
              ports=(ServicePort(name="http", port=80, protocol="TCP"), ServicePort(name="x", port=81, protocol="UDP")))
DB = service("db", clusterIP="None", clusterIPs=("None",), ports=(ServicePort(name="sql", port=5432),))
EMPTY = service("empty", clusterIP="None", clusterIPs=("None",))
OUT = service("out", type="ExternalName", externalName="Example.org")
IN = service("in", type="ExternalName", externalName="web.shop.svc.cluster.local")
ROUND = service("round", type="ExternalName", externalName="round.shop.svc.cluster.local")
LOST = service("lost", type="ExternalName", externalName="nowhere.shop.svc.cluster.local")
DB_SLICE = EndpointSlice(
    addressType="IPv4", ports=(EndpointPort(name="sql", port=5432, protocol="TCP"),),
    endpoints=(
        Endpoint(addresses=("10.244.0.5",), hostname="db-0", conditions=EndpointConditions(ready=True)),
        Endpoint(addresses=("10.244.0.6",), conditions=EndpointConditions(ready=None)),
        Endpoint(addresses=("10.244.0.7",), hostname="db-2", conditions=EndpointConditions(ready=False)),
    ))


class Outside:
    """Resolvers that know example.org only."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def is_loop(self, _: bytes) -> bool:
        return False

    async def ask(self, name: bytes, kind: int) -> bytes:
        text = dns.name.from_wire(name, 0)[0].to_text(omit_final_dot=True)
        query = dns.message.make_query(text, dns.rdatatype.RdataType(kind))
        if not text.startswith("example.org"):
            raise Unreachable(text)
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text(f"{text}.", 60, "IN", "CNAME", f"real.{text}."))
        response.answer.append(dns.rrset.from_text(f"real.{text}.", 60, "IN", "A", "93.184.216.34"))
        return response.to_wire()


def zone() -> Zone:
    made = Zone(ORIGIN)
    for one in (WEB, DB, EMPTY, OUT, IN, ROUND, LOST):
        made.update(f"shop/{one.metadata.name}", names_of(one, [DB_SLICE] if one is DB else [], ORIGIN))
    return made


def ask(name: str, kind: str = "A", *, in_zone: Zone | None = None, ready: bool = True) -> tuple[str, list[str]]:
    """Return the rcode and the answer's lines without names of the question, TTL and class."""
    responder = Responder(in_zone or zone(), Outside(), lambda: ready)  # type: ignore[arg-type]
    query = dns.message.make_query(name, kind, id=0)
    got = responder.at_once(query.to_wire(), over_udp=True)
    data = got if isinstance(got, bytes) else asyncio.run(got)
    response = dns.message.from_wire(data)
    assert query.is_response(response)
    lines = [f"{dns.rdatatype.to_text(rrset.rdtype)} {rdata.to_text()}" for rrset in response.answer for rdata in rrset]
    return dns.rcode.to_text(response.rcode()), lines


FULL = "shop.svc.cluster.local"


@pytest.mark.parametrize(("name", "kind", "rcode", "lines"), [
    pytest.param(f"web.{FULL}", "A", "NOERROR", ["A 10.96.0.7"], id="cluster address"),
    pytest.param(f"WeB.{FULL}", "A", "NOERROR", ["A 10.96.0.7"], id="any case"),
    pytest.param(f"web.{FULL}", "AAAA", "NOERROR", ["AAAA fd00::7"], id="the other family"),
    pytest.param(f"db.{FULL}", "AAAA", "NOERROR", [], id="no such family, but the name exists"),
    pytest.param(f"_http._tcp.web.{FULL}", "SRV", "NOERROR", [f"SRV 0 100 80 web.{FULL}."], id="port"),
    pytest.param(f"_x._udp.web.{FULL}", "SRV", "NOERROR", [f"SRV 0 100 81 web.{FULL}."], id="udp port"),
    pytest.param(f"_http._udp.web.{FULL}", "SRV", "NXDOMAIN", [], id="port of the wrong protocol"),
    pytest.param(f"_tcp.web.{FULL}", "SRV", "NOERROR", [], id="a name that only has names below"),
    pytest.param("7.0.96.10.in-addr.arpa", "PTR", "NOERROR", [f"PTR web.{FULL}."], id="reverse of a cluster address"),
    pytest.param(f"db.{FULL}", "A", "NOERROR", ["A 10.244.0.5", "A 10.244.0.6"], id="headless: the ready ones"),
    pytest.param(f"db-0.db.{FULL}", "A", "NOERROR", ["A 10.244.0.5"], id="a StatefulSet's pod"),
    pytest.param(f"10-244-0-6.db.{FULL}", "A", "NOERROR", ["A 10.244.0.6"], id="an endpoint without a hostname"),
    pytest.param(f"db-2.db.{FULL}", "A", "NXDOMAIN", [], id="a pod that is not ready"),
    pytest.param(f"_sql._tcp.db.{FULL}", "SRV", "NOERROR",
                 [f"SRV 0 100 5432 db-0.db.{FULL}.", f"SRV 0 100 5432 10-244-0-6.db.{FULL}."], id="headless ports"),
    pytest.param("5.0.244.10.in-addr.arpa", "PTR", "NOERROR", [f"PTR db-0.db.{FULL}."], id="reverse of an endpoint"),
    pytest.param(f"empty.{FULL}", "A", "NOERROR", [], id="headless without endpoints"),
    pytest.param(f"none.{FULL}", "A", "NXDOMAIN", [], id="no such Service"),
    pytest.param(FULL, "A", "NOERROR", [], id="a namespace"),
    pytest.param("svc.cluster.local", "A", "NOERROR", [], id="svc"),
    pytest.param("example.org.shop.svc.cluster.local", "A", "NXDOMAIN", [], id="a search path's try"),
    pytest.param("1-2-3-4.shop.pod.cluster.local", "A", "NOERROR", ["A 1.2.3.4"], id="a pod by its address"),
    pytest.param("1-2-3-4.shop.pod.cluster.local", "AAAA", "NOERROR", [], id="a pod has no other family"),
    pytest.param("1-2-3-256.shop.pod.cluster.local", "A", "NXDOMAIN", [], id="no address"),
    pytest.param("dns-version.cluster.local", "TXT", "NOERROR", ['TXT "1.1.0"'], id="the specification's version"),
    pytest.param("cluster.local", "NS", "NOERROR", ["NS ns.dns.cluster.local."], id="the zone's server"),
    pytest.param(f"in.{FULL}", "A", "NOERROR", [f"CNAME web.{FULL}.", "A 10.96.0.7"], id="external name of the cluster"),
    pytest.param(f"out.{FULL}", "CNAME", "NOERROR", ["CNAME example.org."], id="external name itself"),
    pytest.param(f"out.{FULL}", "A", "NOERROR",
                 ["CNAME example.org.", "CNAME real.example.org.", "A 93.184.216.34"], id="external name outside"),
    pytest.param(f"round.{FULL}", "A", "SERVFAIL", [], id="external names in a circle"),
    pytest.param(f"lost.{FULL}", "A", "NXDOMAIN", [f"CNAME nowhere.{FULL}."], id="external name of nothing"),
    pytest.param("example.org", "A", "NOERROR", ["CNAME real.example.org.", "A 93.184.216.34"], id="outside"),
    pytest.param("other.test", "A", "SERVFAIL", [], id="outside, nobody answers"),
    pytest.param("local", "A", "SERVFAIL", [], id="above our zone is not ours"),
    pytest.param("xcluster.local", "A", "SERVFAIL", [], id="beside our zone is not ours"),
    pytest.param("8.0.96.10.in-addr.arpa", "PTR", "SERVFAIL", [], id="an address nobody has goes outside"),
])
def test_answers(name: str, kind: str, rcode: str, lines: list[str]) -> None:
    """What CoreDNS would say."""
    assert (rcode, lines) == ask(name, kind)


def test_denials_carry_the_soa() -> None:
    """Resolvers keep a denial for as long as the SOA says; without one some ask again at once."""
    responder = Responder(zone(), Outside(), lambda: True)  # type: ignore[arg-type]
    for name in (f"none.{FULL}", FULL):
        response = dns.message.from_wire(responder.at_once(dns.message.make_query(name, "A").to_wire(), over_udp=True))

        assert ["SOA"] == [dns.rdatatype.to_text(rrset.rdtype) for rrset in response.authority]
        assert response.authority[0][0].minimum == 5


def test_a_half_known_cluster_is_no_reason_to_deny() -> None:
    """The server has just started and has not listed yet: nobody may be told that a Service does not exist."""
    assert ("SERVFAIL", []) == ask(f"web.{FULL}", in_zone=Zone(ORIGIN), ready=False)
    assert ("NOERROR", ["A 10.96.0.7"]) == ask(f"web.{FULL}", ready=False)


def test_endpoints_take_turns() -> None:
    """Clients take the first address: it must not be the same for all."""
    responder = Responder(zone(), Outside(), lambda: True)  # type: ignore[arg-type]
    first = set()
    for id_ in range(4):
        query = dns.message.make_query(f"db.{FULL}", "A", id=id_)
        first.add(dns.message.from_wire(responder.at_once(query.to_wire(), over_udp=True)).answer[0][0].to_text())

    assert {"10.244.0.5", "10.244.0.6"} == first


def test_changes_leave_nothing_behind() -> None:
    """Services come and go; at the end the zone is as it was, empty branches included."""
    made = Zone(ORIGIN)
    before = (dict(made.names), dict(made._below))
    for one in (WEB, DB, OUT):
        made.update(one.metadata.name, names_of(one, [DB_SLICE], ORIGIN))
    made.update("web", names_of(EMPTY, [], ORIGIN))
    for one in (WEB, DB, OUT):
        made.update(one.metadata.name, {})

    assert before == (made.names, made._below)


def test_two_services_of_one_pod() -> None:
    """A pod has two headless Services: its address leads back to both; when one goes, the other stays."""
    made = zone()
    twin = service("twin", clusterIP="None")
    made.update("shop/twin", names_of(twin, [DB_SLICE], ORIGIN))
    both = ask("5.0.244.10.in-addr.arpa", "PTR", in_zone=made)
    made.update("shop/twin", {})

    assert {f"PTR db-0.db.{FULL}.", f"PTR db-0.twin.{FULL}."} == set(both[1])
    assert ("NOERROR", [f"PTR db-0.db.{FULL}."]) == ask("5.0.244.10.in-addr.arpa", "PTR", in_zone=made)


def test_ready_made_answers_follow_the_zone() -> None:
    """The same question, again and again, with new ids: each gets its own id, and the address as it is by now."""
    made = zone()
    responder = Responder(made, Outside(), lambda: True)  # type: ignore[arg-type]
    seen = []
    for id_ in (1, 2, 3):
        query = dns.message.make_query(f"web.{FULL}", "A", id=id_)
        response = dns.message.from_wire(responder.at_once(query.to_wire(), over_udp=True))
        seen.append((response.id, response.answer[0][0].to_text()))
        if id_ == 2:
            made.update("shop/web", names_of(service("web", clusterIP="10.96.0.8"), [], ORIGIN))

    assert [(1, "10.96.0.7"), (2, "10.96.0.7"), (3, "10.96.0.8")] == seen
