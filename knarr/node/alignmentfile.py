"""Read what a KubeletConfiguration says of processors, memory and how close they are to lie. Pure.

Source: kube kubelet/config/v1beta1/types.go, cm/cpumanager/policy_static.go and policy_options.go,
cm/memorymanager/memory_manager.go, cm/topologymanager/policy_options.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from knarr.node.alignment import cpus, hints
from knarr.node.alignment.topology import Topology, parse
from knarr.node.filefields import BadRules, amount, mapping, one_of, whole
from knarr.node.rules import Alignment

FIELDS: Final = frozenset({
    "cpuManagerPolicy", "cpuManagerPolicyOptions", "reservedSystemCPUs", "memoryManagerPolicy", "reservedMemory",
    "topologyManagerPolicy", "topologyManagerPolicyOptions", "topologyManagerScope", "featureGates"})
CPU, CLOSENESS = "cpuManagerPolicyOptions", "topologyManagerPolicyOptions"
GATES: Final = {"CPUManagerPolicyAlphaOptions": False, "CPUManagerPolicyBetaOptions": True,
                "TopologyManagerPolicyAlphaOptions": False, "TopologyManagerPolicyBetaOptions": True}
GATE_OF: Final = {**dict.fromkeys(cpus.ALPHA, "CPUManagerPolicyAlphaOptions"),
                  **dict.fromkeys(cpus.BETA, "CPUManagerPolicyBetaOptions"),
                  **dict.fromkeys(hints.BETA, "TopologyManagerPolicyBetaOptions")}
REFUSED: Final = {"CPUManagerPolicyAlphaOptions": "CPU Manager Policy Alpha-level Options",
                  "CPUManagerPolicyBetaOptions": "CPU Manager Policy Beta-level Options",
                  "TopologyManagerPolicyBetaOptions": "Topology Manager Policy Beta-level Options"}
MILLI: Final = 1000


def read(document: Mapping[str, Any], *, kept_milli: int) -> Alignment:
    """Return the rules. kept_milli: what of the processors is reserved. Raises BadRules."""
    named = reserved_cpus(document)
    policy: Any = one_of(document, "cpuManagerPolicy", ("none", "static"))
    memory: Any = one_of(document, "memoryManagerPolicy", ("None", "Static"))
    close: Any = one_of(document, "topologyManagerPolicy", hints.POLICIES)
    scope: Any = one_of(document, "topologyManagerScope", hints.SCOPES)
    kept = len(named) or -(-kept_milli // MILLI)
    if policy == "static" and not kept:
        raise BadRules("cpuManagerPolicy: the static policy requires systemReserved.cpu + kubeReserved.cpu to be "
                       "greater than zero, or reservedSystemCPUs")
    open_gates = gates(document)
    chosen = cpu_options(document, policy, open_gates)
    if cpus.BY_SOCKET in chosen and close == "single-numa-node":
        raise BadRules(f"{CPU}: topology manager {close} policy is incompatible with CPU manager {cpus.BY_SOCKET} "
                       "policy option")
    closest, nodes_max = closeness(document, open_gates)
    reserved = reserved_memory(document)
    if memory == "Static" and not reserved:
        raise BadRules("memoryManagerPolicy: the Static policy requires reservedMemory")
    if memory == "None" and reserved:
        raise BadRules("reservedMemory: memoryManagerPolicy must be Static")
    return Alignment(cpus=policy, cpu_options=chosen, cpus_kept=kept, reserved_cpus=named, memory=memory,
                     reserved_memory=reserved, policy=close, scope=scope, closest=closest, nodes_max=nodes_max)


def check(rules: Alignment, kept_bytes: int, machine: Topology) -> None:
    """Refuse what this machine does not have. kept_bytes: memory that pods may not use. Raises BadRules."""
    if unknown := rules.reserved_cpus - machine.numbers:
        raise BadRules(f"reservedSystemCPUs: this machine has no processors {sorted(unknown)}")
    if rules.cpus == "static" and rules.cpus_kept > len(machine.numbers):
        raise BadRules(f"cpuManagerPolicy: {rules.cpus_kept} processors are reserved, {len(machine.numbers)} are there")
    if cpus.BY_SOCKET in rules.cpu_options and len(machine.sockets(machine.nodes)) > len(machine.nodes):
        raise BadRules(f"{CPU}.{cpus.BY_SOCKET}: not compatible with hardware where number of sockets are more than "
                       "number of NUMA")
    if rules.policy != "none" and len(machine.nodes) > rules.nodes_max:
        raise BadRules(f"topologyManagerPolicy: this machine has {len(machine.nodes)} NUMA nodes; more than "
                       f"{rules.nodes_max} are not supported")
    if rules.policy != "none" and rules.closest and machine.distances.keys() != machine.nodes:
        raise BadRules(f"{CLOSENESS}.{hints.CLOSEST}: this machine does not tell the distances of its NUMA nodes")
    if strange := rules.reserved_memory.keys() - machine.nodes:
        raise BadRules(f"reservedMemory: this machine has no NUMA nodes {sorted(strange)}")
    total = sum(amounts.get("memory", 0) for amounts in rules.reserved_memory.values())
    if rules.memory == "Static" and total != kept_bytes:
        raise BadRules(f'reservedMemory: the total amount {total} of type "memory" is not equal to the value '
                       f"{kept_bytes} determined by Node Allocatable feature: kubeReserved, systemReserved and the "
                       "hard eviction threshold")


def reserved_cpus(document: Mapping[str, Any]) -> frozenset[int]:
    """Return the processors that are named as reserved."""
    text = str(document.get("reservedSystemCPUs") or "")
    try:
        found = parse(text)
    except ValueError as error:
        raise BadRules(f"reservedSystemCPUs: expected a list like 0-1,8 (got {text})") from error
    if found and (document.get("systemReservedCgroup") or document.get("kubeReservedCgroup")):
        raise BadRules("reservedSystemCPUs: cannot be used with systemReservedCgroup or kubeReservedCgroup")
    return found


def gates(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the feature gates that are open. Those of Kubernetes 1.33 that this node has no use for are refused."""
    said = mapping(document, "featureGates")
    for name, value in said.items():
        if name not in GATES:
            raise BadRules(f"featureGates.{name}: not followed by this node; it follows {', '.join(GATES)}")
        if not isinstance(value, bool):
            raise BadRules(f"featureGates.{name}: expected true or false (got {value!r})")
    return frozenset(name for name, value in {**GATES, **said}.items() if value)


