"""Webhooks over real TLS: a server that answers, one that is slow, down, lying, or that nobody vouches for."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from tests.unit.apiserver.asking import Asker
from tests.wire.certificates import Pki, make_pki

ROOT = "/apis/admissionregistration.k8s.io/v1"
MAPS = "/api/v1/namespaces/web/configmaps"
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
FAILED = 'Internal error occurred: failed calling webhook "v.example.com": failed to call webhook: '


@pytest.fixture(scope="module")
def pki(tmp_path_factory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("other"))


async def review(request: web.Request) -> web.Response:
    """Answer as the path says."""
    asked = orjson.loads(await request.read())
    sort = request.path.strip("/")
    if sort == "slow":
        await asyncio.sleep(5)
    if sort.isdigit():
        return web.Response(status=int(sort), text="out of order")
    if sort == "drip":  # a body that never ends
        dripping = web.StreamResponse()
        await dripping.prepare(request)
        while True:
            await dripping.write(b" ")
            await asyncio.sleep(0.2)
    if sort == "gone":
        assert request.transport is not None
        request.transport.abort()
    if sort == "other":
        asked["request"]["uid"] = "another"
    if sort == "later":
        asked["apiVersion"] = "admission.k8s.io/v2"
    if sort == "huge":
        return web.Response(body=b" " * (4 << 20))
    response: dict[str, Any] = {"uid": asked["request"]["uid"], "allowed": sort != "no"}
    if sort == "patch":
        patch = orjson.dumps([{"op": "add", "path": "/data", "value": {"from": "afar"}}])
        response |= {"patchType": "JSONPatch", "patch": b64encode(patch).decode()}
    body = b"<html>" if sort == "html" else orjson.dumps({**asked, "response": response})
    return web.Response(body=body, content_type="application/json")


@pytest.fixture
async def port(pki) -> AsyncIterator[int]:
    """A webhook server on a free port."""
    async with listening(pki) as found:
        yield found


@asynccontextmanager
async def listening(pki: Pki) -> AsyncIterator[int]:
    app = web.Application(client_max_size=1 << 22)
    app.router.add_post("/{sort}", review)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pki.files("server"))
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.fixture
async def api() -> AsyncIterator[Asker]:
    asker = await Asker().start("web")
    yield asker
    await asker.server.stop()
    await asker.store.close()


def bundle(ca: Path) -> str:
    return b64encode(ca.read_bytes()).decode()


async def add(api: Asker, client: dict[str, Any], *, sort: str = "validating", **changes: Any) -> None:
    hook = {"name": "v.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "clientConfig": client,
            "rules": [RULE], **changes}
    await api.make(f"{ROOT}/{sort}webhookconfigurations", {"metadata": {"name": "v"}, "webhooks": [hook]})


async def create(api: Asker) -> tuple[int, dict[str, Any]]:
    return await api.ask("POST", MAPS, {"metadata": {"name": "c"}})


@pytest.mark.parametrize(("sort", "code", "said"), [
    ("yes", 201, ""),
    ("no", 400, 'admission webhook "v.example.com" denied the request without explanation'),
    ("slow", 500, "context deadline exceeded"),
    ("drip", 500, "context deadline exceeded"),
    ("gone", 500, FAILED),
    ("other", 500, 'received invalid webhook response: expected response.uid="'),
    ("later", 500, "received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview"),
    ("503", 500, FAILED + "out of order"),
    ("500", 500, FAILED + 'an error on the server ("out of order") has prevented the request from succeeding'),
    ("404", 500, FAILED + "the server could not find the requested resource"),
    ("302", 500, FAILED + "the server responded with the status code 302 but did not return more information"),
    ("huge", 500, "the answer is longer than 3145728 bytes"),
    ("html", 500, "couldn't get version/kind; json parse error"),
])
async def test_answers_of_a_server(api, pki, port, sort, code, said):
    """By URL; whatever is no verdict counts as a fault, and is told."""
    await add(api, {"url": f"https://127.0.0.1:{port}/{sort}", "caBundle": bundle(pki.ca)}, timeoutSeconds=1)
    found, answer = await create(api)

    assert (code, True) == (found, said in answer.get("message", "")), answer


async def test_a_server_that_nobody_vouches_for(api, stranger, port):
    """The bundle is another authority's."""
    await add(api, {"url": f"https://127.0.0.1:{port}/yes", "caBundle": bundle(stranger.ca)})
    code, answer = await create(api)

    assert (500, f'{FAILED}Post "https://127.0.0.1:{port}/yes?timeout=10s": tls: failed to verify certificate: x509: '
                 "certificate signed by unknown authority") == (code, answer["message"])


async def test_a_server_that_is_down(api, pki, unused_port):
    """Nobody listens."""
    await add(api, {"url": f"https://127.0.0.1:{unused_port}/yes", "caBundle": bundle(pki.ca)})
    _, answer = await create(api)

    assert answer["message"] == (f'{FAILED}Post "https://127.0.0.1:{unused_port}/yes?timeout=10s": dial tcp '
                                 f"127.0.0.1:{unused_port}: connect: connection refused")


@pytest.fixture
async def unused_port() -> int:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    found: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return found


@pytest.mark.parametrize("named", ["hook", "other"])
async def test_a_service_with_the_certificate_of_its_name(api, hook_pki, hook_port, named):
    """The connection goes to an endpoint; the certificate is held against the Service's name."""
    await add(api, {"service": {"namespace": "web", "name": named, "path": "/patch"}, "caBundle": bundle(hook_pki.ca)},
              sort="mutating")
    await api.make("/api/v1/namespaces/web/services", {"metadata": {"name": named}, "spec": {"ports": [{"port": 443}]}})
    await api.make("/apis/discovery.k8s.io/v1/namespaces/web/endpointslices", {
        "metadata": {"name": named, "labels": {"kubernetes.io/service-name": named}}, "addressType": "IPv4",
        "ports": [{"port": hook_port}], "endpoints": [{"addresses": ["127.0.0.1"]}]})
    code, answer = await create(api)

    assert (201, {"from": "afar"}) == (code, answer["data"]) if named == "hook" else (
        "x509: certificate is not valid for the name asked for" in answer["message"])


@pytest.fixture(scope="module")
def hook_pki(tmp_path_factory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("hook"), names=("hook.web.svc",))


@pytest.fixture
async def hook_port(hook_pki) -> AsyncIterator[int]:
    async with listening(hook_pki) as found:
        yield found
