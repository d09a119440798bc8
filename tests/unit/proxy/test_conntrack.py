"""Which UDP flows are to be forgotten."""

from __future__ import annotations

import pytest

from knarr.proxy import netlink
from knarr.proxy.conntrack import Flow, is_stale, read_flow
from knarr.proxy.plan import Backend

VIP = Backend("10.96.0.10", 53)
OLD, NEW = Backend("10.244.0.2", 5353), Backend("10.244.0.3", 5353)
NODE_PORT = Backend("192.0.2.1", 30053)


@pytest.mark.parametrize(("to", "by", "current", "stale"), [
    pytest.param(VIP, OLD, {("10.96.0.10", 53): frozenset({NEW})}, True, id="its backend is gone"),
    pytest.param(VIP, NEW, {("10.96.0.10", 53): frozenset({NEW})}, False, id="its backend stays"),
    pytest.param(VIP, VIP, {("10.96.0.10", 53): frozenset({NEW})}, True, id="began before there were backends"),
    pytest.param(VIP, OLD, {("10.96.0.10", 53): frozenset()}, True, id="the Service is gone"),
    pytest.param(VIP, OLD, {("10.96.0.11", 53): frozenset()}, False, id="another Service"),
    pytest.param(NODE_PORT, OLD, {("", 30053): frozenset({NEW})}, True, id="node port, backend gone"),
    pytest.param(NODE_PORT, NODE_PORT, {("", 30053): frozenset({NEW})}, False, id="another server on that port"),
])
def test_stale(to: Backend, by: Backend, current: dict[tuple[str, int], frozenset[Backend]], stale: bool) -> None:
    """A flow is stale when it came in by a changed frontend and goes where that no longer leads."""
    assert stale == is_stale(Flow(b"", to, by), current)


def tuple_of(source: Backend, target: Backend, protocol: int) -> bytes:
    ips = netlink.attribute(1, bytes(map(int, source.ip.split(".")))) + netlink.attribute(
        2, bytes(map(int, target.ip.split("."))))
    ports = (netlink.attribute(1, bytes([protocol])) + netlink.attribute(2, source.port.to_bytes(2, "big"))
             + netlink.attribute(3, target.port.to_bytes(2, "big")))
    return netlink.attribute(1, ips, nested=True) + netlink.attribute(2, ports, nested=True)


@pytest.mark.parametrize(("protocol", "read"), [pytest.param(17, True, id="udp"), pytest.param(6, False, id="tcp")])
def test_reading_the_kernels_words(protocol: int, read: bool) -> None:
    """Only UDP flows are of interest; the original tuple is kept as it came, to name the flow by."""
    client = Backend("10.244.0.9", 40000)
    original, reply = tuple_of(client, VIP, protocol), tuple_of(OLD, client, protocol)
    body = netlink.attribute(1, original, nested=True) + netlink.attribute(2, reply, nested=True)

    assert (Flow(original, VIP, OLD) if read else None) == read_flow(body)


def test_messages_are_split_and_rubbish_ends() -> None:
    """Two messages in one read; then bytes that claim a length of nothing."""
    one = netlink.message(0x102, flags=1, body=netlink.attribute(1, b"abc"))
    found = list(netlink.messages(one + one + bytes(16)))

    assert [0x102, 0x102] == [message.kind for message in found]
    assert {1: b"abc"} == netlink.attributes(found[0].body)
