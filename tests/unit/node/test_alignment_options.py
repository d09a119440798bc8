"""The options of the policies for processors and closeness: on machines that are only told of.

`TWICE` has two sockets of two NUMA nodes, each of two cores with two threads: node 0 is 0-1,8-9, node 1 is 2-3,10-11.
`CACHES` has one socket, one NUMA node and two groups of four cores that share a cache: 0-3,8-11 and 4-7,12-15.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.node import alignmentfile, kubeletfile
from knarr.node.alignment import cpus, hints
from knarr.node.alignment.hints import Hint, agree
from knarr.node.alignment.packing import ACROSS_CORES, BY_CACHE, NotEnough
from knarr.node.alignment.topology import Cpu, Topology, listed, parse, read
from knarr.node.filefields import BadRules
from knarr.node.rules import Alignment
from tests.unit.node.test_alignment import HEAD, admit, asking, keeper, pinned


def machine(*, sockets, nodes, caches, cores=8, threads=2, distances=None):
    """Return a machine whose cores are shared out equally among so many sockets, NUMA nodes and caches."""
    def cpu(number):
        core = number % cores
        return Cpu(number, core, core * sockets // cores, core * nodes // cores, core * caches // cores * cores // caches)

    return Topology({number: cpu(number) for number in range(cores * threads)}, {}, distances or {})


TWICE = machine(sockets=2, nodes=4, caches=2)
CACHES = machine(sockets=1, nodes=1, caches=2)
EVEN = frozenset({cpus.ACROSS_NODES})
EVEN_CORES = frozenset({cpus.ACROSS_NODES, cpus.FULL_CORES})
APART = frozenset({ACROSS_CORES})
CACHED = frozenset({BY_CACHE})
SOCKETS = frozenset({cpus.BY_SOCKET})
NONE = frozenset()
ALL = "0-15"
SINGLE = machine(sockets=1, nodes=2, caches=4, cores=16, threads=1)
LARGE = machine(sockets=2, nodes=4, caches=4, cores=40)

TAKES = [
    pytest.param(TWICE, NONE, ALL, 8, "0-3,8-11", id="packed: a whole socket"),
    pytest.param(TWICE, NONE, "0-7,9-15", 4, "2-3,10-11", id="packed: a whole node of the socket in use"),
    pytest.param(TWICE, NONE, "1-15", 6, "1-3,9-11", id="packed: the rest of the socket in use"),
    pytest.param(TWICE, EVEN, ALL, 4, "0-1,8-9", id="even: one node has as many"),
    pytest.param(TWICE, EVEN, ALL, 6, "0-3,8,10", id="even: three of each of two nodes"),
    pytest.param(TWICE, EVEN, ALL, 5, "0-2,8,10", id="even: the first of two gives one more"),
    pytest.param(TWICE, EVEN_CORES, ALL, 6, "0-2,8-10", id="even: a core of two nodes, and one more"),
    pytest.param(TWICE, EVEN_CORES, ALL, 5, "0-2,8-9", id="even: parts of cores are packed"),
    pytest.param(TWICE, EVEN_CORES, ALL, 12, "0-5,8-13", id="even: three nodes"),
    pytest.param(TWICE, EVEN, "0,2-15", 6, "2-5,10,12", id="even: what is left is even too, node 0 gives nothing"),
    pytest.param(TWICE, EVEN, "0,2,4,6", 4, "0,2,4,6", id="even: one of each"),
    pytest.param(TWICE, EVEN, "0-1,8-9,2", 5, "0-2,8-9", id="even: what cannot be even is packed"),
    pytest.param(TWICE, APART, ALL, 3, "0-2", id="apart: three cores"),
    pytest.param(TWICE, APART, ALL, 8, "0-3,8-11", id="apart: a whole socket is one"),
    pytest.param(TWICE, APART, "1-15", 5, "1-3,10-11", id="apart: a whole node is one"),
    pytest.param(CACHES, APART, ALL, 8, "0-7", id="apart: all cores"),
    pytest.param(CACHES, NONE, "1-7,9-15", 8, "1-4,9-12", id="packed: caches are no matter"),
    pytest.param(CACHES, CACHED, "1-7,9-15", 8, "4-7,12-15", id="cache: the whole group"),
    pytest.param(CACHES, CACHED, "1-7,9-15", 6, "1-3,9-11", id="cache: the group in use has as many"),
    pytest.param(CACHES, CACHED, "1-7,9-15", 4, "1-2,9-10", id="cache: of the group in use"),
    pytest.param(CACHES, CACHED, "2-7,10-15", 6, "4-6,12-14", id="cache: the group in use has too few"),
    pytest.param(CACHES, CACHED, "1-7,9-15", 10, "1,4-7,9,12-15", id="cache: a whole group and a core"),
    pytest.param(CACHES, CACHED, "1-7,9-15", 3, "1-2,9", id="cache: an odd one"),
    pytest.param(CACHES, CACHED, "3-4,11-12", 4, "3-4,11-12", id="cache: neither has as many"),
    pytest.param(SINGLE, CACHED, "1-15", 10, "1-2,8-15", id="cache: a whole node first"),
    pytest.param(SINGLE, CACHED, "3-8,12", 2, "4-5", id="cache: one that has two, not one each"),
    pytest.param(LARGE, EVEN, "0-79", 26, "0-6,10-16,40-45,50-55", id="even: thirteen of each of two nodes"),
    pytest.param(LARGE, EVEN_CORES, "0-79", 26, "0-6,10-15,40-46,50-55", id="even: thirteen cores of two nodes"),
    pytest.param(CACHES, CACHED | {cpus.FULL_CORES}, "1-7,9-15", 2, "1,9", id="cache: whole cores"),
]


@pytest.mark.parametrize(("there", "options", "available", "count", "taken"), TAKES)
def test_takes(there, options, available, count, taken):
    assert taken == listed(cpus.take(there, parse(available), count, options))


MACHINES = st.builds(machine, sockets=st.sampled_from([1, 2]), nodes=st.sampled_from([1, 2, 4]),
                     caches=st.sampled_from([1, 2, 4]), threads=st.sampled_from([1, 2]))
OPTIONS = st.sets(st.sampled_from(cpus.OPTIONS)).filter(
    lambda some: not any({one, other} <= some for one, other in cpus.APART)).map(frozenset)


@given(MACHINES, OPTIONS, st.sets(st.integers(0, 15)), st.integers(0, 16), st.data())
def test_so_many_of_those_there_are_whatever_the_options(there, options, some, count, data):
    """Never others, never more or fewer; as many as possible of where they shall be; the same again for the same."""
    available = there.numbers & some
    near = frozenset(data.draw(st.sets(st.sampled_from(sorted(there.nodes)), min_size=1)))
    if count > len(available):
        with pytest.raises(NotEnough):
            cpus.chosen(there, available, count, near, options)
        return
    found = cpus.chosen(there, available, count, near, options)
    close = there.in_sockets(there.sockets(near)) if cpus.BY_SOCKET in options else there.on(near)

    assert found <= available
    assert count == len(found)
    assert min(count, len(close & available)) == len(found & close)
    assert found == cpus.chosen(there, available, count, near, options)


@given(MACHINES, st.integers(1, 16), st.booleans())
def test_shares_are_even_on_an_empty_machine(there, count, whole):
    """No two of the nodes that give differ by more than what stays together; no fewer nodes could."""
    group = there.threads_per_core if whole else 1
    if count > len(there.numbers) or count % group:
        return
    found = cpus.take(there, there.numbers, count, EVEN_CORES if whole else EVEN)
    given_by = [len(found & there.on([node])) for node in there.nodes if found & there.on([node])]
    per_node = len(there.numbers) // len(there.nodes)

    assert -(-count // per_node) == len(given_by)
    assert max(given_by) - min(given_by) <= group


@given(MACHINES, st.sets(st.integers(0, 15)), st.integers(0, 16))
def test_one_cache_is_enough_where_one_has_as_many(there, some, count):
    """Whoever asks for no more than whole cores of one group have, has them of one group."""
    available = frozenset(number for number in there.numbers & some
                          if all(other.number in some for other in there.cpus.values() if other.core == there.cpus[number].core))
    groups = [frozenset(n for n in available if there.cpus[n].cache == cache) for cache in {c.cache for c in there.cpus.values()}]
    whole_node = min(len(there.on([node])) for node in there.nodes)
    if not 0 < count < whole_node or all(len(group) < count for group in groups):
        return
    if len({(cpu.cache, cpu.node) for cpu in there.cpus.values()}) > len(groups):
        return      # a cache of several NUMA nodes: these go first
    found = cpus.take(there, available, count, CACHED)

    assert 1 == len({there.cpus[number].cache for number in found})


@given(MACHINES, st.sets(st.integers(0, 15)), st.integers(0, 16))
def test_no_core_is_shared_with_oneself_without_need(there, some, count):
    """Apart: of one socket, a second thread is taken only when no core's first is left."""
    available = there.numbers & some
    one = replace(there, cpus={number: replace(cpu, socket=0, node=0) for number, cpu in there.cpus.items()})
    if count > len(available) or count == len(one.numbers):
        return
    found = cpus.take(one, available, count, APART)

    assert found == frozenset(sorted(available)[:count])


