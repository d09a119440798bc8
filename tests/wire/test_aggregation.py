"""Extend the API by a real server behind TLS that believes nobody but the front proxy, as metrics-server does."""

from __future__ import annotations

import asyncio
import base64
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import WSMsgType, web

from knarr.api.http import Call, User
from knarr.apiserver.edge import Edge, server_tls
from knarr.apiserver.server import ApiServer
from knarr.apiserver.settings import ProxyFiles, Settings
from knarr.store.memory import open_memory
from tests.wire.certificates import Pki, make_pki
from tests.wire.serving import write_kubeconfig
from tests.wire.test_edge import client_tls, request
from tests.wire.test_proxies import own_address, whole

ADMIN = User("test", groups=("system:masters",))
GROUP = "/apis/metrics.example/v1beta1"
NAME = "v1beta1.metrics.example"
SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
RESOURCES = [
    {"name": "nodes", "singularName": "node", "namespaced": False, "kind": "NodeMetrics", "verbs": ["get", "list"], "shortNames": ["nm"]},
    {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]},
    {"name": "pods/scale", "singularName": "", "namespaced": True, "kind": "Scale", "group": "autoscaling", "version": "v1", "verbs": ["get"]},
]


class Extension:
    """The extension server: whom it sees, and how it behaves."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.status = 200
        self.hang = asyncio.Event()
        self.hang.set()
        self.more = asyncio.Event()
        self.lies: dict[str, Any] = {}
        self.hang_at = ""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        certificate = request.transport.get_extra_info("peercert") if request.transport else None
        names = [value for pairs in (certificate or {}).get("subject", ()) for key, value in pairs if key == "commonName"]
        if names != ["front-proxy-client"]:
            return web.Response(status=401, text="no front proxy")
        await self.hang.wait()
        if request.headers.get("Upgrade"):
            return await self.socket(request)
        body = await request.read()
        self.seen.append({"path": request.path_qs, "user": request.headers.get("X-Remote-User"), "groups": request.headers.getall("X-Remote-Group", []),
                          "extra": {key: value for key, value in request.headers.items() if key.startswith("X-Remote-Extra")},
                          "authorization": request.headers.get("Authorization"), "size": len(body), "host": request.headers["Host"]})
        if request.path == self.hang_at:
            await self.more.wait()
        if self.status != 200:
            return web.Response(status=self.status, text="ill")
        if request.query.get("watch"):
            return await self.watch(request)
        documents = {
            GROUP: {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.example/v1beta1", "resources": RESOURCES},
            "/openapi/v3": {"paths": {"apis/metrics.example/v1beta1": {"serverRelativeURL": f"/openapi/v3{GROUP}?hash=ABC"}, "apis/other/v1": {"serverRelativeURL": "/x"}}},
            f"{GROUP}/nodes": {"kind": "NodeMetricsList", "apiVersion": "metrics.example/v1beta1", "metadata": {}, "items": [
                {"kind": "NodeMetrics", "apiVersion": "metrics.example/v1beta1", "metadata": {"name": "first"}, "usage": {"cpu": "1"}}]},
            f"/openapi/v3{GROUP}": {"openapi": "3.0.0", "paths": {f"{GROUP}/nodes": {}}},
            "/openapi/v2": {"swagger": "2.0", "definitions": {
                "example.NodeMetrics": {"type": "object", "properties": {"self": {"$ref": "#/definitions/example.NodeMetrics"}}},
                "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {"type": "object", "description": "another"}, "unused": {}},
                "paths": {f"{GROUP}/nodes": {
                    "get": {"responses": {"200": {"description": "OK", "schema": {"$ref": "#/definitions/example.NodeMetrics"}}}},
                    "post": {"responses": {"200": {"description": "OK", "schema": {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}}}},
                    "parameters": [{"name": "pretty", "in": "query", "type": "string", "uniqueItems": True}]},
                          "/apis/other/v1/things": {}}},
        }
        documents |= self.lies
        found = documents.get(request.path, {"kind": "NodeMetrics", "user": request.headers.get("X-Remote-User")})
        return web.json_response(found, headers={"X-Ext": "1"})

    async def watch(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"type":"ADDED"}\n')
        await self.more.wait()
        await response.write(b'{"type":"DELETED"}\n')
        return response

    async def socket(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(request.headers["X-Remote-User"])
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await socket.send_str(message.data.upper())
        return socket


class World:
    """The API with its own clients, and the extension server with another authority's certificate."""

    def __init__(self, pki: Pki, theirs: Pki, front: Pki) -> None:
        self.pki, self.theirs = pki, theirs
        files = ProxyFiles(*front.files("front-proxy-client"), str(front.ca))
        self.server = ApiServer(open_memory(), Settings(front_proxy=files))
        self.edge = Edge(self.server.handle, uploads=self.server.uploads)
        self.extension, self.port, self.address = Extension(), 0, own_address()

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        raw = b"" if body is None else orjson.dumps(body)
        path, _, query = path.partition("?")
        pairs = dict(part.partition("=")[::2] for part in query.split("&")) if query else {}
        sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.server.handle(Call(method, path, pairs, sent, raw, ADMIN, raw_query=query))
        body_found = answer.body if answer.stream is None else b"".join([chunk async for chunk in answer.stream])
        try:
            return answer.status, orjson.loads(body_found)
        except orjson.JSONDecodeError:
            return answer.status, body_found

    async def make(self, path: str, body: object) -> None:
        code, found = await self.call("POST", path, body)
        assert 201 == code, found

    async def service(self, *, slices: bool = True, addresses: bool = True, port: int = 443) -> None:
        space = "/api/v1/namespaces/default"
        await self.make(f"{space}/services", {"metadata": {"name": "ext"}, "spec": {"ports": [{"name": "https", "port": port, "targetPort": self.port}]}})
        if slices:
            await self.make("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
                "metadata": {"name": "ext-1", "labels": {"kubernetes.io/service-name": "ext"}}, "addressType": "IPv4",
                "ports": [{"name": "https", "port": self.port}], "endpoints": [{"addresses": [self.address], "conditions": {"ready": addresses}}]})

    async def register(self, **spec: object) -> None:
        bundle = base64.b64encode(self.theirs.ca.read_bytes()).decode()
        whole_spec = {"group": "metrics.example", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                      "service": {"name": "ext", "namespace": "default"}, "caBundle": bundle, **spec}
        name = f"{whole_spec['version']}.{whole_spec['group']}"
        await self.make(SERVICES, {"metadata": {"name": name}, "spec": {key: value for key, value in whole_spec.items() if value is not None}})
        await self.settled(name)

    async def settled(self, name: str = NAME) -> tuple[str, str, str]:
        """Let the checks run once and return the condition."""
        self.server.aggregator.load()
        await self.server.aggregator.settle()
        self.server.aggregator.load()
        row = (await self.call("GET", f"{SERVICES}/{name}"))[1]["status"]["conditions"][0]
        return row["status"], row["reason"], row["message"]

    async def connect(self, name: str = "admin") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.edge.port, ssl=client_tls(self.pki, name), limit=1 << 22)


