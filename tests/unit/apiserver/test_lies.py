"""Other people's servers answer anything at all: it harms only what their failurePolicy says, and is never a bug of ours."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.apiserver.asking import Asker

MAPS = "/api/v1/namespaces/web/configmaps"
ROOT = "/apis/admissionregistration.k8s.io/v1"
BUG = "the server met a bug"
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6)
STATUS = st.fixed_dictionaries({}, optional={"code": ANY, "reason": ANY, "message": ANY, "details": ANY, "status": ANY})
OPERATION = st.fixed_dictionaries({}, optional={
    "op": st.sampled_from(["add", "remove", "replace", "test", "copy", "move", "x"]) | ANY,
    "path": st.sampled_from(["/data/k", "/metadata", "/metadata/name", "/metadata/labels", "/kind", "", "/x/y", "/data/-"]) | ANY,
    "value": ANY, "from": st.sampled_from(["/data", "/metadata"]) | ANY})
RESPONSE = st.fixed_dictionaries({}, optional={
    "uid": st.just("right") | ANY, "allowed": st.booleans() | ANY, "status": STATUS | ANY, "patchType": st.just("JSONPatch") | ANY,
    "patch": st.lists(OPERATION | ANY, max_size=3) | ANY, "warnings": st.lists(st.text(max_size=300)) | ANY,
    "auditAnnotations": st.dictionaries(st.text(max_size=8), st.text(max_size=8)) | ANY})
REVIEW = st.fixed_dictionaries({}, optional={
    "apiVersion": st.just("admission.k8s.io/v1") | ANY, "kind": st.just("AdmissionReview") | ANY, "response": RESPONSE | ANY}) | ANY
GOOD = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}


def answered(review: Any, uid: str) -> bytes:
    """Put the right uid where the lie is about something else, and code the patch as the contract has it."""
    if isinstance(review, dict) and isinstance(review.get("response"), dict):
        response = dict(review["response"])
        if response.get("uid") == "right":
            response["uid"] = uid
        if not isinstance(response.get("patch"), (str, type(None))):
            response["patch"] = b64encode(orjson.dumps(response["patch"])).decode()
        review = {**review, "response": response}
    return orjson.dumps(review)


async def written(sort: str, policy: str, review: Any) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Create a ConfigMap past a webhook that gives one answer; return the answer and what was sent."""
    api = await Asker().start("web")

    async def post(place: Any, body: bytes, **_: Any) -> bytes:
        return answered(review, orjson.loads(body)["request"]["uid"])

    api.server.core.outbound.post = post  # type: ignore[method-assign]
    hook = {"name": "v.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": policy,
            "clientConfig": {"url": "https://v.example.com/x"},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]}
    await api.make(f"{ROOT}/{sort}webhookconfigurations", {"metadata": {"name": "v"}, "webhooks": [hook]})
    sent = {"metadata": {"name": "c"}, "data": {"k": "v"}}
    code, answer = await api.ask("POST", MAPS, sent)
    return code, answer, sent


@settings(max_examples=80, deadline=None)
@example("mutating", "Fail", {**GOOD, "response": {"uid": "right", "allowed": True, "patchType": "JSONPatch", "patch": [{"op": "replace", "path": "", "value": 5}]}})
@example("mutating", "Ignore", {**GOOD, "response": {"uid": "right", "allowed": True, "patchType": "JSONPatch", "patch": [
    {"op": "replace", "path": "/metadata", "value": 5}]}})
