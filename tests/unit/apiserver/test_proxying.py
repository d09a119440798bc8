"""What proxied names mean, where they lead, what a browser gets back, and what passes of the headers."""

from __future__ import annotations

import socket
import ssl

import aiohttp
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.api.errors import ApiError
from knarr.apiserver.proxying.faults import dialling
from knarr.apiserver.proxying.headers import forwarded_for, incoming, outgoing
from knarr.apiserver.proxying.places import POD, SERVICE, Named, place_of, proxyable, split
from knarr.apiserver.proxying.rewriting import Links
from knarr.apiserver.route import Target

PREFIX = "/api/v1/namespaces/web/pods/p/proxy"
LINKS = Links(PREFIX, ("10.0.0.9:80", "localhost:8001"))


@pytest.mark.parametrize(("text", "expected"), [
    pytest.param("web", Named("", "web", ""), id="name"),
    pytest.param("web:80", Named("", "web", "80"), id="port"),
    pytest.param("web:http", Named("", "web", "http"), id="port by name"),
    pytest.param("https:web:443", Named("https", "web", "443"), id="scheme"),
    pytest.param("https:web:", Named("https", "web", ""), id="scheme without port"),
    pytest.param("ftp:web:21", None, id="unknown scheme"),
    pytest.param(":80", None, id="no name"),
    pytest.param("a:b:c:d", None, id="too many parts"),
])
def test_names(text, expected):
    """A proxied name holds scheme, name and port."""
    assert expected == split(text)


@pytest.mark.parametrize(("address", "expected"), [
    ("10.1.2.3", True), ("fd00::1", True), ("127.0.0.1", False), ("::1", False), ("169.254.169.254", False),
    ("224.0.0.1", False), ("0.0.0.0", False), ("255.255.255.255", False), ("", False), ("host", False),
])
def test_no_way_to_the_server_itself(address, expected):
    """Whoever may write a pod's status must not reach the server's loopback or a cloud's metadata by it."""
    assert expected == proxyable(address)


@pytest.mark.parametrize(("link", "expected"), [
    pytest.param("/", f"{PREFIX}/", id="root"),
    pytest.param("/a/b?c=d#e", f"{PREFIX}/a/b?c=d#e", id="path"),
    pytest.param("/a/../b/", f"{PREFIX}/b/", id="dots"),
    pytest.param(f"{PREFIX}/a", f"{PREFIX}/a", id="prefixed already"),
    pytest.param("a/b", "a/b", id="relative"),
    pytest.param("#top", "#top", id="fragment"),
    pytest.param("http://10.0.0.9:80/x", f"{PREFIX}/x", id="its own address"),
    pytest.param("http://localhost:8001/x", f"{PREFIX}/x", id="ours"),
    pytest.param("https://elsewhere/x", "https://elsewhere/x", id="another host"),
    pytest.param("//elsewhere/x", "//elsewhere/x", id="another host, any scheme"),
    pytest.param("mailto:a@b", "mailto:a@b", id="no web link"),
    pytest.param("http://[/", "http://[/", id="broken"),
])
def test_links(link, expected):
    """A link that leads to the root of the proxied server leads back through the proxy."""
    assert expected == LINKS.link(link)


@pytest.mark.parametrize(("page", "expected"), [
    pytest.param('<a href="/x">/x</a>', f'<a href="{PREFIX}/x">/x</a>', id="anchor"),
    pytest.param("<IMG alt='/x' SRC=/y>", f"<IMG alt='/x' SRC={PREFIX}/y>", id="case and quotes"),
    pytest.param('<p href="/x">', '<p href="/x">', id="no link of a paragraph"),
    pytest.param('<!-- <a href="/x"> -->', '<!-- <a href="/x"> -->', id="comment"),
    pytest.param('<script src="/s">if (a<b) x = \'<a href="/x">\'</script><a href="/y">',
                 f'<script src="{PREFIX}/s">if (a<b) x = \'<a href="/x">\'</script><a href="{PREFIX}/y">', id="script"),
    pytest.param('<a title=">" href="/x">', f'<a title=">" href="{PREFIX}/x">', id="bracket in a value"),
    pytest.param('1 < 2 <a href="/x">', f'1 < 2 <a href="{PREFIX}/x">', id="less than"),
    pytest.param('<a href="/x', '<a href="/x', id="cut"),
])
def test_pages(page, expected):
    """Only the links of a page change."""
    assert expected == LINKS.page(page)


