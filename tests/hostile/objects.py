"""Make objects that nearly are what a kind wants, by its own field table, with a poison here and there."""

from __future__ import annotations

import base64
import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from knarr.api import schema
from knarr.api.kinds import Kind

RECORDED = Path(__file__).parents[3] / "shared/wire/objects/created.json"
DEPTH_MAX = 5
NAMES = ("a", "web", "default", "kube-system", "x" * 300, "UPPER", "..", "-", "a/b", "", "é", "a\x00b", "0", "1.2.3.4")
NUMBERS = (0, 1, -1, 2, 80, 65536, 2**31 - 1, 2**31, -(2**31) - 1, 2**53, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 1.5, -0.0, 1e308, 1e-320)
TEXTS = ("", " ", "a", "A" * 70, "10.0.0.1", "::1", "10.0.0.0/8", "10.96.0.10", "http://x/%zz", "/../..", "$(A)", "{{.}}", "*", "a=b,c in (d", "!", "\ud800"
         .encode("utf-8", "replace").decode(), "\u202e", "\x7f", "\n", "true", "null", "1", "-1", "1e3", "100m", "1Gi", "1e400", "-5Ki", ".5", "1_0", "9" * 400, "0x10", "+1",
         "2026-01-01T00:00:00Z", "2026-13-45T99:99:99Z", "0000-00-00T00:00:00Z", "99999-01-01T00:00:00Z", "1h", "5m3s", "-1h", "*/0 * * * *", "* * * * *", "@reboot", "TZ=X 0 0 * * *",
         "(a+)+$", "[", "self.a == 1", "self.all(x, x", "object.spec.replicas > 1/0", "ALL", "Always", "None", "ClusterIP", "RWO", "v1", "apps/v1", "Exists", "In", "TCP", "NodePort",
         "25%", "-25%", "1000%", "AAAA", "====", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", "kubernetes.io/x", "a/b/c", "metadata.name", ".spec.x", ".a[?(@.b)]")  # fmt: skip
POISONS: tuple[Any, ...] = (None, True, [], {}, "", 0, -1, 2**70, 1.5, "x" * 5000, [None], [[]], {"": None}, {"a": {"a": {"a": {}}}}, ["a", "a"], {"$patch": "delete"})


@cache
def recorded() -> dict[str, list[bytes]]:
    """Return objects that Kubernetes accepted, by kind; none where the recordings are not on this machine."""
    found: dict[str, list[bytes]] = {}
    for case in json.loads(RECORDED.read_text()) if RECORDED.exists() else ():
        body = case["request"]["body"]
        found.setdefault(body["kind"], []).append(json.dumps(body).encode())
    return found


def make(dice: Random, kind: Kind) -> dict[str, Any]:
    """Return an object of a kind, whole or poisoned."""
    good = recorded().get(kind.kind)
    if good and dice.random() < 0.5:
        return damaged(dice, json.loads(dice.choice(good)))
    obj: dict[str, Any] = value(dice, kind.definition, 0) if kind.definition else {}
    if not isinstance(obj, dict):
        obj = {}
    obj |= {"apiVersion": kind.api_version, "kind": kind.kind}
    meta = obj.get("metadata") if isinstance(obj.get("metadata"), dict) and dice.random() < 0.3 else {}
    obj["metadata"] = {**meta, "name": dice.choice(NAMES) if dice.random() < 0.5 else f"n{dice.randrange(50)}"}
    return damaged(dice, obj)


def damaged(dice: Random, obj: dict[str, Any]) -> dict[str, Any]:
    """Poison an object in place, in no or some places."""
    if dice.random() < 0.7:
        obj.setdefault("metadata", {})["name"] = f"n{dice.randrange(50)}"
    for _ in range(dice.choice((0, 0, 1, 1, 2, 3))):
        poison(dice, obj)
    return obj


def value(dice: Random, sort: str, depth: int) -> Any:
    """Return a value for a type of the field table."""
    if sort.startswith("[]"):
        return [value(dice, sort[2:], depth + 1) for _ in range(dice.choice((0, 1, 1, 2)))]
    if sort.startswith("map[string]"):
        return {dice.choice(TEXTS + NAMES): value(dice, sort[11:], depth + 1) for _ in range(dice.choice((0, 1, 2)))}
    fields = schema.fields_of(sort)
    if fields:
        chance = 0.9 if depth == 0 else 0.5 if depth < 3 else 0.2
        wanted = [f for f in fields.values() if f.required or (depth < DEPTH_MAX and dice.random() < chance)]
        return {f.name: value(dice, f.type, depth + 1) for f in wanted}
    return scalar(dice, sort)


def scalar(dice: Random, sort: str) -> Any:
    """Return a scalar, mostly of the right type."""
    if dice.random() < 0.05:
        return poisonous(dice)
    if sort.startswith(("int", "float", "number")):
        return dice.choice(NUMBERS)
    if sort == "boolean":
        return dice.random() < 0.5
    if "byte" in sort:
        return base64.b64encode(dice.randbytes(dice.randrange(9))).decode()
    return dice.choice(TEXTS if dice.random() < 0.7 else NAMES)


def poisonous(dice: Random) -> Any:
    """Return one of the poisons, not shared with anybody."""
    return deepcopy(dice.choice(POISONS))


def poison(dice: Random, obj: Any) -> None:
    """Put something into an object, in place, that does not belong there."""
    for _ in range(dice.randrange(1, 7)):
        keys = list(obj) if isinstance(obj, dict) else list(range(len(obj)))
        if not keys:
            return
        key = dice.choice(keys)
        if isinstance(obj[key], dict | list) and obj[key] and dice.random() < 0.7:
            obj = obj[key]
            continue
        if isinstance(obj, dict) and dice.random() < 0.2:
            obj[dice.choice(TEXTS)] = poisonous(dice)
        else:
            obj[key] = deepcopy(dice.choice((*POISONS, *TEXTS, *NUMBERS)))
        return