@pytest.mark.parametrize(("count", "aligned", "preferred"), [
    pytest.param(4, False, "0 1 2 3", id="one node does"),
    pytest.param(6, False, "01 02 03 12 13 23", id="two nodes, wherever they are"),
    pytest.param(4, True, "0 1 2 3 01 23", id="one socket does"),
    pytest.param(6, True, "01 02 03 12 13 23", id="two nodes, preferred as the fewest"),
    pytest.param(10, True, "012 013 023 123 0123", id="two sockets"),
])
def test_offers_by_socket(count, aligned, preferred):
    offers = cpus.offers(TWICE, TWICE.numbers, NONE, count, SOCKETS if aligned else NONE)

    assert preferred.split() == ["".join(map(str, sorted(hint.nodes))) for hint in offers if hint.preferred]


def test_aligned_by_socket_what_a_node_lacks_is_taken_of_its_socket():
    """Node 1 has two left. By node they are taken, and one of the fullest socket; by socket a whole core goes first."""
    available = parse("0,2-4,8")

    assert "2-4" == listed(cpus.chosen(TWICE, available, 3, frozenset({1})))
    assert "0,2,8" == listed(cpus.chosen(TWICE, available, 3, frozenset({1}), SOCKETS))


LINE = {one: {other: 10 + 10 * abs(one - other) for other in range(4)} for one in range(4)}     # four nodes in a row
PAIRS = [Hint(frozenset(pair), True) for pair in ({0, 3}, {0, 2}, {1, 3}, {2, 3}, {1, 2})]


