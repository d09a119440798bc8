"""Writes to objects that exist are let through or refused as a real API server did, and counted alike.

The recorded stories are replayed on a small store of dicts: decode, defaults, strategy, validation. Patches other than
whole objects, conflicts of versions and subresources of their own are the API server's tests.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from knarr.api import defaults, schema_decode, strategy, validation
from knarr.api.errors import invalid
from knarr.api.kinds import Kind

from .wire import kind_at, stories

STORY = "immutable fields"
CONFLICTS = 409   # versions and uids: the API server's business
TIME = "2026-11-22T19:47:02Z"
ALLOCATED = {"clusterIP": "10.96.1.1", "clusterIPs": ["10.96.1.1"]}


def steps() -> list[Any]:
    """Return (what stood, the write, what was answered) of every PUT of the story."""
    story = next((story for story in stories() if story["name"] == STORY), {"steps": []})
    standing: dict[str, dict[str, Any]] = {}
    found = []
    for number, step in enumerate(story["steps"]):
        request, response = step["request"], step["response"]
        path = request["path"].partition("?")[0]
        if request["method"] == "POST":
            standing[f"{path}/{response['metadata']['name']}"] = response
            continue
        if step["code"] != CONFLICTS and kind_at(path):
            found.append(pytest.param(standing[path], step, id=f"{number} {request['body']['kind']}"))
        if step["code"] == 200:
            standing[path] = response
    return found


def write(kind: Kind, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Replace `old` by `new` as the API server would; return the object or a Status."""
    defaults.apply(kind, new)
    strategy.prepare_update(kind, new, old)
    causes = validation.update(kind, new, old)
    return invalid(kind.kind, kind.group, new["metadata"]["name"], causes).status() if causes else new


def settled(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    return schema_decode.decode(json.dumps(obj).encode(), "application/json", kind).obj


def unmasked(obj: dict[str, Any], *, like: dict[str, Any]) -> dict[str, Any]:
    """Give the stored object the real values that the recording masks, as the request's body shows them."""
    real = copy.deepcopy(obj)
    real["metadata"].update({name: like["metadata"][name] for name in ("uid", "creationTimestamp")
                             if name in like["metadata"]})
    real["metadata"].pop("managedFields", None)
    text = json.dumps(real).replace("<uid>", like["metadata"].get("uid", "")).replace("<time>", TIME)
    real = json.loads(text)
    if real["kind"] == "Service" and real["spec"].get("clusterIP") == "<ip>":
        real["spec"].update(ALLOCATED)
    return real


@pytest.mark.parametrize(("standing", "step"), steps())
def test_an_update_is_answered_as_kubernetes_answers(standing, step):
    """A client changes what may not change, or what may; the recording tells which is which."""
    request, expected = step["request"], step["response"]
    kind = kind_at(request["path"])
    assert kind is not None
    old = unmasked(standing, like=request["body"])
    new = settled(kind, {**request["body"], "metadata": {**request["body"]["metadata"], "managedFields": None}})
    if kind.kind == "Service" and step["code"] == 200:
        new["spec"].update(ALLOCATED)

    got = write(kind, old, new)

    if step["code"] == 200:
        assert "code" not in got, got
        assert expected["metadata"].get("generation") == got["metadata"].get("generation")
    else:
        assert expected == got