@given(st.text(alphabet="<>ahref=\"'/ -!script", max_size=300))
def test_pages_without_rooted_links_stay(text):
    """Whatever a pod sends as HTML, nothing else than links is touched."""
    assert text == Links("", ()).page(text) or "/" in text


def test_a_hostile_page_costs_little():
    """A pod sends four megabytes of open tags and quotes: read once from front to end."""
    for part in ('<a "', "<a href=", "<!-", "<script>", "<a b ", '<a href="/x"' + " " * 40):
        LINKS.page(part * (1_000_000 // len(part)))


def test_what_goes_out():
    """The caller's credentials and the names a front proxy may speak by stay here; its own headers pass."""
    headers = {"Authorization": "Bearer x", "Impersonate-User": "u", "X-Remote-User": "root", "Connection": "close, x-hop",
               "X-Hop": "1", "Cookie": "a=b", "Accept": "*/*", "Host": "h", "Te": "trailers"}
    headers = {name.lower(): value for name, value in headers.items()}
    assert [("cookie", "a=b"), ("accept", "*/*")] == outgoing(headers)


def test_a_browsers_token_stays_here():
    """A WebSocket from a browser bears its token among the protocols."""
    headers = {"connection": "Upgrade", "upgrade": "websocket",
               "sec-websocket-protocol": "base64url.bearer.authorization.k8s.io.c2VjcmV0, v4.channel.k8s.io"}
    assert [*list(headers.items())[:2], ("sec-websocket-protocol", "v4.channel.k8s.io")] == outgoing(headers, keep_upgrade=True)


def test_the_chain_of_addresses_grows():
    """The client stands behind another proxy: its address is the last in the chain."""
    assert [("a", "b"), ("X-Forwarded-For", "1.1.1.1, 2.2.2.2")] == forwarded_for([("x-forwarded-for", "1.1.1.1"), ("a", "b")], "2.2.2.2")


def test_what_comes_back():
    """What concerns the connection behind us, and what would let other origins in, does not come back."""
    pairs = [("Connection", "keep-alive, X-Hop"), ("X-Hop", "1"), ("Content-Type", "a/b"), ("Set-Cookie", "a"), ("Set-Cookie", "b"),
             ("Access-Control-Allow-Origin", "*")]
    assert [("Set-Cookie", "a"), ("Set-Cookie", "b")] == incoming(pairs, cors=False)


@pytest.mark.parametrize(("fault", "expected"), [
    pytest.param(ConnectionRefusedError(111, "x"), "dial tcp 10.0.0.1:80: connect: connection refused", id="refused"),
    pytest.param(OSError(113, "x"), "dial tcp 10.0.0.1:80: connect: no route to host", id="no route"),
    pytest.param(TimeoutError(), "dial tcp 10.0.0.1:80: i/o timeout", id="timeout"),
    pytest.param(socket.gaierror(-2, "x"), "dial tcp: lookup 10.0.0.1: no such host", id="no name"),
    pytest.param(aiohttp.ServerDisconnectedError(), "EOF", id="hung up"),
    pytest.param(ssl.SSLEOFError(8, "x"), "EOF", id="hung up in the handshake"),
])
def test_faults_in_known_words(fault, expected):
    """Tools look for these words."""
    assert expected == str(dialling("10.0.0.1:80", fault))


POD_OBJ = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 8080}]}]}}
SLICE_OBJ = {
    "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}}, "addressType": "IPv4",
    "ports": [{"name": "http", "port": 8081}],
    "endpoints": [
        {"addresses": ["10.9.9.8"], "conditions": {"ready": False}, "targetRef": {"kind": "Pod", "name": "p", "namespace": "web"}},
        {"addresses": ["10.9.9.9"], "targetRef": {"kind": "Pod", "name": "p", "namespace": "web"}},
        {"addresses": ["10.1.1.1"]},
        {"addresses": ["10.1.1.2"], "targetRef": {"kind": "Pod", "name": "p", "namespace": "web"}},
    ],
}