@pytest.mark.parametrize(("policy", "distances", "best"), [
    pytest.param("best-effort", {}, {0, 2}, id="by number"),
    pytest.param("best-effort", LINE, {1, 2}, id="the closest, of these by number"),
    pytest.param("restricted", LINE, {1, 2}, id="restricted"),
])
def test_close_nodes_go_first(policy, distances, best):
    assert (Hint(frozenset(best), True), True) == agree(policy, frozenset(range(4)), [{"cpu": PAIRS}], distances)


@given(st.permutations(PAIRS), st.lists(st.integers(11, 40), min_size=6, max_size=6))
def test_none_is_closer(offers, drawn):
    """Whatever the distances and the order, no offer of as many nodes lies closer together."""
    far = iter(drawn)
    table = {one: {one: 10} for one in range(4)}
    for one, other in ((one, other) for one, other in product(range(4), repeat=2) if one < other):
        table[one][other] = table[other][one] = next(far)
    best, _ = agree("best-effort", frozenset(range(4)), [{"cpu": offers}], table)

    def apart(nodes):
        one, other = nodes
        return table[one][other]

    assert min(apart(hint.nodes) for hint in offers) == apart(best.nodes)


def test_a_pod_is_served_as_the_options_say(tmp_path):
    """Six of each of two close nodes of the four, in equal shares; nodes 0 and 3 are said to be the closest."""
    far = {one: {other: 10 if one == other else 12 if {one, other} == {0, 3} else 30 for other in range(4)} for one in range(4)}
    rules = Alignment(cpus="static", cpus_kept=1, reserved_cpus=frozenset({2}), policy="best-effort", closest=True,
                      cpu_options=EVEN)
    kept = keeper(tmp_path, rules, replace(TWICE, distances=far))

    assert [None] == admit(kept, asking("a", ("6", "1Gi")))
    assert "0-1,6-8,14" == pinned(kept, "a")


def test_the_kernel_tells_of_caches_and_distances(tmp_path):
    """Two nodes of two processors; one has a cache of the third level for both, the other only its own."""
    files = {"cpu/online": "0-3", "node/node0/cpulist": "0-1", "node/node1/cpulist": "2-3",
             "node/node0/distance": "10 21", "node/node1/distance": "21 10"}
    for number in range(4):
        files[f"cpu/cpu{number}/topology/core_id"] = f"{number}"
        files[f"cpu/cpu{number}/topology/physical_package_id"] = f"{number // 2}"
        files[f"cpu/cpu{number}/cache/index2/level"] = "2"
        files[f"cpu/cpu{number}/cache/index2/shared_cpu_list"] = f"{number}"
    for number in range(2):
        files[f"cpu/cpu{number}/cache/index3/level"] = "3"
        files[f"cpu/cpu{number}/cache/index3/shared_cpu_list"] = f"{number},9"     # 9 is off
        files[f"node/node{number}/meminfo"] = "MemTotal: 1 kB"
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    found = read(tmp_path)

    assert [0, 1, 2, 2] == [cpu.cache for cpu in found.cpus.values()]
    assert {0: {0: 10, 1: 21}, 1: {0: 21, 1: 10}} == found.distances


