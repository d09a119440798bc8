"""Play a recorded story of real controllers against ours and compare where each step leads."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from knarr.api import kinds
from knarr.api.http import Call
from knarr.reconcile.runner import Controller
from tests.unit.fake_api import FakeApi
from tests.unit.stage import play

STORIES = Path(__file__).parents[4] / "shared" / "wire" / "workloads" / "stories.json"
HASHED = re.compile(r"\b([drs])-[bcdfghjklmnpqrstvwxz2456789]{5,10}(-[a-z0-9]{5})?\b")


def load(name: str) -> dict[str, Any]:
    """Return a recorded story, or skip."""
    if not STORIES.exists():
        pytest.skip(f"{STORIES} is absent")
    return dict(json.loads(STORIES.read_text())[name])


def steps(story: dict[str, Any], kind: str, name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each step with the object as it was at the next step, or at the end."""
    found: list[tuple[dict[str, Any], dict[str, Any]]] = []
    before: dict[str, Any] = {}     # the object's last state before the step that is being read
    last: dict[str, Any] = {}
    for entry in story["story"]:
        if "step" in entry:
            if found:
                found[-1] = (found[-1][0], before)
            found.append((entry["step"], last))
        elif entry["kind"] == kind and entry["name"] == name:
            # The step's own write is recorded before the step; it alone raises the generation.
            before, last = (last if entry["generation"] != last.get("generation") else entry), entry
    found[-1] = (found[-1][0], last)
    return found


def replay(name: str, controllers: list[Controller[Any]], *, watch: tuple[str, str], settle_s: float = 20) -> Any:
    """Play a story's steps; return (expected, got): statuses after each step, masked, and the api."""
    story = load(name)
    expected, got = [], []

    async def act(api: FakeApi) -> None:
        for step, after in steps(story, *watch):
            await take(api, step)
            await asyncio.sleep(settle_s)
            obj = api.objects[kinds_plural(watch[0]), "d", watch[1]]
            expected.append(mask({"status": after["status"], "annotations": after.get("annotations") or {}}))
            got.append(mask({"status": obj["status"], "annotations": obj["metadata"].get("annotations") or {}}))

    api = play(controllers, act)
    return expected, got, api


async def take(api: FakeApi, step: dict[str, Any]) -> None:
    """Do what a step did."""
    if "create" in step:
        obj = json.loads(json.dumps(step["create"]))
        obj["metadata"]["namespace"] = "d"
        row = kinds.of_object(obj)
        assert row is not None
        await api.handle(Call("POST", row.path("d"), body=orjson.dumps(obj)))
    elif "patch" in step:
        plural, name = step["patch"].split("/")
        row = next(kind for kind in kinds.KINDS if kind.plural == plural and kind.group in ("apps", ""))
        await api.handle(Call("PATCH", row.path("d", name), body=orjson.dumps(step["body"])))


def kinds_plural(kind: str) -> str:
    """Return a kind's plural."""
    return next(row.plural for row in kinds.KINDS if row.kind == kind)


def mask(value: Any) -> Any:
    """Hide times and generated names; conditions in order of their type."""
    if isinstance(value, dict):
        hidden = {key: "<time>" if key.endswith("Time") else mask(inner) for key, inner in value.items()}
        if "conditions" in hidden:
            hidden["conditions"] = sorted(hidden["conditions"], key=lambda condition: condition["type"])
        return hidden
    if isinstance(value, list):
        return [mask(inner) for inner in value]
    return HASHED.sub(r"\1-<hash>", value) if isinstance(value, str) else value


def told(story: dict[str, Any], component: str) -> list[str]:
    """Return a component's recorded events, masked."""
    return [mask(f"{e['type']} {e['reason']} {e['message']}") for e in story["events"]
            if e.get("reportingComponent") == component]


def wrote(api: FakeApi, component: str) -> list[str]:
    """Return a component's events in our server, masked, in order."""
    held = [e for e in api.all("events") if e["reportingComponent"] == component]
    ranked = sorted(held, key=lambda event: int(event["metadata"]["name"].rpartition(".")[2], 16))
    return [mask(f"{e['type']} {e['reason']} {e['message']}") for e in ranked]
