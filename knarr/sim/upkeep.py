"""Say what operators do: give and take namespaces, set quotas, close nodes and empty them, force what hangs."""

from __future__ import annotations

from knarr.sim.mirror import Object, is_active, is_going, owner
from knarr.sim.users import DEFAULT, Deed, Users, row_of

NAMESPACES_MAX = 3
DRAIN_PODS_MAX = 10      # that one drain asks for


async def make_namespace(users: Users) -> None:
    """Open a namespace, where things are made from now on as well."""
    if len(users.namespaces) < NAMESPACES_MAX:
        await users.create("Namespace", {})
        users.namespaces.append(f"nam{users.count}")


async def remove_namespace(users: Users) -> None:
    """Delete a namespace with all that is in it."""
    others = [name for name in users.namespaces if name != DEFAULT]
    if others:
        name = users.rng.choice(others)
        await users.send("DELETE", "Namespace", name, {})
        users.namespaces.remove(name)
        users.made = {one: where for one, where in users.made.items() if where != name and one[1] != name}


async def limit(users: Users) -> None:
    """Allow a namespace no further pod, so that every rollout stops there.

    Not some: as in Kubernetes, a count that is made while a charged pod is on its way forgets it, and one too many may
    come.
    """
    await users.create("ResourceQuota", {"hard": {"pods": "0"}})


async def lift(users: Users) -> None:
    """Take a quota away."""
    chosen = users.some("ResourceQuota")
    if chosen is not None:
        await users.send("DELETE", *chosen, {})
        users.made.pop(chosen)


async def evict(users: Users) -> None:
    """Ask a pod to go, unless a budget objects."""
    running = [pod for pod in users.mirror.all("pods") if is_active(pod)]
    if running:
        await _evict(users, users.rng.choice(running))


async def close_node(users: Users) -> None:
    """Close a node and ask its pods to go, or open one."""
    nodes = sorted(users.mirror.all("nodes"), key=lambda node: str(node["metadata"]["name"]))
    if not nodes:
        return
    node, closes = users.rng.choice(nodes), users.rng.below(2) == 0
    name = node["metadata"]["name"]
    await users.ask("PATCH", row_of("Node").path("", name), {"spec": {"unschedulable": closes or None}})
    here = [pod for pod in users.mirror.all("pods") if pod["spec"].get("nodeName") == name and is_active(pod)]
    for pod in here[:DRAIN_PODS_MAX] if closes else ():
        if owner(pod).get("kind") != "DaemonSet":
            await _evict(users, pod)


async def force(users: Users) -> None:
    """Delete a pod that hangs without waiting for its node."""
    hanging = [pod for pod in users.mirror.all("pods") if is_going(pod)]
    if hanging:
        meta = users.rng.choice(hanging)["metadata"]
        users.forced(meta["namespace"], meta["name"])
        await users.ask("DELETE", pod_path({"metadata": meta}), {"gracePeriodSeconds": 0})


def pod_path(pod: Object) -> str:
    """Return where a pod lies."""
    return row_of("Pod").path(pod["metadata"]["namespace"], pod["metadata"]["name"])


async def _evict(users: Users, pod: Object) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod["metadata"]["name"]}}
    await users.ask("POST", f"{pod_path(pod)}/eviction", body)


UPKEEP: tuple[Deed, ...] = (make_namespace, remove_namespace, limit, lift, lift, evict, close_node, close_node, force)
