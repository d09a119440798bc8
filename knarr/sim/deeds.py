"""Say what people do: each deed makes, changes, scales, disturbs or deletes one thing, chosen by dice."""

from __future__ import annotations

from typing import Any

from knarr.sim.mirror import Object, is_active
from knarr.sim.upkeep import UPKEEP, pod_path
from knarr.sim.users import Deed, Users, template

REPLICAS_MAX = 5
DEADLINE_S = 20      # of rollouts that return to the last good version
SCALED = ("Deployment", "StatefulSet")
GOOD, BAD = ("sim/app:1", "sim/app:2", "sim/app:3"), ("sim/broken:1", "sim/absent:1")


async def make_deployment(users: Users) -> None:
    """Make a Deployment of any strategy, and mostly a Service or a budget beside it."""
    dice, label = users.rng, f"d{users.count}"
    rolling = {"maxSurge": dice.choice([1, 2, "25%"]), "maxUnavailable": dice.choice([0, 1, "25%"])}
    strategy: Object = {"type": "RollingUpdate", "rollingUpdate": rolling}
    if dice.below(4) == 0:
        strategy = {"type": "Recreate"}
    namespace, returns = dice.choice(users.namespaces), dice.below(3) == 0
    await users.create("Deployment", {
        "replicas": dice.below(REPLICAS_MAX + 1), "selector": {"matchLabels": {"app": label}}, "strategy": strategy,
        "template": pods(label, "sim/app:1", terminationGracePeriodSeconds=dice.choice([0, 5, 30])),
        **({"progressDeadlineSeconds": DEADLINE_S} if returns else {})}, namespace=namespace,
        notes={"knarr.dev/rollback": "on-failure"} if returns else {})
    beside = dice.below(3)
    if beside == 0:
        await users.create("Service", {"selector": {"app": label}, "ports": [{"port": 80}]}, namespace=namespace)
    elif beside == 1:
        budget = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": label}}}
        await users.create("PodDisruptionBudget", budget, namespace=namespace)


async def make_statefulset(users: Users) -> None:
    """Make a StatefulSet, in order or not, with a volume for each pod or without."""
    dice, label = users.rng, f"s{users.count}"
    claim = {"metadata": {"name": "data"},
             "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}}
    kept = {when: dice.choice(["Retain", "Retain", "Delete"]) for when in ("whenDeleted", "whenScaled")}
    await users.create("StatefulSet", {
        "persistentVolumeClaimRetentionPolicy": kept,
        "replicas": dice.below(REPLICAS_MAX), "selector": {"matchLabels": {"app": label}}, "serviceName": label,
        "podManagementPolicy": dice.choice(["OrderedReady", "Parallel"]), "template": pods(label, "sim/app:1"),
        "volumeClaimTemplates": [claim] if dice.below(2) == 0 else []})


async def make_daemonset(users: Users) -> None:
    """Make a DaemonSet that rolls by taking away or by adding."""
    label = f"e{users.count}"
    rolling = users.rng.choice([{"maxSurge": 1, "maxUnavailable": 0}, {"maxSurge": 0, "maxUnavailable": 1}])
    await users.create("DaemonSet", {
        "selector": {"matchLabels": {"app": label}}, "template": pods(label, "sim/app:1"),
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling}})


async def make_job(users: Users) -> None:
    """Make a Job that can end, though some of its pods may fail."""
    await users.create("Job", job(users))


async def make_cronjob(users: Users) -> None:
    """Make a CronJob that is due every minute."""
    policy = users.rng.choice(["Allow", "Forbid", "Replace"])
    await users.create("CronJob", {
        "schedule": "* * * * *", "concurrencyPolicy": policy, "jobTemplate": {"spec": job(users)}})


async def scale(users: Users) -> None:
    """Ask for more, or less, of something."""
    chosen = users.some(*SCALED)
    if chosen is not None:
        await users.send("PATCH", *chosen, {"spec": {"replicas": users.rng.below(REPLICAS_MAX + 1)}})


async def roll(users: Users) -> None:
    """Bring out another version, mostly a good one."""
    chosen = users.some(*SCALED, "DaemonSet")
    if chosen is not None:
        await users.send("PATCH", *chosen, template(image=users.rng.choice([*GOOD, *BAD])))


async def remove(users: Users) -> None:
    """Delete something."""
    chosen = users.some(*SCALED, "DaemonSet", "Job", "CronJob", "Service", "PodDisruptionBudget")
    if chosen is not None:
        policy = users.rng.choice(["Background", "Foreground"])
        await users.send("DELETE", *chosen, {"propagationPolicy": policy})
        users.made.pop(chosen)


async def remove_pod(users: Users) -> None:
    """Delete a pod that somebody needs."""
    running = [pod for pod in users.mirror.all("pods") if is_active(pod)]
    if running:
        await users.ask("DELETE", pod_path(users.rng.choice(running)), {})


def job(users: Users) -> Object:
    """Return the spec of a Job."""
    dice = users.rng
    return {"completions": 1 + dice.below(4), "parallelism": 1 + dice.below(3), "backoffLimit": 50,
            "completionMode": dice.choice(["NonIndexed", "Indexed"]),
            "template": pods("job", dice.choice(["sim/task:1", "sim/flaky:1"]), restartPolicy="Never")}


def pods(label: str, image: str, **spec: Any) -> Object:
    """Return a pod template."""
    return {"metadata": {"labels": {"app": label}}, "spec": {"containers": [{"name": "c", "image": image}], **spec}}


DEEDS: tuple[Deed, ...] = (
    make_deployment, make_deployment, make_statefulset, make_daemonset, make_job, make_job, make_cronjob,
    scale, scale, roll, roll, remove, remove_pod, *UPKEEP)
