"""Every bad creation a real API server refused is refused here alike: code, reason, causes and message.

Runs what the API server runs, in its order: decode, defaults, strategy, validation. Refusals that need other objects
(admission, allocators) or the request's path are not made here; ELSEWHERE names them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from knarr.api import defaults, schema_decode, strategy, validation
from knarr.api.errors import ApiError, invalid

from .wire import WIRE, kind_at, query_of

CASES = "refusals/create.json"
UID = "b91e9a08-427f-4d7e-a079-c1c50f982610"
ELSEWHERE = {
    "matchConditions": "CEL is not evaluated yet, and the refusal says so",
    "the namespace of the provided object does not match": "the API server compares body and path",
    "no PriorityClass with name": "admission looks it up",
    "error looking up service account": "admission looks it up",
    "RuntimeClass": "admission looks it up",
    "failed to allocate IP": "the address allocator knows its range",
    "already exists": "the store knows",
    'namespaces "nope" not found': "admission looks it up",
}
LONG_DATA = "data.x is 1,100,000 times y"   # the recording says what the body was instead of holding it


def cases() -> list[Any]:
    path = WIRE / CASES
    found = json.loads(path.read_text()) if path.exists() else []
    return [pytest.param(case, id=f"{number} {case['case'][:70]}") for number, case in enumerate(found) if here(case)]


def here(case: dict[str, Any]) -> bool:
    """Whether the case is a creation of a served kind by a JSON body."""
    request = case["request"]
    kind = kind_at(request["path"])
    return (request.get("method", "POST") == "POST" and isinstance(request.get("body"), dict) and kind is not None
            and "/token" not in request["path"] and "/p/nope" not in request["path"])


def answer(case: dict[str, Any]) -> dict[str, Any] | None:
    """Create the object as the API server would; return its Status, None if it is let in."""
    request = case["request"]
    kind = kind_at(request["path"])
    assert kind is not None
    body = request["body"]
    if body.get("note") == LONG_DATA:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": {"x": "y" * 1_100_000}}
    mode = query_of(request["path"]).get("fieldValidation", "Warn")
    try:
        obj = schema_decode.decode(json.dumps(body).encode(), "application/json", kind, validation=mode).obj
    except ApiError as error:
        return error.status()
    metadata = obj.setdefault("metadata", {})
    metadata["uid"] = UID
    if kind.namespaced:
        metadata.setdefault("namespace", "rec")
    defaults.apply(kind, obj)
    strategy.prepare_create(kind, obj)
    causes = validation.create(kind, obj)
    return invalid(kind.kind, kind.group, metadata.get("name", ""), causes).status() if causes else None


@pytest.mark.parametrize("case", cases())
def test_a_creation_is_answered_as_kubernetes_answers(case):
    """One field of a good object was made bad; the recording tells what the real server said."""
    expected = None if case["code"] in (200, 201) else case["response"]
    why = next((why for words, why in ELSEWHERE.items() if expected and words in expected["message"]), "")
    if why:
        pytest.skip(why)

    got = json.loads(json.dumps(answer(case)).replace(UID, "<uid>"))

    assert expected == got


def test_the_recording_is_not_empty():
    """An absent recording makes the table above empty; that is said, not passed over."""
    if not (WIRE / CASES).exists():
        pytest.skip(f"no recorded answers at {WIRE / CASES}")
    assert len(cases()) > 200
