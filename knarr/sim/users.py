"""Be the people: make, change, scale and delete workloads, never quite sure whether the server heard them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from knarr.api import kinds
from knarr.api.errors import ApiError
from knarr.api.kinds import Kind
from knarr.base.rng import Rng
from knarr.client.client import MERGE, Client
from knarr.sim.mirror import Mirror, Object, is_ready, owner
from knarr.sim.story import Story

NAMESPACE = "default"
SAID_MAX = 160       # characters of a request that the story shows
ROLLED = ("deployments", "statefulsets", "daemonsets")     # whose template is of a program that runs on
GROUPS = {"Deployment": "apps", "StatefulSet": "apps", "DaemonSet": "apps", "Job": "batch", "CronJob": "batch",
          "PodDisruptionBudget": "policy"}


@dataclass(slots=True)
class Users:
    """What people have made so far, by kind and name; what was deleted is forgotten."""

    client: Client
    mirror: Mirror
    rng: Rng
    story: Story
    deeds: Sequence[Deed]
    made: dict[tuple[str, str], Object] = field(default_factory=dict)
    count: int = 0

    async def act(self) -> None:
        """Do one thing."""
        await self.rng.choice(self.deeds)(self)

    async def mend(self) -> None:
        """Take back every mistake, and let no CronJob begin anything, so that all can come to rest.

        A StatefulSet waits for ever for a pod of a broken version: it must be deleted. Source: Kubernetes' concepts
        page on StatefulSets, "forced rollback".
        """
        for plural in ROLLED:
            for obj in self.mirror.all(plural):
                await self.insist("PATCH", obj["kind"], obj["metadata"]["name"], template(image="sim/app:1"))
        for pod in self.mirror.all("pods"):
            if owner(pod).get("kind") == "StatefulSet" and not is_ready(pod):
                await self.insist("DELETE", "Pod", pod["metadata"]["name"], {})
        for obj in self.mirror.all("cronjobs"):
            await self.insist("PATCH", "CronJob", obj["metadata"]["name"], {"spec": {"suspend": True}})

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


def row_of(kind: str) -> Kind:
    """Return the registry's row of a kind that people use here."""
    row = kinds.by_kind(GROUPS.get(kind, ""), "v1", kind)
    assert row is not None, f"{kind} is not served"
    return row


def template(**container: Any) -> Object:
    """Return the merge patch that changes the template's one container."""
    return {"spec": {"template": {"spec": {"containers": [{"name": "c", **container}]}}}}


Deed = Callable[[Users], Awaitable[None]]
