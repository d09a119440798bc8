"""Two ends of a SPDY connection talk through nothing but bytes."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.node.server import spdy
from knarr.node.server.spdy import Connection, Data, GoAway, Opened, Replied, Reset, SpdyError
from knarr.node.server.spdy_words import DICTIONARY

NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)


def test_dictionary_is_the_protocols_own() -> None:
    """Every SPDY/3 stream names its dictionary by this checksum; one wrong letter and nobody understands us."""
    assert 0xE3C6A7C2 == zlib.adler32(DICTIONARY)
    assert 1423 == len(DICTIONARY)


def test_a_stream_from_open_to_end() -> None:
    """A client opens stdin, the server accepts, bytes go both ways, both halves close."""
    client, server = Connection("client"), Connection("server")
    stream, frame = client.open({"streamType": "stdin"})

    assert [Opened(1, {"streamtype": "stdin"}, False)] == server.receive(frame)
    assert [Replied(1, {}, False)] == client.receive(server.reply(stream))
    assert [Data(1, b"ls\n", True)] == server.receive(spdy.data(stream, b"ls\n", fin=True))
    assert [Data(1, b"etc", False), Data(1, b"", True)] == client.receive(
        spdy.data(stream, b"etc") + spdy.data(stream, b"", fin=True))


def test_client_streams_are_odd_and_servers_even() -> None:
    """Numbers never collide, whoever opens."""
    client, server = Connection("client"), Connection("server")

    assert [1, 3, 5] == [client.open({})[0] for _ in range(3)]
    assert [2, 4] == [server.open({})[0] for _ in range(2)]


@given(st.lists(st.dictionaries(NAMES, st.text(max_size=60), max_size=8), max_size=6), st.integers(1, 50))
def test_headers_survive_any_cut(blocks: list[dict[str, str]], step: int) -> None:
    """The network cuts bytes where it likes and the compressor keeps state; what arrives is what was sent."""
    client, server = Connection("client"), Connection("server")
    wire = b"".join(client.open(block)[1] for block in blocks)
    events = [event for at in range(0, len(wire), step) for event in server.receive(wire[at:at + step])]

    assert blocks == [dict(event.headers) for event in events if isinstance(event, Opened)]


def test_large_payload_is_cut_into_frames_and_only_the_last_ends() -> None:
    """A megabyte must not hold the line: it goes in frames of at most 32 KiB, fin on the last."""
    events = Connection("server").receive(spdy.data(7, b"x" * 1_000_000, fin=True))
    pieces = [event for event in events if isinstance(event, Data)]

    assert 1_000_000 == sum(len(piece.payload) for piece in pieces)
    assert max(len(piece.payload) for piece in pieces) <= spdy.DATA_BYTES_MAX
    assert [False] * (len(pieces) - 1) + [True] == [piece.fin for piece in pieces]


def test_received_bytes_ask_for_no_answer() -> None:
    """Megabytes come in and nothing goes out: a late answer would make a closing peer throw output away."""
    server = Connection("server")
    server.receive(spdy.data(1, b"x" * 1_000_000))

    assert b"" == server.take_output()


def test_ping_is_echoed_once() -> None:
    """The server's ping comes back; our own, coming back, is not answered again."""
    client = Connection("client")
    client.receive(spdy.ping(2))
    echo = client.take_output()
    client.receive(spdy.ping(1))

    assert spdy.ping(2) == echo
    assert b"" == client.take_output()


def test_reset_and_goaway() -> None:
    """The peer gives up one stream, then the connection."""
    events = Connection("client").receive(spdy.reset(3, spdy.RST_REFUSED) + spdy.goaway(5))

    assert [Reset(3, 3), GoAway(5, 0)] == events


def test_settings_and_window_updates_are_passed_over() -> None:
    """Frames that ask nothing of us change nothing, and the next one is still read."""
    settings = struct.pack(">IIIII", 1 << 31 | 3 << 16 | 4, 12, 1, 4, 100)
    window = struct.pack(">IIII", 1 << 31 | 3 << 16 | 9, 8, 1, 100)

    assert [Data(1, b"hi", False)] == Connection("client").receive(settings + window + spdy.data(1, b"hi"))


@pytest.mark.parametrize(("wire", "message"), [
    pytest.param(struct.pack(">II", 1 << 31 | 2 << 16 | 1, 0), "SPDY version 2, expected 3", id="old version"),
    pytest.param(struct.pack(">II", 1 << 31 | 3 << 16 | 1, 0xFFFFFF), "control frame of 16777215 bytes", id="too long"),
    pytest.param(struct.pack(">II", 1 << 31 | 3 << 16 | 3, 0), "control frame 3 of 0 bytes is too short", id="short"),
    pytest.param(struct.pack(">III", 1 << 31 | 3 << 16 | 2, 6, 1) + b"no", "does not decompress", id="not zlib"),
])
def test_broken_framing_is_refused(wire: bytes, message: str) -> None:
    """Whatever a broken or hostile peer sends, it is one error and not a crash."""
    with pytest.raises(SpdyError, match=message):
        Connection("client").receive(wire)


def test_header_bomb_is_refused() -> None:
    """A few kilobytes that decompress to gigabytes stop at the bound."""
    squeeze = zlib.compressobj(zdict=DICTIONARY)
    bomb = squeeze.compress(b"\0" * (8 << 20)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    wire = struct.pack(">III", 1 << 31 | 3 << 16 | 2, 4 + len(bomb), 1) + bomb

    with pytest.raises(SpdyError, match="more than"):
        Connection("client").receive(wire)
