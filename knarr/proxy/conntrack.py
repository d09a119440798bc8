"""Forget the kernel's memory of UDP flows to backends that are gone.

A TCP connection to a dead backend ends by itself. A UDP client that goes on sending from the same port keeps its flow
alive for ever, and with it the old address translation; so those flows are deleted, and the next packet is steered
anew. Source: kube pkg/proxy/conntrack/cleanup.go.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias

from knarr.proxy import netlink
from knarr.proxy.plan import Backend

GET, DELETE = netlink.SUBSYSTEM_CONNTRACK << 8 | 1, netlink.SUBSYSTEM_CONNTRACK << 8 | 2
ORIGINAL, REPLY = 1, 2  # CTA_TUPLE_ORIG, CTA_TUPLE_REPLY
UDP = 17
ANSWER_S = 5.0
READ_BYTES = 1 << 18

Way: TypeAlias = tuple[str, int]  # address and port of a frontend; the address is empty for a node port


class Flow(NamedTuple):
    """One UDP flow. original: the attribute as the kernel sent it; it names the flow when deleting."""

    original: bytes
    to: Backend
    answered_by: Backend


def forget(current: Mapping[Way, frozenset[Backend]]) -> int:
    """Delete the UDP flows to these frontends that lead elsewhere than to their backends. Returns how many.

    Blocks for some milliseconds: call it in a thread. Raises OSError.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, netlink.NETLINK_NETFILTER) as kernel:
        kernel.settimeout(ANSWER_S)
        kernel.bind((0, 0))
        stale = [flow for flow in flows(kernel) if is_stale(flow, current)]
        for flow in stale:
            body = netlink.attribute(ORIGINAL, flow.original, nested=True)
            kernel.send(netlink.message(DELETE, flags=netlink.REQUEST | netlink.ACK, body=body))
            kernel.recv(READ_BYTES)  # that it is gone already is as good
        return len(stale)


def is_stale(flow: Flow, current: Mapping[Way, frozenset[Backend]]) -> bool:
    """Tell whether a flow entered by one of these frontends and left by none of its backends."""
    backends = current.get((flow.to.ip, flow.to.port))
    if backends is None:
        backends = current.get(("", flow.to.port))
        if backends is not None and flow.answered_by == flow.to:
            return False  # not translated at all: some other server behind the same port number
    return backends is not None and flow.answered_by not in backends


def flows(kernel: socket.socket) -> Iterator[Flow]:
    """Ask for all flows and pick the UDP ones."""
    kernel.send(netlink.message(GET, flags=netlink.REQUEST | netlink.DUMP))
    while True:
        for message in netlink.messages(kernel.recv(READ_BYTES)):
            if message.kind in (netlink.DONE, netlink.ERROR):
                return
            flow = read_flow(message.body)
            if flow is not None:
                yield flow


def read_flow(body: bytes) -> Flow | None:
    """Read one conntrack entry; None unless it is UDP over IPv4."""
    parts = netlink.attributes(body)
    original, reply = parts.get(ORIGINAL, b""), parts.get(REPLY, b"")
    there, back = _ends(original), _ends(reply)
    if there is None or back is None:
        return None
    return Flow(original, to=there[1], answered_by=back[0])


def _ends(tuple_: bytes) -> tuple[Backend, Backend] | None:
    """Return source and destination. Source: nfnetlink_conntrack.h, ctattr_tuple, ctattr_ip, ctattr_l4proto."""
    parts = netlink.attributes(tuple_)
    ips, protocol = netlink.attributes(parts.get(1, b"")), netlink.attributes(parts.get(2, b""))
    if protocol.get(1) != bytes([UDP]) or not {1, 2} <= ips.keys() or not {2, 3} <= protocol.keys():
        return None
    source, target = socket.inet_ntoa(ips[1]), socket.inet_ntoa(ips[2])
    return (
        Backend(source, int.from_bytes(protocol[2], "big")),
        Backend(target, int.from_bytes(protocol[3], "big")),
    )
