"""Read what a real kubelet did with its pods, and mask what differs between any two runs."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

RECORDED = Path(__file__).parents[4] / "shared/wire/pods/statuses.json"
DATES = {"lastProbeTime", "lastTransitionTime"}
FAULT = {"limits": {"memory": "9007199254740988Ki"}}      # of the recorded kubelet's own
MASKS = [(re.compile(pattern), mask) for pattern, mask in (
    (r"registry\.k8s\.io/e2e-test-images/busybox:1\.29-4|localhost/busybox:test|\bapp:1\b", "IMAGE"),
    (r"_[a-z0-9-]+\(([0-9a-f-]{36}|<uid>|uid-web)\)", "_NS(UID)"),
    (r"pod=[a-z-]+_NS", "pod=P_NS"),
    (r"(Successfully assigned) \S+ to \S+$", r"\1 POD to NODE"),
    (r"^containerd://.*", "containerd://ID"),
    (r"^(sha256:.*|localhost/busybox@sha256:.*)", "sha256:DIGEST"),
    (r"^(\d{4}-\d\d-\d\dT.*Z|<time>)$", "TIME"),
    (r"kube-api-access-\S{3,5}$", "kube-api-access-X"),
    (r"\b10\.\d+\.\d+\.\d+\b(?!:53)|<pod-ip>", "IP"),
    (r"dial tcp: lookup .*", "dial tcp: lookup"),         # whom this machine asks for names is its own affair
)]


def recorded_pods() -> dict[str, Any]:
    """Return the recorded pods by name; skip the test where there are none."""
    if not RECORDED.exists():
        pytest.skip(f"no recordings at {RECORDED}")
    return dict(json.loads(RECORDED.read_text()))


def bare(value: Any, *, without: Collection[str] = ()) -> Any:
    """Mask what differs between any two runs, and drop what is empty, a date, or named in `without`."""
    if isinstance(value, dict):
        if value == FAULT:
            return {}
        parts = {key: bare(part, without=without) for key, part in value.items() if key not in DATES and key not in without}
        return {key: part for key, part in parts.items() if part not in ({}, [], None, "")}
    if isinstance(value, list):
        return [bare(part, without=without) for part in value]
    return masked(value) if isinstance(value, str) else value


def masked(text: str) -> str:
    """Mask names, ids, times and addresses in a text."""
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text
