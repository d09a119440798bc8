"""Names outside the cluster: the cache, equal questions, dead and looping resolvers. On a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import dns.message
import dns.rcode
import pytest

from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.base.virtual import run
from knarr.dns import wire
from knarr.dns.cache import Cache
from knarr.dns.forward import Forwarder, Source, Unreachable, Upstream, fits, nameservers

NAME = wire.pack_name("example.org")
FIRST, SECOND = Upstream("192.0.2.1"), Upstream("192.0.2.2")


def respond(query: bytes, *, ttl: int = 60, rcode: str = "NOERROR", address: str = "93.184.216.34") -> bytes:
    asked = dns.message.from_wire(query)
    response = dns.message.make_response(asked)
    response.set_rcode(dns.rcode.from_text(rcode))
    if rcode == "NOERROR":
        response.answer.append(dns.rrset.from_text(asked.question[0].name, ttl, "IN", "A", address))
    return response.to_wire()


class Resolvers:
    """What each resolver does, by address; and who was asked what."""

    def __init__(self, **does: Callable[[bytes], Awaitable[bytes]]) -> None:
        self.asked: list[tuple[str, bytes]] = []

    async def __call__(self, upstream: Upstream, query: bytes) -> bytes:
        name, _ = wire.read_name(query, wire.HEADER.size)
        if name == NAME:  # the others are the tries for loops
            self.asked.append((upstream.address, name))
        return await self.answer(upstream, query)

    async def answer(self, upstream: Upstream, query: bytes) -> bytes:
        return respond(query)


def forwarder(resolvers: Resolvers, clock: ManualClock, *upstreams: Upstream) -> Forwarder:
    source = Source(fixed=upstreams or (FIRST, SECOND))
    return Forwarder(source, clock=clock, rng=Rng(1), exchange=resolvers)


def addresses(message: bytes) -> list[str]:
    return [rdata.to_text() for rrset in dns.message.from_wire(message).answer for rdata in rrset]


def test_answers_are_kept_for_a_while() -> None:
    """A name is asked once in 30 s, and what is given out from memory has the TTL that is left."""
    clock, resolvers = ManualClock(), Resolvers()

    async def story() -> list[int]:
        forward = forwarder(resolvers, clock)
        ttls = []
        for wait_s in (0, 10, 19, 1.5):
            await clock.sleep(wait_s)
            ttls.append(dns.message.from_wire(await forward.ask(NAME, wire.A)).answer[0].ttl)
        return ttls

    assert [60, 50, 31, 60] == run(story(), clock)
    assert 2 == len(resolvers.asked)


def test_equal_questions_under_way_are_one() -> None:
    """A hundred pods ask for the same name in the same moment: the resolver is asked once."""
    clock = ManualClock()

    class Slow(Resolvers):
        async def answer(self, upstream: Upstream, query: bytes) -> bytes:
            await asyncio.sleep(0.5)
            return respond(query)

    resolvers = Slow()

    async def story() -> list[bytes]:
        forward = forwarder(resolvers, clock)
        return await asyncio.gather(*(forward.ask(NAME, wire.A) for _ in range(100)))

    assert 100 == len(run(story(), clock))
    assert 1 == len(resolvers.asked)


class FirstIsDead(Resolvers):
    """Says nothing."""

    async def answer(self, upstream: Upstream, query: bytes) -> bytes:
        if upstream == FIRST:
            await asyncio.Event().wait()
        return respond(query)


class FirstRefuses(Resolvers):
    async def answer(self, upstream: Upstream, query: bytes) -> bytes:
        return respond(query, rcode="REFUSED" if upstream == FIRST else "NOERROR")


class FirstFails(Resolvers):
    async def answer(self, upstream: Upstream, query: bytes) -> bytes:
        if upstream == FIRST:
            raise ConnectionRefusedError
        return respond(query)


class FirstTalksRubbish(Resolvers):
    async def answer(self, upstream: Upstream, query: bytes) -> bytes:
        return query[:2] + b"\x80" + b"\xff" * 40 if upstream == FIRST else respond(query)


class FirstIsForged(Resolvers):
    """Answers another question than was asked."""

    async def answer(self, upstream: Upstream, query: bytes) -> bytes:
        id_ = int.from_bytes(query[:2], "big")
        return respond(wire.ask(id_, wire.pack_name("evil.org"), wire.A)) if upstream == FIRST else respond(query)


@pytest.mark.parametrize("resolvers", [
    FirstIsDead, FirstRefuses, FirstFails, FirstTalksRubbish, FirstIsForged,
])
def test_the_next_resolver_is_asked(resolvers: type[Resolvers]) -> None:
    """The first of two resolvers is no good, each time in another way."""
    clock = ManualClock()

    async def story() -> bytes:
        return await forwarder(resolvers(), clock).ask(NAME, wire.A)

    assert ["93.184.216.34"] == addresses(run(story(), clock))


def test_nobody_answers() -> None:
    """All resolvers are gone: the asker is told within seconds, those who waited with it too, and nothing is kept."""
    clock = ManualClock()

    class Dead(Resolvers):
        async def answer(self, upstream: Upstream, query: bytes) -> bytes:
            await asyncio.Event().wait()
            return b""

    async def story() -> tuple[list[type], float]:
        forward = forwarder(Dead(), clock)
        errors = await asyncio.gather(*(forward.ask(NAME, wire.A) for _ in range(3)), return_exceptions=True)
        return list(map(type, errors)), clock.monotonic_s()

    types, took_s = run(story(), clock)
    assert [Unreachable] * 3 == types
    assert took_s <= 12.5  # 2 rounds x 2 resolvers x 2 s, and 2 x 2 s for the loops' tries


def test_a_resolver_that_asks_us_back_is_dropped() -> None:
    """The host's resolver was set to the cluster's DNS: without a look, one question would run in circles for ever."""
    clock = ManualClock()
    forward: Forwarder

    class Loop(Resolvers):
        async def answer(self, upstream: Upstream, query: bytes) -> bytes:
            name, _ = wire.read_name(query, wire.HEADER.size)
            if upstream == FIRST and forward.is_loop(name):
                await asyncio.Event().wait()
            return respond(query)

    resolvers = Loop()

    async def story() -> None:
        nonlocal forward
        forward = forwarder(resolvers, clock)
        await forward.ask(NAME, wire.A)

    run(story(), clock)
    assert [SECOND.address] == [address for address, _ in resolvers.asked]


def test_resolv_conf_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """The laptop moves to another network; our own addresses in the file are left out."""
    clock, resolvers = ManualClock(), Resolvers()
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 10.244.0.1\nnameserver 192.0.2.1\nsearch home\n")

    async def story() -> None:
        source = Source(resolv_conf=path, own=("10.244.0.1",))
        forward = Forwarder(source, clock=clock, rng=Rng(1), exchange=resolvers)
        await forward.ask(NAME, wire.A)
        path.write_text("nameserver 192.0.2.2\n")
        await clock.sleep(31)
        await forward.ask(NAME, wire.A)

    run(story(), clock)
    assert ["192.0.2.1", "192.0.2.2"] == [address for address, _ in resolvers.asked]


def test_at_most_three_resolvers() -> None:
    """As glibc does."""
    text = "# comment\n" + "".join(f"nameserver 192.0.2.{n}\n" for n in range(1, 6)) + "nameserver\noptions ndots:5\n"

    assert ["192.0.2.1", "192.0.2.2", "192.0.2.3"] == [one.address for one in nameservers(text, ())]


def test_the_cache_is_bounded_and_refuses_failures() -> None:
    """Ten names into room for four: the oldest go. SERVFAIL and answers of no duration are not kept at all."""
    cache = Cache(entries_max=4)
    for number in range(10):
        query = wire.ask(1, wire.pack_name(f"n{number}.org"), wire.A)
        cache.put((wire.pack_name(f"n{number}.org"), wire.A), respond(query), 0.0)
    cache.put((NAME, wire.A), respond(wire.ask(1, NAME, wire.A), rcode="SERVFAIL"), 0.0)
    cache.put((NAME, wire.AAAA), respond(wire.ask(1, NAME, wire.AAAA), ttl=0), 0.0)

    assert 4 == len(cache)
    assert cache.get((wire.pack_name("n9.org"), wire.A), 0.0) is not None
    assert cache.get((wire.pack_name("n0.org"), wire.A), 0.0) is None
    assert cache.get((NAME, wire.A), 0.0) is None


def test_denials_are_kept_as_the_soa_says() -> None:
    """The zone says 7 s for what does not exist."""
    asked = dns.message.make_query("none.org", "A")
    response = dns.message.make_response(asked)
    response.set_rcode(dns.rcode.NXDOMAIN)
    response.authority.append(dns.rrset.from_text("org.", 900, "IN", "SOA", "a. b. 1 2 3 4 7"))
    cache, key = Cache(), (wire.pack_name("none.org"), wire.A)
    cache.put(key, response.to_wire(), 0.0)

    assert [True, False] == [cache.get(key, now_s) is not None for now_s in (6.9, 7.0)]


def test_only_the_answer_to_our_question_fits() -> None:
    """Same id and same question, or it is not taken."""
    query = wire.ask(7, NAME, wire.A)

    assert fits(query, respond(query))
    assert not fits(query, respond(wire.ask(8, NAME, wire.A)))
    assert not fits(query, respond(wire.ask(7, NAME, wire.AAAA)))
    assert not fits(query, query)
