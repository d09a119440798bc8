"""See a budget, the pods it selects, and how many of them their owners want."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from knarr.api import selectors
from knarr.api.types.apps_v1 import Deployment, ReplicaSet, StatefulSet
from knarr.api.types.core_v1 import Pod, ReplicationController
from knarr.api.types.meta_v1 import OwnerReference
from knarr.api.types.policy_v1 import PodDisruptionBudget
from knarr.client.informers import Informers
from knarr.controllers.disruption.plan import Expected, View, is_healthy
from knarr.reconcile.actions import Look
from knarr.reconcile.owners import controller_of
from knarr.reconcile.runner import Key, Watch

NAMESPACE = "namespace"
SCALED: dict[str, type[Any]] = {
    "ReplicaSet": ReplicaSet, "StatefulSet": StatefulSet, "ReplicationController": ReplicationController,
}


def observe(informers: Informers, key: Key, look: Look) -> View | None:
    """Return the budget and its pods; None when it is gone."""
    budget = informers.of(PodDisruptionBudget).get(*key)
    if budget is None:
        return None
    pods = tuple(pod for pod in informers.of(Pod).by(NAMESPACE, key[0]) if selects(budget, pod))
    minimum = budget.spec.minAvailable
    by_number = budget.spec.maxUnavailable is None and not isinstance(minimum, str)
    expected = Expected(len(pods)) if by_number else expected_of(informers, key[0], pods)
    return View(budget, pods, expected, look.now_s)


def expected_of(informers: Informers, namespace: str, pods: Iterable[Pod]) -> Expected:
    """Add up what the owners of pods want; pods that nobody owns are not counted."""
    owners = {owner.uid: owner for owner in (controller_of(pod.metadata) for pod in pods) if owner is not None}
    scales: dict[str, int] = {}
    for owner in owners.values():
        if owner.kind not in SCALED:
            plural, group = f"{owner.kind.lower()}s", owner.apiVersion.rpartition("/")[0]
            return Expected(0, f"{plural}.{group} does not implement the scale subresource")
        scales.update(_scale(informers, namespace, owner))
    return Expected(sum(scales.values()))


def _scale(informers: Informers, namespace: str, owner: OwnerReference) -> dict[str, int]:
    """Return the replicas that an owner wants, or its Deployment, by uid; nothing if it is gone."""
    found: Any = informers.of(SCALED[owner.kind]).get(namespace, owner.name)
    if found is None or found.metadata.uid != owner.uid:
        return {}
    above = controller_of(found.metadata)
    if owner.kind == "ReplicaSet" and above is not None and above.kind == "Deployment":
        deployment = informers.of(Deployment).get(namespace, above.name)
        if deployment is not None and deployment.metadata.uid == above.uid:
            found = deployment
    wanted = found.spec.replicas
    return {found.metadata.uid or "": 1 if wanted is None else wanted}


def watches() -> list[Watch[Any]]:
    """Return what matters: budgets, the health of pods, and how many their owners want."""
    by_namespace = {NAMESPACE: lambda one: [one.metadata.namespace or ""]}
    scaled: list[type[Any]] = [*SCALED.values(), Deployment]
    owners = [Watch(kind, _all_budgets, when=_scaled) for kind in scaled]
    return [
        Watch(PodDisruptionBudget, lambda informers, one: [(one.metadata.namespace or "", one.metadata.name or "")],
              indexes=by_namespace),
        Watch(Pod, _budgets_of, when=_matters, indexes=by_namespace),
        *owners,
    ]


def selects(budget: PodDisruptionBudget, pod: Pod) -> bool:
    """Say whether a budget means a pod."""
    return selectors.of(budget.spec.selector).matches(pod.metadata.labels)


def _budgets_of(informers: Informers, pod: Pod) -> Iterator[Key]:
    for budget in informers.of(PodDisruptionBudget).by(NAMESPACE, pod.metadata.namespace or ""):
        if selects(budget, pod):
            yield budget.metadata.namespace or "", budget.metadata.name or ""


def _all_budgets(informers: Informers, owner: Any) -> Iterator[Key]:
    for budget in informers.of(PodDisruptionBudget).by(NAMESPACE, owner.metadata.namespace or ""):
        yield budget.metadata.namespace or "", budget.metadata.name or ""


def _matters(old: Pod | None, new: Pod | None) -> bool:
    if old is None or new is None:
        return True
    return old.metadata.labels != new.metadata.labels or is_healthy(old) != is_healthy(new)


def _scaled(old: Any, new: Any) -> bool:
    return old is not None and new is not None and old.spec.replicas != new.spec.replicas
