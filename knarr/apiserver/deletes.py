"""Delete objects: at once, after a grace period, or when the last finalizer goes.

Source: kube apiserver registry/rest/delete.go, BeforeDelete; registry/generic/registry/store.go, Delete and
deletionFinalizersForGarbageCollection; endpoints/handlers/delete.go.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from knarr.api import kinds, strategy
from knarr.api.errors import ApiError, BadRequest, Cause, conflict, invalid, not_found
from knarr.api.http import Answer, User
from knarr.api.kinds import Kind
from knarr.api.strategy import definition
from knarr.apiserver import bodies, conversion, encode
from knarr.apiserver.admission import chain
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.changes import deletion_done, modified
from knarr.apiserver.core import Core, Request, timestamp, with_warnings
from knarr.apiserver.reads import Reader
from knarr.apiserver.services import Services
from knarr.store.face import Entry, Gone, Stale

Obj = dict[str, Any]
TRIES_MAX = 32
COLLECTION_AT_ONCE = 128  # deletions of one collection under way together: they share the store's commits
ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
POLICIES = ("Foreground", "Background", "Orphan")
KEEPS_CHILDREN = frozenset({("", "replicationcontrollers"), ("batch", "jobs")})  # by DefaultGarbageCollectionPolicy


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a deletion did. gone: the object has left the store; else it waits, as `obj` shows it."""

    obj: Obj
    gone: bool


@dataclass(frozen=True, slots=True)
class Deleter:
    """The verbs `delete` and `deletecollection`."""

    core: Core
    reader: Reader
    services: Services

    async def delete(self, request: Request) -> Answer:
        """Answer with the object where it waits or its kind is shown when gone, else with a Status."""
        target = request.target
        options = read_options(request)
        outcome = await self.remove(
            target.kind, target.key, options, user=request.user, dry_run=is_dry(request, options),
            request=request,
        )
        if outcome.gone and not target.kind.shown_when_deleted:
            return with_warnings(Answer(200, orjson.dumps(success(target.kind, outcome.obj))), request.warnings)
        entry = Entry(target.key, encode.dump(outcome.obj), 0, 0, 0)
        await conversion.ready(self.core, target.kind, [entry])
        return with_warnings(self.reader.show(request, 200, entry), request.warnings)

    async def delete_collection(self, request: Request) -> Answer:
        """Delete all that a list would show; answer with the list as it was."""
        options = read_options(request)
        listed = self.reader.select(request)
        kind, dry = request.target.kind, is_dry(request, options)
        await conversion.ready(self.core, kind, listed.entries)
        limit = asyncio.Semaphore(COLLECTION_AT_ONCE)

        async def one(entry: Entry) -> None:
            async with limit:
                try:
                    await self.remove(kind, entry.key, options, user=request.user, dry_run=dry, request=request)
                except ApiError as error:
                    if error.code != 404:  # another's deletion came first
                        raise

        try:
            async with asyncio.TaskGroup() as group:
                for entry in listed.entries:
                    group.create_task(one(entry))
        except* ApiError as errors:
            raise errors.exceptions[0] from None
        if kind.rules is not None:
            await conversion.ready(self.core, kind, listed.entries)
            return self.reader.collection(request, listed)
        return encode.answer(
            200, encode.list_body(kind, encode.join_items(kind.storage, listed.entries), listed.meta), request.form
        )

    async def remove(
        self, kind: Kind, key: str, options: Obj, *, user: User, dry_run: bool = False,
        request: Request | None = None,
    ) -> Outcome:
        """Delete one object as the options say; NotFound, Conflict or Forbidden.

        kind: in any form of it. request: who is to be told what admission says, if anybody.
        """
        name, requested, kind = key.rpartition("/")[2], kind, kind.storage
        for _ in range(TRIES_MAX):
            entry = self.core.store.get(key)
            if entry is None:
                raise not_found(kind.plural, kind.group, name)
            obj = entry.obj
            check_preconditions(kind, obj, options)
            admission = Admission(
                self.core, user, kind, "delete", obj, dry_run=dry_run, requested=requested,
                options=_told(options, dry_run=dry_run),
            )
            if request is not None:
                admission.warnings, admission.annotations = request.warnings, request.audit_annotations
            await chain.admit(admission)
            gone = self._mark(kind, obj, options)
            try:
                await chain.checked(admission)
                return Outcome(obj, gone) if dry_run else await self._carry_out(kind, entry, obj, gone=gone)
            except Stale:
                continue
            except Gone as fault:
                raise not_found(kind.plural, kind.group, name) from fault
        raise modified(kind, name)

    def _mark(self, kind: Kind, obj: Obj, options: Obj) -> bool:
        """Write into the object how it goes; say whether it goes now."""
        if (kind.group, kind.plural) == ("", "namespaces"):
            return end_namespace(obj, self.core.timestamp())
        if (kind.group, kind.plural) == ("apiextensions.k8s.io", "customresourcedefinitions"):
            definition.begin_end(obj, self.core.timestamp())
            return deletion_done(kind, obj)
        meta = obj["metadata"]
        set_finalizers(kind, meta, options)
        graceful = strategy.graceful(kind, obj, options)
        if meta.get("deletionTimestamp"):
            shorten(meta, graceful if options.get("gracePeriodSeconds") is not None else None)
        elif graceful is not None or meta.get("finalizers"):
            grace_s = graceful or 0
            meta["deletionTimestamp"] = timestamp(self.core.clock.now_s() + grace_s)
            meta["deletionGracePeriodSeconds"] = grace_s
            if meta.get("generation"):
                meta["generation"] += 1
        else:
            return True
        return deletion_done(kind, obj)

    async def _carry_out(self, kind: Kind, entry: Entry, obj: Obj, *, gone: bool) -> Outcome:
        if gone:
            marked = obj["metadata"].get("deletionTimestamp")
            await self.core.store.remove(entry.key, expect=entry.revision, last=encode.draft(obj) if marked else None)
            self.services.forget(kind, obj)
            return Outcome(obj, True)
        if obj == entry.obj:
            return Outcome(obj, False)
        saved = await self.core.store.replace(entry.key, encode.draft(obj), expect=entry.revision)
        return Outcome(saved.obj, False)


