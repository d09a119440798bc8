"""Kinds that the server itself answers for: component statuses, mandatory flows, addresses held by hand."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from knarr.apiserver.settings import Settings
from tests.unit.apiserver.asking import MERGE, Asker

STATUSES = "/api/v1/componentstatuses"
FLOWS = "/apis/flowcontrol.apiserver.k8s.io/v1"
ADDRESSES, RANGES = "/apis/networking.k8s.io/v1/ipaddresses", "/apis/networking.k8s.io/v1/servicecidrs"
SERVICES = "/api/v1/namespaces/default/services"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


async def test_the_parts_are_healthy(api):
    """`kubectl get cs`, which old health checks still ask."""
    table = orjson.loads((await api.call("GET", STATUSES, accept=TABLE)).body)
    _, listed = await api.ask("GET", STATUSES)
    code, one = await api.ask("GET", f"{STATUSES}/etcd-0")

    assert [["controller-manager", "Healthy", "ok", ""], ["etcd-0", "Healthy", "ok", ""], ["scheduler", "Healthy", "ok", ""]] == \
        [row["cells"] for row in table["rows"]]
    assert ("ComponentStatusList", 3) == (listed["kind"], len(listed["items"]))
    assert (200, "ComponentStatus", "True") == (code, one["kind"], one["conditions"][0]["status"])


@pytest.mark.parametrize(("method", "path", "code"), [
    pytest.param("GET", f"{STATUSES}/nope", 404, id="no such part"),
    pytest.param("POST", STATUSES, 405, id="nobody makes them"),
    pytest.param("DELETE", f"{STATUSES}/etcd-0", 405, id="nobody ends them"),
])
async def test_nothing_else_is_there(api, method, path, code):
    """They are read, one or all."""
    assert code == (await api.ask(method, path, {}))[0]


async def test_labels_choose_none_of_them(api):
    """They bear no labels."""
    _, listed = await api.ask("GET", f"{STATUSES}?labelSelector=a")

    assert [] == listed["items"]


@pytest.mark.parametrize(("path", "change", "code"), [
    pytest.param("flowschemas/catch-all", {"matchingPrecedence": 9999}, 422, id="the last schema"),
    pytest.param("flowschemas/probes", {"matchingPrecedence": 3}, 200, id="a suggested schema"),
    pytest.param("prioritylevelconfigurations/catch-all", {"limited": {"nominalConcurrencyShares": 6}}, 422, id="the last level"),
    pytest.param("prioritylevelconfigurations/exempt", {"exempt": {"lendablePercent": 10}}, 200, id="what the exempt level lends"),
])
async def test_mandatory_flows_stay(api, path, change, code):
    """Every request must find a flow, whatever is configured."""
    got, status = await api.ask("PATCH", f"{FLOWS}/{path}", {"spec": change}, content_type="application/merge-patch+json")

    assert code == got, status
    assert code == 200 or "must equal the fixed value" in status["message"]


async def test_an_address_is_held_by_hand(api):
    """Somebody keeps an address for a machine outside: no Service gets it."""
    await api.make(ADDRESSES, {"metadata": {"name": "10.96.0.77"}, "spec": {"parentRef": {"resource": "machines", "name": "a"}}})
    code, status = await api.ask("POST", SERVICES, {
        "metadata": {"name": "web"}, "spec": {"clusterIP": "10.96.0.77", "ports": [{"port": 80}]}})

    assert (422, True) == (code, "provided IP is already allocated" in status["message"])


async def test_addresses_of_a_second_range():
    """The server's own range is small and full; a second one gives addresses while it is Ready, and not before."""
    api = await Asker(settings=Settings(service_cidr="10.96.0.0/29")).start()

    async def ask(name: str, **spec: Any) -> tuple[int, str]:
        code, told = await api.ask("POST", SERVICES, {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}})
        return code, told["spec"]["clusterIP"] if code == 201 else told["message"]

    firsts = [await ask(f"first-{number}") for number in range(5)]
    assert {201} == {code for code, _ in firsts}
    assert (500, True) == ((full := await ask("full"))[0], full[1].endswith("range is full"))
    await api.make(RANGES, {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.97.0.0/30"]}})
    assert 500 == (await ask("early"))[0]
    assert 422 == (await ask("early", clusterIP="10.97.0.1"))[0]
    ready = {"type": "Ready", "status": "True", "reason": "", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    await api.ask("PATCH", f"{RANGES}/more/status", {"status": {"conditions": [ready]}}, content_type=MERGE)

    assert (201, "10.97.0.2") == await ask("asked", clusterIP="10.97.0.2")
    assert (201, "10.97.0.1") == await ask("drawn")
    assert 500 == (await ask("late"))[0]
