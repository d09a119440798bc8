"""Replay recorded stories step by step: patches, immutable fields, generations, deletion, lists, evictions, a namespace's end."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.unit.apiserver.asking import MERGE, Asker
from tests.unit.apiserver.oracle import plain, recorded, replay

FILES = ("sequences/writes.json", "sequences/reads-and-policies.json")
NOT_SERVED_YET = ("RBAC", "quotas", "tokens", "watches")
DIFFERENT: dict[tuple[str, int], str] = {  # story and step -> why the answer is not the recorded one
    ("strategic merge patch on a Deployment", 9): "a controller's annotation counted as a change of the template",
    ("strategic merge patch on a Deployment", 10): "the same, one generation behind",
    ("strategic merge patch on a Deployment", 11): "the same",
    ("strategic merge patch on a Deployment", 12): "the same",
    ("strategic merge patch on a Deployment", 13): "recorded as a 500; a bad patch is a 400",
    ("strategic merge patch on a Deployment", 14): "the same as 9",
    ("merge and JSON patches", 9): "the message quotes the whole object, with its uid",
    ("server-side apply", 12): "recorded as a 500; a bad object is a 400",
    ("server-side apply", 13): "the same",
    ("immutable fields", 5): "the message holds uids",
    ("immutable fields", 16): "the message quotes Go's diff of the whole object",
    ("immutable fields", 20): "the same",
    ("immutable fields", 24): "the message quotes the whole template in Go's form",
    ("custom resources", 24): "the owner of a scaled count has no time there",
    ("custom resources", 25): "conflicts come in another order",
    ("custom resources", 26): "the same as 24",
    ("custom resources", 17): "the faults of a map's members come in no order there, by name here",
    ("deletion", 1): "the message holds a uid",
    ("deletion", 2): "the message holds a revision",
    ("eviction and disruption budgets", 2): "the budget's status is a controller's",
    ("eviction and disruption budgets", 4): "the condition's empty times are shown as null there",
    ("eviction and disruption budgets", 5): "the budget's status is a controller's",
}


@pytest.mark.parametrize("name", FILES)
async def test_same_stories(name):
    """The same requests in the same order get the same answers; a story begins where the one before has ended."""
    stories = recorded(name)
    api = await Asker().start("rec2", "rec4-85", "rec5-85", "rec6-85", "rec7-85")
    await ask_for_security(api)
    for present in ("kube-root-ca.crt", "openshift-service-ca.crt"):  # controllers of theirs had made them
        await api.make("/api/v1/namespaces/rec4-85/configmaps", {"metadata": {"name": present}})
    for story in stories:
        if not any(part in story["name"] for part in NOT_SERVED_YET):
            await tell(api, story)


def at_home(request: dict[str, Any]) -> dict[str, Any]:
    """Name this namespace where a selector names the other server's."""
    body = request.get("body")
    if "admissionregistration" not in request.get("path", "") or body is None:
        return request
    return {**request, "body": orjson.loads(orjson.dumps(body).replace(b"stories", b"rec4-85"))}


async def ask_for_security(api: Asker) -> None:
    """Label two namespaces as the recorded ones were."""
    for namespace, labels in {"rec5-85": {"enforce": "restricted", "warn": "restricted"}, "rec6-85": {"enforce": "baseline"}}.items():
        found = {f"pod-security.kubernetes.io/{mode}": level for mode, level in labels.items()}
        code, _ = await api.ask("PATCH", f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": found}}, content_type=MERGE)
        assert code == 200


async def tell(api: Asker, story: dict[str, Any]) -> None:
    last: dict[str, str] = {}
    for number, step in enumerate(story["steps"]):
        answer = await replay(api, at_home(step["request"]), last=last)
        if answer.content_type.startswith("text/plain"):
            assert (step["code"], step["response"]) == (answer.status, answer.body.decode())
            continue
        got = orjson.loads(answer.body)
        meta = got.get("metadata") or {}
        last.update({key: meta[key] for key in ("resourceVersion", "continue") if meta.get(key)})
        if (story["name"], number) in DIFFERENT:
            assert answer.status // 100 == (step["code"] if step["code"] != 500 else 400) // 100
            continue
        where = f"{story['name']} {number}: {step['request']['method']} {step['request']['path']}"
        assert step["code"] == answer.status, (where, got)
        assert masked(step["response"]) == masked(got), where
        if step.get("warning"):
            assert step["warning"] == answer.headers["Warning"]


def masked(body: Any) -> Any:
    """Leave out drawn things, and the name of the namespace, which the recording hides."""
    text = orjson.dumps(plain(body)).decode().replace("rec4-85", "stories")
    kept = orjson.loads(text)
    for item in kept.get("items", ()):
        if item["metadata"]["name"].endswith(".crt"):
            item.update(data={}, metadata={"name": item["metadata"]["name"]})
    return kept