async def world(api, *, slices=True):
    """A pod at 10.9.9.9 and a service in front of it, among endpoints that others have written."""
    await api.make("/api/v1/namespaces/web/pods", POD_OBJ)
    code, _ = await api.ask("PATCH", "/api/v1/namespaces/web/pods/p/status",
                            {"status": {"phase": "Running", "podIP": "10.9.9.9", "podIPs": [{"ip": "10.9.9.9"}]}},
                            content_type="application/merge-patch+json")
    assert code == 200
    await api.make("/api/v1/namespaces/web/services", {"metadata": {"name": "s"}, "spec": {
        "ports": [{"name": "http", "port": 80, "targetPort": 8081}]}})
    if slices:
        await api.make("/apis/discovery.k8s.io/v1/namespaces/web/endpointslices", SLICE_OBJ)
    return api.server.core


@pytest.mark.parametrize(("kind", "name", "expected"), [
    pytest.param(POD, "p", ("10.9.9.9", 8080), id="the pod's first port"),
    pytest.param(POD, "p:99", ("10.9.9.9", 99), id="a port"),
    pytest.param(SERVICE, "s:80", ("10.9.9.9", 8081), id="a service's port by number"),
    pytest.param(SERVICE, "s:http", ("10.9.9.9", 8081), id="a service's port by name"),
])
async def test_places(api, kind, name, expected):
    """Requests go to the pod that is ready, never to an address that somebody wrote into a slice."""
    core = await world(api)
    place = place_of(core, Target(kind, "web", name, "proxy"))
    assert expected == (place.host, place.port)


@pytest.mark.parametrize(("path", "code", "message"), [
    pytest.param("pods/nope", 404, 'pods "nope" not found', id="no pod"),
    pytest.param("pods/ftp:p:1", 400, 'invalid pod request "ftp:p:1"', id="no name"),
    pytest.param("pods/p:http", 400, 'invalid port "http"', id="a pod's port is a number"),
    pytest.param("services/nope", 404, 'services "nope" not found', id="no service"),
    pytest.param("services/s:81", 503, 'no service port 81 found for service "s"', id="no port"),
    pytest.param("services/s:other", 503, 'no endpoints available for service "s"', id="no port of that name"),
    pytest.param("services/s:80", 503, 'no endpoints available for service "s"', id="no endpoints"),
])
async def test_refusals(api, path, code, message):
    """What cannot be proxied is refused as a Status, in Kubernetes' words."""
    await world(api, slices=False)
    found, body = await api.ask("GET", f"/api/v1/namespaces/web/{path}/proxy/")
    assert (code, message) == (found, body["message"])


async def test_a_pod_without_address(api):
    """The pod has not started yet."""
    await api.make("/api/v1/namespaces/web/pods", POD_OBJ)
    code, body = await api.ask("GET", "/api/v1/namespaces/web/pods/p/proxy/")
    assert (400, "address not allowed") == (code, body["message"])


async def test_an_agent_that_is_down_is_told_without_a_reason(api):
    """kubectl prints such an error bare: the Status has no reason at all."""
    from knarr.apiserver.proxying.faults import BackendDown

    error: ApiError = BackendDown("error dialing backend: EOF")
    assert "reason" not in orjson.loads(orjson.dumps(error.status()))


@pytest.mark.parametrize(("path", "expected"), [
    ("/api/v1/namespaces/a/pods/p/proxy", True), ("/api/v1/namespaces/a/services/s:80/proxy/x", True),
    ("/api/v1/nodes/n/proxy/pods", True), ("/api/v1/namespaces/a/configmaps/proxy", False),
    ("/api/v1/namespaces/proxy/pods/p", False), ("/api/v1/namespaces/a/pods/proxy/status", False),
])
def test_whose_bodies_are_streamed(api_server, path, expected):
    """Only a proxied request's body is passed on unread."""
    assert expected == api_server.uploads(path)


@pytest.fixture
def api_server():
    from tests.unit.apiserver.asking import Asker

    return Asker().server
