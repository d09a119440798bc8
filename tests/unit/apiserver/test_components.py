"""Kinds that the server itself answers for: component statuses, mandatory flows, addresses held by hand."""

from __future__ import annotations

import orjson
import pytest

STATUSES = "/api/v1/componentstatuses"
FLOWS = "/apis/flowcontrol.apiserver.k8s.io/v1"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"
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


async def test_a_second_range_is_only_kept(api):
    """Its maker hears that no address will come from it."""
    answer = await api.call("POST", "/apis/networking.k8s.io/v1/servicecidrs", {
        "metadata": {"name": "more"}, "spec": {"cidrs": ["10.97.0.0/16"]}})

    assert 201 == answer.status
    assert "never gets Ready" in answer.headers["Warning"]
