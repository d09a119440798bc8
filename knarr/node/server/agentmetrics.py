"""Write the agent's own figures (`/metrics`) and what became of its probes (`/metrics/probes`). Pure.

Source: kube kubelet/metrics/metrics.go, kubelet/prober/prober_manager.go; bounds of histograms are the counts' own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from knarr.api.types.core_v1 import ContainerState, Pod
from knarr.node.faces import ProbeCount
from knarr.node.probes.counts import BOUNDS_S
from knarr.node.server.exposition import Sample, family
from knarr.node.settings import Settings


def own(settings: Settings, pods: Iterable[Pod]) -> str:
    """Return what the agent says of itself: who it is, and how many pods and containers it runs."""
    pods, states = list(pods), Counter[str]()
    for pod in pods:
        for row in (*pod.status.initContainerStatuses, *pod.status.containerStatuses):
            if row.containerID:
                states[_state(row.state)] += 1
    running = sum(pod.status.phase == "Running" for pod in pods)
    return "\n".join([
        *family("kubelet_node_name", "[ALPHA] The node's name. The count is always 1.", "gauge",
                [Sample({"node": settings.node_name}, 1)]),
        *family("kubelet_running_pods", "[ALPHA] Number of pods that have a running pod sandbox", "gauge",
                [Sample({}, running)]),
        *family("kubelet_desired_pods", "[ALPHA] The number of pods the kubelet is being instructed to run.", "gauge",
                [Sample({"static": ""}, len(pods))]),
        *family("kubelet_running_containers", "[ALPHA] Number of containers currently running", "gauge",
                [Sample({"container_state": state}, states[state]) for state in ("created", "exited", "running")]),
        *family("kubernetes_build_info", "[ALPHA] What was built, constant 1", "gauge",
                [Sample({"git_version": settings.version}, 1)]),
        "",
    ])


def probes(counts: Iterable[ProbeCount]) -> str:
    """Return how often each probe gave what, and how long its answers took."""
    rows = sorted(counts, key=lambda one: (_named(one)["namespace"], _named(one)["pod"], one.container, one.kind))
    total = family("prober_probe_total", "[BETA] Cumulative number of a liveness, readiness or startup probe for a "
                   "container by result.", "counter", (
                       Sample({**_labels(one), "result": result}, count)
                       for one in rows for result, count in sorted(one.results.items())))
    return "\n".join([*total, *_durations(rows), ""])


def _durations(rows: list[ProbeCount]) -> Iterator[str]:
    name = "prober_probe_duration_seconds"
    if rows:
        yield f"# HELP {name} [ALPHA] Duration in seconds for a probe response."
        yield f"# TYPE {name} histogram"
    for one in rows:
        below, labels = 0, _named(one)
        shown = ",".join(f'{key}="{word}"' for key, word in labels.items())
        for bound, count in zip((*map(repr, BOUNDS_S), "+Inf"), one.took, strict=True):
            below += count
            yield f'{name}_bucket{{{shown},le="{bound}"}} {below}'
        yield f"{name}_sum{{{shown}}} {one.total_s!r}"
        yield f"{name}_count{{{shown}}} {below}"


def _named(one: ProbeCount) -> dict[str, str]:
    meta = one.pod.metadata
    return {"container": one.container, "namespace": meta.namespace or "", "pod": meta.name or "",
            "probe_type": one.kind.capitalize()}


def _labels(one: ProbeCount) -> dict[str, str]:
    return {**_named(one), "pod_uid": one.pod.metadata.uid or ""}


def _state(state: ContainerState | None) -> str:
    if state is not None and state.running is not None:
        return "running"
    return "exited" if state is not None and state.terminated is not None else "created"
