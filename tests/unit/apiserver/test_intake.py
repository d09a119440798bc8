"""Bytes become requests: in any pieces, one after the other, up to an upgrade; what is no HTTP is refused, and nothing follows it."""

from __future__ import annotations

import asyncio

import pytest

from knarr.api.http import Answer
from knarr.apiserver.intake import AHEAD_MAX, STEP_BYTES, Intake
from knarr.apiserver.limits import HEAD_BYTES_MAX
from knarr.apiserver.sending import Sender
from knarr.base.clock import ManualClock

POST = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Name: one\r\nx-name: two\r\nContent-Length: 4\r\n\r\nbody"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def read(*pieces: bytes) -> Intake:
    intake = Intake()
    for piece in pieces:
        intake.feed(piece)
    return intake


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_request_in_pieces(size):
    """However the network cuts it: one request, its repeated header kept, and no head left open."""
    intake = read(*(POST[start : start + size] for start in range(0, len(POST), size)))
    (request,) = intake.ready

    assert ("POST", "/a?b=c", 4, True) == (request.method, request.target, request.length, request.complete)
    assert (["one", "two"], b"body", False) == (request.headers.getall("X-NAME"), request.take(), intake.begun)


def test_requests_sent_ahead_wait_unread():
    """A client sends ten thousand requests at once: a few are read, the rest as the queue shrinks, none is lost."""
    intake = read(GET * 10_000)
    assert len(intake.ready) <= AHEAD_MAX + STEP_BYTES // len(GET) + 1
    count = 0
    while intake.ready or intake.unread:
        intake.read()
        count += len(intake.ready)
        intake.ready.clear()

    assert 10_000 == count


@pytest.mark.parametrize(("head", "upgrading", "early"), [
    pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n", True, b"GET early more", id="SPDY"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n\r\n", True, b"GET early more",
                 id="WebSocket"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", False, None, id="no word of it in Connection"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", False, None, id="a protocol we do not speak"),
])
def test_bytes_behind_an_upgrade_are_held(head, upgrading, early):
    """The first frame comes together with the head, the next later: both stay as they are. Else HTTP goes on."""
    intake = read(head + b"GET early", b" more")

    assert (upgrading, early) == (intake.ready[0].upgrading, intake.early)
    assert (1 if upgrading else 2) >= len(intake.ready)


def test_a_trailer_is_no_header():
    """Who smuggles a name behind the body has no such name."""
    (request,) = read(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Remote-User: root\r\n\r\n").ready

    assert (True, b"a", False) == (request.complete, request.take(), "x-remote-user" in request.headers)


@pytest.mark.parametrize(("sent", "code"), [
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, id="two hosts"),
    pytest.param(b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400, id="another version"),
    pytest.param(b"GET /\r\n\r\n", 400, id="no version"),
    pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\na", 400, id="a body nobody reads"),
    pytest.param(b"GET / HTTP/1.1\r\nA: " + b"a" * (2 * HEAD_BYTES_MAX), 431, id="a header without end"),
    pytest.param(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200_000, 431, id="headers without end"),
    pytest.param(b"GET /" + b"a" * (2 * HEAD_BYTES_MAX), 414, id="a path without end"),
])
def test_refused_and_deaf(sent, code):
    """One refusal stands in the queue; what follows is not even looked at."""
    intake = read(sent, GET, GET)
    (request,) = intake.ready

    assert (code, True, b"") == (request.fault.code, intake.over, intake.unread)


def test_nothing_follows_a_last_request():
    """The client says that it closes: bytes behind that are no request, and no fault of it."""
    intake = read(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + GET, GET)

    assert [(None, False)] == [(one.fault, one.keep_alive) for one in intake.ready]


async def test_a_body_that_breaks_off_wakes_who_waits():
    """The length of a chunk is nonsense: the request that is being answered hears of it."""
    intake = read(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    request = intake.ready.popleft()
    async with asyncio.TaskGroup() as group:
        group.create_task(request.more())
        await asyncio.sleep(0)
        intake.feed(b"zz\r\n")

    assert (400, []) == (request.fault.code, list(intake.ready))


@pytest.mark.parametrize(("answer", "method", "lines"), [
    pytest.param(Answer(200, b"{}"), "GET", [b"HTTP/1.1 200 OK", b"Content-Length: 2", b"Content-Type: application/json", b"", b"{}"], id="whole"),
    pytest.param(Answer(200, b"{}"), "HEAD", [b"HTTP/1.1 200 OK", b"Content-Length: 2", b"Content-Type: application/json", b"", b""], id="head only"),
    pytest.param(Answer(304, content_type=""), "GET", [b"HTTP/1.1 304 Not Modified", b"", b""], id="no body, no length"),
    pytest.param(Answer(299, b"", "", {"Content-Length": "7", "Connection": "x", "X-A": "b"}), "GET",
                 [b"HTTP/1.1 299 ", b"Content-Length: 0", b"X-A: b", b"", b""], id="what is ours to say is said once"),
])
def test_heads(answer, method, lines):
    """Each answer has a date, is not cached, and says of its body what is true."""
    answer.headers = {**answer.headers, "Cache-Control": "no-store"}
    sent = Sender(ManualClock()).whole(answer, method, keep=True).split(b"\r\n")

    assert [*lines] == [line for line in sent if not line.startswith((b"Date: Tue, 14 Nov 2023 ", b"Cache-Control: no-store"))]


def test_a_header_cannot_bring_a_second():
    """A value with a line break would let its author write the rest of the head."""
    with pytest.raises(ValueError, match="more than one line"):
        Sender(ManualClock()).whole(Answer(200, headers={"A": "b\r\nSet-Cookie: c"}))
