"""Routing, refusals without a resource, health, documents, scale, lists in pages: the rest of the face."""

from __future__ import annotations

import orjson
import pytest

from knarr.api.http import Call, User
from knarr.store.face import StoreUnavailable
from tests.unit.apiserver.asking import MERGE, Asker

MAPS = "/api/v1/namespaces/web/configmaps"
NOBODY = User("nobody")


@pytest.mark.parametrize(("method", "path", "code"), [
    pytest.param("GET", "/nope", 404, id="no such path"),
    pytest.param("GET", "/apis/nope/v1", 404, id="no such group"),
    pytest.param("GET", "/apis/nope/v1/things", 404, id="nothing of such a group"),
    pytest.param("GET", "/api/v1/nope", 404, id="no such resource"),
    pytest.param("GET", "/api/v1/pods/p", 404, id="a namespaced object without its namespace"),
    pytest.param("GET", "/api/v1/namespaces/web/pods/p/nope", 404, id="no such subresource"),
    pytest.param("POST", "/api/v1/pods", 405, id="creating in no namespace"),
    pytest.param("DELETE", "/api/v1/namespaces", 405, id="namespaces are not deleted in bulk"),
    pytest.param("PATCH", "/api/v1/namespaces/web/pods", 405, id="patching a collection"),
    pytest.param("PUT", "/api/v1/namespaces/web/pods/p/log", 405, id="writing a log"),
    pytest.param("GET", "/api/v1/namespaces/web/pods/p/exec", 400, id="exec without an upgrade"),
])
async def test_paths_that_lead_nowhere(api, method, path, code):
    """Each gets the code that Kubernetes gives."""
    assert code == (await api.call(method, path)).status


async def test_who_may_what(api):
    """No user: 401; a user without rights: 403, with Kubernetes' words."""
    assert 401 == (await api.server.handle(Call("GET", MAPS))).status
    refused = await api.server.handle(Call("GET", f"{MAPS}/a", user=NOBODY))
    words = 'configmaps "a" is forbidden: User "nobody" cannot get resource "configmaps" in API group "" in the namespace "web"'
    assert (403, words) == (refused.status, orjson.loads(refused.body)["message"])
    assert 200 == (await api.server.handle(Call("GET", "/readyz"))).status


async def test_a_bug_is_told_to_the_log_only(api, monkeypatch):
    """Something asserts inside: 500 without a traceback, and the next request is served."""
    def broken(request: object) -> None:
        raise AssertionError("secret detail")

    monkeypatch.setattr(api.server.reader, "get", broken)
    answer = await api.call("GET", f"{MAPS}/a")
    assert (500, False) == (answer.status, b"secret" in answer.body)
    assert 200 == (await api.call("GET", MAPS)).status


async def test_a_full_disk_is_told_and_nothing_is_half_done(api, monkeypatch):
    """The store refuses a write: 503 with the reason; the address the service had taken is free again."""
    async def full(key: str, draft: object) -> None:
        raise StoreUnavailable("no space left on device")

    services, body = "/api/v1/namespaces/web/services", {"metadata": {"name": "s"}, "spec": {
        "clusterIP": "10.96.8.8", "ports": [{"port": 80}],
    }}
    with monkeypatch.context() as patch:
        patch.setattr(api.store, "insert", full)
        code, refusal = await api.ask("POST", services, body)
    assert (503, True) == (code, "no space left on device" in refusal["message"])
    await api.make(services, body)


async def test_readiness_follows_the_servers_life():
    """Not ready before the start nor after the stop; alive all the time."""
    api = Asker()
    assert 500 == (await api.call("GET", "/readyz?verbose=")).status
    await api.start()
    assert b"[+]bootstrap ok" in (await api.call("GET", "/readyz?verbose=")).body
    await api.server.stop()
    assert [500, 200] == [(await api.call("GET", path)).status for path in ("/readyz", "/livez")]


@pytest.mark.parametrize("path", ["/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1", "/openapi/v3",
                                  "/openapi/v3/apis/apps/v1", "/openapi/v2", "/", "/version", "/metrics"])
