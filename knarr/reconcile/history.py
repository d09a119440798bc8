"""Keep the templates a StatefulSet or DaemonSet had, as ControllerRevisions. Pure. Source: kube controller/history."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from knarr.api.types.apps_v1 import ControllerRevision, DaemonSet, StatefulSet
from knarr.api.types.core_v1 import PodTemplateSpec
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.reconcile.actions import Action, Create, Delete, Patch
from knarr.reconcile.owners import reference

Owner: TypeAlias = StatefulSet | DaemonSet

HASHES: dict[type, str] = {StatefulSet: "controller.kubernetes.io/hash", DaemonSet: "controller-revision-hash"}
SAFE = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Revisions:
    """The template that pods are and the one they shall be. collision: the name wanted for it is another's."""

    current: ControllerRevision
    update: ControllerRevision
    actions: tuple[Action, ...] = ()
    collision: bool = False


def resolve(owner: Owner, held: Sequence[ControllerRevision], *, taken: bool) -> Revisions:
    """Find or make the revision of the present template. held: the set's; taken: its name is somebody else's."""
    ranked = by_age(held)
    number = (ranked[-1].revision if ranked else 0) + 1
    fresh = new_revision(owner, number)
    match = next((one for one in reversed(ranked) if _same(one, fresh)), None)
    actions: tuple[Action, ...] = ()
    if match is None:
        match, actions = fresh, () if taken else (Create(fresh),)
    elif match.revision != ranked[-1].revision:
        # A template that comes back is the newest again.
        actions = (Patch(match, {"metadata": {"uid": match.metadata.uid}, "revision": number}),)
    named = {one.metadata.name: one for one in ranked}
    running = owner.status.currentRevision if isinstance(owner, StatefulSet) else None
    current = named.get(running, match)
    return Revisions(current, match, actions, collision=match is fresh and taken)


def new_revision(owner: Owner, number: int) -> ControllerRevision:
    """Return the revision of the present template."""
    short = template_hash(owner)
    labels = {**owner.spec.template.metadata.labels, HASHES[type(owner)]: short}
    meta = ObjectMeta(
        name=revision_name(owner), namespace=owner.metadata.namespace, labels=labels,
        annotations=dict(owner.metadata.annotations), ownerReferences=(reference(owner),))
    template = {**_plain(owner.spec.template), "$patch": "replace"}
    return ControllerRevision(metadata=meta, data={"spec": {"template": template}}, revision=number)


def revision_name(owner: Owner) -> str:
    """Return the name of the present template's revision."""
    return f"{owner.metadata.name}-{template_hash(owner)}"


def template_hash(owner: Owner) -> str:
    """Return a short hash of the present template; another one after each collision."""
    encoded = msgspec.json.encode(owner.spec.template, order="deterministic")
    salt = str(owner.status.collisionCount or "").encode()
    number = int.from_bytes(hashlib.blake2b(encoded + salt, digest_size=4).digest(), "big")
    return "".join(SAFE[ord(digit) % len(SAFE)] for digit in str(number))


def template_of(revision: ControllerRevision) -> PodTemplateSpec:
    """Return the template a revision holds."""
    held = {key: value for key, value in revision.data["spec"]["template"].items() if key != "$patch"}
    return msgspec.convert(held, PodTemplateSpec)


def by_age(revisions: Sequence[ControllerRevision]) -> list[ControllerRevision]:
    """Return revisions, oldest first."""
    return sorted(revisions, key=lambda one: (
        one.revision, one.metadata.creationTimestamp or "", one.metadata.name or ""))


def surplus(owner: Owner, held: Sequence[ControllerRevision], *, live: set[str]) -> list[Action]:
    """Delete the oldest revisions beyond the limit. live: names that pods or the status still speak of."""
    limit = owner.spec.revisionHistoryLimit if owner.spec.revisionHistoryLimit is not None else 10
    unused = [one for one in by_age(held) if one.metadata.name not in live]
    return [Delete(one) for one in unused[: max(0, len(unused) - limit)]]


def _same(held: ControllerRevision, fresh: ControllerRevision) -> bool:
    """Compare by content; the same name was made from the same content, whatever defaults did to it since."""
    return held.data == fresh.data or held.metadata.name == fresh.metadata.name


def _plain(template: PodTemplateSpec) -> dict[str, Any]:
    """Return a template as it comes back from the server."""
    plain = msgspec.json.decode(msgspec.json.encode(template))
    assert isinstance(plain, dict), "a struct encodes as an object"
    return plain
