"""Defaults of flow schemas and priority levels. Source: kube pkg/apis/flowcontrol/v1/defaults.go."""

from __future__ import annotations

from typing import Any

PRECEDENCE = 1000           # of a schema that names none
SHARES = 30                 # of a limited level that names none
QUEUES, HAND_SIZE, QUEUE_LENGTH = 64, 8, 50


def schema(obj: dict[str, Any]) -> None:
    """Fill a FlowSchema's place in the order."""
    spec = obj.setdefault("spec", {})
    spec["matchingPrecedence"] = spec.get("matchingPrecedence") or PRECEDENCE


def level(obj: dict[str, Any]) -> None:
    """Fill the shares and queues of a PriorityLevelConfiguration. An exempt one has no share unless it says so."""
    spec = obj.setdefault("spec", {})
    if spec.get("type") == "Exempt":
        spec.setdefault("exempt", {})
    if "exempt" in spec:
        spec["exempt"].setdefault("nominalConcurrencyShares", 0)
        spec["exempt"].setdefault("lendablePercent", 0)
    limited = spec.get("limited")
    if limited is None:
        return
    limited.setdefault("nominalConcurrencyShares", SHARES)
    limited.setdefault("lendablePercent", 0)
    queuing = limited.setdefault("limitResponse", {}).get("queuing")
    if queuing is not None:
        for member, value in (("queues", QUEUES), ("handSize", HAND_SIZE), ("queueLengthLimit", QUEUE_LENGTH)):
            queuing[member] = queuing.get(member) or value