def cpu_options(document: Mapping[str, Any], policy: str, open_gates: frozenset[str]) -> frozenset[str]:
    """Return the options that are switched on."""
    said = mapping(document, CPU)
    for name in said:
        check_option(CPU, name, cpus.OPTIONS, open_gates)
    found = frozenset(name for name, text in said.items() if switch(text, f"{CPU}.{name}"))
    if found and policy != "static":
        raise BadRules(f"{CPU}: cpuManagerPolicy must be static")
    for one, other in cpus.APART:
        if found >= {one, other}:
            raise BadRules(f"{CPU}: static policy options {one} and {other} can not be used at the same time")
    return found


def closeness(document: Mapping[str, Any], open_gates: frozenset[str]) -> tuple[bool, int]:
    """Return whether close NUMA nodes are better, and how many a machine may have."""
    said = mapping(document, CLOSENESS)
    for name in said:
        check_option(CLOSENESS, name, hints.OPTIONS, open_gates)
    try:
        most = int(said.get(hints.ALLOWED, hints.NODES_MAX))
    except (TypeError, ValueError) as error:
        raise BadRules(f"{CLOSENESS}.{hints.ALLOWED}: expected a whole number (got {said[hints.ALLOWED]})") from error
    if most < hints.NODES_MAX:
        raise BadRules(f"{CLOSENESS}: the minimum value of {hints.ALLOWED} should not be less than {hints.NODES_MAX}")
    return switch(said.get(hints.CLOSEST, "false"), f"{CLOSENESS}.{hints.CLOSEST}"), most


def check_option(field: str, name: str, known: Sequence[str], open_gates: frozenset[str]) -> None:
    """Refuse an option that is not known, or not open to all. Raises BadRules."""
    if name not in known:
        raise BadRules(f"{field}.{name}: not followed by this node; it follows {', '.join(known)}")
    gate = GATE_OF.get(name)
    if gate is not None and gate not in open_gates:
        raise BadRules(f'{field}: {REFUSED[gate]} not enabled, but option "{name}" provided (featureGates: {gate})')


def switch(text: object, where: str) -> bool:
    """Return what an option says, a word as all options' values are."""
    if str(text).lower() not in ("true", "false"):
        raise BadRules(f"{where}: expected true or false (got {text})")
    return str(text).lower() == "true"


def reserved_memory(document: Mapping[str, Any]) -> dict[int, dict[str, int]]:
    """Return what is kept from pods on which NUMA node."""
    lines = document.get("reservedMemory") or []
    if not isinstance(lines, list):
        raise BadRules(f"reservedMemory: expected a list (got {lines!r})")
    found: dict[int, dict[str, int]] = {}
    for line in lines:
        if not isinstance(line, Mapping):
            raise BadRules(f"reservedMemory: expected numaNode and limits (got {line!r})")
        node = whole(line, "numaNode", 0)
        if node in found:
            raise BadRules(f"reservedMemory: NUMA node {node} stands there twice")
        found[node] = {name: amount(text, f"reservedMemory.{name}") for name, text in mapping(line, "limits").items()}
    return found
