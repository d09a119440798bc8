"""Be the people: make, change, scale and delete workloads, never quite sure whether the server heard them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from knarr.api import kinds
from knarr.api.errors import ApiError
from knarr.api.kinds import Kind
from knarr.base.rng import Rng
from knarr.client.client import MERGE, Client
from knarr.sim.mirror import Mirror, Object
from knarr.sim.story import Story

NAMESPACE = "default"
REPLICAS_MAX = 5
SAID_MAX = 160       # characters of a request that the story shows
GROUPS = {"Deployment": "apps", "StatefulSet": "apps", "DaemonSet": "apps", "Job": "batch", "CronJob": "batch",
          "PodDisruptionBudget": "policy"}


@dataclass(slots=True)
class Users:
    """What people have made so far, by kind and name; what was deleted is forgotten."""

    client: Client
    mirror: Mirror
    rng: Rng
    story: Story
    made: dict[tuple[str, str], Object] = field(default_factory=dict)
    count: int = 0

    async def act(self) -> None:
        """Do one thing."""
        await self.rng.choice(DEEDS)(self)

    async def mend(self) -> None:
        """Take back every mistake, so that all can come to rest."""
        for plural in ROLLED.values():
            for obj in self.mirror.all(plural):
                await self.insist("PATCH", obj["kind"], obj["metadata"]["name"], template(image="sim/app:1"))

    async def insist(self, method: str, kind: str, name: str, body: Object) -> None:
        """Send until it is answered."""
        while not await self.send(method, kind, name, body):
            pass

    async def send(self, method: str, kind: str, name: str, body: Object) -> bool:
        """Send one request and write it down; tell whether the server has answered."""
        row = row_of(kind)
        where = row.path(NAMESPACE if row.namespaced else "", "" if method == "POST" else name)
        try:
            await self.client.call(
                method, where, body=orjson.dumps(body), content_type=MERGE if method == "PATCH" else "application/json")
            outcome = "done"
        except ApiError as error:
            outcome = f"refused: {error}"
        except OSError as error:
            outcome = f"unanswered: {error}"
        said = orjson.dumps(body.get("spec", {})).decode()[:SAID_MAX]
        self.story.tell("user", f"{method} {kind} {name} {said}: {outcome}")
        return not outcome.startswith("unanswered")

    def some(self, *kinds_wanted: str) -> tuple[str, str] | None:
        """Choose something that was made."""
        known = [one for one in self.made if one[0] in kinds_wanted]
        return self.rng.choice(known) if known else None

    async def create(self, kind: str, spec: Object) -> None:
        """Make an object of a new name."""
        self.count += 1
        name = f"{kind.lower()[:3]}{self.count}"
        meta = {"name": name, "namespace": NAMESPACE}
        row = row_of(kind)
        version = f"{row.group}/{row.version}" if row.group else row.version
        self.made[kind, name] = spec
        await self.send("POST", kind, name, {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec})


ROLLED = {"Deployment": "deployments"}        # what has a template of a program that runs on, and its plural


def row_of(kind: str) -> Kind:
    """Return the registry's row of a kind that people use here."""
    row = kinds.by_kind(GROUPS.get(kind, ""), "v1", kind)
    assert row is not None, f"{kind} is not served"
    return row


def template(**container: Any) -> Object:
    """Return the merge patch that changes the template's one container."""
    return {"spec": {"template": {"spec": {"containers": [{"name": "c", **container}]}}}}


def pods(label: str, image: str, **spec: Any) -> Object:
    """Return a pod template."""
    return {"metadata": {"labels": {"app": label}}, "spec": {"containers": [{"name": "c", "image": image}], **spec}}


async def make_deployment(users: Users) -> None:
    """Make a Deployment of any strategy, and a Service before it."""
    dice, label = users.rng, f"d{users.count}"
    rolling = {"maxSurge": dice.choice([1, 2, "25%"]), "maxUnavailable": dice.choice([0, 1, "25%"])}
    strategy: Object = {"type": "RollingUpdate", "rollingUpdate": rolling}
    if dice.below(4) == 0:
        strategy = {"type": "Recreate"}
    await users.create("Deployment", {
        "replicas": dice.below(REPLICAS_MAX + 1), "selector": {"matchLabels": {"app": label}}, "strategy": strategy,
        "template": pods(label, "sim/app:1", terminationGracePeriodSeconds=dice.choice([0, 5, 30]))})
    if dice.below(2) == 0:
        await users.create("Service", {"selector": {"app": label}, "ports": [{"port": 80}]})


async def scale(users: Users) -> None:
    """Ask for more, or less, of something."""
    chosen = users.some("Deployment")
    if chosen is not None:
        await users.send("PATCH", *chosen, {"spec": {"replicas": users.rng.below(REPLICAS_MAX + 1)}})


async def roll(users: Users) -> None:
    """Bring out another version, mostly a good one."""
    chosen = users.some(*ROLLED)
    if chosen is not None:
        image = users.rng.choice(["sim/app:1", "sim/app:2", "sim/app:3", "sim/broken:1", "sim/absent:1"])
        await users.send("PATCH", *chosen, template(image=image))


async def remove(users: Users) -> None:
    """Delete something."""
    chosen = users.some("Deployment", "Service")
    if chosen is not None:
        policy = users.rng.choice(["Background", "Foreground"])
        del users.made[chosen]
        await users.send("DELETE", *chosen, {"propagationPolicy": policy})


Deed = Callable[[Users], Awaitable[None]]
DEEDS: tuple[Deed, ...] = (make_deployment, make_deployment, scale, roll, roll, remove)
