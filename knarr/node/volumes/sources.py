"""Keep the config maps and secrets that this node's pods name, each followed by a watch of its own while one does.

A node may not list all secrets, only watch those its pods name; so there is one small informer per object, shared by
all pods that name it, and ended when the last one is gone. Reading is from memory after the first list.
Source: kube kubelet/util/manager/watch_based_manager.go; authorizer/node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from knarr.api.types.core_v1 import ConfigMap, Pod, Secret
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.client.client import Client, Selection, row_of
from knarr.client.informer import Informer, What
from knarr.node import podcontainers
from knarr.node.faces import References

T = TypeVar("T", ConfigMap, Secret)
Key: TypeAlias = tuple[type[Any], str, str]        # (struct, namespace, name)

SYNC_S: Final = 10.0          # for the first list. Source: kube, the manager's wait.PollUntil of 1 s tries, 10 in all
APPEAR_S: Final = 1.0         # a new namespace gets its kube-root-ca.crt about now; a refusal would cost a back-off


class NotSynced(Exception):
    """The API did not answer in time. The text is kubelet's."""


@dataclass(slots=True)
class _Followed(Generic[T]):
    informer: Informer[T]
    pods: set[str] = field(default_factory=set)
    task: asyncio.Task[None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Watched:
    """The followed objects. on_change is told the pods whose object has changed."""

    def __init__(self, client: Client, *, clock: Clock, rng: Rng, on_change: Callable[[Iterable[str]], None]) -> None:
        self._client = client
        self._clock = clock
        self._rng = rng
        self._on_change = on_change
        self._followed: dict[Key, _Followed[Any]] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Own the watches until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for followed in self._followed.values():
                    self._start(followed)
                await asyncio.Event().wait()
        finally:
            self._group = None

    async def get(self, of: type[T], pod: Pod, name: str, *, appear_s: float = 0.0) -> T | None:
        """Return an object of the pod's namespace, None where there is none; follow it from now on for this pod.

        appear_s: how long to wait for one that is not there yet. Raises NotSynced.
        """
        followed = self._follow(of, pod, name)
        namespace = pod.metadata.namespace or ""
        try:
            async with asyncio.timeout(SYNC_S):
                await followed.informer.wait_synced()
        except TimeoutError:
            what = of.__name__.lower()
            raise NotSynced(f"failed to sync {what} cache: timed out waiting for the condition") from None
        found = followed.informer.get(namespace, name)
        if found is None and appear_s:
            found = await self._appeared(followed, namespace, name, appear_s=appear_s)
        return found

    def release(self, pod_uid: str) -> None:
        """Stop following for this pod what no other pod names."""
        for key, followed in list(self._followed.items()):
            followed.pods.discard(pod_uid)
            if followed.pods:
                continue
            del self._followed[key]
            if followed.task is not None:
                followed.task.cancel()

    async def _appeared(self, followed: _Followed[T], namespace: str, name: str, *, appear_s: float) -> T | None:
        try:
            async with asyncio.timeout(appear_s):
                while followed.informer.get(namespace, name) is None:
                    followed.changed.clear()
                    await followed.changed.wait()
        except TimeoutError:
            return None
        return followed.informer.get(namespace, name)

    def _follow(self, of: type[T], pod: Pod, name: str) -> _Followed[T]:
        namespace = pod.metadata.namespace or ""
        key = (of, namespace, name)
        followed = cast("_Followed[T] | None", self._followed.get(key))
        if followed is None:
            what = What(row_of(of), Selection(namespace=namespace, fields=f"metadata.name={name}"))
            rng = self._rng.child(f"{of.__name__}/{namespace}/{name}")
            followed = _Followed(Informer(self._client, of, clock=self._clock, rng=rng, what=what))
            followed.informer.on_change(lambda _old, _new: self._changed(key))
            self._followed[key] = followed
            self._start(followed)
        followed.pods.add(pod.metadata.uid or "")
        return followed

    def _changed(self, key: Key) -> None:
        followed = self._followed.get(key)
        if followed is not None:
            followed.changed.set()
            self._on_change(tuple(followed.pods))

    def _start(self, followed: _Followed[Any]) -> None:
        if self._group is not None and followed.task is None:
            followed.task = self._group.create_task(followed.informer.run())


async def env_references(watched: Watched, pod: Pod) -> References:
    """Read what env and envFrom of all containers name. No name costs no request. Raises NotSynced."""
    config_maps: dict[str, ConfigMap | None] = {}
    secrets: dict[str, Secret | None] = {}
    for name in _env_names(pod, "configMap"):
        config_maps[name] = await watched.get(ConfigMap, pod, name)
    for name in _env_names(pod, "secret"):
        secrets[name] = await watched.get(Secret, pod, name)
    return References(config_maps, secrets)


def _env_names(pod: Pod, kind: str) -> set[str]:
    """Return the names that `<kind>Ref` in envFrom and `<kind>KeyRef` in env hold."""
    names: set[str] = set()
    for container in podcontainers.every(pod):
        whole = (getattr(source, f"{kind}Ref") for source in container.envFrom)
        keyed = (getattr(entry.valueFrom, f"{kind}KeyRef") for entry in container.env if entry.valueFrom is not None)
        names.update(found.name for found in (*whole, *keyed) if found is not None and found.name)
    return names