STATIC = {**HEAD, "cpuManagerPolicy": "static", "reservedSystemCPUs": "0"}
OPEN = {"featureGates": {"CPUManagerPolicyAlphaOptions": True}}


def switched(*names):
    return {"cpuManagerPolicyOptions": dict.fromkeys(names, "true")}


BAD = [
    *[pytest.param({**switched(name)}, 'CPU Manager Policy Alpha-level Options not enabled, but option "' + name,
                   id=f"{name} is alpha") for name in cpus.ALPHA],
    *[pytest.param({**switched(name), "featureGates": {"CPUManagerPolicyBetaOptions": False}},
                   'CPU Manager Policy Beta-level Options not enabled, but option "' + name,
                   id=f"{name} is beta") for name in cpus.BETA],
    *[pytest.param({**OPEN, **switched(*pair)}, f"static policy options {pair[0]} and {pair[1]} can not be used at the "
                   "same time", id=" and ".join(pair)) for pair in cpus.APART],
    pytest.param({**OPEN, **switched(cpus.BY_SOCKET), "topologyManagerPolicy": "single-numa-node"},
                 "topology manager single-numa-node policy is incompatible with CPU manager align-by-socket",
                 id="one node or a socket"),
    pytest.param({"topologyManagerPolicyOptions": {"max-allowable-numa-nodes": "7"}},
                 "the minimum value of max-allowable-numa-nodes should not be less than 8", id="too few nodes"),
    pytest.param({"topologyManagerPolicyOptions": {"max-allowable-numa-nodes": "many"}},
                 "expected a whole number (got many)", id="no number of nodes"),
    pytest.param({"topologyManagerPolicyOptions": {"max-allowable-numa-nodes": "9"},
                  "featureGates": {"TopologyManagerPolicyBetaOptions": False}},
                 "Topology Manager Policy Beta-level Options not enabled", id="nodes are beta"),
    pytest.param({"topologyManagerPolicyOptions": {"prefer-closest-numa-nodes": "maybe"}},
                 "expected true or false (got maybe)", id="close or not"),
    pytest.param({"topologyManagerPolicyOptions": {"closest": "true"}}, "closest: not followed", id="another option"),
    pytest.param({"featureGates": {"NodeSwap": True}}, "featureGates.NodeSwap: not followed", id="another gate"),
    pytest.param({"featureGates": {"CPUManagerPolicyAlphaOptions": "yes"}}, "expected true or false (got 'yes')",
                 id="gates are truths"),
]


@pytest.mark.parametrize(("said", "fault"), BAD)
def test_bad_options_are_named(said, fault):
    with pytest.raises(BadRules) as refused:
        kubeletfile.read({**STATIC, **said})
    assert fault in str(refused.value)


def test_good_options_are_read():
    alpha = kubeletfile.read({**STATIC, **OPEN, **switched(cpus.FULL_CORES, BY_CACHE, cpus.BY_SOCKET)}).alignment
    nodes = kubeletfile.read({**STATIC, "topologyManagerPolicyOptions": {
        "prefer-closest-numa-nodes": "true", "max-allowable-numa-nodes": "12"}}).alignment

    assert {cpus.FULL_CORES, BY_CACHE, cpus.BY_SOCKET} == alpha.cpu_options
    assert (True, 12) == (nodes.closest, nodes.nodes_max)
    assert (False, hints.NODES_MAX) == (alpha.closest, alpha.nodes_max)


@pytest.mark.parametrize(("rules", "there", "fault"), [
    (Alignment(cpus="static", cpu_options=SOCKETS), machine(sockets=2, nodes=1, caches=1), "number of sockets are more"),
    (Alignment(policy="restricted", closest=True), TWICE, "does not tell the distances"),
    (Alignment(policy="restricted", nodes_max=9), machine(sockets=1, nodes=10, caches=1, cores=10), "more than 9"),
    (Alignment(policy="restricted", nodes_max=10), machine(sockets=1, nodes=10, caches=1, cores=10), ""),
    (Alignment(policy="restricted", closest=True), replace(TWICE, distances=LINE), ""),
    (Alignment(closest=True), TWICE, ""),
])
def test_options_are_judged_by_the_machine(rules, there, fault):
    if not fault:
        alignmentfile.check(rules, 0, there)
        return
    with pytest.raises(BadRules, match=fault):
        alignmentfile.check(rules, 0, there)
