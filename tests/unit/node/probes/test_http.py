"""The probe's own HTTP client: what it sends and what it makes of any answer."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

from knarr.node.probes import dial, grpc_health, http
from knarr.node.probes.http import Head, Target, parse_head, request_bytes
from knarr.node.probes.tally import Outcome


class Wire(asyncio.Transport):
    """A connection that goes nowhere: it keeps what was written and answers with what was scripted."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.aborted = False

    def write(self, data: Any) -> None:
        """Keep it."""
        self.sent += bytes(data)

    def abort(self) -> None:
        """Note it."""
        self.aborted = True


class Replies:
    """Makes connections that answer with the scripted chunks; `None` ends the connection."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *scripts: list[bytes | None] | OSError) -> None:
        self.scripts = list(scripts)
        self.wires: list[Wire] = []
        self.dialled: list[tuple[str, int]] = []
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", self.connect)

    async def connect(self, factory: Any, host: str, port: int, ssl: Any = None) -> tuple[Wire, Any]:
        """Stand in for the loop's."""
        self.dialled.append((host, port))
        script = self.scripts.pop(0)
        if isinstance(script, OSError):
            raise script
        protocol, wire = factory(), Wire()
        self.wires.append(wire)
        protocol.connection_made(wire)
        for chunk in script:
            if chunk is None:
                protocol.connection_lost(None)
            else:
                protocol.data_received(chunk)
        return wire, protocol


TARGET = Target("10.0.0.9", 8080, "/healthz?full")


@pytest.mark.parametrize(("script", "expected"), [
    pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], Outcome("success"), id="200"),
    pytest.param([b"HTTP/1.1 20", b"0 OK\r\n", b"\r\n", b"body", None], Outcome("success"), id="in pieces, to the end"),
    pytest.param([b"HTTP/1.0 204 No Content\r\n\r\n"], Outcome("success"), id="204 has no body"),
    pytest.param([b"HTTP/1.1 503 X\r\n\r\nno", None], Outcome("failure", "HTTP probe failed with statuscode: 503"),
                 id="503"),
    pytest.param([b"HTTP/1.1 304 Not Modified\r\n\r\n"], Outcome("success"), id="below 400 is success"),
    pytest.param([None], Outcome("failure", f'Get "{TARGET.url}": EOF'), id="hangs up"),
    pytest.param([b"SSH-2.0-x\r\n\r\n"], Outcome("failure", f'Get "{TARGET.url}": malformed HTTP response'),
                 id="not http"),
    pytest.param([b"x" * 70_000], Outcome("failure", f'Get "{TARGET.url}": malformed HTTP response'),
                 id="endless head"),
    pytest.param([b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 20_000], Outcome("success"), id="endless body is cut"),
])
async def test_answers(monkeypatch: pytest.MonkeyPatch, script: list[bytes | None], expected: Outcome) -> None:
    """Whatever comes back becomes one outcome, and the connection is hung up."""
    replies = Replies(monkeypatch, script)

    assert expected == await http.probe(TARGET, timeout_s=1)
    assert replies.wires[0].aborted


async def test_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: kubelet's words."""
    Replies(monkeypatch, ConnectionRefusedError(errno.ECONNREFUSED, "no"))
    expected = 'Get "http://10.0.0.9:8080/healthz?full": dial tcp 10.0.0.9:8080: connect: connection refused'

    assert Outcome("failure", expected) == await http.probe(TARGET, timeout_s=1)


async def test_redirects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the host they are followed; to another host they end it with a warning, which counts as success."""
    replies = Replies(
        monkeypatch, [b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n", None],
        [b"HTTP/1.1 301 Moved\r\nLocation: http://elsewhere/c\r\nContent-Length: 3\r\n\r\nbye"])
    outcome = await http.probe(TARGET, timeout_s=1)

    assert Outcome("warning", "Probe terminated redirects, Response body: bye") == outcome
    assert outcome.ok
    assert replies.wires[1].sent.startswith(b"GET /b HTTP/1.1\r\n")


async def test_endless_redirects(monkeypatch: pytest.MonkeyPatch) -> None:
    """A circle is left after ten rounds."""
    circle: list[bytes | None] = [b"HTTP/1.1 302 Found\r\nLocation: /healthz?full\r\n\r\n", None]
    Replies(monkeypatch, *[list(circle) for _ in range(20)])
    outcome = await http.probe(TARGET, timeout_s=1)

    assert Outcome("failure", f'Get "{TARGET.url}": stopped after 10 redirects') == outcome


def test_request_bytes() -> None:
    """Kubelet's headers, unless the probe brings its own; an empty Accept asks for none."""
    plain = request_bytes(TARGET).decode().splitlines()
    own = request_bytes(Target("::1", 80, headers=(("host", "web.example"), ("Accept", ""), ("X-A", "1"))))

    assert ["GET /healthz?full HTTP/1.1", "Host: 10.0.0.9:8080", "User-Agent: kube-probe/1.36", "Accept: */*",
            "Connection: close", ""] == plain
    assert ["GET / HTTP/1.1", "User-Agent: kube-probe/1.36", "host: web.example", "X-A: 1",
            "Connection: close", ""] == own.decode().splitlines()


@pytest.mark.parametrize(("head", "expected"), [
    pytest.param(b"HTTP/1.1 200", Head(200), id="no reason"),
    pytest.param(b"HTTP/1.1 200 OK\r\nCONTENT-LENGTH : 7", Head(200, length=7), id="length"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -7", Head(200), id="a wild length is none"),
    pytest.param(b"HTTP/1.1 2000 OK", None, id="no status"),
    pytest.param(b"", None, id="nothing"),
])
def test_parse_head(head: bytes, expected: Head | None) -> None:
    """Only status, location and length matter."""
    assert expected == parse_head(head)


@pytest.mark.parametrize(("error", "expected"), [
    pytest.param(OSError(errno.EHOSTUNREACH, "x"), "dial tcp [::1]:80: connect: no route to host", id="known"),
    pytest.param(OSError(errno.EPIPE, "Broken pipe"), "dial tcp [::1]:80: broken pipe", id="other"),
])
def test_dial_words(error: OSError, expected: str) -> None:
    """Go's words, brackets around IPv6."""
    assert expected == dial.told(error, "::1", 80)


@pytest.mark.parametrize(("message", "expected"), [
    pytest.param(b"\x08\x01", Outcome("success"), id="serving"),
    pytest.param(b"\x08\x02", Outcome("failure", 'service unhealthy (responded with "NOT_SERVING")'), id="not"),
    pytest.param(b"", Outcome("failure", 'service unhealthy (responded with "UNKNOWN")'), id="unset"),
])
def test_grpc_verdict(message: bytes, expected: Outcome) -> None:
    """Field 1 of the answer says it all."""
    assert expected == grpc_health.verdict(message)