@pytest.fixture(scope="module")
def pkis(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pki, Pki, Pki]:
    folders: list[Path] = [tmp_path_factory.mktemp(name) for name in ("ours", "theirs", "front")]
    return make_pki(folders[0]), make_pki(folders[1], names=("ext.default.svc",)), make_pki(folders[2], also=("front-proxy-client",))


@pytest.fixture
async def world(pkis: tuple[Pki, Pki, Pki]) -> AsyncIterator[World]:
    made = World(*pkis)
    await made.server.start()
    await made.edge.start("127.0.0.1", 0, server_tls(*pkis[0].files("server"), str(pkis[0].ca)))
    tls = server_tls(*pkis[1].files("server"), str(pkis[2].ca))
    tls.verify_mode = ssl.CERT_REQUIRED
    runner = web.ServerRunner(web.Server(made.extension.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, made.address, 0, ssl_context=tls)
    await site.start()
    made.port = runner.addresses[0][1]
    yield made
    made.extension.hang.set()
    await made.server.stop()
    await made.edge.stop(0.1)
    await runner.cleanup()


async def test_a_request_reaches_the_extension_with_the_callers_name(world):
    """A client reads a metric: the extension server sees a front proxy that speaks for the client."""
    await world.service()
    await world.register()
    assert ("True", "Passed", "all checks passed") == await world.settled()
    world.extension.seen.clear()
    reader, writer = await world.connect()
    writer.write(request("GET", f"{GROUP}/nodes/n?a=1&a=2", "X-Remote-User: root", "X-Remote-Group: system:masters", "Authorization: Bearer x"))
    code, headers, body = await whole(reader)
    writer.close()
    assert (200, "1", "admin") == (code, headers["x-ext"], orjson.loads(body)["user"])
    seen = world.extension.seen[0]
    assert ("admin", ["system:masters", "system:authenticated"], None) == (seen["user"], seen["groups"], seen["authorization"])
    assert (f"{GROUP}/nodes/n?a=1&a=2", "ext.default.svc") == (seen["path"], seen["host"])


async def test_who_may_not_is_refused_here(world):
    """A client without a role never reaches the extension server."""
    await world.service()
    await world.register()
    world.extension.seen.clear()
    reader, writer = await world.connect("nobody")
    writer.write(request("GET", f"{GROUP}/namespaces/a/pods?watch=1"))
    code, _, body = await whole(reader)
    writer.close()
    said = 'pods.metrics.example is forbidden: User "nobody" cannot watch resource "pods" in API group "metrics.example" in the namespace "a"'
    assert (403, said) == (code, orjson.loads(body)["message"])
    assert [] == world.extension.seen


async def test_discovery_has_both(world):
    """kubectl api-resources: the group is among the others, in both forms, and its version's list comes from its server."""
    await world.service()
    await world.register()
    groups = [one["name"] for one in (await world.call("GET", "/apis"))[1]["groups"]]
    assert ("apiregistration.k8s.io", "metrics.example") == (groups[0], groups[-1])
    items = (await world.call("GET", "/apis", accept=AGGREGATED))[1]["items"]
    version = next(one for one in items if one["metadata"]["name"] == "metrics.example")["versions"][0]
    assert ("v1beta1", "Current", ["nodes", "pods"]) == (version["version"], version["freshness"], [one["resource"] for one in version["resources"]])
    assert {"subresource": "scale", "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"}, "verbs": ["get"]} == version["resources"][1]["subresources"][0]
    assert "metrics.example/v1beta1" == (await world.call("GET", "/apis/metrics.example"))[1]["preferredVersion"]["groupVersion"]
    assert RESOURCES == (await world.call("GET", GROUP))[1]["resources"]
    assert GROUP in (await world.call("GET", "/"))[1]["paths"]


