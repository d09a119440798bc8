"""Hundreds of pods come and go: server, agent and machine hold no more afterwards than before."""

from __future__ import annotations

import json
import os

from tests.e2e.cluster import deployment, until
from tests.e2e.evidence import amiss, weight

PODS = int(os.environ.get("KNARR_LEAK_PODS", "200"))
WAVE = 50
KEPT_MB = 0.05  # of a pod, in bounds of its own: its events for an hour, its past states in the watch log
MORE_MB = 20 + KEPT_MB * (PODS - 200)  # resident: allocators keep some of what a wave needed, not more with every wave
MORE_DESCRIPTORS = 8  # connections that happen to be open


def test_two_hundred_pods_leave_nothing(cluster, namespace):
    """A first wave warms everything up; what the next ones leave behind is a leak."""
    cluster.apply(deployment("wave", 0, "trap 'exit 0' TERM; sleep inf & wait"), namespace=namespace)
    weights = []

    for _ in range(max(2, PODS // WAVE)):
        for replicas in (WAVE, 0):
            cluster.knarr("scale", "deployment/wave", "--replicas", str(replicas), "-n", namespace)
        until(lambda: not cluster.get("pods", namespace=namespace)["items"], "all gone", 120)
        weights.append(weigh(cluster))
    first, last = weights[0], weights[-1]

    until(lambda: not amiss(cluster), "API and machine agree", 60)
    print(first, last)
    for part in ("server", "agent"):
        assert last[part]["resident_mb"] <= first[part]["resident_mb"] + MORE_MB, weights
        assert last[part]["descriptors"] <= first[part]["descriptors"] + MORE_DESCRIPTORS, weights
        assert last[part]["threads"] <= first[part]["threads"] + 2, weights


def weigh(cluster):
    pids = json.loads(cluster.knarr("status", "-o", "json").stdout)["pids"]
    return {part: weight(pids[part]) for part in ("server", "agent")}
