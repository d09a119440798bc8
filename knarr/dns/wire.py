"""Read and write DNS messages. Pure.

Names are handled as they stand on the wire, uncompressed and in lower case: `b"\\x03web\\x03org\\x00"`. Lengths are
below 64, so lower-casing a whole name never touches them. Source: RFC 1035 section 4, RFC 6891 (EDNS), RFC 2782
(SRV).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

A, NS, CNAME, SOA, PTR, HINFO, TXT, AAAA, SRV, OPT, ANY = 1, 2, 5, 6, 12, 13, 16, 28, 33, 41, 255
IN = 1
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 2, 3, 4, 5
QR, AA, TC, RD, RA, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0010
OPCODE = 0x7800

UDP_BYTES = 512  # without EDNS
EDNS_BYTES = 1232  # what passes every link unfragmented. Source: DNS flag day 2020
NAME_BYTES_MAX = 255
LABEL_BYTES_MAX = 63

HEADER = struct.Struct(">HHHHHH")
QUESTION = struct.Struct(">HH")
RECORD = struct.Struct(">HHIH")
SELF = b"\xc0\x0c"  # a pointer to the question's name
OPT_RECORD = b"\0" + RECORD.pack(OPT, EDNS_BYTES, 0, 0)


class Malformed(ValueError):
    """The bytes are no DNS message that we understand. rcode: what to tell the sender."""

    def __init__(self, what: str, rcode: int = FORMERR) -> None:
        super().__init__(what)
        self.rcode = rcode


@dataclass(frozen=True, slots=True)
class Query:
    """One question. name: lower case. question: as it was sent. limit: bytes the sender takes over UDP."""

    id: int
    flags: int
    name: bytes
    kind: int
    question: bytes
    edns: bool
    limit: int


class Record(NamedTuple):
    """Where one record of a message lies. at: its first byte; ttl_at: of its TTL; end: behind its data."""

    at: int
    name: bytes
    kind: int
    ttl_s: int
    ttl_at: int
    data_at: int
    end: int
    section: int  # 0 answer, 1 authority, 2 additional


def parse_query(data: bytes) -> Query:
    """Read a query; Malformed says what to answer."""
    if len(data) < HEADER.size:
        raise Malformed("shorter than a header")
    id_, flags, questions, *_ = HEADER.unpack_from(data)
    if flags & QR:
        raise Malformed("a response, not a query")
    if flags & OPCODE:
        raise Malformed("not a standard query", NOTIMP)
    if questions != 1:
        raise Malformed(f"{questions} questions")
    name, at = read_name(data, HEADER.size)
    if at + QUESTION.size > len(data):
        raise Malformed("the question is cut short")
    kind, class_ = QUESTION.unpack_from(data, at)
    if class_ != IN:
        raise Malformed(f"class {class_}", REFUSED)
    sizes = [_class_of(data, r) for r in records(data) if r.kind == OPT]
    limit = min(max(sizes[0], UDP_BYTES), EDNS_BYTES) if sizes else UDP_BYTES
    return Query(id_, flags, name, kind, data[HEADER.size : at + QUESTION.size], bool(sizes), limit)


def reply(
    query: Query, rcode: int, answers: Sequence[bytes] = (), authority: Sequence[bytes] = (), *,
    flags: int = AA | RA, limit: int = 65535,
) -> bytes:
    """Write the answer to a query. Records that do not fit into `limit` bytes are left out and TC is set."""
    extra = OPT_RECORD if query.edns else b""
    room = limit - HEADER.size - len(query.question) - len(extra)
    kept = _fitting(answers, room)
    if len(kept) < len(answers):
        flags, authority = flags | TC, ()
    flags |= QR | (query.flags & (RD | CD)) | rcode
    header = HEADER.pack(query.id, flags, 1, len(kept), len(authority), 1 if extra else 0)
    return b"".join([header, query.question, *kept, *authority, extra])


def refusal(data: bytes, rcode: int) -> bytes:
    """Write an answer to bytes that are no proper query: the header alone. Empty when not even an id is there."""
    if len(data) < HEADER.size or data[2] & 0x80:
        return b""
    id_, flags, *_ = HEADER.unpack_from(data)
    return HEADER.pack(id_, QR | (flags & (OPCODE | RD)) | rcode, 0, 0, 0, 0)


def ask(id_: int, name: bytes, kind: int) -> bytes:
    """Write a recursive query with EDNS."""
    return HEADER.pack(id_, RD, 1, 0, 0, 1) + name + QUESTION.pack(kind, IN) + OPT_RECORD


def record(kind: int, data: bytes, *, ttl_s: int, name: bytes = SELF) -> bytes:
    """Write one record; by default of the question's own name."""
    return name + RECORD.pack(kind, IN, ttl_s, len(data)) + data


