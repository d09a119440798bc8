"""A machine that runs short, and pods that use more than they may."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from knarr.api.types.core_v1 import Pod
from knarr.node.cri.face import Usage
from knarr.node.eviction import limits, rank, thresholds
from knarr.node.eviction.rank import Used
from knarr.node.eviction.signals import EMPTY_DIRS
from knarr.node.eviction.thresholds import Level
from knarr.node.rules import HARD, Images, Rules, Threshold
from tests.unit.node.making import pod
from tests.unit.node.test_agent import World, ready, tell

MI = 1024 ** 2


def needing(name, memory="", priority=0, **status) -> Pod:
    """Return a pod that asks for some memory."""
    asked = {"requests": {"memory": memory}} if memory else {}
    return pod(name=name, priority=priority, status=status, containers=[
        {"name": "c", "image": "app:1", "resources": asked}])


@pytest.mark.parametrize(("levels", "expected"), [
    pytest.param({"memory.available": Level(200 * MI, 1000 * MI)}, [], id="enough"),
    pytest.param({"memory.available": Level(99 * MI, 1000 * MI)}, ["memory.available"], id="less than 100Mi"),
    pytest.param({"nodefs.available": Level(9, 100), "memory.available": Level(0, 1)},
                 ["memory.available", "nodefs.available"], id="memory comes first"),
    pytest.param({"imagefs.inodesFree": Level(4, 100), "pid.available": Level(0, 9)}, ["imagefs.inodesFree"],
                 id="what has no threshold is not looked at"),
])
def test_what_is_short(levels, expected):
    """kubelet's own hard thresholds."""
    assert expected == [each.signal for each in thresholds.met(HARD, levels)]


def test_who_goes_first():
    """Beyond their requests before those within; of low priority first; then who is furthest beyond. Never the critical."""
    used = {f"uid-{name}": Used({"memory": amount * MI}) for name, amount in (
        ("modest", 50), ("greedy", 300), ("hungry", 200), ("noble", 900), ("critical", 999))}
    pods = [needing("modest", "100Mi"), needing("critical", priority=2_000_000_000), needing("noble", priority=5),
            needing("hungry", "10Mi"), needing("greedy", "10Mi")]

    assert ["greedy", "hungry", "noble", "modest"] == [
        each.metadata.name for each in rank.victims(pods, used, "memory")]


def test_what_the_evicted_are_told():
    """kubelet's words: what was short, and what each container used beyond its request."""
    used = Used({"memory": 60 * MI}, {"c": {"memory": 60 * MI}})
    told = rank.message(needing("web", "10Mi"), HARD[0], Level(50 * MI + 1024, 1000 * MI), used)

    assert told == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 51201Ki. "
        "Container c was using 60Mi, request is 10Mi, has larger consumption of memory. ")


