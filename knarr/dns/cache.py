"""Remember what upstream resolvers said, for a short time and in bounded number. Pure: times are handed in.

An answer is kept as it came; what is given out carries the time that is left. Refusals to answer (SERVFAIL) are not
kept.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from knarr.dns import wire

ENTRIES_MAX = 4096  # of at most EDNS_BYTES each over UDP: some 5 MB at worst
KEEP_S_MAX = 30  # Source: the Corefile that kubeadm writes, `cache 30`
KEEP_S_NEGATIVE = 5  # where the answer brings no SOA to say

Key = tuple[bytes, int]  # name, type


@dataclass(frozen=True, slots=True)
class Kept:
    """An upstream answer. ttls: where its TTLs stand and what they were."""

    message: bytes
    ttls: tuple[tuple[int, int], ...]
    came_s: float
    until_s: float


class Cache:
    """The least recently kept goes first."""

    def __init__(self, entries_max: int = ENTRIES_MAX) -> None:
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._entries_max = entries_max

    def get(self, key: Key, now_s: float) -> bytes | None:
        """Return the answer with its TTLs counted down, or None."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if now_s >= kept.until_s:
            del self._kept[key]
            return None
        passed_s = int(now_s - kept.came_s)
        message = bytearray(kept.message)
        for at, ttl_s in kept.ttls:
            message[at : at + 4] = max(0, ttl_s - passed_s).to_bytes(4, "big")
        return bytes(message)

    def put(self, key: Key, message: bytes, now_s: float) -> None:
        """Keep an answer for as long as it allows."""
        rcode = message[3] & 0xF
        if rcode not in (wire.NOERROR, wire.NXDOMAIN) or int.from_bytes(message[2:4], "big") & wire.TC:
            return
        found = [record for record in wire.records(message) if record.kind != wire.OPT]
        keep_s = min(_keep_s(found, message), KEEP_S_MAX)
        if keep_s <= 0:
            return
        ttls = tuple((record.ttl_at, record.ttl_s) for record in found)
        self._kept[key] = Kept(message, ttls, now_s, now_s + keep_s)
        self._kept.move_to_end(key)
        while len(self._kept) > self._entries_max:
            self._kept.popitem(last=False)

    def __len__(self) -> int:
        return len(self._kept)


def _keep_s(found: list[wire.Record], message: bytes) -> int:
    """Return how long: the shortest TTL of an answer; of none, what the SOA says. Source: RFC 2308 section 5."""
    answers = [record.ttl_s for record in found if record.section == 0]
    if answers:
        return min(answers)
    for record in found:
        if record.kind == wire.SOA:
            return min(record.ttl_s, int.from_bytes(message[record.end - 4 : record.end], "big"))
    return KEEP_S_NEGATIVE
