"""Read what a KubeletConfiguration says of processors, memory and how close they are to lie. Pure.

Source: kube kubelet/config/v1beta1/types.go, cm/cpumanager/policy_static.go, cm/memorymanager/memory_manager.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from knarr.node.alignment import cpus, hints
from knarr.node.alignment.topology import Topology, parse
from knarr.node.filefields import BadRules, amount, mapping, one_of, whole
from knarr.node.rules import Alignment

FIELDS: Final = frozenset({
    "cpuManagerPolicy", "cpuManagerPolicyOptions", "reservedSystemCPUs", "memoryManagerPolicy", "reservedMemory",
    "topologyManagerPolicy", "topologyManagerScope"})
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
    reserved = reserved_memory(document)
    if memory == "Static" and not reserved:
        raise BadRules("memoryManagerPolicy: the Static policy requires reservedMemory")
    if memory == "None" and reserved:
        raise BadRules("reservedMemory: memoryManagerPolicy must be Static")
    return Alignment(cpus=policy, cpu_options=options(document, policy), cpus_kept=kept, reserved_cpus=named,
                     memory=memory, reserved_memory=reserved, policy=close, scope=scope)


def check(rules: Alignment, kept_bytes: int, machine: Topology) -> None:
    """Refuse what this machine does not have. kept_bytes: memory that pods may not use. Raises BadRules."""
    if unknown := rules.reserved_cpus - machine.numbers:
        raise BadRules(f"reservedSystemCPUs: this machine has no processors {sorted(unknown)}")
    if rules.cpus == "static" and rules.cpus_kept > len(machine.numbers):
        raise BadRules(f"cpuManagerPolicy: {rules.cpus_kept} processors are reserved, {len(machine.numbers)} are there")
    if rules.policy != "none" and len(machine.nodes) > hints.NODES_MAX:
        raise BadRules(f"topologyManagerPolicy: this machine has {len(machine.nodes)} NUMA nodes; more than "
                       f"{hints.NODES_MAX} are not supported")
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


def options(document: Mapping[str, Any], policy: str) -> frozenset[str]:
    """Return the options that are switched on."""
    said = mapping(document, "cpuManagerPolicyOptions")
    for name, text in said.items():
        if name not in cpus.OPTIONS:
            raise BadRules(f"cpuManagerPolicyOptions.{name}: not followed by this node; it follows "
                           f"{', '.join(cpus.OPTIONS)}")
        if str(text).lower() not in ("true", "false"):
            raise BadRules(f"cpuManagerPolicyOptions.{name}: expected true or false (got {text})")
    found = frozenset(name for name, text in said.items() if str(text).lower() == "true")
    if found and policy != "static":
        raise BadRules("cpuManagerPolicyOptions: cpuManagerPolicy must be static")
    return found


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
