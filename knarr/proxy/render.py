"""Write nftables commands: the whole table, or one line that brings it from one state to the next. Pure.

Theory of operation. A new connection's first packet looks up (address, protocol, port) in a `*_ways` map, which names
a chain made for that number of backends; the chain draws a slot (at random, or from the client's address) and looks
up (address, protocol, port, slot) in a `*_slots` map, which says where to. So a packet costs two look-ups however
many Services there are, and a changed endpoint costs a few elements. Node ports do the same with keys without an
address. Connections to what has no backends are refused, or dropped where the traffic policy says so.

Same elements, same bytes, in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from knarr.proxy.desired import Diff
from knarr.proxy.elements import SLOTS_STICKY, Element

CHUNK = 1000  # elements per command of a whole table, so that an error message stays readable
MARK = 0x4000  # the bit kube-proxy uses for "masquerade me". Source: kube --iptables-masquerade-bit, 14
HASH_SEED = 0x6B6E6172  # so that a client's slot is the same after a restart

KEYS = {"vip": "ip daddr . meta l4proto . th dport", "port": "meta l4proto . th dport"}

TABLE = """\
add table ip {table}
delete table ip {table}
table ip {table} {{
{slots}  map vip_ways {{ typeof {vip} : verdict; }}
  map port_ways {{ typeof {port} : verdict; }}
  map inside_vip_ways {{ typeof {vip} : verdict; }}
  map inside_port_ways {{ typeof {port} : verdict; }}
  map vip_blocked {{ typeof {vip} : verdict; }}
  map port_blocked {{ typeof {port} : verdict; }}
  set hairpins {{ typeof ip saddr . ip daddr; }}
  chain refuse {{
    meta l4proto tcp reject with tcp reset
    reject with icmp type port-unreachable
  }}
  chain discard {{
    drop
  }}
  chain inside {{
    {vip} vmap @inside_vip_ways
    fib daddr type local {port} vmap @inside_port_ways
  }}
  chain anyone {{
    {vip} vmap @vip_ways
    fib daddr type local {port} vmap @port_ways
  }}
  chain blocked {{
    ct state != new return
    {vip} vmap @vip_blocked
    fib daddr type local {port} vmap @port_blocked
  }}
  chain nat_prerouting {{
    type nat hook prerouting priority -100; policy accept;
    ip saddr {pods} jump inside
    ip saddr != {pods} ip daddr {services} meta mark set meta mark | {mark}
    jump anyone
  }}
  chain nat_output {{
    type nat hook output priority -100; policy accept;
    jump inside
    jump anyone
  }}
  chain nat_postrouting {{
    type nat hook postrouting priority 100; policy accept;
    ct status & dnat == 0 return
    ip saddr . ip daddr @hairpins masquerade{hidden}
    ip saddr 127.0.0.0/8 masquerade
    meta mark & {mark} == 0 return
    meta mark set meta mark ^ {mark}
    masquerade fully-random
  }}
  chain filter_prerouting {{
    type filter hook prerouting priority -90; policy accept;
    jump blocked
  }}
  chain filter_output {{
    type filter hook output priority 0; policy accept;
    jump blocked
  }}
  chain martians {{
    type filter hook prerouting priority -300; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 drop
  }}
}}
"""
# One map per protocol, because nft puts a check for the protocol of the map's value before the rule that uses it.
SLOTS = "  map {side}_{protocol}_slots {{ typeof {key} . numgen random mod 16 : ip daddr . {protocol} dport; }}\n"
SIDES = ("vip", "port", "inside_vip", "inside_port")
PROTOCOLS = ("tcp", "udp", "sctp")


@dataclass(frozen=True, slots=True)
class Names:
    """What is fixed for one instance.

    table: its name. pods, services: their networks, as CIDRs. bridge_hides: replies between pods of one bridge pass
    netfilter by, so connections through Services between pods are masqueraded, to come back here.
    """

    table: str = "knarr"
    pods: str = "10.244.0.0/16"
    services: str = "10.96.0.0/16"
    bridge_hides: bool = False


def table(names: Names, wanted: Mapping[Element, str]) -> str:
    """Write the whole table anew, as one transaction: what was in it before is gone when it commits."""
    slots = "".join(
        SLOTS.format(side=side, protocol=protocol, key=KEYS[side.removeprefix("inside_")])
        for side in SIDES for protocol in PROTOCOLS)
    hidden = f"\n    ip saddr {names.pods} ip daddr {names.pods} masquerade" if names.bridge_hides else ""
    head = TABLE.format(
        slots=slots, hidden=hidden, table=names.table, pods=names.pods, services=names.services, mark=f"{MARK:#x}",
        **KEYS)
    chains = (make_chain(names, chain) for chain in sorted(chains_of(wanted.values())))
    return head + "".join(f"{line}\n" for line in [*chains, *adding(names, wanted, chunk=CHUNK)])


def change(names: Names, diff: Diff, chains: Iterable[str]) -> str:
    """Write one line, one transaction, that makes the difference. chains: those to be made first."""
    parts = [make_chain(names, chain) for chain in sorted(chains)]
    parts += [
        f"delete element ip {names.table} {name} {{ {', '.join(sorted(keys))} }}"
        for name, keys in sorted(by_map(diff.removed).items())
    ]
    return "; ".join([*parts, *adding(names, diff.added, chunk=len(diff.added) or 1)])


def chains_of(values: Iterable[str]) -> set[str]:
    """Return the chains that some values go to, apart from those that are always there."""
    return {value.removeprefix("goto ") for value in values if value.startswith("goto ")} - {"refuse", "discard"}


def make_chain(names: Names, chain: str) -> str:
    """Write a chain that chooses a backend. Its name says all (elements.Way.chain)."""
    side, _, kind = chain.partition("_sticky") if "_sticky" in chain else chain.partition("_spread_")
    slots, _, masquerade = kind.partition("_")
    draw = f"numgen random mod {slots}" if slots else f"jhash ip saddr mod {SLOTS_STICKY} seed {HASH_SEED:#x}"
    key = KEYS[side.removeprefix("inside_").rpartition("_")[0]]
    mark = f"add rule ip {names.table} {chain} meta mark set meta mark | {MARK:#x}; " if masquerade else ""
    return (
        f"add chain ip {names.table} {chain}; flush chain ip {names.table} {chain}; {mark}"
        f"add rule ip {names.table} {chain} dnat ip to {key} . {draw} map @{side}_slots")


def adding(names: Names, wanted: Mapping[Element, str], *, chunk: int) -> list[str]:
    """Write the commands that add elements, map by map, in order."""
    lines: list[str] = []
    for name, keys in sorted(by_map(wanted).items()):
        texts = [f"{key} : {value}" if (value := wanted[Element(name, key)]) else key for key in sorted(keys)]
        for start in range(0, len(texts), chunk):
            inner = ", ".join(texts[start : start + chunk])
            lines.append(f"add element ip {names.table} {name} {{ {inner} }}")
    return lines


def by_map(wanted: Iterable[Element]) -> dict[str, list[str]]:
    """Group keys by their map."""
    grouped: dict[str, list[str]] = {}
    for element in wanted:
        grouped.setdefault(element.map, []).append(element.key)
    return grouped
