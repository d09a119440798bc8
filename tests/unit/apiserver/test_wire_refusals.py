"""Every recorded bad request gets the same code, reason, causes and message here, through the whole stack."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from knarr.api.kinds import KINDS
from tests.unit.apiserver.asking import Asker
from tests.unit.apiserver.oracle import WIRE, recorded, replay

SERVED = {kind.kind for kind in KINDS}
WORDED_OTHERWISE = {  # same code and reason; why the words differ
    "Job: spec.selector": "the message holds a uid drawn at random",
    "webhooks.0.matchConditions": "CEL is not evaluated yet, and the refusal says so",
    "ConfigMap: data={": "the recording cuts the body, so its name is lost",
    "resourceVersion=999999999": "the message holds the revision of the moment",
}
NOT_YET = {"serviceaccounts/default/token": "tokens are mounted by authn, which this server goes without"}


def cases() -> list[Any]:
    if not WIRE.exists():
        return []
    rows = recorded("refusals/create.json")
    return [pytest.param(row, id=row["case"][:90]) for row in rows if in_scope(row)]


def in_scope(row: dict[str, Any]) -> bool:
    kind = row["case"].partition(":")[0]
    return (kind in SERVED or " " in kind) and not any(part in row["case"] for part in NOT_YET)




@pytest.mark.parametrize("row", cases())
async def test_same_refusal(row):
    """A client makes this mistake; it reads here what it read there."""
    api = await Asker().start("rec")
    answer = await replay(api, row["request"])
    wanted, code = row["response"], row["code"]

    assert code == answer.status, answer.body
    if code < 400:
        return
    told = orjson.loads(answer.body)
    assert wanted["reason"] == told["reason"]
    if not any(part in row["case"] for part in WORDED_OTHERWISE):
        assert wanted["message"] == told["message"]
        assert wanted.get("details") == told.get("details")
