"""Devices of plugins: a real plugin on real sockets, and the choosing by itself."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.base.clock import SystemClock
from knarr.node.alignment.book import Book
from knarr.node.alignment.topology import Topology
from knarr.node.devices import pool as pools
from knarr.node.devices.devices import Devices
from knarr.node.devices.pool import Pool, Unavailable
from knarr.node.keeper import Keeper
from knarr.node.plugins.rpc import PluginFault
from knarr.node.rules import Alignment
from tests.devices.plugin import RESOURCE, LampPlugin
from tests.unit.node.making import pod

PATIENCE_S = 30.0


def asking(name, *counts, inits=()):
    """Return a pod whose containers ask for so many lamps each."""
    def listed(prefix, amounts):
        return [{"name": f"{prefix}{number}", "image": "app:1",
                 "resources": {"limits": {RESOURCE: str(count)}, "requests": {RESOURCE: str(count)}}}
                for number, count in enumerate(amounts)]

    return pod(name=name, containers=listed("c", counts), initContainers=listed("i", inits))


async def until(holds):
    """Wait until something holds; other programs' threads are at work."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def allocatable(devices):
    """Return how many lamps can be given."""
    return devices.amounts().allocatable.get(RESOURCE)


async def admit(devices, pod):
    """Admit a pod on a machine where it does not matter what lies where."""
    return await Keeper(Alignment(), Topology(), Book(Path("/dev/null/none")), devices).admit(pod)


@asynccontextmanager
async def node(folder):
    """A node's devices, heard until the end of the block."""
    devices = Devices(folder, SystemClock())
    task = asyncio.get_running_loop().create_task(devices.run())
    await until((folder / "kubelet.sock").exists)
    try:
        yield devices
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def lamps(folder, count, **options):
    """A plugin that is registered."""
    plugin = LampPlugin(folder, count, **options)
    await plugin.start()
    await plugin.register()
    try:
        yield plugin
    finally:
        await plugin.stop()


async def test_a_pod_gets_its_devices(tmp_path):
    """It is given what it asks for, with all that the plugin wants it to have; asked again, nothing is asked again."""
    async with node(tmp_path) as devices, lamps(tmp_path, 3) as plugin:
        await until(lambda: allocatable(devices) == 3)
        assert await admit(devices, asking("a", 2)) is None
        assert await admit(devices, asking("a", 2)) is None
        await devices.starting("uid-a", "c0")
        grant, = devices.grants("uid-a", "c0")

        assert (("lamp-0", "lamp-1"), {"LAMPS": "lamp-0,lamp-1"}, "rw") == (grant.ids, grant.env, grant.devices[0].permissions)
        assert (str(tmp_path), True) == (grant.mounts[0].host_path, grant.mounts[0].read_only)
        assert [("Allocate", ["lamp-0", "lamp-1"]), ("PreStartContainer", ["lamp-0", "lamp-1"])] == plugin.calls
        assert {"c0": [{"name": RESOURCE, "resources": [
            {"resourceID": "lamp-0", "health": "Healthy"}, {"resourceID": "lamp-1", "health": "Healthy"}]}]} == devices.health("uid-a")


async def test_a_plugin_that_registers_again_is_heard_once(tmp_path):
    """It does so again and again without going: it is not followed as often, and its devices stay."""
    async with node(tmp_path) as devices, lamps(tmp_path, 3) as plugin:
        await until(lambda: allocatable(devices) == 3)
        for _ in range(5):
            await plugin.register()
            assert 3 == allocatable(devices)
        await until(lambda: plugin.heard == 1)
        plugin.set_health("lamp-0", False)
        await until(lambda: allocatable(devices) == 2)


async def test_too_few_devices(tmp_path):
    """kubelet's words; what the refused pod's first container had is free again, and so is what an ended pod had."""
    async with node(tmp_path) as devices, lamps(tmp_path, 3):
        await until(lambda: allocatable(devices) == 3)
        refusal = await admit(devices, asking("greedy", 2, 2))
        assert ("UnexpectedAdmissionError", "Allocate failed due to requested number of devices unavailable for "
                "example.com/lamp. Requested: 2, Available: 1, which is unexpected") == (refusal.reason, refusal.message)
        assert await admit(devices, asking("b", 3)) is None
        assert await admit(devices, asking("c", 1)) is not None
        devices.release("uid-b")
        assert await admit(devices, asking("c", 1)) is None


async def test_init_containers_pass_their_devices_on(tmp_path):
    """Three lamps serve an init container that wants three and a container that wants two."""
    async with node(tmp_path) as devices, lamps(tmp_path, 3):
        await until(lambda: allocatable(devices) == 3)

        assert await admit(devices, asking("a", 2, inits=(3,))) is None