def _told(options: Obj, *, dry_run: bool) -> Obj:
    """Return the options as admission webhooks are told of them."""
    dry = {"dryRun": ["All"]} if dry_run else {}
    return {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", **options, **dry}


def read_options(request: Request) -> Obj:
    """Return DeleteOptions from the body and, where the body is silent, from the query; BadRequest or Invalid."""
    options = bodies.read_options(request, DELETE_OPTIONS)
    query = request.call.query
    if "gracePeriodSeconds" in query:
        try:
            options.setdefault("gracePeriodSeconds", int(query["gracePeriodSeconds"]))
        except ValueError as fault:
            text = query["gracePeriodSeconds"]
            raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax') from fault
    if query.get("propagationPolicy"):
        options.setdefault("propagationPolicy", query["propagationPolicy"])
    if query.get("orphanDependents"):
        options.setdefault("orphanDependents", query["orphanDependents"] == "true")
    causes = _option_causes(options)
    if causes:
        raise invalid("DeleteOptions", "meta.k8s.io", "", causes)
    return options


def _option_causes(options: Obj) -> list[Cause]:
    causes = []
    policy = options.get("propagationPolicy")
    if policy is not None and policy not in POLICIES:
        listed = ", ".join(f'"{word}"' for word in (*POLICIES, "nil"))
        causes.append(
            Cause(
                "FieldValueNotSupported",
                "propagationPolicy",
                f'Unsupported value: "{policy}": supported values: {listed}',
            )
        )
    if policy is not None and options.get("orphanDependents") is not None:
        why = "orphanDependents and deletionPropagation cannot be both set"
        causes.append(Cause("FieldValueInvalid", "propagationPolicy", f'Invalid value: "{policy}": {why}'))
    return causes


def is_dry(request: Request, options: Obj) -> bool:
    """Say whether the query or the options ask for a dry run."""
    return request.dry_run or options.get("dryRun") == ["All"]


def check_preconditions(kind: Kind, obj: Obj, options: Obj) -> None:
    """Refuse to delete another object than the caller means; Conflict names the kind, not the resource, as Kubernetes
    does.
    """
    wanted, meta = options.get("preconditions") or {}, obj["metadata"]
    if wanted.get("uid") is not None and wanted["uid"] != meta["uid"]:
        why = (
            f"the UID in the precondition ({wanted['uid']}) does not match the UID in record ({meta['uid']}). "
            "The object might have been deleted and then recreated"
        )
        raise conflict(kind.kind, kind.group, meta["name"], why)
    if wanted.get("resourceVersion") is not None and wanted["resourceVersion"] != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({wanted['resourceVersion']}) does not match "
            f"the ResourceVersion in record ({meta['resourceVersion']}). The object might have been modified"
        )
        raise conflict(kind.kind, kind.group, meta["name"], why)


def set_finalizers(kind: Kind, meta: Obj, options: Obj) -> None:
    """Add or take away the finalizers by which the garbage collector is asked to orphan or to delete dependents
    first.
    """
    policy = options.get("propagationPolicy")
    if policy is None and options.get("orphanDependents") is not None:
        policy = "Orphan" if options["orphanDependents"] else "Background"
    present = list(meta.get("finalizers") or ())
    if policy is None:
        if (kind.group, kind.plural) not in KEEPS_CHILDREN or FOREGROUND in present:
            return
        policy = "Orphan"
    wanted = {"Orphan": ORPHAN, "Foreground": FOREGROUND}.get(policy, "")
    kept = [one for one in present if one not in (ORPHAN, FOREGROUND) or one == wanted]
    if wanted and wanted not in kept:
        kept.append(wanted)
    if kept:
        meta["finalizers"] = kept
    else:
        meta.pop("finalizers", None)


def shorten(meta: Obj, grace_s: int | None) -> None:
    """Bring an end that is already set nearer. grace_s: what the caller asks for now, None if nothing."""
    set_s = meta.get("deletionGracePeriodSeconds")
    if grace_s is None or set_s is None or grace_s >= set_s:
        return
    end = datetime.strptime(meta["deletionTimestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    meta["deletionTimestamp"] = timestamp(end - set_s + grace_s)
    meta["deletionGracePeriodSeconds"] = grace_s


def end_namespace(namespace: Obj, now: str) -> bool:
    """Let a namespace begin to end; say whether nothing holds it. Source: kube registry/core/namespace/storage."""
    meta = namespace["metadata"]
    if not meta.get("deletionTimestamp"):
        meta["deletionTimestamp"] = now
    namespace.setdefault("status", {})["phase"] = "Terminating"
    return not (namespace.get("spec") or {}).get("finalizers") and not meta.get("finalizers")


def success(kind: Kind, obj: Obj) -> Obj:
    """Return the Status that tells of a deletion."""
    details = {"name": obj["metadata"]["name"], "group": kind.group, "kind": kind.plural, "uid": obj["metadata"]["uid"]}
    shown = {key: value for key, value in details.items() if value}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": shown}


def _delete_options() -> Kind:
    found = kinds.by_kind("meta.k8s.io", "v1", "DeleteOptions")
    assert found is not None
    return found


DELETE_OPTIONS = _delete_options()
