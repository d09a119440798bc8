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

DEFAULT = "default"
SAID_MAX = 160       # characters of a request that the story shows
ROLLED = ("deployments", "statefulsets", "daemonsets")     # whose template is of a program that runs on
GROUPS = {"Deployment": "apps", "StatefulSet": "apps", "DaemonSet": "apps", "Job": "batch", "CronJob": "batch",
          "PodDisruptionBudget": "policy"}


@dataclass(slots=True)
class Users:
    """What people have made so far; what was deleted is forgotten.

    made: the namespace of each thing, by kind and name; no name is used twice. forced: told of each pod, by namespace
    and name, before it is deleted without waiting for its node.
    """

    client: Client
    mirror: Mirror
    rng: Rng
    story: Story
    deeds: Sequence[Deed]
    forced: Callable[[str, str], None]
    made: dict[tuple[str, str], str] = field(default_factory=dict)
    namespaces: list[str] = field(default_factory=lambda: [DEFAULT])
    count: int = 0

    async def act(self) -> None:
        """Do one thing."""
        await self.rng.choice(self.deeds)(self)

    async def mend(self) -> None:
        """Take back every mistake, lift every limit, and let no CronJob begin anything, so that all can come to rest.

        A StatefulSet waits for ever for a pod of a broken version: it must be deleted. Source: Kubernetes' concepts
        page on StatefulSets, "forced rollback".
        """
        for quota in self.mirror.all("resourcequotas"):
            await self.insist("DELETE", quota, {})
        for node in self.mirror.all("nodes"):
            await self.insist("PATCH", node, {"spec": {"unschedulable": None}})
        for plural in ROLLED:
            for obj in self.mirror.all(plural):
                await self.insist("PATCH", obj, template(image="sim/app:1"))
        for pod in self.mirror.all("pods"):
            if owner(pod).get("kind") == "StatefulSet" and not is_ready(pod):
                await self.insist("DELETE", pod, {})
        for obj in self.mirror.all("cronjobs"):
            await self.insist("PATCH", obj, {"spec": {"suspend": True}})

    async def insist(self, method: str, obj: Object, body: Object) -> None:
        """Send about an object until it is answered."""
        meta = obj["metadata"]
        path = row_of(obj["kind"]).path(meta.get("namespace", ""), meta["name"])
        while not await self.ask(method, path, body):
            pass

    async def send(self, method: str, kind: str, name: str, body: Object) -> bool:
        """Send one request about something that was made; tell whether the server has answered."""
        row = row_of(kind)
        namespace = self.made.get((kind, name), "") if row.namespaced else ""
        return await self.ask(method, row.path(namespace, "" if method == "POST" else name), body)

    async def ask(self, method: str, where: str, body: Object) -> bool:
        """Send one request and write it down; tell whether the server has answered."""
        try:
            await self.client.call(
                method, where, body=orjson.dumps(body), content_type=MERGE if method == "PATCH" else "application/json")
            outcome = "done"
        except ApiError as error:
            outcome = f"refused: {error}"
        except OSError as error:
            outcome = f"unanswered: {error}"
        told = {key: value for key, value in body.items() if key not in ("apiVersion", "kind")}
        self.story.tell("user", f"{method} {where} {orjson.dumps(told).decode()[:SAID_MAX]}: {outcome}")
        return not outcome.startswith("unanswered")

    def some(self, *kinds_wanted: str) -> tuple[str, str] | None:
        """Choose something that was made."""
        known = [one for one in self.made if one[0] in kinds_wanted]
        return self.rng.choice(known) if known else None

    async def create(self, kind: str, spec: Object, *, namespace: str = "", notes: Object | None = None) -> None:
        """Make an object of a new name, in a namespace or in any. notes: its annotations."""
        self.count += 1
        name = f"{kind.lower()[:3]}{self.count}"
        row = row_of(kind)
        where = (namespace or self.rng.choice(self.namespaces)) if row.namespaced else ""
        meta = {"name": name, "annotations": notes or {}, **({"namespace": where} if where else {})}
        version = f"{row.group}/{row.version}" if row.group else row.version
        self.made[kind, name] = where
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
