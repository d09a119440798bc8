"""What a real API server accepted is accepted here, and writing it back unchanged changes nothing.

The objects are every creation of the recorded stories, every pod and node of the scheduling and pod recordings, the
objects a server is born with, and the applications of ../shared/manifests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knarr.api import defaults, kinds, schema_decode, strategy, validation
from knarr.api.kinds import Kind
from knarr.api.yamldoc import read_yaml

from .wire import WIRE

UID = "b91e9a08-427f-4d7e-a079-c1c50f982610"
TIME = "2026-11-22T19:47:02Z"
MANIFESTS = WIRE.parent / "manifests"
ADDRESS = {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]}


def read(name: str) -> Any:
    path = WIRE / name
    return json.loads(path.read_text()) if path.exists() else []


def cases() -> list[Any]:
    sources = (of_stories, of_workloads, of_pods, of_placements, of_bootstrap, of_manifests)
    return [pytest.param(kind, obj, id=f"{where}: {kind.kind} {obj.get('metadata', {}).get('name', '')}")
            for source in sources for where, obj in source() for kind in [kind_of(obj)] if kind is not None]


def kind_of(obj: dict[str, Any]) -> Kind | None:
    group, _, version = str(obj.get("apiVersion", "")).rpartition("/")
    return kinds.by_kind(group, version, str(obj.get("kind", "")))


def of_stories() -> Iterator[tuple[str, dict[str, Any]]]:
    for story in read("sequences/writes.json"):
        for step in story["steps"]:
            body = step["request"].get("body")
            if step["code"] == 201 and step["request"]["method"] == "POST" and isinstance(body, dict):
                yield story["name"], body


def of_workloads() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, recording in dict(read("workloads/stories.json")).items():
        for entry in recording["story"]:
            body = (entry.get("step") or {}).get("create")
            if isinstance(body, dict):
                yield name, body


def of_pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, recording in dict(read("pods/statuses.json")).items():
        yield name, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": recording["spec"]}


def of_placements() -> Iterator[tuple[str, dict[str, Any]]]:
    for recording in read("scheduling/placements.json"):
        for obj in (*recording["nodes"], *recording["pods"]):
            yield recording["name"], obj


def of_bootstrap() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, objects in dict(read("bootstrap/objects.json")).items():
        for obj in objects if isinstance(objects, list) else objects.get("items", []):
            yield path.rpartition("/")[2], obj


def of_manifests() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(MANIFESTS.rglob("*.yaml")):
        for document in split(path):
            obj, _ = read_yaml(document.encode())
            if isinstance(obj, dict):
                yield path.parent.name, obj


def split(path: Path) -> list[str]:
    documents = ("\n" + path.read_text()).split("\n---")
    return [document for document in documents if "\nkind:" in document and "CustomResourceDefinition" not in document]


@pytest.mark.parametrize(("kind", "obj"), cases())
def test_what_kubernetes_accepts_is_accepted(kind, obj):
    """A good object comes in; then the client writes back just what it was given."""
    created = schema_decode.decode(json.dumps(obj).replace("<time>", TIME).encode(), "application/json", kind).obj
    created["metadata"]["uid"] = UID
    if kind.namespaced:
        created["metadata"].setdefault("namespace", "rec")
    defaults.apply(kind, created)
    strategy.prepare_create(kind, created)
    refused = validation.create(kind, created)
    if kind.kind == "Service" and created["spec"]["type"] != "ExternalName":
        created["spec"] = {**ADDRESS, **created["spec"]}
    again = json.loads(json.dumps(created))
    defaults.apply(kind, again)
    strategy.prepare_update(kind, again, created)

    assert [] == refused
    assert [] == validation.update(kind, again, created)
    assert created == again
