"""Read watches and logs over WebSockets, as browsers and Kubernetes' conformance tests do, by a library's own client."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.wire.test_edge import client_tls, pki, wire  # noqa: F401  # fixtures

MAPS = "/api/v1/namespaces/default/configmaps"
LOG = "/api/v1/namespaces/default/pods/p/log"
TOLD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n"


def socket(world: Any, path: str, *protocols: str) -> connect:
    return connect(
        f"wss://127.0.0.1:{world.edge.port}{path}", ssl=client_tls(world.pki, "admin"),
        subprotocols=[Subprotocol(name) for name in protocols] or None)


async def next_event(client: ClientConnection) -> tuple[str, str]:
    message = await asyncio.wait_for(client.recv(), 5)
    assert isinstance(message, str), "an event is text"
    event = orjson.loads(message)
    return event["type"], event["object"]["metadata"]["name"]


async def test_a_watch_tells_each_event_in_a_message(wire):  # noqa: F811
    """A page in a browser sees what is there, in two messages, then what comes, until it leaves."""
    for name in ("one", "two"):
        await wire.make(MAPS, {"metadata": {"name": name}})

    async with socket(wire, MAPS + "?watch=true") as client:
        assert [("ADDED", "one"), ("ADDED", "two")] == [await next_event(client) for _ in range(2)]
        await wire.make(MAPS, {"metadata": {"name": "three"}})
        assert ("ADDED", "three") == await next_event(client)
        assert wire.server.watcher.open()

    for _ in range(500):  # a goodbye is heard a moment later
        await asyncio.sleep(0.01 if wire.server.watcher.open() else 0)
    assert not wire.server.watcher.open()


async def test_a_watch_ends_with_its_time(wire):  # noqa: F811
    """It says goodbye as one who has finished."""
    async with socket(wire, MAPS + "?watch=true&timeoutSeconds=1&resourceVersion=0&labelSelector=none%3Dsuch") as client:
        await asyncio.wait_for(client.wait_closed(), 10)
    assert 1000 == client.close_code


async def test_a_watch_names_the_one_protocol_that_is_offered(wire):  # noqa: F811
    """Some clients offer a name of their own; of two, none could be chosen."""
    async with socket(wire, MAPS + "?watch=true", "mine") as client:
        assert "mine" == client.subprotocol
    with pytest.raises(InvalidStatus) as refused:
        async with socket(wire, MAPS + "?watch=true", "mine", "yours"):
            pass
    assert 400 == refused.value.response.status_code


@pytest.mark.parametrize(("protocols", "chosen", "messages"), [
    ((), None, [b"", b"one\ntwo\n"]),
    (("binary.k8s.io",), "binary.k8s.io", [b"", b"one\ntwo\n"]),
    (("other", "binary.k8s.io"), "binary.k8s.io", [b"", b"one\ntwo\n"]),
    (("base64.binary.k8s.io",), "base64.binary.k8s.io", ["", "one\ntwo\n"]),
])
async def test_a_log_comes_in_messages(wire, protocols, chosen, messages):  # noqa: F811
    """An empty message when it is open; then the log, as it is or in base64."""
    wire.agent_answer = TOLD
    async with socket(wire, LOG, *protocols) as client:
        assert chosen == client.subprotocol
        greeting, *rest = [message async for message in client]
    if chosen == "base64.binary.k8s.io":
        rest = [base64.b64decode(part).decode() for part in rest]
    assert messages == [greeting, greeting[:0].join(rest)]
    assert 1000 == client.close_code


async def test_a_log_in_a_protocol_that_nobody_speaks(wire):  # noqa: F811
    """It is refused before anything is said."""
    wire.agent_answer = TOLD
    with pytest.raises(InvalidStatus) as refused:
        async with socket(wire, LOG, "v4.channel.k8s.io"):
            pass
    assert 403 == refused.value.response.status_code
    assert "supports ['binary.k8s.io', 'base64.binary.k8s.io']" in orjson.loads(refused.value.response.body)["message"]


async def test_a_refusal_is_told_before_anything_is_framed(wire):  # noqa: F811
    """The pod is not there, or the agent knows nothing of its container: a plain answer."""
    for path, code in ((LOG.replace("/p/", "/none/"), 404), (LOG, 400)):
        wire.agent_answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"
        with pytest.raises(InvalidStatus) as refused:
            async with socket(wire, path):
                pass
        assert code == refused.value.response.status_code
