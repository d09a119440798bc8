"""Change stored objects: PUT, PATCH, and the server's own edits. A write names the state it was made from, or is made
again.

Source: kube registry/generic/registry/store.go, Update; endpoints/handlers/{update,patch}.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from knarr.api import defaults, strategy, validation
from knarr.api.errors import MODIFIED, BadRequest, Conflict, conflict, invalid, not_found
from knarr.api.http import Answer
from knarr.api.kinds import Kind
from knarr.api.validation import unwise
from knarr.apiserver import bodies, conversion, convert, encode, ownership, patches
from knarr.apiserver.admission import chain
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.aside import judged
from knarr.apiserver.core import Core, Request, with_warnings
from knarr.apiserver.creates import place, pretended
from knarr.apiserver.reads import Reader
from knarr.apiserver.services import Services
from knarr.store.face import Entry, Gone, Stale

Obj = dict[str, Any]
TRIES_MAX = 32  # a writer that loses this often to others is told so


@dataclass(frozen=True, slots=True)
class Changer:
    """The verbs `update` and `patch`."""

    core: Core
    reader: Reader
    services: Services

    async def update(self, request: Request) -> Answer:
        """Replace an object by the body; 200 with the new one."""
        drafts = [self._draft(request)]  # read before the object is looked for: what it says is judged first

        def replacement(_: Obj) -> Obj:
            return drafts.pop() if drafts else self._draft(request)

        entry = await self.change(request, replacement, whole=True)
        return with_warnings(self.reader.show(request, 200, entry), request.warnings)

    def _draft(self, request: Request) -> Obj:
        request.warnings.clear()
        draft = bodies.read(request, request.target.kind)
        if not draft["metadata"].get("name"):
            raise BadRequest("name must be provided")
        check_name(draft, request.target.name)
        place(draft, request)
        return draft

    async def patch(self, request: Request) -> Answer:
        """Apply a patch; 200 with the new object."""
        kind = request.target.kind
        patch = patches.read(request)

        def patched(old: Obj) -> Obj:
            request.warnings.clear()
            return bodies.settle_patched(request, kind, patch(kind, old), members=patch.members)

        entry = await self.change(request, patched)
        return with_warnings(self.reader.show(request, 200, entry), request.warnings)

    async def change(
        self, request: Request, make: Callable[[Obj], Obj], *, whole: bool = False, owned: bool = False
    ) -> Entry:
        """Make the new state from the stored one and store it, again while others interfere.

        make: gets the stored object in the request's form; may change it. whole: a PUT, whose uid is a precondition.
        owned: what is made has its managedFields complete.
        """
        target = request.target
        for _ in range(TRIES_MAX):
            entry = self.core.store.get(target.key)
            if entry is None:
                raise not_found(target.kind.plural, target.kind.group, target.name)
            await conversion.ready(self.core, target.kind, [entry])
            new = make(convert.served(target.kind, entry.obj))
            old = converted(target.kind.storage, entry)
            pinned = preconditions(target.kind, new, old, whole=whole, name=target.name)
            try:
                saved = await self._save(request, entry, convert.stored(target.kind, new), old=old, owned=owned)
                await conversion.ready(self.core, target.kind, [saved])
                return saved
            except Stale as stale:
                if pinned:
                    raise modified(target.kind, target.name) from stale
            except Gone as gone:
                raise not_found(target.kind.plural, target.kind.group, target.name) from gone
        raise modified(target.kind, target.name)

    async def _save(self, request: Request, entry: Entry, new: Obj, *, old: Obj, owned: bool) -> Entry:
        kind, subresource = request.target.kind.storage, request.target.subresource
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        defaults.apply(kind, new)
        if not owned:
            ownership.track(self.core, request, new, old)
        admission = Admission(
            self.core, request.user, kind, "update", new, old, subresource, request.warnings, request.dry_run,
            requested=request.target.kind, options=request.options if self.core.configured.active else {},
        )
        admission.annotations = request.audit_annotations
        await chain.admit(admission)
        strategy.prepare_update(kind, new, old, subresource)
        ownership.keep_times(new, old)
        with self.services.claim(kind, new, old, dry_run=request.dry_run) as claim:
            form, shown = convert.checked(request.target.kind, new)
            before = convert.checked(request.target.kind, old)[1]
            size_bytes = max(len(entry.value), len(request.call.body))
            causes = await judged(form, size_bytes, lambda: validation.update(form, shown, before, subresource))
            if causes:
                raise invalid(form.kind, form.group, request.target.name, causes)
            if not subresource:
                request.warnings.extend(unwise.of_write(kind, new, old))
            writes = await chain.checked(admission)
            if request.dry_run:
                return pretended(entry.key, new, replacing=entry.revision)
            saved = await self._write(kind, entry, new, old=old, writes=writes)
            claim.keep()
        return saved

    async def _write(self, kind: Kind, entry: Entry, new: Obj, *, old: Obj, writes: chain.Writes) -> Entry:
        if deletion_done(kind, new):
            last = encode.draft(await conversion.stored(self.core, kind, new))
            await self.core.store.remove(entry.key, expect=entry.revision, last=last)
            self.services.forget(kind, new)
            return Entry(entry.key, encode.dump(new), entry.revision, entry.created_revision, 0)
        if new == old:
            return entry  # nothing changed: no new revision, no event
        draft = encode.draft(await conversion.stored(self.core, kind, new))
        return await writes.replace(entry.key, draft, expect=entry.revision)

    async def edit(self, kind: Kind, key: str, edit: Callable[[Obj], None]) -> Entry:
        """Let the server change a stored object in place, past the rules for clients; NotFound or Conflict.

        edit: may be called again on a newer state; raises what it refuses.
        """
        name = key.rpartition("/")[2]
        for _ in range(TRIES_MAX):
            entry = self.core.store.get(key)
            if entry is None:
                raise not_found(kind.plural, kind.group, name)
            new = entry.obj
            edit(new)
            try:
                return await self._write(kind, entry, new, old=entry.obj, writes=self.core.store)
            except Stale:
                continue
            except Gone as gone:
                raise not_found(kind.plural, kind.group, name) from gone
        raise modified(kind, name)


def converted(kind: Kind, entry: Entry) -> Obj:
    """Return a stored object as it was before a write: in the version of the request, where a webhook converts."""
    if kind.rules is not None and kind.rules.webhook is not None:
        return convert.served(kind, entry.obj)
    return entry.obj


def preconditions(kind: Kind, new: Obj, old: Obj, *, whole: bool, name: str) -> bool:
    """Check name, uid and revision of a new state; say whether it names the revision it was made from."""
    meta = new["metadata"]
    check_name(new, name)
    stored = old["metadata"]
    if kind.namespaced and meta.get("namespace") != stored["namespace"]:
        raise BadRequest(
            f"the namespace of the object ({meta.get('namespace', '')}) does not match "
            f"the namespace on the URL ({stored['namespace']})"
        )
    uid = meta.get("uid")
    if whole and uid and uid != stored["uid"]:
        raise other_uid(kind, stored, str(uid))
    revision = str(meta.get("resourceVersion") or "")
    if revision and revision not in ("0", stored["resourceVersion"]):
        raise modified(kind, name)
    return whole and bool(revision)


def other_uid(kind: Kind, stored: Obj, wanted: str) -> Conflict:
    """Say that the caller means an object that is no more. stored: the metadata of the one there is."""
    key = "/".join(part for part in ("/registry", kind.plural, stored.get("namespace", ""), stored["name"]) if part)
    why = (
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {stored['uid']}"
    )
    return conflict(kind.plural, kind.group, stored["name"], why)


def check_name(obj: Obj, name: str) -> None:
    """Refuse an object that is not the one of the URL."""
    said = obj["metadata"].get("name", "")
    if said != name:
        raise BadRequest(f"the name of the object ({said}) does not match the name on the URL ({name})")


def deletion_done(kind: Kind, obj: Obj) -> bool:
    """Say whether an object that is being deleted has nothing left to wait for.

    Source: kube registry/generic ShouldDeleteDuringUpdate.
    """
    meta = obj["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers") or meta.get("deletionGracePeriodSeconds"):
        return False
    return not (kind.plural == "namespaces" and not kind.group and (obj.get("spec") or {}).get("finalizers"))


def modified(kind: Kind, name: str) -> Conflict:
    """Say that another write came first."""
    return conflict(kind.plural, kind.group, name, MODIFIED)