async def test_openapi_has_both(world):
    """kubectl explain: v3 leads to the extension's own document, v2 holds its part; the ETag tells of it."""
    before = await world.server.handle(Call("GET", "/openapi/v2", headers={"accept": "application/json"}, user=ADMIN))
    await world.service()
    await world.register()
    index = (await world.call("GET", "/openapi/v3"))[1]["paths"]
    assert f"/openapi/v3{GROUP}?hash=ABC" == index["apis/metrics.example/v1beta1"]["serverRelativeURL"]
    assert "apis/other/v1" not in index
    assert [f"{GROUP}/nodes"] == list((await world.call("GET", f"/openapi/v3{GROUP}?hash=ABC"))[1]["paths"])
    after = await world.server.handle(Call("GET", "/openapi/v2", headers={"accept": "application/json"}, user=ADMIN))
    assert before.headers["ETag"] != after.headers["ETag"]
    document, meta = orjson.loads(after.body), "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    assert "/api/v1/pods" in document["paths"]
    assert {"$ref": f"#/definitions/{meta}_v2"} == document["paths"][f"{GROUP}/nodes"]["post"]["responses"]["200"]["schema"]
    assert {"type": "object", "description": "another"} == document["definitions"][f"{meta}_v2"]
    assert "unused" not in document["definitions"]