async def test_a_plugin_may_prefer(tmp_path):
    """What it would rather give is given."""
    async with node(tmp_path) as devices, lamps(tmp_path, 4, prefers=("lamp-3", "lamp-1")):
        await until(lambda: allocatable(devices) == 4)
        await admit(devices, asking("a", 2))

        assert ("lamp-1", "lamp-3") == devices.grants("uid-a", "c0")[0].ids


async def test_a_device_falls_ill(tmp_path):
    """It is no longer offered; who has it is told."""
    async with node(tmp_path) as devices, lamps(tmp_path, 2) as plugin:
        await until(lambda: allocatable(devices) == 2)
        await admit(devices, asking("a", 1))
        told = []
        devices.on_change(told.append)
        plugin.set_health("lamp-0", False)
        await until(lambda: told)

        assert ({RESOURCE: 2}, {RESOURCE: 1}) == (devices.amounts().capacity, devices.amounts().allocatable)
        assert "Unhealthy" == devices.health("uid-a")["c0"][0]["resources"][0]["health"]


async def test_the_plugin_and_the_agent_come_and_go(tmp_path):
    """While the plugin is away nothing is offered; the next agent knows who has what, and asks for it of nobody."""
    async with node(tmp_path) as devices:
        async with lamps(tmp_path, 2) as plugin:
            await until(lambda: allocatable(devices) == 2)
            await admit(devices, asking("a", 1))
        await until(lambda: allocatable(devices) == 0)
        assert "Unknown" == devices.health("uid-a")["c0"][0]["resources"][0]["health"]
        refusal = await admit(devices, asking("b", 1))
        assert "no healthy devices present; cannot allocate unhealthy devices example.com/lamp" in refusal.message
    async with node(tmp_path) as devices:
        assert ({RESOURCE: 2}, {RESOURCE: 0}) == (devices.amounts().capacity, devices.amounts().allocatable)
        assert await admit(devices, asking("a", 1)) is None
        assert ("lamp-0",) == devices.grants("uid-a", "c0")[0].ids
        async with lamps(tmp_path, 2) as plugin:
            await until(lambda: allocatable(devices) == 2)
            await admit(devices, asking("b", 1))
            assert [("Allocate", ["lamp-1"])] == plugin.calls
            devices.keep({"uid-b"})
            assert () == devices.grants("uid-a", "c0")


async def test_a_plugin_that_refuses(tmp_path):
    """The pod is refused with the plugin's own words."""
    async with node(tmp_path) as devices, lamps(tmp_path, 1) as plugin:
        await until(lambda: allocatable(devices) == 1)
        plugin.refuse["Allocate"] = "no current"
        refusal = await admit(devices, asking("a", 1))

        assert "Allocate failed due to rpc error: code = Internal desc = no current, which is unexpected" == refusal.message
        assert () == devices.grants("uid-a", "c0")


@pytest.mark.parametrize(("said", "why"), [
    pytest.param({"version": "v1alpha"}, 'requested API version "v1alpha" is not supported', id="an old version"),
    pytest.param({"resource": "lamp"}, 'the ResourceName "lamp" is invalid', id="no vendor"),
    pytest.param({"resource": "kubernetes.io/lamp"}, "is invalid", id="not the vendor's to give"),
])
async def test_registrations_that_are_refused(tmp_path, said, why):
    """The plugin is told."""
    async with node(tmp_path):
        plugin = LampPlugin(tmp_path, 1)
        with pytest.raises(PluginFault) as refused:
            await plugin.register(**said)

    assert why in str(refused.value)


async def test_a_ledger_that_cannot_be_read(tmp_path):
    """It counts as none; the node goes on."""
    (tmp_path / "knarr_devices.json").write_text("{")
    async with node(tmp_path) as devices, lamps(tmp_path, 1):
        await until(lambda: allocatable(devices) == 1)

        assert await admit(devices, asking("a", 1)) is None


NAMES = st.sets(st.sampled_from([f"d{number}" for number in range(8)]))


@given(well=NAMES, ill=NAMES, used=NAMES, again=NAMES, preferred=st.lists(st.sampled_from([f"d{n}" for n in range(9)])),
       needed=st.integers(1, 8))
def test_what_is_chosen(well, ill, used, again, preferred, needed):
    """Exactly as many as asked for, all of them well, none that another pod has."""
    pool = Pool("r", {**dict.fromkeys(well, True), **dict.fromkeys(ill, False)})
    try:
        available = pools.free(pool, needed, used=frozenset(used), again=frozenset(again & used))
    except Unavailable:
        assert len((pool.well - used) | (pool.well & again & used)) < needed or not pool.well
        return
    ids = pools.chosen(available, needed, first=frozenset(again & used), preferred=preferred)

    assert needed == len(set(ids))
    assert set(ids) <= pool.well - (used - again)


def test_devices_are_forgotten_five_minutes_after_their_plugin():
    """Till then the node says that it has them, and that none can be had."""
    pool = Pool("r", {"d": True}, gone_s=100.0)

    assert ((1, 0), (0, 0)) == (pool.shown(399.0), pool.shown(400.0))
