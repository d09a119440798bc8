"""Tell a Deployment's ReplicaSets apart: which is of the present template, which is older. Pure.

Source: kube deployment/util/deployment_util.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from knarr.api.types.apps_v1 import Deployment, ReplicaSet, ReplicaSetSpec
from knarr.api.types.core_v1 import PodTemplateSpec
from knarr.api.types.meta_v1 import LabelSelector, ObjectMeta
from knarr.reconcile.owners import reference

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAX = "deployment.kubernetes.io/max-replicas"
NOT_COPIED = frozenset({
    "kubectl.kubernetes.io/last-applied-configuration", REVISION, REVISION_HISTORY, DESIRED, MAX,
    "deprecated.deployment.rollback.to",
})
# Source: kube apimachinery util/rand SafeEncodeString: no vowels, so that a hash spells nothing.
SAFE = "bcdfghjklmnpqrstvwxz2456789"


def by_age(sets: Iterable[ReplicaSet]) -> list[ReplicaSet]:
    """Return ReplicaSets, oldest first; names settle ties."""
    return sorted(sets, key=lambda one: (one.metadata.creationTimestamp or "", one.metadata.name or ""))


def find_new(deployment: Deployment, sets: Iterable[ReplicaSet]) -> ReplicaSet | None:
    """Return the ReplicaSet of the present template: the oldest, should there be several.

    One that carries the present hash was made for it, even if the server's defaults have made the two differ since.
    """
    wanted, short = template_of(deployment), template_hash(deployment)
    return next((
        one for one in by_age(sets)
        if without_hash(one.spec.template) == wanted or one.metadata.labels.get(HASH_LABEL) == short), None)


def template_of(deployment: Deployment) -> PodTemplateSpec:
    """Return the present template."""
    return without_hash(deployment.spec.template)


def without_hash(template: PodTemplateSpec | None) -> PodTemplateSpec:
    """Return a template without the label that names its hash."""
    held = template or PodTemplateSpec()
    if HASH_LABEL not in held.metadata.labels:
        return held
    labels = {name: text for name, text in held.metadata.labels.items() if name != HASH_LABEL}
    return replace(held, metadata=replace(held.metadata, labels=labels))


def template_hash(deployment: Deployment) -> str:
    """Return the hash that names the present template's ReplicaSet; another one after each collision."""
    encoded = msgspec.json.encode(template_of(deployment), order="deterministic")
    salt = str(deployment.status.collisionCount or "").encode()
    number = int.from_bytes(hashlib.blake2b(encoded + salt, digest_size=4).digest(), "big")
    return "".join(SAFE[ord(digit) % len(SAFE)] for digit in str(number))


def new_name(deployment: Deployment) -> str:
    """Return the name of the present template's ReplicaSet, were it made now."""
    return f"{deployment.metadata.name}-{template_hash(deployment)}"


def new_replicaset(deployment: Deployment, sets: Sequence[ReplicaSet], *, replicas: int, surge: int) -> ReplicaSet:
    """Return the ReplicaSet to make for the present template. sets: the older ones."""
    short = template_hash(deployment)
    template = template_of(deployment)
    labels = {**template.metadata.labels, HASH_LABEL: short}
    selector = deployment.spec.selector or LabelSelector()
    revision = str(max((revision_of(one) for one in sets), default=0) + 1)
    return ReplicaSet(
        metadata=ObjectMeta(
            name=new_name(deployment), namespace=deployment.metadata.namespace, labels=labels,
            annotations={**copied(deployment), REVISION: revision, **sizes(deployment, surge)},
            ownerReferences=(reference(deployment),)),
        spec=ReplicaSetSpec(
            replicas=replicas, minReadySeconds=deployment.spec.minReadySeconds,
            selector=replace(selector, matchLabels={**selector.matchLabels, HASH_LABEL: short}),
            template=replace(template, metadata=replace(template.metadata, labels=labels))),
    )


def refreshed(deployment: Deployment, new: ReplicaSet, older: Sequence[ReplicaSet]) -> dict[str, str]:
    """Return the annotations the present template's ReplicaSet lacks.

    A template that comes back gets the newest revision; the ones it had are kept in the history.
    """
    wanted = copied(deployment)
    revision = max((revision_of(one) for one in older), default=0) + 1
    held = new.metadata.annotations.get(REVISION, "")
    if revision_of(new) < revision:
        wanted[REVISION] = str(revision)
        history = new.metadata.annotations.get(REVISION_HISTORY, "")
        if held:
            wanted[REVISION_HISTORY] = f"{history},{held}" if history else held
    return {name: text for name, text in wanted.items() if new.metadata.annotations.get(name) != text}


def revision_of(one: ReplicaSet) -> int:
    """Return a ReplicaSet's revision, 0 for none that can be read."""
    text = one.metadata.annotations.get(REVISION, "0")
    return int(text) if text.isdecimal() else 0


def copied(deployment: Deployment) -> dict[str, str]:
    """Return the annotations that go down to the ReplicaSets."""
    return {name: text for name, text in deployment.metadata.annotations.items() if name not in NOT_COPIED}


def sizes(deployment: Deployment, surge: int) -> dict[str, str]:
    """Return the annotations from which a later scaling learns how large the Deployment was."""
    wanted = replicas_of(deployment)
    return {DESIRED: str(wanted), MAX: str(wanted + surge)}


def replicas_of(deployment: Deployment) -> int:
    """Return how many replicas are wanted; one, if nothing is said."""
    return deployment.spec.replicas if deployment.spec.replicas is not None else 1


def size_of(one: ReplicaSet) -> int:
    """Return how many replicas a ReplicaSet is told to keep."""
    return one.spec.replicas if one.spec.replicas is not None else 1
