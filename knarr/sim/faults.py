"""Strike the world: each fault begins, lasts, and ends by itself. Which, when and how long, the dice say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from knarr.api.errors import AlreadyExists, ApiError, NotFound
from knarr.sim.world import Part, World

DOWN_S = (0.0, 20.0)          # a part, until its supervisor has it up again
DARK_S = (10.0, 120.0)        # a machine without power
CUT_S = (2.0, 60.0)           # a link
BAD_S = (5.0, 30.0)           # a network or a disk that fares ill
LAGS_S = (0.05, 5.0)
LOSSES = (10, 50, 200)        # of a thousand requests
STEP_S = (-120.0, 120.0)
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
WEBHOOK: dict[str, Any] = {
    "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "absent"}, "webhooks": [{
        "name": "pods.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
        "clientConfig": {"service": {"namespace": "default", "name": "absent"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]}]}


async def strike(world: World) -> None:
    """Let one fault happen, from its beginning to its end."""
    await world.dice.choice(FAULTS)(world)


async def crash(world: World) -> None:
    """One part crashes and is started again."""
    part = world.dice.choice([world.server, world.controllers, world.scheduler, *world.agents.values()])
    await _down(world, part, DOWN_S)


async def crash_server(world: World) -> None:
    """The server crashes in the middle of its writes, and comes back at once or late."""
    await _down(world, world.server, DOWN_S)


async def lose_power(world: World) -> None:
    """A machine dies with all its containers, and comes back."""
    name = world.dice.choice(list(world.machines))
    if not world.agents[name].up:
        return
    world.story.tell("fault", f"{name} loses power")
    world.machines[name].runtime.die()
    await _down(world, world.agents[name], DARK_S)


async def cut(world: World) -> None:
    """One part cannot reach the server, and perhaps does not notice."""
    name, silently = world.dice.choice(list(world.network.links)), world.dice.below(2) == 0
    link = world.network.links[name]
    if not link.whole or name == "user":
        return
    link.cut(silently=silently)
    await _last(world, CUT_S, f"{name} is cut off{' silently' if silently else ''}")
    link.mend()
    world.story.tell("fault", f"{name} is joined again")


async def break_watches(world: World) -> None:
    """Every watch breaks."""
    world.story.tell("fault", "every watch breaks")
    world.network.break_watches()


async def lag(world: World) -> None:
    """What watches show is old."""
    world.network.lag_s = world.dice.uniform(*LAGS_S)
    await _last(world, BAD_S, f"watches lag {world.network.lag_s:.2f} s")
    world.network.lag_s = 0.0


async def lose(world: World) -> None:
    """Requests get lost, lose their answers, or come twice."""
    world.network.loss = world.dice.choice(LOSSES)
    await _last(world, BAD_S, f"{world.network.loss} of 1000 requests fare ill")
    world.network.loss = 0


async def slow_disk(world: World) -> None:
    """Commits take long."""
    world.platter.slow = True
    await _last(world, BAD_S, "the disk is slow")
    world.platter.slow = False


async def full_disk(world: World) -> None:
    """Commits are refused."""
    world.platter.full = True
    await _last(world, BAD_S, "the disk is full")
    world.platter.full = False


async def webhook_down(world: World) -> None:
    """Nobody answers where the server must ask before it lets pods be made."""
    await send(world, "POST", HOOKS, WEBHOOK)
    await _last(world, BAD_S, "the webhook for pods is down")
    while not await send(world, "DELETE", f"{HOOKS}/{WEBHOOK['metadata']['name']}", {}):
        pass
    world.story.tell("fault", "there is no webhook any more")


async def send(world: World, method: str, path: str, body: dict[str, Any]) -> bool:
    """Ask the server as a person; tell whether what was asked is so."""
    try:
        await world.user.call(method, path, body=orjson.dumps(body), content_type="application/json")
    except (NotFound, AlreadyExists):
        return True
    except (ApiError, OSError):
        return False
    return True


async def skew_clock(world: World) -> None:
    """The wall clock of one machine goes wrong."""
    machine = world.dice.choice(list(world.machines.values()))
    machine.clock.skew_s = world.dice.uniform(*STEP_S)
    world.story.tell("fault", f"the clock of {machine.name} is wrong by {machine.clock.skew_s:+.1f} s")


async def step_clock(world: World) -> None:
    """The wall clock jumps."""
    step_s = world.dice.uniform(*STEP_S)
    world.clock.step(step_s)
    world.story.tell("fault", f"the clock jumps by {step_s:+.1f} s")


async def _down(world: World, part: Part, lasts_s: tuple[float, float]) -> None:
    if not part.up:
        return
    if part is world.server:
        world.network.doom_server()
    await part.crash()
    await _last(world, lasts_s, f"{part.name} crashes")
    part.start()
    world.story.tell("fault", f"{part.name} starts again")


async def _last(world: World, lasts_s: tuple[float, float], what: str) -> None:
    """Tell that something begins, and let its time pass."""
    lasting_s = world.dice.uniform(*lasts_s)
    world.story.tell("fault", f"{what} (for {lasting_s:.1f} s)")
    await world.clock.sleep(lasting_s)


Fault = Callable[[World], Awaitable[None]]
FAULTS: tuple[Fault, ...] = (
    crash, crash, crash_server, lose_power, cut, cut, break_watches, lag, lose, lose, slow_disk, full_disk, step_clock,
    skew_clock, webhook_down)
