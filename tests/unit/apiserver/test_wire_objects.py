"""Every recorded creation gives the same object here, through defaults, admission and allocation."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from knarr.api import kinds
from tests.unit.apiserver.asking import Asker
from tests.unit.apiserver.oracle import WIRE, plain, recorded, replay


def cases() -> list[Any]:
    if not WIRE.exists():
        return []
    rows = [row for row in recorded("objects/created.json") if is_stored(row["request"]["body"])]
    return [pytest.param(row, id=f"{row['request']['body']['kind']} {number}") for number, row in enumerate(rows)]


def is_stored(body: dict[str, Any]) -> bool:
    kind = kinds.of_object(body)
    return kind is not None and kind.stored  # reviews are answered by authz, which this server goes without


@pytest.mark.parametrize("row", cases())
async def test_same_object(row):
    """A minimal object is created; the server completes it."""
    api = await Asker().start("rec")
    answer = await replay(api, row["request"])

    assert row["code"] == answer.status, answer.body
    assert without_digest(plain(row["response"])) == plain(orjson.loads(answer.body))


def without_digest(obj: dict[str, Any]) -> dict[str, Any]:
    """Who asks for a certificate came with another one, whose digest is told."""
    if obj["kind"] == "CertificateSigningRequest":
        obj["spec"].pop("extra", None)
    return obj


@pytest.mark.parametrize("path", ["flowschemas", "prioritylevelconfigurations"])
async def test_the_flows_of_every_cluster(path):
    """What a new cluster holds of flow control is what Kubernetes' holds: names, annotations and specs."""
    collection = f"/apis/flowcontrol.apiserver.k8s.io/v1/{path}"
    _, listed = await (await Asker().start()).ask("GET", collection)

    assert [told(obj) for obj in recorded("bootstrap/objects.json")[collection]] == [told(obj) for obj in listed["items"]]


async def test_the_range_of_every_cluster():
    """The ServiceCIDR `kubernetes` is there and ready."""
    (theirs,) = recorded("bootstrap/objects.json")["/apis/networking.k8s.io/v1/servicecidrs"]
    _, ours = await (await Asker().start()).ask("GET", "/apis/networking.k8s.io/v1/servicecidrs/kubernetes")
    (condition,) = ours["status"]["conditions"]
    (wanted,) = theirs["status"]["conditions"]

    assert (theirs["spec"], theirs["metadata"]["finalizers"]) == (ours["spec"], ours["metadata"]["finalizers"])
    assert {**wanted, "lastTransitionTime": ""} == {**condition, "lastTransitionTime": ""}


def told(obj: dict[str, Any]) -> Any:
    return obj["metadata"]["name"], obj["metadata"]["annotations"], obj["spec"]
