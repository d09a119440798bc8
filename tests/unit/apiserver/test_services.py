"""Services get addresses and ports, each to one only, and give them back."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.apiserver.asking import MERGE, Asker

SERVICES = "/api/v1/namespaces/web/services"


def service(name: str, **spec: object) -> dict[str, object]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


async def test_addresses_are_never_given_twice(api):
    """Fifty services come at once: fifty addresses inside the range, neither .1 nor .10 among them."""
    made = await asyncio.gather(*(api.make(SERVICES, service(f"s{n}")) for n in range(50)))
    addresses = {one["spec"]["clusterIP"] for one in made}

    assert 50 == len(addresses)
    assert not addresses & {"10.96.0.1", "10.96.0.10", "10.96.0.0", "10.96.255.255"}
    assert all(address.startswith("10.96.") for address in addresses)


async def test_an_asked_address_is_honoured_once(api):
    """Two services want 10.96.7.7: the second is told why not, and after the first has gone a third may have it."""
    await api.make(SERVICES, service("a", clusterIP="10.96.7.7"))
    code, refusal = await api.ask("POST", SERVICES, service("b", clusterIP="10.96.7.7"))
    assert 422 == code
    assert "provided IP is already allocated" in refusal["message"]
    await api.ask("DELETE", f"{SERVICES}/a")

    assert "10.96.7.7" == (await api.make(SERVICES, service("c", clusterIP="10.96.7.7")))["spec"]["clusterIP"]


async def test_the_dns_address_is_reserved_but_may_be_asked_for(api):
    """kube-dns asks for .10 and gets it."""
    assert "10.96.0.10" == (await api.make(SERVICES, service("dns", clusterIP="10.96.0.10")))["spec"]["clusterIP"]


@pytest.mark.parametrize(("port", "why"), [
    pytest.param(80, "provided port is not in the valid range. The range of valid ports is 30000-32767", id="too low"),
    pytest.param(30123, "provided port is already allocated", id="taken"),
])
async def test_bad_node_ports_are_refused_and_nothing_is_kept(api, port, why):
    """The refused service leaves its address behind: it can be asked for."""
    taken = [{"port": 80, "nodePort": 30123}]
    await api.make(SERVICES, service("first", type="NodePort", ports=taken))
    asked = service("b", type="NodePort", clusterIP="10.96.9.9", ports=[{"port": 80, "nodePort": port}])
    code, refusal = await api.ask("POST", SERVICES, asked)

    assert (422, True) == (code, why in refusal["message"])
    await api.make(SERVICES, service("c", clusterIP="10.96.9.9"))


async def test_a_change_of_type_takes_and_gives_ports(api):
    """ClusterIP to NodePort and back: the port comes and goes, the address stays."""
    made = await api.make(SERVICES, service("a"))
    _, opened = await api.ask("PATCH", f"{SERVICES}/a", {"spec": {"type": "NodePort"}}, content_type=MERGE)
    port = opened["spec"]["ports"][0]["nodePort"]
    assert 30000 <= port <= 32767
    _, closed = await api.ask("PATCH", f"{SERVICES}/a", {"spec": {"type": "ClusterIP"}}, content_type=MERGE)
    assert "nodePort" not in closed["spec"]["ports"][0]
    assert made["spec"]["clusterIP"] == closed["spec"]["clusterIP"]
    await api.make(SERVICES, service("b", type="NodePort", ports=[{"port": 80, "nodePort": port}]))


async def test_what_is_taken_is_known_after_a_restart():
    """A new server on the same store gives nothing out again."""
    api = await Asker().start("web")
    await api.make(SERVICES, service("a", clusterIP="10.96.7.7"))
    again = Asker(store=api.store)
    await again.server.start()

    code, _ = await again.ask("POST", SERVICES, service("b", clusterIP="10.96.7.7"))
    assert 422 == code


@pytest.mark.parametrize("address", ["1.2.3.4", "10.96.7.7"], ids=["out of range", "free"])
async def test_an_address_never_changes(api, address):
    """Pods may know it: whoever patches it is told so, and the address asked for stays free."""
    made = await api.make(SERVICES, service("a"))
    code, status = await api.ask("PATCH", f"{SERVICES}/a", {"spec": {"clusterIP": address}}, content_type=MERGE)
    _, kept = await api.ask("GET", f"{SERVICES}/a")

    assert 422 == code
    assert f'spec.clusterIPs[0]: Invalid value: ["{address}"]: may not change once set' in status["message"]
    assert made["spec"] == kept["spec"]
    if address.startswith("10."):
        await api.make(SERVICES, service("b", clusterIP=address))
