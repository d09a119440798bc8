"""Read and write netfilter netlink messages: headers and attributes. Pure.

Source: include/uapi/linux/netlink.h, netfilter/nfnetlink.h. Headers are in the machine's byte order, nfnetlink
payloads in the network's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

NETLINK_NETFILTER = 12
SUBSYSTEM_CONNTRACK = 1
SUBSYSTEM_NFTABLES = 10
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
ERROR, DONE = 2, 3
FAMILY_IPV4 = 2

HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
FAMILY = struct.Struct("=BBH")  # family, version, resource
ATTRIBUTE = struct.Struct("=HH")  # length, type
NESTED_BITS = 0xC000


class Message(NamedTuple):
    """One message. kind: subsystem << 8 | type, or ERROR, DONE. body: without the family header where it has one."""

    kind: int
    body: bytes


def message(kind: int, *, flags: int, body: bytes = b"", sequence: int = 1) -> bytes:
    """Return the bytes of an IPv4 nfnetlink message."""
    payload = FAMILY.pack(FAMILY_IPV4, 0, 0) + body
    return HEADER.pack(HEADER.size + len(payload), kind, flags, sequence, 0) + payload


def messages(data: bytes) -> Iterator[Message]:
    """Split what one read brought."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, at)
        if length < HEADER.size:
            return
        skip = HEADER.size + (FAMILY.size if kind > DONE else 0)
        yield Message(kind, data[at + skip : at + length])
        at += _aligned(length)


def attributes(data: bytes) -> dict[int, bytes]:
    """Return an attribute list as type -> payload."""
    found: dict[int, bytes] = {}
    at = 0
    while at + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if length < ATTRIBUTE.size:
            break
        found[kind & ~NESTED_BITS] = data[at + ATTRIBUTE.size : at + length]
        at += _aligned(length)
    return found


def attribute(kind: int, payload: bytes, *, nested: bool = False) -> bytes:
    """Return one attribute, padded."""
    size = ATTRIBUTE.size + len(payload)
    return ATTRIBUTE.pack(size, kind | (0x8000 if nested else 0)) + payload + bytes(_aligned(size) - size)


def _aligned(length: int) -> int:
    return (length + 3) & ~3
