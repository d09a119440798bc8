"""Find the drivers of this machine and tell the API of them.

A driver's registrar makes a socket in `plugins_registry`. Who answers there is asked what it is; a CSI driver is then
asked for this node's name and place, which go into the CSINode and into the Node's labels, and its registrar is told
how that went. A socket that goes takes its driver with it. The directory is looked at once a second: one `listdir`,
and no more while nothing changes. Source: kube kubelet/pluginmanager, pkg/volume/csi/csi_plugin.go, nodeinfomanager.
"""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

import structlog

from knarr.api.errors import ApiError
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.client.client import Client
from knarr.node.plugins.rpc import Channel
from knarr.node.plugins.rpc import PluginFault as CsiFault
from knarr.node.volumes.csi import kubeletdir, nodeinfo
from knarr.node.volumes.csi.driver import SHORT_S, Driver
from knarr.node.volumes.csi.messages import REGISTRATION, message

LOOK_S: Final = 1.0
FIRST_LOOK_S: Final = 5.0     # how long pods wait for it
RETRY: Final = Backoff(first_s=1, factor=2, cap_s=60)
PLUGINS_MAX: Final = 64       # sockets looked at, count; more is no machine but a mistake
KIND: Final = "CSIPlugin"

log = structlog.get_logger()


class RegistrationRefused(Exception):
    """A plugin is none that this node can work with."""


@dataclass(slots=True)
class Plugin:
    """One socket. identity: tells a socket that was made anew from the one before. driver: once it is registered."""

    identity: tuple[int, int, int]
    driver: Driver | None = None
    failures: int = 0
    next_try_s: float = 0.0


class Registry:
    """The drivers that are registered now, by name."""

    def __init__(self, folder: Path, node_name: str, client: Client, *, clock: Clock) -> None:
        self._folder = folder
        self._node_name = node_name
        self._client = client
        self._clock = clock
        self._plugins: dict[Path, Plugin] = {}
        self._looked = asyncio.Event()      # whether the directory has been looked at since the start

    async def found(self, name: str) -> Driver | None:
        """Return a driver, or None; of an agent that has just started, once it has had time to look."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_S):
                await self._looked.wait()
        return self.driver(name)

    def driver(self, name: str) -> Driver | None:
        """Return a driver, or None where none of that name is registered."""
        found = (one.driver for one in self._plugins.values() if one.driver is not None and one.driver.name == name)
        return next(found, None)

    def any_can(self, capability: int) -> bool:
        """Tell whether any driver here has a capability."""
        return any(one.driver is not None and capability in one.driver.can for one in self._plugins.values())

    async def run(self) -> NoReturn:
        """Follow the directory until cancelled; then hang up."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        try:
            kubeletdir.claim(self._folder.parent)
        except OSError as fault:
            log.warning("csi.kubeletdir", error=str(fault))
        try:
            while True:
                await self.look()
                await self._clock.sleep(LOOK_S)
        finally:
            for plugin in self._plugins.values():
                if plugin.driver is not None:
                    await plugin.driver.close()

    async def look(self) -> None:
        """Register what has come, take away what has gone, try again what failed."""
        present = sockets(self._folder)
        for path in [path for path, known in self._plugins.items() if present.get(path) != known.identity]:
            await self._leave(path, self._plugins.pop(path))
        for path, identity in present.items():
            plugin = self._plugins.setdefault(path, Plugin(identity))
            if plugin.driver is None and plugin.next_try_s <= self._clock.monotonic_s():
                await self._try(path, plugin)
        self._looked.set()

    async def _try(self, path: Path, plugin: Plugin) -> None:
        try:
            await self._register(path, plugin)
        except (CsiFault, ApiError, OSError, RegistrationRefused) as fault:
            plugin.driver = None
            log.warning("csi.register", socket=str(path), failures=plugin.failures, error=str(fault))
            plugin.next_try_s = self._clock.monotonic_s() + RETRY.delay_s(plugin.failures)
            plugin.failures += 1

    async def _register(self, path: Path, plugin: Plugin) -> None:
        """Ask who is there, and tell the API and the plugin's registrar. Raises what stands in the way."""
        registrar = Channel(str(path), message)
        try:
            info = await registrar.call(
                f"{REGISTRATION}GetInfo", message("InfoRequest")(), answer="PluginInfo", timeout_s=SHORT_S)
            try:
                plugin.driver = await self._introduced(info, str(path))     # known before it is told so
            except (CsiFault, ApiError, OSError, RegistrationRefused) as fault:
                await self._notify(registrar, error=str(fault))
                raise
            await self._notify(registrar, error="")
            log.info("csi.registered", driver=plugin.driver.name, socket=str(path))
        finally:
            await registrar.close()

    async def _introduced(self, info: object, path: str) -> Driver:
        kind, name = getattr(info, "type", ""), getattr(info, "name", "")
        versions = tuple(getattr(info, "supported_versions", ()))
        if kind != KIND:
            raise RegistrationRefused(f"plugins of type {kind} are not supported by this node, only {KIND}")
        if not any(one.removeprefix("v").startswith("1.") for one in versions):
            raise RegistrationRefused(
                f"CSI driver {name} supports versions {', '.join(versions) or 'none'}; this node speaks 1.x")
        known = self.driver(name)
        if known is not None:
            raise RegistrationRefused(f"CSI driver {name} is registered already")
        shown = partial(kubeletdir.shown, data_dir=self._folder.parent)
        driver = Driver(name, getattr(info, "endpoint", "") or path, shown=shown)
        try:
            await nodeinfo.add(self._client, self._node_name, driver.name, await driver.introduce())
        except BaseException:
            await driver.close()
            raise
        return driver

    async def _notify(self, registrar: Channel, *, error: str) -> None:
        told = message("RegistrationStatus")(plugin_registered=not error, error=error)
        await registrar.call(f"{REGISTRATION}NotifyRegistrationStatus", told, answer="Empty", timeout_s=SHORT_S)

    async def _leave(self, path: Path, plugin: Plugin) -> None:
        """Forget a driver whose socket is gone."""
        if plugin.driver is None:
            return
        log.info("csi.left", driver=plugin.driver.name, socket=str(path))
        await plugin.driver.close()
        try:
            async with asyncio.timeout(SHORT_S):
                await nodeinfo.remove(self._client, self._node_name, plugin.driver.name)
        except (ApiError, OSError) as fault:    # it stands in the CSINode until it comes back, or another one does
            log.warning("csi.left", driver=plugin.driver.name, error=str(fault))


def sockets(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Return the sockets below a directory with what tells each from its successor; hidden ones are being made."""
    found: dict[Path, tuple[int, int, int]] = {}
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or len(found) >= PLUGINS_MAX:
            continue
        try:
            known = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISSOCK(known.st_mode):
            found[Path(entry.path)] = (known.st_dev, known.st_ino, known.st_ctime_ns)
    return found