@pytest.mark.parametrize(("service", "spec", "expected"), [
    pytest.param(None, {}, ("ServiceNotFound", 'service/ext in "default" is not present'), id="no service"),
    pytest.param({"port": 444}, {}, ("ServicePortError", 'service/ext in "default" is not listening on port 443'), id="other port"),
    pytest.param({"slices": False}, {}, ("EndpointsNotFound", 'cannot find endpointslices for service/ext in "default"'), id="no slices"),
    pytest.param({"addresses": False}, {}, ("MissingEndpoints", 'endpointslices for service/ext in "default" have no addresses with port name "https"'),
                 id="nobody ready"),
    pytest.param({}, {"caBundle": None}, ("FailedDiscoveryCheck", "tls: failed to verify certificate: x509: "), id="unknown authority"),
    pytest.param({}, {"caBundle": "bm9uZQ=="}, ("FailedDiscoveryCheck", "unable to load root certificates"), id="no bundle"),
])
async def test_what_is_missing_is_said(world, service, spec, expected):
    """Whatever is wrong stands in the condition, and requests are refused without being sent."""
    if service is not None:
        await world.service(**service)
    await world.register(**spec)
    status, reason, message = await world.settled()
    assert ("False", expected[0]) == (status, reason)
    assert expected[1] in message
    assert (503, b"service unavailable\n") == await world.call("GET", f"{GROUP}/nodes")


async def test_unverified_is_possible(world):
    """insecureSkipTLSVerify: any certificate will do."""
    await world.service()
    await world.register(caBundle=None, insecureSkipTLSVerify=True)
    assert 200 == (await world.call("GET", f"{GROUP}/nodes"))[0]


async def test_an_ill_server_harms_only_itself(world):
    """The extension server answers 500: its group is stale and refused, everything else goes on."""
    await world.service()
    await world.register()
    world.extension.status = 500
    status, reason, message = await world.settled()
    assert ("False", "FailedDiscoveryCheck") == (status, reason)
    assert message.endswith(f"{GROUP}: 500")
    items = (await world.call("GET", "/apis", accept=AGGREGATED))[1]["items"]
    version = next(one for one in items if one["metadata"]["name"] == "metrics.example")["versions"][0]
    assert ("Stale", 2) == (version["freshness"], len(version["resources"]))
    assert 200 == (await world.call("GET", "/api/v1/namespaces/default"))[0]
    world.extension.status = 200
    assert ("True", "Passed", "all checks passed") == await world.settled()


