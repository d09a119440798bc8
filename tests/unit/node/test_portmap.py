"""What the portmap plugin leaves goes, and nothing of anybody else's."""

from __future__ import annotations

from knarr.node import portmap

TOP = """\
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
{chains}-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
{rules}-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
COMMIT
"""
ENTRY = '-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"{name}\\" id: \\"x\\"" -j CNI-DN-{chain}\n'
RULE = "-A CNI-DN-{chain} -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2:80\n"


def saved(*pods: tuple[str, str]) -> str:
    """Return what iptables-save prints with pods (network, chain) in it."""
    return TOP.format(
        chains="".join(f":CNI-DN-{chain} - [0:0]\n" for _, chain in pods),
        rules="".join(ENTRY.format(name=name, chain=chain) + RULE.format(chain=chain) for name, chain in pods))


def test_the_last_network_takes_the_top_chains_along():
    """Nobody else has a port mapped: all of the plugin's chains go, each after its rules."""
    undo = portmap.undoing(saved(("knarr1", "aa")), "knarr1").splitlines()

    assert "-D PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT" in undo
    assert ["-X CNI-DN-aa", "-X CNI-HOSTPORT-DNAT", "-X CNI-HOSTPORT-MASQ", "-X CNI-HOSTPORT-SETMARK", "COMMIT"] == (
        undo[-5:])
    assert 7 == sum(line.startswith("-D ") for line in undo)    # entry, its DNAT, 3 jumps, masquerade, mark
    assert len(undo) == len(set(undo))


def test_a_neighbours_rules_stay():
    """Another network has a port mapped: only our own pod's chain goes."""
    undo = portmap.undoing(saved(("knarr1", "aa"), ("other", "bb")), "knarr1")

    assert "CNI-DN-bb" not in undo
    assert "-X CNI-HOSTPORT" not in undo
    assert "-X CNI-DN-aa" in undo


def test_nothing_of_ours_nothing_to_do():
    """A table of somebody else's is not touched, and an absent one is not made."""
    assert portmap.undoing(saved(("other", "bb")), "knarr1") == ""
    assert portmap.undoing("", "knarr1") == ""


def test_an_empty_table_is_known():
    """Built-in chains that accept do nothing; one rule, or a policy, does."""
    empty = "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [5:9]\nCOMMIT\n"

    assert portmap.is_empty(empty)
    assert not portmap.is_empty(saved())
    assert not portmap.is_empty(empty.replace("PREROUTING ACCEPT", "PREROUTING DROP"))
    assert not portmap.is_empty("")
