"""postStart hooks on the whole agent: one that succeeds, one that fails, one that never ends."""

from __future__ import annotations

import asyncio

from knarr.node.faces import ExecResult
from tests.unit.node.fake_cri import FakeRuntime
from tests.unit.node.test_agent import PODS, ready, state, tell

HOOKED = [{"name": "c", "image": "app:1", "lifecycle": {"postStart": {"exec": {"command": ["hook"]}}}}]


def answering(monkeypatch, code):
    """Let commands in containers end with a code; None: never."""
    async def exec_sync(runtime, container_id, command, timeout_s):
        if code is None:
            await asyncio.sleep(timeout_s)
        return ExecResult(code or 0, b"", b"")

    monkeypatch.setattr(FakeRuntime, "exec_sync", exec_sync)


def test_a_container_runs_once_its_hook_has_ended(tmp_path, monkeypatch):
    """The hook succeeds: the pod is ready."""
    async def story(world):
        answering(monkeypatch, 0)
        await world.make(containers=HOOKED)
        await world.until(ready)

    tell(tmp_path, story)


def test_a_failing_hook_ends_its_container(tmp_path, monkeypatch):
    """It fails every time: the container is stopped, and tried again with the waits of a crash loop."""
    async def story(world):
        answering(monkeypatch, 1)
        await world.make(containers=HOOKED)
        await world.until(lambda s: s["status"].get("containerStatuses", [{}])[0].get("restartCount", 0) >= 2)
        events = (await world.api.ask("GET", "/api/v1/namespaces/web/events"))[1]["items"]
        assert {"FailedPostStartHook", "BackOff", "Killing"} <= {each["reason"] for each in events}

    tell(tmp_path, story)


def test_a_hook_that_never_ends_holds_nobody_up(tmp_path, monkeypatch):
    """The pod is not ready, and that is all; when it is deleted, its container is stopped and it goes."""
    async def story(world):
        answering(monkeypatch, None)
        await world.make(containers=HOOKED)
        await asyncio.sleep(600)
        assert "waiting" in state(await world.pod())["state"]

        await world.api.ask("DELETE", f"{PODS}/a?gracePeriodSeconds=5")
        await world.until(lambda s: s is None, limit_s=20)
        assert [] == list(world.runtime.containers)

    tell(tmp_path, story)