async def test_a_server_that_goes_away_is_noticed(world):
    """Nobody listens any more: the request is a 503 with the reason, and the checks run at once."""
    await world.service()
    await world.register()
    found = await world.call("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/ext-1")
    found[1]["ports"][0]["port"] = 9
    assert 200 == (await world.call("PUT", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/ext-1", found[1]))[0]
    code, body = await world.call("GET", f"{GROUP}/nodes")
    assert (503, True) == (code, body.startswith(b"error trying to reach service: dial tcp "))
    assert world.server.aggregator._due.is_set()


async def test_a_slow_server_delays_nobody(world):
    """The extension server hangs: others are answered meanwhile, and its own caller waits alone."""
    await world.service()
    await world.register()
    world.extension.hang.clear()
    reader, writer = await world.connect()
    writer.write(request("GET", f"{GROUP}/nodes"))
    async with asyncio.timeout(2):
        assert 200 == (await world.call("GET", "/apis", accept=AGGREGATED))[0]
        assert 200 == (await world.call("GET", "/api/v1/namespaces/default"))[0]
    world.extension.hang.set()
    assert 200 == (await whole(reader))[0]
    writer.close()


@pytest.mark.parametrize("lie", [
    pytest.param({GROUP: {"resources": [{"name": 5, "kind": "A"}, {"name": "a", "kind": "A", "verbs": 7, "shortNames": [{}], "namespaced": "x"}, 8]}}, id="resources"),
    pytest.param({GROUP: [1]}, id="no list"),
    pytest.param({"/openapi/v2": {"paths": {f"{GROUP}/x": {"get": 5}}}}, id="operation"),
    pytest.param({"/openapi/v2": {"paths": {f"{GROUP}/x": {"get": {"responses": {"200": {"description": 1}}}}}}}, id="description"),
    pytest.param({"/openapi/v2": {"paths": 5}}, id="paths"),
    pytest.param({"/openapi/v2": []}, id="no document"),
    pytest.param({"/openapi/v3": {"paths": {"apis/metrics.example/v1beta1": {"serverRelativeURL": "/openapi/v3/apis/apps/v1?hash=1"}}}}, id="another's document"),
    pytest.param({"/openapi/v3": {"paths": {"apis/metrics.example/v1beta1": 7}}}, id="no address"),
])
async def test_a_lying_server_spoils_nothing(world, lie):
    """Whatever the extension server says of itself, the documents of all can be read, in every form."""
    world.extension.lies = lie
    await world.service()
    await world.register()
    protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    for path, accept in (("/apis", AGGREGATED), ("/apis", "application/json"), ("/openapi/v2", "application/json"),
                         ("/openapi/v2", protobuf), ("/openapi/v3", "application/json")):
        answer = await world.server.handle(Call("GET", path, headers={"accept": accept}, user=ADMIN))
        assert 200 == answer.status, (path, accept)
        assert b'/openapi/v3/apis/apps/v1?hash=1"' not in answer.body


async def test_a_document_that_never_comes_holds_up_no_check(world, monkeypatch):
    """The extension server hangs where it is asked for OpenAPI: its condition is written, and the next look begins."""
    monkeypatch.setattr("knarr.apiserver.aggregation.checks.FETCH_S", 0.2)
    world.extension.hang_at = "/openapi/v2"
    await world.service()
    async with asyncio.timeout(5):
        await world.register()
    assert 200 == (await world.call("GET", f"{GROUP}/nodes"))[0]
    world.extension.more.set()


async def test_a_watch_passes_as_it_comes(world):
    """Events of the extension server arrive one by one."""
    await world.service()
    await world.register()
    reader, writer = await world.connect()
    writer.write(request("GET", f"{GROUP}/nodes?watch=1"))
    assert b'"ADDED"' in await asyncio.wait_for(reader.readuntil(b"}\n"), 5)
    world.extension.more.set()
    assert b'"DELETED"' in await asyncio.wait_for(reader.readuntil(b"}\n"), 5)
    writer.close()


async def test_large_bodies_pass_unread(world):
    """Five megabytes are the extension server's own matter: it says 413 by its own bound, and we never hold them."""
    await world.service()
    await world.register()
    reader, writer = await world.connect()
    body = b"x" * (500 << 10)
    writer.write(request("POST", f"{GROUP}/nodes", "Content-Type: application/json", body=body))
    assert 200 == (await whole(reader))[0]
    writer.close()
    assert len(body) == world.extension.seen[-1]["size"]


async def test_a_websocket_passes(world):
    """exec by an extension server: the upgrade passes, with the caller's name."""
    import aiohttp

    await world.service()
    await world.register()
    async with aiohttp.ClientSession() as session:
        url = f"wss://127.0.0.1:{world.edge.port}{GROUP}/nodes/n/connect"
        async with session.ws_connect(url, ssl=client_tls(world.pki, "admin")) as socket:
            assert "admin" == (await socket.receive_str(timeout=5))
            await socket.send_str("hello")
            assert "HELLO" == (await socket.receive_str(timeout=5))


async def test_kubectl_sees_one_api(world, tmp_path):
    """kubectl finds the extension's kinds by their short name, lists them, and asks for paths; an ill server does not disturb the rest."""
    await world.service()
    await world.register()
    assert "first" in await kubectl(world, tmp_path, "get", "nm")
    assert "NodeMetrics" in await kubectl(world, tmp_path, "api-resources", "--api-group=metrics.example")
    assert "default/ext" in await kubectl(world, tmp_path, "get", "apiservice", NAME)
    assert orjson.loads(await kubectl(world, tmp_path, "get", "--raw", f"{GROUP}/nodes"))["items"]
    world.extension.status = 500
    await world.settled()
    assert "kube-system" in await kubectl(world, tmp_path, "get", "namespaces")
    assert "False (FailedDiscoveryCheck)" in await kubectl(world, tmp_path, "get", "apiservice", NAME)
    said = await kubectl(world, tmp_path, "get", "nm", fails=True)
    assert "the server is currently unable to handle the request" in said


async def test_kubectl_top_shows_what_a_metrics_server_says(world, tmp_path):
    """Nodes against what they offer, pods and their containers; without the server, kubectl says that there are no metrics."""
    node = {"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "4", "memory": "8Gi"}, "allocatable": {"cpu": "4", "memory": "8Gi"}}}
    await world.make("/api/v1/nodes", node)
    assert "error: Metrics API not available" in await kubectl(world, tmp_path, "top", "nodes", fails=True)
    world.extension.lies = measured()
    await world.service()
    await world.register(group="metrics.k8s.io")
    nodes, pods, containers = [
        (await kubectl(world, tmp_path, *words.split())).split() for words in ("top nodes --no-headers", "top pods --no-headers", "top pod web --containers --no-headers")]

    assert ["n1", "1000m", "25%", "2048Mi", "25%"] == nodes
    assert ["web", "150m", "96Mi"] == pods
    assert ["web", "main", "100m", "64Mi", "web", "side", "50m", "32Mi"] == containers


def measured() -> dict[str, Any]:
    """Return what a metrics server answers, by path."""
    root, known = "/apis/metrics.k8s.io/v1beta1", {"apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}}
    when = {"timestamp": "2026-01-01T00:00:00Z", "window": "15s"}
    node = {**when, "metadata": {"name": "n1"}, "usage": {"cpu": "1", "memory": "2Gi"}}
    parts = [{"name": "main", "usage": {"cpu": "100m", "memory": "64Mi"}}, {"name": "side", "usage": {"cpu": "50m", "memory": "32Mi"}}]
    pod = {**when, "kind": "PodMetrics", "apiVersion": known["apiVersion"], "metadata": {"name": "web", "namespace": "default"}, "containers": parts}
    return {
        root: {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": known["apiVersion"], "resources": RESOURCES[:2]},
        f"{root}/nodes": {**known, "kind": "NodeMetricsList", "items": [node]},
        f"{root}/namespaces/default/pods": {**known, "kind": "PodMetricsList", "items": [pod]},
        f"{root}/namespaces/default/pods/web": pod,
    }


async def kubectl(world: World, folder: Path, *words: str, fails: bool = False) -> str:
    """Run kubectl as the administrator; return what it printed."""
    path = shutil.which("kubectl")
    if path is None:
        pytest.skip("no kubectl here")
    config = write_kubeconfig(folder, world.edge.port, world.pki)
    child = await asyncio.create_subprocess_exec(
        path, "--kubeconfig", str(config), "--cache-dir", str(folder / "cache"), *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    printed = (await asyncio.wait_for(child.communicate(), 20))[0].decode()
    assert fails == (child.returncode != 0), printed
    return printed


async def test_it_runs_by_itself(world):
    """Nobody calls the checks: an APIService is made, becomes available, is deleted, and its paths are gone."""
    async with asyncio.TaskGroup() as group, asyncio.timeout(10):
        task = group.create_task(world.server.aggregator.run())
        await world.service()
        bundle = base64.b64encode(world.theirs.ca.read_bytes()).decode()
        await world.make(SERVICES, {"metadata": {"name": NAME}, "spec": {"group": "metrics.example", "version": "v1beta1", "caBundle": bundle,
                                    "groupPriorityMinimum": 100, "versionPriority": 100, "service": {"name": "ext", "namespace": "default"}}})
        while 200 != (await world.call("GET", f"{GROUP}/nodes"))[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # the condition is written by the checks
        assert 200 == (await world.call("DELETE", f"{SERVICES}/{NAME}"))[0]
        while 404 != (await world.call("GET", f"{GROUP}/nodes"))[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        task.cancel()
