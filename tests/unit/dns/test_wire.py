"""The codec against dnspython, which others wrote."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.dns import wire

LABEL = st.text("abcXYZ0189-_", min_size=1, max_size=12)
NAME = st.lists(LABEL, min_size=1, max_size=6).map(".".join)
KIND = st.sampled_from(["A", "AAAA", "SRV", "PTR", "TXT", "CNAME", "SOA", "ANY"])


@given(NAME, KIND, st.sampled_from([None, 100, 512, 1232, 4096]), st.integers(0, 0xFFFF))
def test_reads_any_query(name: str, kind: str, payload: int | None, id_: int) -> None:
    """Whatever query dnspython writes, we read the same out of it."""
    sent = dns.message.make_query(name, kind, id=id_, use_edns=payload is not None and 0, payload=payload or 0)
    query = wire.parse_query(sent.to_wire())

    assert (id_, wire.pack_name(name), int(dns.rdatatype.from_text(kind))) == (query.id, query.name, query.kind)
    assert (payload is not None, 512 if payload is None else min(max(payload, 512), 1232)) == (query.edns, query.limit)


@given(NAME, st.lists(st.binary(min_size=4, max_size=4), max_size=100, unique=True), st.booleans())
def test_writes_what_dnspython_reads(name: str, ips: list[bytes], edns: bool) -> None:
    """Every answer is a proper message within the limit; if not all fits, TC says so."""
    sent = dns.message.make_query(name, "A", use_edns=0 if edns else False, payload=1232)
    query = wire.parse_query(sent.to_wire())
    data = wire.reply(query, 0, [wire.record(wire.A, ip, ttl_s=5) for ip in ips], limit=query.limit)
    read = dns.message.from_wire(data)

    got = [bytes(map(int, r.address.split("."))) for rrset in read.answer for r in rrset]
    assert read.is_response(sent) or read.question == sent.question
    assert ips[: len(got)] == got
    assert (len(got) < len(ips)) == bool(read.flags & dns.flags.TC)
    assert len(data) <= query.limit
    assert edns == (read.edns == 0)


@given(st.binary(max_size=80))
def test_rubbish_is_malformed_and_nothing_else(data: bytes) -> None:
    """Anybody may send us anything."""
    with pytest.raises(wire.Malformed) if not is_query(data) else no_error():
        wire.parse_query(data)
    wire.refusal(data, wire.FORMERR)


@given(st.binary(min_size=4, max_size=60), st.integers(0, 20))
def test_rubbish_behind_a_good_header(data: bytes, additional: int) -> None:
    """Counts may lie, pointers may circle: it ends, and says so."""
    message = wire.HEADER.pack(1, 0, 1, 0, 0, additional) + data
    with pytest.raises(wire.Malformed) if not is_query(message) else no_error():
        wire.parse_query(message)


def is_query(data: bytes) -> bool:
    try:
        wire.parse_query(data)
    except wire.Malformed:
        return False
    return True


class no_error:  # noqa: N801
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@given(NAME, NAME)
def test_compressed_names_are_read(one: str, other: str) -> None:
    """dnspython compresses; we read the same names and record borders."""
    message = dns.message.make_response(dns.message.make_query(one, "MX"))
    message.answer.append(dns.rrset.from_text(f"{one}.", 30, "IN", "MX", f"10 mail.{one}."))
    message.additional.append(dns.rrset.from_text(f"mail.{one}.", 30, "IN", "CNAME", f"{other}.{one}."))
    data = message.to_wire()
    found = list(wire.records(data))

    assert [wire.pack_name(one), wire.pack_name(f"mail.{one}")] == [record.name for record in found]
    assert [30, 30] == [record.ttl_s for record in found]
    assert len(data) == found[-1].end


@pytest.mark.parametrize("text", [
    pytest.param("a..b", id="an empty label"), pytest.param("x" * 64, id="a label too long"),
    pytest.param(".".join(["abcdefg"] * 40), id="a name too long"),
])
def test_what_is_no_name(text: str) -> None:
    """An ExternalName may be nonsense; it must not break the zone."""
    with pytest.raises(ValueError, match=r"label|longer"):
        wire.pack_name(text)


@pytest.mark.parametrize(("data", "rcode"), [
    pytest.param(dns.message.make_query("a", "A", rdclass="CH").to_wire(), wire.REFUSED, id="another class"),
    pytest.param(b"\0\1\x28\0" + bytes(8), wire.NOTIMP, id="an update"),
    pytest.param(b"\0\1\0\0\0\2" + bytes(6), wire.FORMERR, id="two questions"),
])
def test_refusals(data: bytes, rcode: int) -> None:
    """What we do not serve is refused by name, with the sender's id."""
    with pytest.raises(wire.Malformed) as refused:
        wire.parse_query(data)
    told = dns.message.from_wire(wire.refusal(data, refused.value.rcode))

    assert (rcode, int.from_bytes(data[:2], "big")) == (told.rcode(), told.id)


def test_a_response_is_never_answered() -> None:
    """Two servers that answer each other's answers would never stop."""
    response = dns.message.make_response(dns.message.make_query("a", "A")).to_wire()

    assert b"" == wire.refusal(response, wire.FORMERR)
