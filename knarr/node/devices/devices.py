"""Hear device plugins, ask them for devices, keep the ledger.

A plugin finds our socket in `device-plugins`, registers its resource, and is then asked what devices it has; it goes on
telling when one falls ill. A socket of ours that is made anew tells plugins to register again. What a pod has been
given is asked for once and kept, whatever becomes of plugin or agent. Source: kube kubelet/cm/devicemanager/manager.go,
plugin/v1beta1 (handler.go, client.go).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NoReturn

import structlog

from knarr.api.types.core_v1 import Container, Pod
from knarr.base.clock import Clock
from knarr.node.alignment.hints import Offer
from knarr.node.devices import pool as pools
from knarr.node.devices.face import Amounts, DeviceFault, Grant
from knarr.node.devices.ledger import Ledger
from knarr.node.devices.messages import PLUGIN, REGISTER, VERSION, message
from knarr.node.devices.pool import Pool, Unavailable
from knarr.node.faces import Device, Mount
from knarr.node.plugins import rpc
from knarr.node.plugins.rpc import Channel, PluginFault, Server

SOCKET, LEDGER = "kubelet.sock", "knarr_devices.json"
CALL_S: Final = 30.0           # of Allocate and the like. Source: kubeletPreStartContainerRPCTimeoutInSecs
RESOURCES_MAX: Final = 64      # plugins' resources, count; more is no machine but a mistake
EXTENDED: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?")
OWN: Final = ("kubernetes.io/", "requests.")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin that is there."""

    channel: Channel
    prefers: bool
    wants_starts: bool