@example("validating", "Ignore", {**GOOD, "response": {"uid": "right", "allowed": False, "status": {"code": "418", "details": 7, "message": 5}}})
@example("validating", "Fail", {**GOOD, "response": {"uid": "right", "allowed": True, "warnings": [1], "auditAnnotations": {"a": 1}}})
@given(st.sampled_from(["mutating", "validating"]), st.sampled_from(["Fail", "Ignore"]), REVIEW)
def test_a_webhook_may_answer_anything(sort, policy, review):
    """A write passes as it was sent, or changed as the contract allows, or is refused in words; there is nothing else."""
    code, answer, sent = asyncio.run(written(sort, policy, review))

    assert code == 201 or (400 <= code < 600 and BUG not in answer["message"]), answer
    broken = not (isinstance(review, dict) and isinstance(review.get("response"), dict) and review["response"].get("uid") == "right"
                  and review.get("apiVersion") == GOOD["apiVersion"] and review.get("kind") == GOOD["kind"])
    if broken and policy == "Ignore":
        assert (201, sent["data"]) == (code, answer["data"])
    if broken and policy == "Fail":
        assert (500, True) == (code, answer["message"].startswith('Internal error occurred: failed calling webhook "v.example.com"'))


SHIPS = "/apis/sea.example/v1/ships"
DEFINITION = {"metadata": {"name": "ships.sea.example"}, "spec": {
    "group": "sea.example", "scope": "Cluster", "names": {"plural": "ships", "kind": "Ship"},
    "versions": [{"name": name, "served": True, "storage": name == "v2",
                  "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}} for name in ("v1", "v2")],
    "conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://v.example.com/x"}}}}}
MADE = st.fixed_dictionaries({}, optional={
    "apiVersion": st.just("sea.example/v2") | ANY, "kind": st.just("Ship") | ANY,
    "metadata": st.fixed_dictionaries({}, optional={"name": st.just("s") | ANY, "labels": ANY, "annotations": ANY, "uid": ANY}) | ANY}) | ANY
CONVERTED = st.fixed_dictionaries({}, optional={"response": ANY | st.fixed_dictionaries({}, optional={
    "uid": st.just("right") | ANY, "result": STATUS | ANY | st.just({"status": "Success"}), "convertedObjects": st.lists(MADE, max_size=2) | ANY})}) | ANY


@settings(max_examples=60, deadline=None)
@example({"response": {"uid": "right", "result": "Success"}})
@example({"response": {"uid": "right", "result": {"status": "Success"}, "convertedObjects": 5}})
@example({"response": {"uid": "right", "result": {"status": "Success"}, "convertedObjects": [
    {"apiVersion": "sea.example/v2", "kind": "Ship", "metadata": {"name": "s", "labels": [1]}}]}})
@given(CONVERTED)
def test_a_conversion_may_be_anything(review):
    """Written in a version that is not the stored one: stored whole, or refused with the webhook's fault; others live on."""
    code, answer, other = asyncio.run(_converted(review))

    assert 201 == other, "the stored version needs nobody"
    assert code == 201 or (code == 500 and "conversion webhook for sea.example/v1, Kind=Ship failed: " in answer["message"]), answer


async def _converted(review: Any) -> tuple[int, dict[str, Any], int]:
    api = await Asker().start("web")

    async def post(place: Any, body: bytes, **_: Any) -> bytes:
        request = orjson.loads(body)["request"]
        found = review
        if isinstance(review, dict) and isinstance(review.get("response"), dict):
            response = dict(review["response"])
            if response.get("uid") == "right":
                response["uid"] = request["uid"]
            made = response.get("convertedObjects")
            if isinstance(made, list):
                uid = request["objects"][0]["metadata"].get("uid")
                response["convertedObjects"] = [
                    {**one, "metadata": {"uid": uid, **one["metadata"]}} if isinstance(one, dict) and isinstance(one.get("metadata"), dict) else one
                    for one in made]
            found = {**review, "response": response}
        return orjson.dumps(found)

    api.server.core.outbound.post = post  # type: ignore[method-assign]
    await api.make("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", DEFINITION)
    code, answer = await api.ask("POST", SHIPS, {"apiVersion": "sea.example/v1", "kind": "Ship", "metadata": {"name": "s"}})
    other, _ = await api.ask("POST", SHIPS.replace("v1", "v2"), {"apiVersion": "sea.example/v2", "kind": "Ship", "metadata": {"name": "o"}})
    return code, answer, other