async def test_documents_are_served_and_kept(api, path):
    """Each is there; one with an ETag is not sent twice to the same client."""
    answer = await api.call("GET", path)
    assert 200 == answer.status
    if "ETag" in answer.headers:
        assert 304 == (await api.call("GET", path, if_none_match=answer.headers["ETag"])).status


async def test_pages_show_one_state(api):
    """Between two pages something is deleted and something added: the second page shows neither."""
    for number in range(5):
        await api.make(MAPS, {"metadata": {"name": f"n{number}"}})
    _, first = await api.ask("GET", f"{MAPS}?limit=2")
    await api.ask("DELETE", f"{MAPS}/n3")
    await api.make(MAPS, {"metadata": {"name": "n9"}})
    _, second = await api.ask("GET", f"{MAPS}?limit=10&continue={first['metadata']['continue']}")

    assert 3 == first["metadata"]["remainingItemCount"]
    assert ["n2", "n3", "n4"] == [item["metadata"]["name"] for item in second["items"]]
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


async def test_items_of_a_list_bear_no_kind_and_the_list_is_current(api):
    """The join is made of stored bytes; a change shows at once."""
    await api.make(MAPS, {"metadata": {"name": "a"}, "data": {"k": "x" * 100_000}})
    for value in ("1", "2"):
        await api.ask("PATCH", f"{MAPS}/a", {"data": {"v": value}}, content_type=MERGE)
        _, listed = await api.ask("GET", MAPS)
        assert value == listed["items"][0]["data"]["v"]
    assert "kind" not in listed["items"][0]
    assert "ConfigMapList" == listed["kind"]


async def test_scaling_by_put_and_patch(api):
    """`kubectl scale` patches; autoscalers PUT; a negative count is refused."""
    path = "/apis/apps/v1/namespaces/web/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await api.make(path, {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}})
    _, scale = await api.ask("GET", f"{path}/d/scale")
    _, table = await api.ask("GET", f"{path}/d/scale", accept="application/json;as=Table;g=meta.k8s.io;v=v1")
    assert ["Name", "Desired", "Available", "Age"] == [column["name"] for column in table["columnDefinitions"]]
    assert ["d", scale["spec"]["replicas"], 0] == table["rows"][0]["cells"][:3]
    scale["spec"]["replicas"] = 4
    assert 4 == (await api.ask("PUT", f"{path}/d/scale", scale))[1]["spec"]["replicas"]
    assert 409 == (await api.ask("PUT", f"{path}/d/scale", scale))[0]
    assert 422 == (await api.ask("PATCH", f"{path}/d/scale", {"spec": {"replicas": -1}}, content_type=MERGE))[0]
    _, deployment = await api.ask("GET", f"{path}/d")
    assert (4, 2) == (deployment["spec"]["replicas"], deployment["metadata"]["generation"])


async def test_an_event_is_one_object_in_two_groups(api):
    """Recorded through events.k8s.io, read through the core group, and the other way round."""
    event = {"metadata": {"name": "e", "namespace": "web"}, "eventTime": "2026-01-01T00:00:00.000000Z", "note": "hello",
             "regarding": {"kind": "Pod", "name": "p", "namespace": "web"}, "reason": "R", "type": "Normal", "action": "A",
             "reportingController": "c.example.com/x", "reportingInstance": "i"}
    await api.make("/apis/events.k8s.io/v1/namespaces/web/events", event)
    _, core = await api.ask("GET", "/api/v1/namespaces/web/events/e")
    _, listed = await api.ask("GET", "/apis/events.k8s.io/v1/namespaces/web/events")

    assert ("hello", "Pod") == (core["message"], core["involvedObject"]["kind"])
    assert ("hello", "Pod") == (listed["items"][0]["note"], listed["items"][0]["regarding"]["kind"])


async def test_the_service_kubernetes_points_here(api):
    """Pods reach the API by the first address of the service range."""
    _, service = await api.ask("GET", "/api/v1/namespaces/default/services/kubernetes")
    _, part = await api.ask("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes")

    assert "10.96.0.1" == service["spec"]["clusterIP"]
    assert (["127.0.0.1"], 6443) == (part["endpoints"][0]["addresses"], part["ports"][0]["port"])