class Devices:
    """One node's devices. folder: where plugins look for us, and have sockets of their own."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._ledger = Ledger(folder / LEDGER)
        self._pools: dict[str, Pool] = {}
        self._plugins: dict[str, Plugin] = {}
        self._hearing: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._tell: Callable[[str], None] = lambda uid: None
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._pools = {name: Pool(name, dict.fromkeys(ids, False), gone_s=clock.monotonic_s())
                       for name, ids in self._ledger.read().items()}

    async def run(self) -> NoReturn:
        """Hear plugins until cancelled."""
        for entry in self._folder.iterdir():
            if entry.is_socket():
                entry.unlink()      # so plugins see that the node is a new one. Source: manager.go, removeContents
        server = Server(self._folder / SOCKET, message, {REGISTER: ("RegisterRequest", self._register)})
        await server.start()
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.Event().wait()
        finally:
            self._group = None
            await server.stop()
        raise AssertionError("nobody ends the waiting")

    def amounts(self) -> Amounts:
        """Return how many devices there are, and how many are well."""
        now_s = self._clock.monotonic_s()
        shown = {name: known.shown(now_s) for name, known in self._pools.items()}
        return Amounts({name: both[0] for name, both in shown.items()}, {name: both[1] for name, both in shown.items()})

    def offers(self, pod: Pod, containers: Sequence[Container], nodes: frozenset[int]) -> Mapping[str, Offer]:
        """Return by resource which of the machine's NUMA nodes have what containers ask for together."""
        counts = pools.needed(pod, containers, lambda one: pools.wanted(one, self._pools))
        return {name: pools.offers(self._pools[name], count, nodes, used=self._ledger.used(name),
                                   again=self._again(pod, containers[0], name)) for name, count in counts.items()}

    async def give(self, pod: Pod, container: Container, near: frozenset[int] | None) -> None:
        """Choose and ask for one container's devices, once. Raises Unavailable and PluginFault."""
        uid = pod.metadata.uid or ""
        had = {grant.resource for grant in self.grants(uid, container.name)}
        for name, count in pools.wanted(container, self._pools).items():
            if name in had:
                continue
            again = self._again(pod, container, name)
            available = pools.free(self._pools[name], count, used=self._ledger.used(name), again=again)
            close = available if near is None else available & self._pools[name].near(near)
            enough = close if len(close) >= count else available
            ids = await self._chosen(name, enough, count, first=again if enough is close else again | close)
            grant = await self._allocated(name, ids)
            self._ledger.held.setdefault(uid, {}).setdefault(container.name, []).append(grant)

    def record(self, pod_uid: str) -> None:
        """Write down what a pod has been given. Raises OSError."""
        if pod_uid in self._ledger.held:
            self._ledger.write(self._pools)

    def grants(self, pod_uid: str, container: str) -> tuple[Grant, ...]:
        """Return what a container has."""
        return tuple(self._ledger.held.get(pod_uid, {}).get(container, ()))

    async def starting(self, pod_uid: str, container: str) -> None:
        """Tell the plugins that want to know it that a container is about to start. Raises DeviceFault."""
        for grant in self.grants(pod_uid, container):
            plugin = self._plugins.get(grant.resource)
            if plugin is None or not plugin.wants_starts:
                continue
            try:
                await plugin.channel.call(
                    f"{PLUGIN}PreStartContainer", message("PreStartContainerRequest")(devices_ids=grant.ids),
                    answer="PreStartContainerResponse", timeout_s=CALL_S)
            except PluginFault as fault:
                raise DeviceFault(f"device plugin PreStartContainer rpc failed with err: {fault}") from fault

    def on_change(self, tell: Callable[[str], None]) -> None:
        """Have each pod's uid told when the health of what it has may have changed."""
        self._tell = tell

    def release(self, pod_uid: str) -> None:
        """Take back what a pod has."""
        if self._ledger.held.pop(pod_uid, None) is not None:
            self._ledger.write(self._pools)

    def keep(self, pod_uids: set[str]) -> None:
        """Take back what all other pods have."""
        for uid in self._ledger.held.keys() - pod_uids:
            self.release(uid)

    def health(self, pod_uid: str) -> Mapping[str, list[dict[str, Any]]]:
        """Return container -> allocatedResourcesStatus."""
        return {container: [{"name": grant.resource, "resources": [
            {"resourceID": each, "health": self._health(grant.resource, each)} for each in grant.ids]}
            for grant in grants] for container, grants in self._ledger.held.get(pod_uid, {}).items()}

    def _health(self, resource: str, device: str) -> str:
        known = self._pools.get(resource)
        if known is None or device not in known.devices or known.gone_s is not None:
            return "Unknown"
        return "Healthy" if known.devices[device] else "Unhealthy"

    def _again(self, pod: Pod, container: Container, name: str) -> frozenset[str]:
        """Return the devices of other init containers, as far as nobody beside them has them."""
        held = self._ledger.held.get(pod.metadata.uid or "", {})
        before = {each.name for each, passing in pools.in_order(pod) if passing and each.name != container.name}

        def ids(of: Iterable[str]) -> frozenset[str]:
            return frozenset(device for other in of for grant in held.get(other, ()) if grant.resource == name
                             for device in grant.ids)

        return ids(before) - ids(held.keys() - before)

    async def _chosen(self, name: str, available: frozenset[str], needed: int, *,
                      first: frozenset[str]) -> tuple[str, ...]:
        plugin, preferred = self._plugins.get(name), ()
        must = sorted(first & available)[:needed]
        if plugin is not None and plugin.prefers and needed < len(available):
            asked = message("PreferredAllocationRequest")(container_requests=[{
                "available_deviceIDs": sorted(available), "must_include_deviceIDs": must, "allocation_size": needed}])
            answer = await plugin.channel.call(f"{PLUGIN}GetPreferredAllocation", asked,
                                               answer="PreferredAllocationResponse", timeout_s=CALL_S)
            preferred = tuple(answer.container_responses[0].deviceIDs) if answer.container_responses else ()
        return pools.chosen(available, needed, first=frozenset(must), preferred=preferred)

    async def _allocated(self, name: str, ids: tuple[str, ...]) -> Grant:
        plugin = self._plugins.get(name)
        if plugin is None:
            raise Unavailable(f"unknown Device Plugin {name}")
        answer = await plugin.channel.call(
            f"{PLUGIN}Allocate", message("AllocateRequest")(container_requests=[{"devices_ids": ids}]),
            answer="AllocateResponse", timeout_s=CALL_S)
        if len(answer.container_responses) != 1:
            raise Unavailable(f"invalid Allocate response from {name}: {len(answer.container_responses)} containers")
        told = answer.container_responses[0]
        return Grant(
            name, ids, env=dict(told.envs), annotations=dict(told.annotations),
            mounts=tuple(Mount(each.container_path, each.host_path, each.read_only) for each in told.mounts),
            devices=tuple(Device(each.container_path, each.host_path, each.permissions or "rwm")
                          for each in told.devices),
            cdi=tuple(each.name for each in told.cdi_devices))

    async def _register(self, request: Any) -> Any:
        """Take a plugin's word, and begin to hear it. Raises rpc.Refusal."""
        name = request.resource_name
        if request.version != VERSION:
            raise rpc.Refusal(f'requested API version "{request.version}" is not supported by kubelet. Supported '
                              f"version is [{VERSION}]")
        if not EXTENDED.fullmatch(name) or name.startswith(OWN):
            raise rpc.Refusal(f'the ResourceName "{name}" is invalid')
        if "/" in request.endpoint or request.endpoint in ("", ".", ".."):
            raise rpc.Refusal(f'the endpoint "{request.endpoint}" is no file name')
        if name not in self._pools and len(self._pools) >= RESOURCES_MAX:
            raise rpc.Refusal(f"this node has {RESOURCES_MAX} resources of plugins already")
        assert self._group is not None, "a server that answers is run"
        channel = Channel(str(self._folder / request.endpoint), message)
        options = request.options
        plugin = Plugin(channel, options.get_preferred_allocation_available, options.pre_start_required)
        before, self._plugins[name] = self._hearing.get(name), plugin
        if before is not None:
            before.cancel()     # a plugin that registers again and again is heard once
        self._hearing[name] = self._group.create_task(self._hear(name, plugin))
        log.info("devices.registered", resource=name, endpoint=request.endpoint)
        return message("Empty")()

    async def _hear(self, name: str, plugin: Plugin) -> None:
        """Follow what a plugin tells of its devices until it goes; cancelled when another takes its place."""
        try:
            async for told in plugin.channel.follow(f"{PLUGIN}ListAndWatch", message("Empty")(),
                                                    answer="ListAndWatchResponse"):
                self._pools[name] = Pool(
                    name, {each.ID: each.health == "Healthy" for each in told.devices},
                    nodes={each.ID: nodes for each in told.devices
                           if (nodes := frozenset(one.ID for one in each.topology.nodes))})
                self._changed(name)
                self._ledger.write(self._pools)
        except PluginFault as fault:
            log.info("devices.left", resource=name, error=str(fault))
        except OSError as fault:
            log.warning("devices.ledger", error=str(fault))
        finally:
            if self._plugins.get(name) is plugin:
                del self._plugins[name]
                if name in self._pools:
                    self._pools[name] = replace(self._pools[name], gone_s=self._clock.monotonic_s())
                    self._changed(name)
            await plugin.channel.close()

    def _changed(self, name: str) -> None:
        for uid, containers in self._ledger.held.items():
            if any(grant.resource == name for grants in containers.values() for grant in grants):
                self._tell(uid)
