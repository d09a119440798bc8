"""Say what has not come to rest: once all faults are healed, all must be as declared, and nothing be left over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from knarr.sim.laws import Laws, finished
from knarr.sim.machine import Machine
from knarr.sim.mirror import FINAL, Mirror, Object, is_active, is_going, is_ready, name_of


def unsettled(laws: Laws, machines: dict[str, Machine]) -> list[str]:
    """Return what is not as declared, each in one line; nothing when all is at rest."""
    mirror = laws.mirror
    lines = [line for plural, rests in RESTS.items() for obj in mirror.all(plural) for line in rests(mirror, obj)]
    lines += [f"{name_of(obj)} is still being deleted" for obj in mirror.objects.values() if is_going(obj)]
    return [*lines, *_leftovers(mirror), *_counts(laws), *_containers(mirror, machines)]


def _deployment(mirror: Mirror, obj: Object) -> Iterator[str]:
    wanted, status = obj["spec"]["replicas"], obj["status"]
    shown = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    pods = mirror.deployment_pods(obj)
    if shown != [wanted] * 4 or status.get("observedGeneration") != obj["metadata"]["generation"]:
        yield f"{name_of(obj)} wants {wanted}, shows {shown}, generation {status.get('observedGeneration')}"
    if sum(is_active(pod) and is_ready(pod) for pod in pods) != wanted or len(pods) != wanted:
        yield f"{name_of(obj)} wants {wanted}, there are {len(pods)}"


def _statefulset(mirror: Mirror, obj: Object) -> Iterator[str]:
    wanted, status = obj["spec"]["replicas"], obj["status"]
    shown = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    names = sorted(pod["metadata"]["name"] for pod in mirror.owned(obj["metadata"]["uid"], "Pod"))
    if shown != [wanted] * 4 or status.get("observedGeneration") != obj["metadata"]["generation"]:
        yield f"{name_of(obj)} wants {wanted}, shows {shown}"
    if names != sorted(f"{obj['metadata']['name']}-{ordinal}" for ordinal in range(wanted)):
        yield f"{name_of(obj)} wants {wanted}, there are {names}"


def _daemonset(mirror: Mirror, obj: Object) -> Iterator[str]:
    nodes = len(list(mirror.all("nodes")))
    shown = [obj["status"].get(name, 0) for name in (
        "desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable")]
    on = Counter(pod["spec"].get("nodeName") for pod in mirror.owned(obj["metadata"]["uid"], "Pod"))
    if shown != [nodes] * 5 or len(on) != nodes or set(on.values()) > {1}:
        yield f"{name_of(obj)} wants {nodes}, shows {shown}, on {dict(on)}"


def _job(mirror: Mirror, obj: Object) -> Iterator[str]:
    if not finished(obj) and not obj["spec"].get("suspend"):
        yield f"{name_of(obj)} has not ended: {obj['status']}"
    held = [pod for pod in mirror.owned(obj["metadata"]["uid"], "Pod") if pod["metadata"].get("finalizers")]
    if finished(obj) and (held or obj["status"].get("uncountedTerminatedPods", {}) not in ({}, None)):
        yield f"{name_of(obj)} has ended and holds {len(held)} pods uncounted"


def _pod(mirror: Mirror, obj: Object) -> Iterator[str]:
    if obj["status"].get("phase") not in FINAL and not is_ready(obj):
        yield f"{name_of(obj)} is {obj['status'].get('phase')} and not ready"


def _claim(mirror: Mirror, obj: Object) -> Iterator[str]:
    users = [pod for pod in mirror.all("pods") if pod["metadata"]["namespace"] == obj["metadata"]["namespace"] and any(
        volume.get("persistentVolumeClaim", {}).get("claimName") == obj["metadata"]["name"]
        for volume in pod["spec"].get("volumes", ()))]
    if users and obj["status"].get("phase") != "Bound":
        yield f"{name_of(obj)} is {obj['status'].get('phase')} below {name_of(users[0])}"


def _service(mirror: Mirror, obj: Object) -> Iterator[str]:
    selector, namespace = obj["spec"].get("selector"), obj["metadata"]["namespace"]
    if not selector:
        return
    wanted = sorted(pod["metadata"]["name"] for pod in mirror.all("pods")
                    if pod["metadata"]["namespace"] == namespace and is_active(pod) and is_ready(pod)
                    and selector.items() <= pod["metadata"].get("labels", {}).items())
    shown = sorted(end["targetRef"]["name"] for part in mirror.all("endpointslices")
                   if part["metadata"]["namespace"] == namespace
                   and part["metadata"]["labels"].get("kubernetes.io/service-name") == obj["metadata"]["name"]
                   for end in part.get("endpoints") or () if end["conditions"]["ready"])
    if wanted != shown:
        yield f"{name_of(obj)} leads to {shown}, not {wanted}"


def _node(mirror: Mirror, obj: Object) -> Iterator[str]:
    if not is_ready(obj) or obj["spec"].get("taints"):
        yield f"{name_of(obj)} is not ready: {obj['spec'].get('taints')}"


def _leftovers(mirror: Mirror) -> Iterator[str]:
    """Name what has only owners that are gone."""
    for obj in mirror.objects.values():
        owners = obj["metadata"].get("ownerReferences", ())
        if owners and not any(mirror.by_uid(one["uid"]) for one in owners):
            yield f"{name_of(obj)} has outlived its owner {owners[0]['kind']} {owners[0]['name']}"


def _counts(laws: Laws) -> Iterator[str]:
    """A Job that has ended counts each of its pods that ended well; but those it never knew of, if it had enough."""
    for job in laws.mirror.all("jobs"):
        happened = len(laws.succeeded.get(job["metadata"]["uid"], ()))
        missed = happened - job["status"].get("succeeded", 0)
        if finished(job) and not 0 <= missed <= laws.doubts(job["metadata"]["uid"]):
            yield f"{name_of(job)} counts {job['status'].get('succeeded', 0)} successes, there were {happened}"


def _containers(mirror: Mirror, machines: dict[str, Machine]) -> Iterator[str]:
    """On each machine runs what the API says, and nothing else."""
    for machine in machines.values():
        wanted = {pod["metadata"]["uid"] for pod in mirror.all("pods")
                  if pod["spec"].get("nodeName") == machine.name and is_active(pod)}
        runtime = machine.runtime
        running = {runtime.sandboxes[runtime.containers[key].sandbox_id].uid for key in runtime.running()}
        if wanted != running:
            more, less = len(running - wanted), len(wanted - running)
            yield f"{machine.name} runs {len(running)} pods, {more} too many, {less} too few"


RESTS = {
    "nodes": _node, "deployments": _deployment, "statefulsets": _statefulset, "daemonsets": _daemonset, "jobs": _job,
    "pods": _pod, "persistentvolumeclaims": _claim, "services": _service,
}
