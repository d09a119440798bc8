"""The scheduler once more, one node and one pod at a time, with no arrays: what the columns must agree with."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from knarr.api.types import core_v1
from knarr.scheduler import requests
from knarr.scheduler.needs import Needs, Spread
from knarr.scheduler.plugins import nodestate, taints
from knarr.scheduler.terms import holds, node_matches


@dataclass
class TwinNode:
    """One node and the pods on it."""

    node: core_v1.Node
    pods: list[Needs] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.node.metadata.name or ""

    @property
    def labels(self) -> dict[str, str]:
        return self.node.metadata.labels

    def free(self, resource: str) -> int:
        total = requests.amounts(self.node.status.allocatable).get(resource, 0)
        return total - sum(pod.requests.get(resource, 0) for pod in self.pods)


def best_nodes(pod: Needs, nodes: list[TwinNode]) -> set[str]:
    """Return the names of the best nodes; empty if none will do."""
    feasible = [one for one in nodes if fits(pod, one, nodes)]
    totals = {one.name: 0 for one in feasible}
    for scores in (
        {one.name: least(pod, one) + balanced(pod, one) for one in feasible},
        scaled({one.name: disliked(pod, one) for one in feasible}, 3, reverse=True),
        scaled({one.name: wished(pod, one) for one in feasible}, 2),
        spread_scores(pod, feasible, nodes),
        bond_scores(pod, feasible, nodes),
    ):
        for name, score in scores.items():
            totals[name] += score
    return {name for name, total in totals.items() if total == max(totals.values())}


def fits(pod: Needs, one: TwinNode, nodes: list[TwinNode]) -> bool:
    """All filters, for one node."""
    if one.node.spec.unschedulable and not taints.tolerated(nodestate.CORDON_TAINT, pod.tolerations):
        return False
    hard = [taint for taint in one.node.spec.taints if taint.effect in ("NoSchedule", "NoExecute")]
    if not all(taints.tolerated(taint, pod.tolerations) for taint in hard) or not belongs(pod, one):
        return False
    if any(asked > one.free(name) for name, asked in pod.requests.items() if asked):
        return False
    if len(one.pods) >= requests.amounts(one.node.status.allocatable).get("pods", 0):
        return False
    wanted = {(port.protocol, port.port) for port in pod.ports}
    if any((port.protocol, port.port) in wanted for other in one.pods for port in other.ports):
        return False
    return even_enough(pod, one, nodes) and in_company(pod, one, nodes)


def belongs(pod: Needs, one: TwinNode) -> bool:
    """Node selector and required node affinity."""
    required = pod.node_required is None or node_matches(pod.node_required, one.name, one.labels)
    return holds(pod.node_selector, one.labels) and required


def even_enough(pod: Needs, one: TwinNode, nodes: list[TwinNode]) -> bool:
    """Hard topology spread."""
    keys = [spread.topology_key for spread in pod.spread_hard]
    for spread in pod.spread_hard:
        domains = {
            other.labels[spread.topology_key]: 0 for other in nodes
            if all(key in other.labels for key in keys) and belongs(pod, other)
        }
        for other in nodes:
            if all(key in other.labels for key in keys) and belongs(pod, other):
                domains[other.labels[spread.topology_key]] += like(spread, other)
        if spread.topology_key not in one.labels:
            return False
        fewest = 0 if len(domains) < spread.min_domains else min(domains.values(), default=0)
        itself = holds(spread.pods.selector, pod.labels)
        if domains.get(one.labels[spread.topology_key], 0) + itself - fewest > spread.max_skew:
            return False
    return True


def in_company(pod: Needs, one: TwinNode, nodes: list[TwinNode]) -> bool:
    """Required affinity and anti-affinity, both ways."""
    terms = pod.affinity_required

    def all_mean(other: Needs) -> bool:
        return all(term.pods.matches(other.namespace, other.labels, {}) for term in terms)

    placed = [(other, where) for where in nodes for other in where.pods]
    if terms and any(term.topology_key not in one.labels for term in terms):
        return False
    if terms:
        friends = [where for other, where in placed if all_mean(other)]
        anywhere = any(term.topology_key in where.labels for where in friends for term in terms)
        near = all(any(same(term.topology_key, where, one) for where in friends) for term in terms)
        if not near and (anywhere or not all_mean(pod)):
            return False
    for other, where in placed:
        for mine, term in [*((other, t) for t in pod.anti_required), *((pod, t) for t in other.anti_required)]:
            if term.pods.matches(mine.namespace, mine.labels, {}) and same(term.topology_key, where, one):
                return False
    return True


def same(key: str, one: TwinNode, other: TwinNode) -> bool:
    """Tell whether two nodes are in one domain."""
    return key in one.labels and one.labels[key] == other.labels.get(key)


def like(spread: Spread, one: TwinNode) -> int:
    """Count like pods on a node."""
    return sum(spread.pods.matches(pod.namespace, pod.labels, {}) for pod in one.pods)


def least(pod: Needs, one: TwinNode) -> int:
    """LeastAllocated."""
    total = requests.amounts(one.node.status.allocatable)
    parts = []
    for name, asked in (("cpu", pod.nonzero_cpu_milli), ("memory", pod.nonzero_memory_bytes)):
        used = sum(p.nonzero_cpu_milli if name == "cpu" else p.nonzero_memory_bytes for p in one.pods) + asked
        if total.get(name):
            parts.append(0 if used > total[name] else (total[name] - used) * 100 // total[name])
    return sum(parts) // len(parts) if parts else 0


def balanced(pod: Needs, one: TwinNode) -> int:
    """BalancedAllocation."""
    total = requests.amounts(one.node.status.allocatable)
    if not pod.requests.get("cpu") and not pod.requests.get("memory"):
        return 0
    used = {name: total[name] - one.free(name) + pod.requests.get(name, 0) for name in ("cpu", "memory")}
    cpu, memory = (min(used[name] / total[name], 1.0) for name in ("cpu", "memory"))
    return int((1 - abs(cpu - memory) / 2) * 100)


def disliked(pod: Needs, one: TwinNode) -> int:
    """Count PreferNoSchedule taints not tolerated."""
    mild = [t for t in pod.tolerations if not t.effect or t.effect == "PreferNoSchedule"]
    return sum(t.effect == "PreferNoSchedule" and not taints.tolerated(t, mild) for t in one.node.spec.taints)


def wished(pod: Needs, one: TwinNode) -> int:
    """Preferred node affinity."""
    return sum(weight for weight, term in pod.node_preferred if node_matches([term], one.name, one.labels))


def scaled(raw: dict[str, int], weight: int, *, reverse: bool = False) -> dict[str, int]:
    """DefaultNormalizeScore."""
    highest = max(raw.values(), default=0)
    if not highest:
        return dict.fromkeys(raw, weight * 100 if reverse else 0)
    parts = {name: one * 100 // highest for name, one in raw.items()}
    return {name: weight * (100 - part if reverse else part) for name, part in parts.items()}


def spread_scores(pod: Needs, feasible: list[TwinNode], nodes: list[TwinNode]) -> dict[str, int]:
    """Soft topology spread."""
    keys = [spread.topology_key for spread in pod.spread_soft]
    scored = [one for one in feasible if all(key in one.labels for key in keys)]
    if not pod.spread_soft or not scored:
        return {}
    cost = {one.name: 0.0 for one in scored}
    for spread in pod.spread_soft:
        key = spread.topology_key
        sizes = len(scored) if key == "kubernetes.io/hostname" else len({one.labels[key] for one in scored})
        for one in scored:
            near = [other for other in nodes if same(key, one, other)]
            near = [other for other in near if belongs(pod, other) and all(k in other.labels for k in keys)]
            count = sum(like(spread, other) for other in near)
            cost[one.name] += count * math.log(sizes + 2) + spread.max_skew - 1
    whole = {name: math.floor(one + 0.5) for name, one in cost.items()}
    highest, lowest = max(whole.values()), min(whole.values())
    return {
        name: 2 * (100 if not highest else 100 * (highest + lowest - one) // highest) for name, one in whole.items()
    }


def bond_scores(pod: Needs, feasible: list[TwinNode], nodes: list[TwinNode]) -> dict[str, int]:
    """Preferred affinity both ways, and what placed pods require."""
    raw = {one.name: 0 for one in feasible}
    for one in feasible:
        for where in nodes:
            for other in where.pods:
                asked = [(weight, term, other) for weight, term in pod.preferred]
                asked += [(weight, term, pod) for weight, term in other.preferred]
                asked += [(1, term, pod) for term in other.affinity_required]
                for weight, term, meant in asked:
                    if term.pods.matches(meant.namespace, meant.labels, {}) and same(term.topology_key, one, where):
                        raw[one.name] += weight
    highest, lowest = max(raw.values(), default=0), min(raw.values(), default=0)
    if highest == lowest:
        return {}
    return {name: 2 * (100 * (one - lowest) // (highest - lowest)) for name, one in raw.items()}
