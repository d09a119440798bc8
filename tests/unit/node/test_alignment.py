"""Processors, memory and devices of one's own, close to each other: on machines that are only told of."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.node import alignmentfile, kubeletfile
from knarr.node.alignment import cpus
from knarr.node.alignment.book import Book
from knarr.node.alignment.hints import Hint, agree, subsets
from knarr.node.alignment.packing import NotEnough
from knarr.node.alignment.topology import Cpu, Topology, listed, parse, read
from knarr.node.cri.face import NO_PIN, Pin, RuntimeFault
from knarr.node.devices.face import NoDevices
from knarr.node.devices.pool import Pool
from knarr.node.devices.pool import offers as device_offers
from knarr.node.filefields import BadRules
from knarr.node.keeper import UNFIT, Keeper, Runner
from knarr.node.rules import Alignment
from tests.unit.node.making import pod

GIB = 1 << 30


def machine(nodes=2, cores=4, threads=2, memory=4 * GIB):
    """Return a machine of so many sockets, each a NUMA node; siblings are numbered as Linux does: 0 and 8, 1 and 9."""
    count = nodes * cores
    return Topology({thread * count + core: Cpu(thread * count + core, core, core // cores, core // cores,
                                                core // cores * cores)
                     for thread in range(threads) for core in range(count)},
                    {node: {"memory": memory} for node in range(nodes)})


STATIC = Alignment(cpus="static", reserved_cpus=frozenset({0}), cpus_kept=1)


def asking(name, *amounts, inits=(), sidecars=(), qos="Guaranteed"):
    """Return a pod whose containers ask for (cpu, memory)."""
    def containers(prefix, listed_amounts, **more):
        return [{"name": f"{prefix}{number}", "image": "app:1", **more,
                 "resources": {"limits": {"cpu": cpu, "memory": memory}, "requests": {"cpu": cpu, "memory": memory}}}
                for number, (cpu, memory) in enumerate(listed_amounts)]

    return pod(name=name, status={"qosClass": qos}, containers=containers("c", amounts),
               initContainers=[*containers("i", inits), *containers("s", sidecars, restartPolicy="Always")])


def keeper(tmp_path, rules=STATIC, topology=None, devices=None):
    there, book = topology or machine(), Book(tmp_path / "alignment.json")
    book.read(there.numbers, there.nodes)
    return Keeper(rules, there, book, devices or NoDevices())


def admit(keeper, *pods):
    """Return the refusals, in order."""
    async def all_of_them():
        return [await keeper.admit(one) for one in pods]
    return asyncio.run(all_of_them())


def pinned(keeper, name, container="c0"):
    return keeper.pin(f"uid-{name}", container).cpus


@pytest.mark.parametrize("text", ["", "0", "0-3", "0-2,8", "1,3,5-7"])
def test_lists_of_numbers_are_the_kernels(text):
    assert text == listed(parse(text))


TAKES = [
    pytest.param(range(16), 8, "0-3,8-11", id="a whole node"),
    pytest.param(range(16), 2, "0,8", id="a whole core"),
    pytest.param(range(16), 3, "0-1,8", id="a core and a thread"),
    pytest.param([*range(1, 8), *range(9, 16)], 2, "1,9", id="cores of the node that is used already"),
    pytest.param([*range(16)][1:], 1, "8", id="the sibling of one that is used already"),
    pytest.param([*range(1, 8), *range(9, 16)], 8, "4-7,12-15", id="the node that is whole"),
    pytest.param(range(16), 16, "0-15", id="all"),
]


@pytest.mark.parametrize(("available", "count", "taken"), TAKES)
def test_what_is_whole_stays_whole(available, count, taken):
    assert taken == listed(cpus.take(machine(), frozenset(available), count))


@given(st.sets(st.integers(0, 15)), st.integers(0, 16), st.sets(st.integers(0, 1), min_size=1))
def test_so_many_of_those_there_are(available, count, near):
    """Never others, never more or fewer; as many as possible of where they shall be."""
    there = machine()
    if count > len(available):
        with pytest.raises(NotEnough, match=f"requested={count}, available={len(available)}"):
            cpus.take(there, frozenset(available), count)
        return
    found = cpus.chosen(there, frozenset(available), count, frozenset(near))
    close = there.on(near)

    assert (count, True) == (len(found), found <= available)
    assert min(count, len(close & available)) == len(found & close)


def hint(*nodes, preferred=True):
    return Hint(frozenset(nodes) if nodes else None, preferred)


AGREEMENTS = [
    pytest.param("best-effort", [{"a": [hint(0), hint(1), hint(0, 1, preferred=False)]}], hint(0), True, id="the first of alike"),
    pytest.param("restricted", [{"a": [hint(0), hint(1)]}, {"b": [hint(1)]}], hint(1), True, id="what both prefer"),
    pytest.param("restricted", [{"a": [hint(0)]}, {"b": [hint(1)]}], hint(0, 1, preferred=False), False, id="no agreement"),
    pytest.param("best-effort", [{"a": [hint(0)]}, {"b": [hint(1)]}], hint(0, 1, preferred=False), True, id="no matter"),
    pytest.param("restricted", [{"a": [hint(0, 1)]}], hint(0, 1), True, id="needs both"),
    pytest.param("single-numa-node", [{"a": [hint(0, 1)]}], hint(preferred=False), False, id="one must do"),
    pytest.param("single-numa-node", [{"a": None}, {}], hint(), True, id="nobody minds"),
    pytest.param("restricted", [{"a": []}], hint(0, 1, preferred=False), False, id="nothing does"),
    pytest.param("best-effort", [{"a": [hint(0, preferred=False), hint(0, 1, preferred=False)]}, {"b": [hint(0, 1)]}],
                 hint(0, 1, preferred=False), True, id="rather as wide as the widest needs"),
    pytest.param("none", [{"a": []}], hint(preferred=False), True, id="no policy"),
]


@pytest.mark.parametrize(("policy", "offers", "best", "admitted"), AGREEMENTS)
def test_agreements(policy, offers, best, admitted):
    found, taken = agree(policy, frozenset({0, 1}), offers)

    assert (best, admitted) == (found, taken)


HINTS = st.lists(st.builds(Hint, st.sampled_from([None, *subsets(range(3))]), st.booleans()), max_size=4)


@given(st.lists(st.dictionaries(st.sampled_from("ab"), st.none() | HINTS), max_size=3))
def test_agreements_are_in_all_offers(offers):
    """What is preferred is in a preferred hint of every offer; single-numa-node is never two."""
    for policy in ("best-effort", "restricted", "single-numa-node"):
        best, admitted = agree(policy, frozenset(range(3)), offers)
        lists = [hints for one in offers for hints in one.values() if hints]
        if best.preferred and best.nodes:
            assert all(any(h.preferred and (h.nodes is None or best.nodes <= h.nodes) for h in hints) for hints in lists)
        if policy == "single-numa-node" and admitted:
            assert best.nodes is None or len(best.nodes) == 1
        assert admitted or policy != "best-effort"


def test_whole_processors_of_a_guaranteed_pod_are_its_own(tmp_path):
    """The others share what is left; what asks for parts, or is not guaranteed, shares."""
    kept = keeper(tmp_path)
    refused = admit(kept, asking("two", ("2", "1Gi")), asking("part", ("1500m", "1Gi")),
                    asking("burst", ("2", "1Gi"), qos="Burstable"))

    assert [None] * 3 == refused
    assert ("1,9", "0,2-8,10-15") == (pinned(kept, "two"), pinned(kept, "part"))
    assert pinned(kept, "part") == pinned(kept, "burst") == pinned(kept, "nobody")
    kept.release("uid-two")
    assert "0-15" == pinned(kept, "part")


def test_a_pod_that_asks_for_too_many_is_refused_and_leaves_nothing(tmp_path):
    kept = keeper(tmp_path)
    (refusal,) = admit(kept, asking("large", ("2", "1Gi"), ("14", "1Gi")))

    assert ("UnexpectedAdmissionError", "Allocate failed due to not enough cpus available to satisfy request: requested=14, "
            "available=13, which is unexpected") == (refusal.reason, refusal.message)
    assert "0-15" == pinned(kept, "large")


def test_what_init_containers_had_is_used_again(tmp_path):
    """A sidecar keeps its own; the containers after an init container have what it had."""
    kept = keeper(tmp_path)
    admit(kept, asking("a", ("4", "1Gi"), inits=[("4", "1Gi")], sidecars=[("2", "1Gi")]))
    sets = {name: parse(pinned(kept, "a", name)) for name in ("i0", "s0", "c0")}

    assert not sets["s0"] & sets["c0"]
    assert sets["s0"] <= sets["i0"]
    assert 4 + 2 == len(sets["i0"] | sets["s0"] | sets["c0"])


def test_it_is_known_again_by_the_next_agent(tmp_path):
    first = keeper(tmp_path)
    admit(first, asking("two", ("2", "1Gi")))
    second = keeper(tmp_path)
    admit(second, asking("two", ("2", "1Gi")), asking("more", ("2", "1Gi")))

    assert ("1,9", "2,10") == (pinned(second, "two"), pinned(second, "more"))
    second.keep({"uid-more"})
    assert "0-1,3-9,11-15" == pinned(second, "two")
    assert "0-7" == pinned(keeper(tmp_path, topology=machine(1, 8, 1)), "more"), "what the machine has no more"


def test_who_was_taken_is_not_judged_again(tmp_path):
    """All there is is his: a new agent that looks for as much again finds nothing, and need not."""
    for _ in range(2):
        kept = keeper(tmp_path, replace(STATIC, policy="single-numa-node"), machine(1, 4, 1))
        assert [None] == admit(kept, asking("all", ("3", "1Gi")))
        assert "1-3" == pinned(kept, "all")


def test_who_runs_already_is_not_ended_by_new_rules(tmp_path):
    """Taken over from an agent with other rules, it shares where it cannot have its own."""
    kept = keeper(tmp_path, topology=machine(1, 4, 1))

    assert asyncio.run(kept.admit(asking("large", ("8", "1Gi")), runs=True)) is None
    assert "0-3" == pinned(kept, "large")
    assert asyncio.run(kept.admit(asking("large", ("8", "1Gi")))) is None, "once and for all"


def test_whole_cores_only(tmp_path):
    kept = keeper(tmp_path, Alignment(cpus="static", cpus_kept=2, cpu_options=frozenset({cpus.FULL_CORES})))
    three, two = admit(kept, asking("three", ("3", "1Gi")), asking("two", ("2", "1Gi")))

    assert ("SMTAlignmentError", "SMT Alignment Error: requested 3 cpus not multiple cpus per core = 2") == (
        three.reason, three.message)
    assert (None, "1,9") == (two, pinned(kept, "two"))


def test_reserved_ones_may_be_kept_from_all(tmp_path):
    kept = keeper(tmp_path, Alignment(cpus="static", cpus_kept=2, cpu_options=frozenset({cpus.STRICT_RESERVATION})))

    assert "1-7,9-15" == pinned(kept, "anyone")


@pytest.mark.parametrize(("policy", "scope", "refused"), [
    ("best-effort", "container", None), ("restricted", "container", None), ("single-numa-node", "container", None),
    ("single-numa-node", "pod", UNFIT), ("restricted", "pod", None),
])
def test_scopes(tmp_path, policy, scope, refused):
    """Two containers of six each fit into nodes of eight one by one, but not both into one."""
    rules = Alignment(cpus="static", cpus_kept=1, reserved_cpus=frozenset({0}), policy=policy, scope=scope)
    kept = keeper(tmp_path, rules)

    assert [refused] == admit(kept, asking("a", ("6", "1Gi"), ("6", "1Gi")))
    if scope == "container":
        assert [{0}, {1}] == [{kept._topology.cpus[n].node for n in parse(pinned(kept, "a", c))} for c in ("c0", "c1")]


MEMORY = Alignment(memory="Static", reserved_memory={0: {"memory": GIB}}, policy="single-numa-node")


def test_memory_is_counted_where_it_lies(tmp_path):
    """Three GiB are left on one node, four on the other; who asks for five may not have both under this policy."""
    kept = keeper(tmp_path, MEMORY)
    refused = admit(kept, asking("a", ("1", "3Gi")), asking("b", ("1", "3Gi")), asking("c", ("1", "2Gi")),
                    asking("d", ("1", "5Gi")), asking("e", ("1", "1Gi")))

    assert [None, None, UNFIT, UNFIT, None] == refused
    assert ["0", "1", "1"] == [kept.pin(f"uid-{name}", "c0").nodes for name in "abe"]
    assert Pin() == kept.pin("uid-none", "c0")
    assert "Memory Manager" in kept.fixed("uid-a")


def test_memory_of_several_nodes_is_shared_by_the_same_nodes(tmp_path):
    """Without a policy: six GiB take both nodes; what then asks for one of them alone is refused, what asks for both not."""
    kept = keeper(tmp_path, Alignment(memory="Static", reserved_memory={0: {"memory": GIB}}))
    large, alone = admit(kept, asking("large", ("1", "5Gi")), asking("alone", ("1", "1Gi")))

    assert (None, None) == (large, alone)
    assert ("0-1", "0-1") == (kept.pin("uid-large", "c0").nodes, kept.pin("uid-alone", "c0").nodes)
    (refusal,) = admit(kept, asking("late", ("1", "2Gi")))
    assert "Allocate failed due to [memorymanager] failed to find the default preferred hint" in refusal.message


def test_memory_of_an_init_container_counts_once(tmp_path):
    kept = keeper(tmp_path, MEMORY, machine(nodes=1))
    refused = admit(kept, asking("a", ("1", "2Gi"), inits=[("1", "3Gi")]), asking("b", ("1", "1Gi")))

    assert [None, UNFIT] == refused, "the init container needs three GiB while it runs"


def test_devices_offer_the_nodes_they_lie_at():
    """Three lamps at node 0, one at node 1, one anywhere."""
    lamps = {f"lamp-{number}": True for number in range(5)}
    nodes = {"lamp-0": frozenset({0}), "lamp-1": frozenset({0}), "lamp-2": frozenset({0}), "lamp-3": frozenset({1})}
    pool = Pool("lamps", lamps, nodes=nodes)

    def offers(count, used=frozenset(), again=frozenset()):
        return device_offers(pool, count, frozenset({0, 1}), used=used, again=again)

    assert [hint(0), hint(1), hint(0, 1, preferred=False)] == offers(1)
    assert [hint(0), hint(0, 1, preferred=False)] == offers(2)
    assert [hint(0, 1, preferred=False)] == offers(2, used=frozenset({"lamp-0", "lamp-1"}))
    assert [hint(1), hint(0, 1, preferred=False)] == offers(1, again=frozenset({"lamp-3"}))
    assert [] == offers(6)
    assert device_offers(Pool("plain", lamps), 1, frozenset({0}), used=frozenset(), again=frozenset()) is None


class Runtime:
    """Remembers what it was told."""

    def __init__(self):
        self.pins, self.fails = {}, 0

    async def update_pin(self, container_id, pin):
        if self.fails:
            self.fails -= 1
            raise RuntimeFault("UNAVAILABLE", "away")
        self.pins[container_id] = pin


async def test_those_that_share_are_told(tmp_path):
    """At once when another takes or gives back; whoever has his own stays; a runtime that is away is asked again."""
    kept, runtime, there = keeper(tmp_path), Runtime(), [Runner("uid-shares", "c0", "id-1"), Runner("uid-two", "c0", "id-2")]
    task = asyncio.create_task(kept.run(runtime.update_pin, lambda: there))

    async def settled(expected):
        async with asyncio.timeout(30):
            while runtime.pins.get("id-1") != Pin(expected):  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    await settled("0-15")
    await kept.admit(asking("two", ("2", "1Gi")))
    await settled("0,2-8,10-15")
    assert Pin("1,9") == runtime.pins["id-2"]
    kept.release("uid-two")
    await settled("0-15")
    task.cancel()


async def test_without_the_policy_all_run_everywhere_again(tmp_path):
    """Those that an agent with another policy had pinned are let go, and it is forgotten."""
    await keeper(tmp_path).admit(asking("two", ("2", "1Gi")))
    kept, runtime = keeper(tmp_path, Alignment()), Runtime()
    task = asyncio.create_task(kept.run(runtime.update_pin, lambda: [Runner("uid-two", "c0", "id-2")]))
    async with asyncio.timeout(30):
        while (tmp_path / "alignment.json").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    task.cancel()

    assert ({"id-2": Pin("0-15", "0-1")}, NO_PIN) == (runtime.pins, kept.pin("uid-two", "c0"))


def test_the_kernel_is_read(tmp_path):
    """Two nodes of one core with two threads each; the second has huge pages."""
    files = {"cpu/online": "0-3\n"}
    for number in range(4):
        files[f"cpu/cpu{number}/topology/core_id"] = "0\n"
        files[f"cpu/cpu{number}/topology/physical_package_id"] = f"{number % 2}\n"
    for node in range(2):
        files[f"node/node{node}/cpulist"] = f"{node},{node + 2}\n"
        files[f"node/node{node}/meminfo"] = f"Node {node} MemTotal:       2048 kB\n"
    files["node/node1/hugepages/hugepages-2048kB/nr_hugepages"] = "3\n"
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    found = read(tmp_path)

    assert machine(2, 1, 2, memory=2 << 20).cpus == found.cpus
    assert {0: {"memory": 2 << 20}, 1: {"memory": 2 << 20, "hugepages-2Mi": 3 * (2 << 20)}} == found.memory
    assert read().numbers, "this machine"


HEAD = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
BAD = [
    ({"cpuManagerPolicy": "static"}, "requires systemReserved.cpu + kubeReserved.cpu to be greater than zero"),
    ({"cpuManagerPolicy": "often"}, "cpuManagerPolicy: expected one of none, static (got often)"),
    ({"cpuManagerPolicyOptions": {"full-pcpus-only": "true"}}, "cpuManagerPolicy must be static"),
    ({"cpuManagerPolicyOptions": {"stay-awake": "true"}}, "stay-awake: not followed by this node"),
    ({"reservedSystemCPUs": "a-b"}, "reservedSystemCPUs: expected a list like 0-1,8 (got a-b)"),
    ({"reservedSystemCPUs": "0", "kubeReservedCgroup": "/k"}, "cannot be used with systemReservedCgroup"),
    ({"memoryManagerPolicy": "Static"}, "the Static policy requires reservedMemory"),
    ({"reservedMemory": [{"numaNode": 0, "limits": {"memory": "1Gi"}}]}, "memoryManagerPolicy must be Static"),
    ({"reservedMemory": [{"numaNode": -1}]}, "numaNode: expected a whole number"),
    ({"reservedMemory": [{"numaNode": 0}, {"numaNode": 0}]}, "NUMA node 0 stands there twice"),
    ({"reservedMemory": "much"}, "reservedMemory: expected a list"),
    ({"topologyManagerPolicy": "near"}, "topologyManagerPolicy: expected one of none, best-effort"),
    ({"topologyManagerScope": "node"}, "topologyManagerScope: expected one of container, pod (got node)"),
]


@pytest.mark.parametrize(("said", "fault"), BAD, ids=[fault[:40] for _, fault in BAD])
def test_bad_rules_name_their_field(said, fault):
    with pytest.raises(BadRules) as refused:
        kubeletfile.read({**HEAD, **said})
    assert fault in str(refused.value)


def test_rules_are_read_and_judged_by_the_machine():
    """Named processors take the place of amounts; the machine must have what is named."""
    rules = kubeletfile.read({**HEAD, "cpuManagerPolicy": "static", "reservedSystemCPUs": "0,8", "kubeReserved": {
        "cpu": "500m", "memory": "1Gi"}, "memoryManagerPolicy": "Static", "topologyManagerPolicy": "restricted",
        "topologyManagerScope": "pod", "cpuManagerPolicyOptions": {"full-pcpus-only": "true"},
        "reservedMemory": [{"numaNode": 0, "limits": {"memory": "1Gi"}}]})
    found = rules.alignment

    assert (2000, {0, 8}, "restricted", "pod") == (rules.reserved("cpu"), found.reserved_cpus, found.policy, found.scope)
    alignmentfile.check(found, GIB, machine())
    for kept, there, fault in ((GIB, machine(1, 4, 2), "no processors"), (GIB + 1, machine(), "is not equal to the value"),
                               (GIB, Topology(machine().cpus), None)):
        if fault is not None:
            with pytest.raises(BadRules, match=fault):
                alignmentfile.check(found, kept, there)
