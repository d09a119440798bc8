"""Measure what defaults, strategy and validation cost one new pod. Prints lines.

    python -m bench.rules

The pod is a rich one: resources, three probes, a hook, ports, variables. Figures are medians of five runs.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import orjson

from knarr.api import defaults, kinds, strategy, validation

RUNS = 5
PODS = 3000   # in one run
FIGURE_US = 150
CONTAINER: dict[str, Any] = {
    "name": "c", "image": "nginx:1.25", "ports": [{"containerPort": 80, "name": "http"}],
    "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}},
    "livenessProbe": {"httpGet": {"path": "/", "port": "http"}}, "readinessProbe": {"tcpSocket": {"port": 80}},
    "startupProbe": {"exec": {"command": ["true"]}}, "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
    "env": [{"name": "A", "value": "b"}, {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
}


def main() -> None:
    """Print the line."""
    costs_us = [run(number) for number in range(RUNS)]
    print(f"rules_create_pod {statistics.median(costs_us):.1f} us {FIGURE_US}")


def run(number: int) -> float:
    """Return the mean processor time of one pod, microseconds; every pod has a name of its own."""
    kind = kinds.by_kind("", "v1", "Pod")
    assert kind is not None
    pods = [orjson.loads(orjson.dumps(pod(f"p-{number}-{place}"))) for place in range(PODS)]
    began_s = time.process_time()
    for draft in pods:
        defaults.apply(kind, draft)
        strategy.prepare_create(kind, draft)
        assert not validation.create(kind, draft)
    return (time.process_time() - began_s) / PODS * 1e6


def pod(name: str) -> dict[str, Any]:
    """Return one pod's manifest."""
    metadata = {"name": name, "namespace": "bench", "labels": {"app": "bench"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [CONTAINER]}}


if __name__ == "__main__":
    main()
