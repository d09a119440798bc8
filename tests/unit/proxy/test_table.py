"""From frontends to nft's words: golden files, and the law that changes add up to the whole."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from knarr.proxy.desired import Desired
from knarr.proxy.elements import SLOTS_STICKY, Element, elements, share
from knarr.proxy.plan import Backend, Frontend
from knarr.proxy.render import Names, chains_of, change, table


def to(*numbers: int) -> tuple[Backend, ...]:
    return tuple(Backend(f"10.244.0.{n}", 8080) for n in numbers)


WEB = [
    Frontend("10.96.0.10", "tcp", 80, to(2, 3, 4)),
    Frontend("", "tcp", 30080, to(2, 3, 4), masquerade=True),
]
LOCAL = [
    Frontend("203.0.113.7", "tcp", 443, (), empty="discard"),
    Frontend("203.0.113.7", "tcp", 443, to(9), inside=True, masquerade=True),
]
GONE = [Frontend("10.96.0.11", "udp", 53, ())]


def test_golden_whole_table(golden) -> None:
    """Three Services at once, in two orders: the same file."""
    owners = {"a/web": elements(WEB, ["10.244.0.2"]), "a/local": elements(LOCAL, []), "a/gone": elements(GONE, [])}
    one, other = Desired(), Desired()
    one.update(owners.items())
    other.update(reversed(owners.items()))

    assert table(Names(), one.all()) == table(Names(), other.all())
    golden("proxy/whole.nft", table(Names(), one.all()))


def test_golden_scale_up(golden) -> None:
    """A fourth pod comes up: one line, which makes the chain for four and moves the Service to it."""
    desired = Desired()
    desired.update([("a/web", elements(WEB[:1], []))])
    diff = desired.update([("a/web", elements([Frontend("10.96.0.10", "tcp", 80, to(2, 3, 4, 5))], []))])

    golden("proxy/scale_up.nft", change(Names(), diff, chains_of(diff.added.values())) + "\n")


def test_no_change_no_line() -> None:
    """A slice was written anew with the same endpoints: the kernel is left alone."""
    desired = Desired()
    desired.update([("a/web", elements(WEB, []))])

    assert not desired.update([("a/web", elements(WEB, []))])


def test_first_owner_keeps_a_contested_key() -> None:
    """Two Services claim one external address: the first in order has it; when it goes, the other gets it."""
    key = Element("vip_ways", "1.1.1.1 . tcp . 80")
    desired = Desired()
    desired.update([("a/b", {key: "goto b"})])
    taken = desired.update([("a/a", {key: "goto a"})])
    back = desired.update([("a/a", {})])

    assert ({key}, {key: "goto a"}) == (taken.removed, taken.added)
    assert ({key}, {key: "goto b"}) == (back.removed, back.added)


OWNERS = st.sampled_from(["a", "b", "c"])
ELEMENTS = st.sampled_from([Element("m", str(n)) for n in range(5)])
WANTS = st.dictionaries(ELEMENTS, st.sampled_from(["x", "y"]), max_size=4)


@given(st.lists(st.lists(st.tuples(OWNERS, WANTS), max_size=3), max_size=6))
def test_changes_add_up_to_the_whole(steps: list[list[tuple[str, dict[Element, str]]]]) -> None:
    """Whatever the Services do, replaying every difference gives exactly what a fresh load would."""
    desired, kernel = Desired(), {}
    for step in steps:
        diff = desired.update(step)
        for element in diff.removed:
            del kernel[element]
        for element, value in diff.added.items():
            assert element not in kernel, "nft refuses to add what is there"
            kernel[element] = value

        assert desired.all() == kernel


def test_sticky_slots_move_as_little_as_possible() -> None:
    """One of four sticky backends goes: only its clients move, and shares are about equal."""
    four = share(Frontend("10.96.0.1", "tcp", 80, to(1, 2, 3, 4), sticky=True))
    three = share(Frontend("10.96.0.1", "tcp", 80, to(1, 2, 3), sticky=True))

    assert all(was == now for was, now in zip(four, three, strict=True) if was != to(4)[0])
    assert all(SLOTS_STICKY / 8 < four.count(backend) < SLOTS_STICKY / 2 for backend in to(1, 2, 3, 4))


def test_every_chain_named_is_made() -> None:
    """A verdict map may only name chains that stand in the same text."""
    sticky = [Frontend("10.96.0.12", "tcp", 80, to(1, 2), sticky=True, masquerade=True)]
    text = table(Names("t"), elements([*WEB, *LOCAL, *GONE, *sticky], []))
    made = set(re.findall(r"(?:add chain ip t|^  chain) (\S+)", text, re.MULTILINE)) | {"refuse", "discard"}

    assert set(re.findall(r"goto (\w+)", text)) <= {chain.rstrip(";") for chain in made}