def records(data: bytes) -> Iterator[Record]:
    """Walk all records behind the question. Raises Malformed."""
    if len(data) < HEADER.size:
        raise Malformed("shorter than a header")
    _, _, questions, *counts = HEADER.unpack_from(data)
    at = HEADER.size
    for _ in range(questions):
        at = read_name(data, at)[1] + QUESTION.size
    for section, count in enumerate(counts):
        for _ in range(count):
            found = _record(data, at, section)
            at = found.end
            yield found


def _record(data: bytes, at: int, section: int) -> Record:
    name, behind = read_name(data, at)
    if behind + RECORD.size > len(data):
        raise Malformed("a record is cut short")
    kind, _, ttl_s, length = RECORD.unpack_from(data, behind)
    data_at = behind + RECORD.size
    if data_at + length > len(data):
        raise Malformed("a record's data is cut short")
    return Record(at, name, kind, ttl_s, behind + 4, data_at, data_at + length, section)


def read_name(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the name at an offset, uncompressed and in lower case, and the offset behind it. Raises Malformed."""
    labels: list[bytes] = []
    size, behind = 1, -1
    for _ in range(NAME_BYTES_MAX):
        if at >= len(data):
            raise Malformed("a name is cut short")
        length = data[at]
        if length == 0:
            return (b"".join(labels) + b"\0").lower(), at + 1 if behind < 0 else behind
        if length >= 0xC0:
            target = int.from_bytes(data[at : at + 2], "big") & 0x3FFF
            behind = at + 2 if behind < 0 else behind
            if target >= at or at + 1 >= len(data):
                raise Malformed("a compression pointer leads nowhere")
            at = target  # always backwards, so this ends
            continue
        if length > LABEL_BYTES_MAX or at + 1 + length > len(data):
            raise Malformed("a label is too long")
        labels.append(data[at : at + 1 + length])
        size += 1 + length
        if size > NAME_BYTES_MAX:
            raise Malformed("a name is too long")
        at += 1 + length
    raise Malformed("a name has too many labels")


def pack_name(text: str) -> bytes:
    """Return `web.org` on the wire, in lower case. Raises ValueError for what is no name."""
    labels = [label.encode("ascii") for label in text.rstrip(".").lower().split(".")] if text.strip(".") else []
    if any(not 0 < len(label) <= LABEL_BYTES_MAX for label in labels):
        raise ValueError(f"{text!r} has a label that is empty or longer than {LABEL_BYTES_MAX} bytes")
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(name) > NAME_BYTES_MAX:
        raise ValueError(f"{text!r} is longer than {NAME_BYTES_MAX} bytes")
    return name


def parent(name: bytes) -> bytes:
    """Return the name without its first label; the root's parent is the root."""
    return name[1 + name[0] :] if name[0] else name


def labels_of(name: bytes) -> list[bytes]:
    """Return a name's labels, without the root."""
    found: list[bytes] = []
    while name[0]:
        found.append(name[1 : 1 + name[0]])
        name = parent(name)
    return found


def _fitting(answers: Sequence[bytes], room: int) -> Sequence[bytes]:
    for count, one in enumerate(answers):
        room -= len(one)
        if room < 0:
            return answers[:count]
    return answers


def _class_of(data: bytes, found: Record) -> int:
    return int.from_bytes(data[found.ttl_at - 2 : found.ttl_at], "big")
