"""Play one seed: start the world, let users and faults have their time, heal, and see that all comes to rest."""

from __future__ import annotations

import asyncio
import gc
import logging
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import structlog

from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.sim import faults
from knarr.sim.deeds import DEEDS
from knarr.sim.settled import unsettled
from knarr.sim.users import Users
from knarr.sim.world import START_S, World

NODES = 3
TURMOIL_S = 90.0
PAUSE_S = (0.2, 4.0)          # between two things that happen
SETTLE_S = 1_500.0            # pods of a lost node are given up after 300 s, crashed ones wait as long
LOOK_S = 5.0
LULL_S = 60.0                 # longer than a silent node is waited for: what it hides shows later
QUIET_S = 90.0                # at rest nothing may be written for so long but heartbeats
MEMORY = Path("/dev/shm")     # the agents' small files need no disk
LOOKS_MAX = 2                 # for such a time, before somebody is said to go on
HEARTBEATS = frozenset({"leases", "nodes"})


@dataclass(frozen=True, slots=True)
class Course:
    """What one run is made of. turmoil_s: how long users and faults go on. fault_percent: of what happens."""

    nodes: int = NODES
    turmoil_s: float = TURMOIL_S
    fault_percent: int = 40


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a seed went. broken: empty when every law held and all came to rest."""

    seed: int
    broken: tuple[str, ...]
    story: tuple[str, ...]
    passed_s: float
    writes: int


def play(seed: int, course: Course = Course()) -> Verdict:
    """Play one seed on virtual time. Neither laws nor bugs raise: they stand in the verdict."""
    gc.disable()      # what it collects, and when, hangs on what was played before
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    clock = ManualClock(START_S)
    kept: list[World] = []         # it outlives a bug, for its story
    with tempfile.TemporaryDirectory(prefix="knarr-sim-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        try:
            broken = virtual.run(_program(seed, course, clock, Path(folder), kept), clock)
        except (Exception, BaseExceptionGroup):  # noqa: BLE001  a bug of any part is what we look for
            broken = ["a part has failed: " + traceback.format_exc()]
    gc.enable()
    world = kept[0]
    return Verdict(seed, tuple(broken), tuple(world.story), clock.monotonic_s(), sum(world.laws.writes.values()))


async def _program(seed: int, course: Course, clock: ManualClock, folder: Path, kept: list[World]) -> list[str]:
    async with asyncio.TaskGroup() as group:
        world = World(Rng(seed).child("sim"), clock, folder, group=group)
        kept.append(world)
        broken = await _course(world, course)
        world.network.doom_server()
        for part in world.parts():
            if part.up:
                await part.crash()
    return broken


async def _course(world: World, course: Course) -> list[str]:
    """Go through the whole course, or until a law is broken."""
    users = Users(world.user, world.laws.mirror, world.rng.child("users"), world.story, DEEDS, world.laws.force)
    await world.start(course.nodes)
    await _turmoil(world, users, course)
    if world.laws.broken:
        return world.laws.broken
    world.story.tell("world", "is healed")
    await users.mend()
    left = await _settle(world)
    if left or world.laws.broken:
        return [*world.laws.broken, *left]
    world.story.tell("world", "is at rest")
    return [*await _quiet(world), *world.laws.broken]


async def _turmoil(world: World, users: Users, course: Course) -> None:
    dice, end_s = world.rng.child("turmoil"), world.clock.monotonic_s() + course.turmoil_s
    async with asyncio.TaskGroup() as striking:
        while world.clock.monotonic_s() < end_s and not world.laws.broken:
            await asyncio.sleep(dice.uniform(*PAUSE_S))
            if dice.below(100) < course.fault_percent:
                striking.create_task(faults.strike(world))
            else:
                await users.act()


async def _settle(world: World) -> list[str]:
    """Wait until all is as declared, and has been for a while; return what is not when the time is up."""
    began_s = since_s = world.clock.monotonic_s()
    while not world.laws.broken:
        await asyncio.sleep(LOOK_S)
        now_s = world.clock.monotonic_s()
        left = unsettled(world.laws, world.machines)
        if left:
            since_s = now_s
        if now_s - since_s > LULL_S:
            return []
        if now_s - began_s > SETTLE_S:
            return [f"after {SETTLE_S:.0f} s: {line}" for line in left]
    return []


async def _quiet(world: World) -> list[str]:
    """See that nobody goes on writing. One late word is forgiven: an event may follow its cause by two minutes."""
    for _ in range(LOOKS_MAX):
        before = Counter(world.laws.writes)
        await asyncio.sleep(QUIET_S)
        wrote = {plural: count for plural, count in (world.laws.writes - before).items() if plural not in HEARTBEATS}
        if not wrote:
            return []
    return [f"at rest, and yet in {QUIET_S:.0f} s was written, again: {wrote}"]
