"""Live recorded pods again on a running node, side by side, and write down every status and event as the recording did."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from knarr.cli.connect import Server, connect
from tests.e2e.cluster import BUSYBOX, Cluster

PATIENCE_S = 180.0  # the longest recorded story took 42 s, alone on its machine
STAGGER_S = 0.3  # between two creations: forty at once would wait for each other


@dataclass
class Life:
    """One pod's statuses in order (when it went, it is told once more), and its events."""

    statuses: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    gone: bool = False


@dataclass
class Story:
    """What is lived. may_go: tells whether a pod that is to be deleted has come so far; over: whether all was seen."""

    name: str
    spec: dict[str, Any]
    may_go: Callable[[Life], bool]
    over: Callable[[Life], bool]
    life: Life = field(default_factory=Life)
    told_to_go: bool = False


def live(cluster: Cluster, namespace: str, stories: list[Story]) -> None:
    """Create the pods one by one, delete those that are to be; return when all are over, or patience is."""
    server = connect(None, str(cluster.data_dir))
    base = f"/api/v1/namespaces/{namespace}"
    lives = {story.name: story.life for story in stories}
    threading.Thread(target=follow, args=(server, base, lives), daemon=True).start()
    deadline_s = time.monotonic() + PATIENCE_S
    coming, running = list(stories), list[Story]()
    while (coming or running) and time.monotonic() < deadline_s:
        if coming:
            running.append(coming.pop(0))
            server.ask("POST", f"{base}/pods", pod_of(running[-1]))
        for story in [each for each in running if not each.told_to_go and each.may_go(each.life)]:
            server.ask("DELETE", f"{base}/pods/{story.name}")
            story.told_to_go = True
        events = events_by_pod(server, base)
        for story in running:
            story.life.events = events.get(story.name, [])
        running = [story for story in running if not story.over(story.life)]
        time.sleep(STAGGER_S)


def pod_of(story: Story) -> dict[str, Any]:
    """Return the recorded pod with an image that lies on this machine."""
    spec = json.loads(json.dumps(story.spec).replace('"IMAGE"', f'"{BUSYBOX}"'))
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": story.name}, "spec": spec}


def follow(server: Server, base: str, lives: dict[str, Life]) -> None:
    """Write down every status that a watch shows, until it ends."""
    query = {"watch": "true", "timeoutSeconds": str(int(PATIENCE_S + len(lives)))}
    with server.open("GET", f"{base}/pods", query=query, headers={"Accept": "application/json"}, wait_s=None) as answer:
        while line := answer.readline():
            event = json.loads(line)
            life = lives[event["object"]["metadata"]["name"]]
            life.statuses.append(event["object"]["status"])
            life.gone = event["type"] == "DELETED"


def events_by_pod(server: Server, base: str) -> dict[str, list[dict[str, Any]]]:
    """Return all events as they stand now."""
    found: dict[str, list[dict[str, Any]]] = {}
    for event in server.ask("GET", f"{base}/events")["items"]:
        found.setdefault(event["involvedObject"]["name"], []).append(event)
    return found
