"""Store new objects. The order of the steps is Kubernetes': decode, default, admit, own, validate, store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from knarr.api import defaults, strategy, validation
from knarr.api.errors import AlreadyExists, BadRequest, already_exists, invalid
from knarr.api.http import Answer
from knarr.api.kinds import Kind
from knarr.api.validation import unwise
from knarr.apiserver import bodies, conversion, convert, encode, ownership
from knarr.apiserver.admission import chain
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.aside import judged
from knarr.apiserver.core import Core, Request, with_warnings
from knarr.apiserver.reads import Reader
from knarr.apiserver.services import Services
from knarr.store.face import AlreadyThere, Entry

Obj = dict[str, Any]
GENERATED_BASE_MAX = 58  # characters kept of generateName. Source: kube storage/names/generate.go
GENERATED_TRIES_MAX = 8  # Source: kube registry/generic/registry/store.go, maxNameGenerationCreateAttempts


@dataclass(frozen=True, slots=True)
class Creator:
    """The verb `create`."""

    core: Core
    reader: Reader
    services: Services

    async def create(self, request: Request) -> Answer:
        """Answer 201 with the new object; 400, 403, 404, 409 or 422."""
        kind = request.target.kind
        draft = bodies.read(request, kind)
        place(draft, request)
        entry = await self.insert(request, kind, draft)
        return with_warnings(self.reader.show(request, 201, entry), request.warnings)

    async def insert(self, request: Request, kind: Kind, draft: Obj, *, owned: bool = False) -> Entry:
        """Complete, check and store a draft whose namespace is settled. owned: its managedFields are complete."""
        obj, requested = convert.stored(kind, draft), kind
        kind = kind.storage
        meta = obj["metadata"]
        generated = str(meta.get("generateName") or "") if not meta.get("name") else ""
        self._own(meta, generated, dry_run=request.dry_run)
        unowned = ownership.allocated(kind, obj)
        defaults.apply(kind, obj)
        if not owned:
            ownership.track(self.core, request, obj, unowned=unowned)
        admission = Admission(
            self.core, request.user, kind, "create", obj, warnings=request.warnings, dry_run=request.dry_run,
            requested=requested, options=request.options if self.core.configured.active else {},
        )
        admission.annotations = request.audit_annotations
        await chain.admit(admission)
        strategy.prepare_create(kind, obj)
        with self.services.claim(kind, obj, dry_run=request.dry_run) as claim:
            form, shown = convert.checked(requested, obj)
            causes = await judged(form, len(request.call.body), lambda: validation.create(form, shown))
            if causes:
                raise invalid(kind.kind, requested.group, str(meta.get("name", "")), causes)
            request.warnings.extend(unwise.of_write(kind, obj, None))
            writes = await chain.checked(admission)
            if request.dry_run:
                return self._pretend(kind, obj)
            entry = await self._store(kind, obj, generated, writes)
            claim.keep()
        return entry

    def _own(self, meta: Obj, generated: str, *, dry_run: bool) -> None:
        """Set what only the server sets."""
        if meta.get("resourceVersion") and not dry_run:  # the store refuses it, and a dry run does not ask the store
            raise BadRequest("resourceVersion should not be set on objects to be created")
        for name in ("selfLink", "resourceVersion"):
            meta.pop(name, None)
        meta["uid"] = self.core.uid()
        meta["creationTimestamp"] = self.core.timestamp()
        if generated:
            meta["name"] = generated[:GENERATED_BASE_MAX] + self.core.rng.suffix()

    async def _store(self, kind: Kind, obj: Obj, generated: str, writes: chain.Writes) -> Entry:
        meta = obj["metadata"]
        if kind.rules is not None and kind.rules.webhook is not None:
            obj = await conversion.stored(self.core, kind, obj)
            meta = obj["metadata"]
        for _ in range(GENERATED_TRIES_MAX if generated else 1):
            try:
                key = kind.key(meta.get("namespace", ""), meta["name"])
                entry = await writes.insert(key, encode.draft(obj))
                await conversion.ready(self.core, kind, [entry])
                return entry
            except AlreadyThere:
                taken = meta["name"]
                if generated:
                    meta["name"] = generated[:GENERATED_BASE_MAX] + self.core.rng.suffix()
        raise _taken(kind, taken)

    def _pretend(self, kind: Kind, obj: Obj) -> Entry:
        meta = obj["metadata"]
        key = kind.key(meta.get("namespace", ""), meta["name"])
        if self.core.store.get(key) is not None:
            raise _taken(kind, meta["name"])
        return pretended(key, obj)


def pretended(key: str, obj: Obj, *, replacing: int = 0) -> Entry:
    """Return the entry a dry run shows: what would have been stored, with the revision it would have replaced if any.

    Source: kube registry/generic/registry/dryrun.go, Create and GuaranteedUpdate.
    """
    if not replacing:
        return Entry(key, encode.unstored(obj), 0, 0, 0)
    draft = encode.draft(obj)
    return Entry(key, draft.before + str(replacing).encode() + draft.after, replacing, 0, 0)


def place(draft: Obj, request: Request) -> None:
    """Put a draft into the namespace of the URL; BadRequest if it names another."""
    meta, namespace = draft["metadata"], request.target.namespace
    said = meta.get("namespace") or ""
    if said and namespace and said != namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    if namespace:
        meta["namespace"] = namespace


def _taken(kind: Kind, name: str) -> AlreadyExists:
    return already_exists(kind.plural, kind.group, name)
