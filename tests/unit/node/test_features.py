"""What one runtime can do and another cannot: users of a pod's own, strict groups, handlers that classes name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from knarr.node import users
from knarr.node.cri.face import Features, Handler, Span
from knarr.node.rules import Rules
from knarr.node.settings import Settings
from tests.unit.node.test_agent import PODS, World, ready, tell

CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
ABLE = Features({"": Handler(user_namespaces=True), "quick": Handler()}, only_these_groups=True)


async def told(world: World) -> set[str]:
    """Return why sandboxes failed, as events say."""
    _, events = await world.api.ask("GET", "/api/v1/namespaces/web/events")
    return {each["message"] for each in events["items"] if each["reason"] == "FailedCreatePodSandBox"}


def test_users_of_a_pods_own(tmp_path):
    """The runtime cannot at first: the pod does not run as the machine's users instead, and events say why."""
    async def story(world: World) -> None:
        await world.make("apart", hostUsers=False)
        await asyncio.sleep(5)
        assert not world.runtime.sandboxes
        assert {"Failed to create pod sandbox: can't set `spec.hostUsers: false`, runtime does not support user "
                "namespaces"} == await told(world)
        world.runtime.able = ABLE
        await world.make("beside", hostUsers=False)
        for name in ("apart", "beside"):
            await world.until(ready, name=name)
        spans = [held.spec.namespaces.users for held in world.runtime.containers.values()]
        assert sorted(span.first for span in spans) == [65536, 131072]

        await world.kill_agent()
        world.start_agent()
        await world.make("third", hostUsers=False)
        await world.until(ready, name="third")
        assert Span(196608, 65536) in [held.spec.namespaces.users for held in world.runtime.containers.values()]

    tell(tmp_path, story)


def test_classes_name_handlers(tmp_path):
    """One that the runtime has, one that it has not, and one that is gone when the sandbox has to be made anew."""
    async def story(world: World) -> None:
        world.runtime.able = ABLE
        for name in ("quick", "strange"):
            await world.api.make(CLASSES, {"metadata": {"name": name}, "handler": name})
        await world.make("a", runtimeClassName="quick")
        await world.make("b", runtimeClassName="strange")
        await world.until(ready)
        await asyncio.sleep(3)
        assert {'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox runtime: '
                'no runtime for "strange" is configured'} == await told(world)

        await world.api.ask("DELETE", f"{CLASSES}/quick")
        await world.api.ask("DELETE", f"{PODS}/b")
        (sandbox,) = world.runtime.sandboxes
        world.runtime.lose(sandbox)
        await asyncio.sleep(3)
        assert 'Failed to create pod sandbox: runtimeclass.node.k8s.io "quick" not found' in await told(world)

    tell(tmp_path, story)


@pytest.mark.parametrize("able", [False, True])
def test_no_groups_but_those_named(tmp_path, able):
    """A runtime that cannot keep the image's own groups away does not get the pod."""
    async def story(world: World) -> None:
        if able:
            world.runtime.able = ABLE
            await asyncio.sleep(11)
        await world.make(securityContext={"supplementalGroupsPolicy": "Strict"})
        if able:
            await world.until(ready)
            assert [True] == [held.spec.security.only_these_groups for held in world.runtime.containers.values()]
            return
        shown = await world.until(lambda pod: pod is not None and pod["status"].get("phase") == "Failed")
        assert ("SupplementalGroupsPolicyNotSupported", "Pod was rejected: SupplementalGroupsPolicy=Strict is not "
                "supported in this node") == (shown["status"]["reason"], shown["status"]["message"])

    tell(tmp_path, story)


def test_the_node_shows_what_its_runtime_can_do(tmp_path):
    """As schedulers and people look for it."""
    async def story(world: World) -> None:
        world.runtime.able = ABLE
        await asyncio.sleep(11)
        _, node = await world.api.ask("GET", "/api/v1/nodes/n1")
        no = {"recursiveReadOnlyMounts": False, "userNamespaces": False}
        assert {"supplementalGroupsPolicy": True} == node["status"]["features"]
        assert [{"name": "", "features": {**no, "userNamespaces": True}}, {"name": "quick", "features": no}] == node[
            "status"]["runtimeHandlers"]

    tell(tmp_path, story)


def settings(folder: Path, **more: Any) -> Settings:
    """Return a node's settings."""
    return Settings(folder, "n1", "192.0.2.1", runtime_endpoint="unix:///fake", **more)


def test_spans_come_back(tmp_path):
    """The lowest free one is given; a pod keeps its own; none is left when all are given."""
    node = settings(tmp_path, rules=Rules(pods_max=2))
    assert Span(65536, 65536) == users.give(node, "a") == users.give(node, "a") == users.given(node, "a")
    assert Span(131072, 65536) == users.give(node, "b")
    with pytest.raises(users.NoUsers, match="all 2 ranges"):
        users.give(node, "c")
    (node.pod_dir("a") / users.FILE).unlink()
    assert Span(65536, 65536) == users.give(node, "c")
    assert users.given(node, "a") is None


@pytest.mark.parametrize(("uids", "gids", "expected"), [
    ("kubelet:131072:196608\n", "other:1:2\nkubelet:131072:196608\n", Span(131072, 131072)),
    ("other:131072:196608\n", "", Span(65536, 131072)),
    ("kubelet:131072:131072\n", "kubelet:262144:131072\n", "must each have the same single line"),
    ("kubelet:131072:131072\n", "", "must each have the same single line"),
    ("kubelet:1:131072\n", "kubelet:1:131072\n", "must begin at a multiple of 65536"),
    ("kubelet:131072:65536\n", "kubelet:131072:65536\n", "at least 131072"),
    ("kubelet:x:65536\n", "kubelet:x:65536\n", "expected kubelet:FIRST:COUNT"),
])
def test_the_machines_owner_says_which_users(tmp_path, monkeypatch, uids, gids, expected):
    """By the files that other programs read too."""
    monkeypatch.setattr(users, "LISTS", (tmp_path / "subuid", tmp_path / "subgid"))
    for file, text in zip(users.LISTS, (uids, gids), strict=True):
        file.write_text(text)
    node = settings(tmp_path, rules=Rules(ids_per_pod=131072))
    if isinstance(expected, Span):
        assert expected == users.give(node, "a")
        return
    with pytest.raises(users.NoUsers, match=expected):
        users.give(node, "a")
