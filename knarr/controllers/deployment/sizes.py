"""Work out how large each ReplicaSet of a Deployment shall be. Pure arithmetic, no object is changed here.

Source: kube deployment/rolling.go, recreate.go, sync.go and util/deployment_util.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor

from knarr.api.types.apps_v1 import Deployment, ReplicaSet
from knarr.controllers.deployment.revisions import DESIRED, MAX, by_age, replicas_of, size_of


def is_rolling(deployment: Deployment) -> bool:
    """Tell whether old pods go while new ones come."""
    strategy = deployment.spec.strategy
    return strategy is None or strategy.type != "Recreate"


def max_surge(deployment: Deployment) -> int:
    """Return how many pods there may be above the wanted number."""
    return _fenceposts(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Deployment) -> int:
    """Return how many of the wanted pods may be unavailable."""
    wanted = replicas_of(deployment)
    if not is_rolling(deployment) or wanted == 0:
        return 0
    return min(_fenceposts(deployment)[1], wanted)


def scaled(value: int | str | None, total: int, *, up: bool) -> int:
    """Return a number, or a percentage of `total` rounded up or down. Nothing counts as 0."""
    if value is None:
        return 0
    if isinstance(value, str) and value.endswith("%"):
        part = int(value[:-1]) * total / 100
        return ceil(part) if up else floor(part)
    return int(value)


def new_size(deployment: Deployment, sets: Sequence[ReplicaSet], *, present: int) -> int:
    """Return the size the new ReplicaSet may have now. present: its size, 0 if it is to be made; sets: all of them.

    A ReplicaSet told to shrink counts by the pods that it still has: kube counts what it was told, and for a moment
    there may be more pods than `maxSurge` allows.
    """
    wanted = replicas_of(deployment)
    if not is_rolling(deployment):
        return wanted
    room = wanted + max_surge(deployment) - sum(max(size_of(one), one.status.replicas or 0) for one in sets)
    if room <= 0:
        return present
    return present + min(room, wanted - present)


def shrink_old(deployment: Deployment, old: Sequence[ReplicaSet], new: ReplicaSet) -> dict[str, int]:
    """Return smaller sizes by name for old ReplicaSets, as far as availability allows: unhealthy pods first."""
    least = replicas_of(deployment) - max_unavailable(deployment)
    everything = sum(map(size_of, old)) + size_of(new)
    new_unavailable = size_of(new) - available(new)
    budget = everything - least - new_unavailable
    if budget <= 0:
        return {}
    sizes = _clean_unhealthy(old, budget)
    # Unhealthy pods went without lowering availability; what is available beyond the least may go besides.
    spare = sum(map(available, old)) + available(new) - least
    for one in by_age(old):
        size = sizes.get(one.metadata.name or "", size_of(one))
        if spare > 0 and size > 0:
            gone = min(size, spare)
            sizes[one.metadata.name or ""] = size - gone
            spare -= gone
    return sizes


def proportional(deployment: Deployment, sets: Sequence[ReplicaSet]) -> dict[str, int]:
    """Spread a change of size over all active ReplicaSets, by their share; the rest goes to the largest."""
    active = [one for one in sets if size_of(one) > 0]
    wanted = replicas_of(deployment)
    allowed = wanted + max_surge(deployment) if wanted > 0 else 0
    change = allowed - sum(map(size_of, active))
    newest_first = sorted(by_age(active), key=lambda one: one.metadata.creationTimestamp or "", reverse=change > 0)
    ranked = sorted(newest_first, key=size_of, reverse=True)
    sizes: dict[str, int] = {}
    done = 0
    for one in ranked:
        part = _share(deployment, one, left=change - done) if change != done else 0
        sizes[one.metadata.name or ""] = size_of(one) + part
        done += part
    if ranked and change:
        largest = ranked[0].metadata.name or ""
        sizes[largest] = max(0, sizes[largest] + change - done)
    return sizes


def is_saturated(deployment: Deployment, new: ReplicaSet | None) -> bool:
    """Tell whether the new ReplicaSet alone carries the Deployment."""
    if new is None:
        return False
    wanted = replicas_of(deployment)
    return new.metadata.annotations.get(DESIRED) == str(wanted) and size_of(new) == wanted == available(new)


def available(one: ReplicaSet) -> int:
    """Return how many pods of a ReplicaSet are available."""
    return one.status.availableReplicas or 0


def _fenceposts(deployment: Deployment) -> tuple[int, int]:
    """Return (surge, unavailable). Both 0 would allow no step at all: then one may be unavailable."""
    strategy = deployment.spec.strategy
    rolling = strategy.rollingUpdate if strategy is not None else None
    wanted = replicas_of(deployment)
    surge = scaled(rolling.maxSurge if rolling else "25%", wanted, up=True)
    unavailable = scaled(rolling.maxUnavailable if rolling else "25%", wanted, up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def _clean_unhealthy(old: Sequence[ReplicaSet], budget: int) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for one in by_age(old):
        unhealthy = size_of(one) - available(one)
        if budget > 0 and size_of(one) > 0 and unhealthy > 0:
            gone = min(budget, unhealthy)
            sizes[one.metadata.name or ""] = size_of(one) - gone
            budget -= gone
    return sizes


def _share(deployment: Deployment, one: ReplicaSet, *, left: int) -> int:
    fraction = _fraction(deployment, one)
    return min(fraction, left) if left > 0 else max(fraction, left)


def _fraction(deployment: Deployment, one: ReplicaSet) -> int:
    wanted = replicas_of(deployment)
    if wanted == 0:
        return -size_of(one)
    before_text = one.metadata.annotations.get(MAX, "")
    before = int(before_text) if before_text.isdecimal() else deployment.status.replicas or 0
    if before == 0:
        return 0
    exact = size_of(one) * (wanted + max_surge(deployment)) / before
    return floor(exact + 0.5) - size_of(one)      # halves away from zero, as Go's math.Round on what is positive