@pytest.mark.parametrize(("spec", "used", "volumes", "expected"), [
    pytest.param({"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}]}, {}, {"v": MI + 1},
                 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ', id="a volume"),
    pytest.param({"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}]}, {}, {"v": MI}, "", id="just within"),
    pytest.param({"containers": [{"name": "c", "image": "i", "resources": {"limits": {"ephemeral-storage": "1Mi"}}}]},
                 {"c": MI + 1}, {}, "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ",
                 id="all containers together"),
    pytest.param({"containers": [
        {"name": "c", "image": "i", "resources": {"limits": {"ephemeral-storage": "1Mi"}}},
        {"name": "d", "image": "i", "resources": {"limits": {"ephemeral-storage": "9Mi"}}}]}, {"c": 2 * MI}, {},
        'Container c exceeded its local ephemeral storage limit "1Mi". ', id="one container"),
    pytest.param({}, {"c": MI}, {}, "", id="no limit"),
])
def test_local_storage(spec, used, volumes, expected):
    """A pod may fill what it is given, and not more."""
    total = Used({"ephemeral-storage": sum(used.values())}, {name: {"ephemeral-storage": n} for name, n in used.items()})

    assert expected == limits.excess(pod(**spec), total, volumes)


def test_a_soft_threshold_has_patience():
    """It must be crossed for a while; the condition shows it at once."""
    soft = Threshold("memory.available", "1Gi", grace_s=90)
    assert ("MemoryPressure", 1024 * MI) == (thresholds.condition(soft), thresholds.least(soft, 8 << 30))


def test_a_threshold_is_over_when_enough_is_reclaimed():
    """Crossed once, it wants 500Mi more than it did before."""
    hard = Threshold("memory.available", "100Mi", reclaim="500Mi")
    levels = {"memory.available": Level(300 * MI, 1000 * MI)}

    assert ((), (hard,)) == (thresholds.met([hard], levels), thresholds.met([hard], levels, before={hard}))


async def conditions(world):
    """Return the node's conditions."""
    _, node = await world.api.ask("GET", "/api/v1/nodes/n1")
    return {each["type"]: each["status"] for each in node["status"]["conditions"]}


def test_memory_runs_short(tmp_path):
    """One pod goes, the greedier one; the node shows it, and shows it for five minutes after all is well."""
    async def story(world: World) -> None:
        made = {name: await world.make(name) for name in ("small", "large")}
        for name in made:
            await world.until(ready, name=name)
        world.runtime.usages = tuple(
            Usage(f"c-{name}", "c", obj["metadata"]["uid"], name, "web", 0, (1 + (name == "large")) * MI, 1.0)
            for name, obj in made.items())
        world.levels["memory.available"] = Level(10 * MI, 1000 * MI)
        gone = await world.until(lambda shown: shown["status"]["phase"] == "Failed", name="large")
        world.levels["memory.available"] = Level(900 * MI, 1000 * MI)

        assert ("Evicted", True) == (gone["status"]["reason"], gone["status"]["message"].startswith(
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 10240Ki. Container c was using"))
        assert {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}.items() <= next(
            each for each in gone["status"]["conditions"] if each["type"] == "DisruptionTarget").items()
        await world.until(ready, name="small", limit_s=20)
        await asyncio.sleep(20)      # the machine is looked at every ten seconds
        assert "True" == (await conditions(world))["MemoryPressure"]
        world.api.clock.advance(310)
        await asyncio.sleep(20)
        assert "False" == (await conditions(world))["MemoryPressure"]
        assert ready(await world.pod("small"))

    tell(tmp_path, story)


def test_an_empty_dir_grows_beyond_its_limit(tmp_path):
    """The machine has plenty, yet the pod goes: it broke its own word."""
    async def story(world: World) -> None:
        made = await world.make(volumes=[{"name": "v", "emptyDir": {"sizeLimit": "1Ki"}}])
        await world.until(ready)
        home = world.folder / "pods" / made["metadata"]["uid"] / EMPTY_DIRS / "v"
        home.mkdir(parents=True)
        (home / "big").write_bytes(b"x" * 8192)
        gone = await world.until(lambda shown: shown["status"]["phase"] == "Failed")

        assert 'Usage of EmptyDir volume "v" exceeds the limit "1Ki". ' == gone["status"]["message"]

    tell(tmp_path, story)


def test_a_full_disk_costs_unused_images_first(tmp_path):
    """More than 85 % is in use: images that no pod names go, the others stay."""
    async def story(world: World) -> None:
        world.runtime.add_image("docker.io/library/old:1")
        world.runtime.add_image("docker.io/library/seen:1")
        await world.make(volumes=[{"name": "v", "image": {"reference": "seen:1"}}])
        await world.until(ready)
        world.levels["imagefs.available"] = Level(14, 100)
        await asyncio.sleep(11)
        assert 3 == len(world.runtime.images)       # it may have been pulled for a pod that is about to come
        world.api.clock.advance(150)
        world.levels["imagefs.available"] = Level(14, 100)
        await asyncio.sleep(301)

        assert {"docker.io/library/app:1", "docker.io/library/seen:1"} == {
            tag for image in world.runtime.images.values() for tag in image.tags}

    tell(tmp_path, story)


def test_images_that_cannot_help_are_told_of(tmp_path):
    """The disk is full of something else: the node's event says what was found, once, and nothing that is used goes."""
    async def story(world: World) -> None:
        await world.make()
        await world.until(ready)
        for _ in range(20):
            world.levels["imagefs.available"] = Level(10, 100)
            await asyncio.sleep(11)
        _, events = await world.api.ask("GET", "/api/v1/namespaces/default/events")
        told = [one["message"] for one in events["items"] if one["reason"] == "FreeDiskSpaceFailed"]
        assert ["Failed to garbage collect required amount of images. Attempted to free 10 bytes, but only found 0 bytes "
                "eligible to free."] == told
        assert 1 == len(world.runtime.images)

    tell(tmp_path, story)


def test_old_images_go_though_there_is_room(tmp_path):
    """Where the machine's owner wants it; what the runtime has pinned stays."""
    async def story(world: World) -> None:
        world.runtime.add_image("docker.io/library/old:1")
        world.runtime.add_image("docker.io/library/kept:1")
        kept = world.runtime.images["docker.io/library/kept:1"]
        world.runtime.images["docker.io/library/kept:1"] = replace(kept, pinned=True)
        await world.make()
        await world.until(ready)
        for seconds, left in ((30, 3), (300, 3), (400, 2)):
            world.api.clock.advance(seconds)
            await asyncio.sleep(30)
            assert left == len(world.runtime.images)
        assert {"docker.io/library/app:1", "docker.io/library/kept:1"} == set(world.runtime.images)

    tell(tmp_path, story, rules=Rules(images=Images(most_s=600.0)))
