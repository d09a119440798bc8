"""A toy API server for tests: stores what it is sent, numbers it, and tells watchers. Knows no rules of any kind."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

from knarr.api import defaults, errors, kinds
from knarr.api.http import Answer, Call
from knarr.base.times import rfc3339

Object = dict[str, Any]


class FakeApi:
    """Objects by (plural, namespace, name); every write is logged with its revision."""

    def __init__(self, now_s: Callable[[], float] = lambda: 1_767_225_600.0) -> None:
        self.now_s = now_s
        self.revision = 100
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.log: list[tuple[int, str, str, Object]] = []       # (revision, plural, type, object)
        self.oldest = 0                                          # watches from before this get 410
        self.calls: list[tuple[str, str]] = []
        self.refuse: Callable[[Call], Exception | None] = lambda call: None
        self.names = 0
        self._news = asyncio.Event()
        self.cut = 0                                             # raise it to end all watches

    async def handle(self, call: Call) -> Answer:
        """Answer one call."""
        self.calls.append((call.method, call.path))
        try:
            refused = self.refuse(call)
            if refused is not None:
                raise refused
            return self._route(call)
        except errors.ApiError as error:
            return Answer(error.code, orjson.dumps(error.status()))

    def put(self, obj: Object) -> Object:
        """Store an object as if somebody else had written it."""
        plural = kinds.of_object(obj).plural
        meta = obj["metadata"]
        return self._write("MODIFIED" if self._key(plural, meta) in self.objects else "ADDED", plural, obj)

    def drop(self, plural: str, namespace: str, name: str) -> None:
        """Remove an object as if somebody else had."""
        gone = self.objects.pop((plural, namespace, name))
        self._log("DELETED", plural, gone)

    def all(self, plural: str) -> list[Object]:
        """Return the stored objects of a kind, by name."""
        return [obj for key, obj in sorted(self.objects.items()) if key[0] == plural]

    def compact(self) -> None:
        """Forget the log and cut every watch: watchers must list again."""
        self.oldest = self.revision + 1
        self.revision += 1
        self.log.clear()
        self.cut_watches()

    def cut_watches(self) -> None:
        """End every open watch."""
        self.cut += 1
        self._wake()

    def _route(self, call: Call) -> Answer:
        parts = call.path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if parts[0] == "namespaces" and len(parts) > 2:
            namespace, parts = parts[1], parts[2:]
        plural, name, sub = (*parts, "", "")[:3]
        if call.query.get("watch"):
            return Answer(200, stream=self._watch(plural, int(call.query["resourceVersion"])))
        if call.method == "GET" and not name:
            return Answer(200, self._list(plural))
        if call.method == "POST" and not name:
            return Answer(201, orjson.dumps(self._create(plural, orjson.loads(call.body))))
        stored = self.objects.get((plural, namespace, name))
        if stored is None:
            raise errors.not_found(plural, "", name)
        if call.method == "GET":
            return Answer(200, orjson.dumps(stored))
        if call.method == "DELETE":
            return self._delete(plural, stored, orjson.loads(call.body or b"{}"))
        return Answer(200, orjson.dumps(self._change(call, plural, stored, sub=sub)))

    def _create(self, plural: str, obj: Object) -> Object:
        meta = obj["metadata"]
        if not meta.get("name"):
            self.names += 1
            meta["name"] = f"{meta['generateName']}{self.names:05}"
        if self._key(plural, meta) in self.objects:
            raise errors.already_exists(plural, "", meta["name"])
        meta.setdefault("uid", f"uid-{plural}-{meta['name']}-{self.revision}")
        meta.setdefault("creationTimestamp", rfc3339(self.now_s()))
        meta["generation"] = 1
        defaults.apply(kinds.of_object(obj), obj)
        if plural in ("pods", "deployments"):
            obj["status"] = {}
        return self._write("ADDED", plural, obj)

    def _change(self, call: Call, plural: str, stored: Object, *, sub: str) -> Object:
        sent = orjson.loads(call.body)
        version = (sent.get("metadata") or {}).get("resourceVersion")
        uid = (sent.get("metadata") or {}).get("uid")
        name = stored["metadata"]["name"]
        if (version and version != stored["metadata"]["resourceVersion"]) or (uid and uid != stored["metadata"]["uid"]):
            raise errors.conflict(plural, "", name, errors.MODIFIED)
        fresh = sent if call.method == "PUT" else merge(copy.deepcopy(stored), sent)
        if sub == "status":
            meta = {**stored["metadata"], "annotations": fresh["metadata"].get("annotations", {})}
            fresh = {**stored, "status": fresh.get("status", {}), "metadata": meta}
        elif "status" in stored:
            fresh["status"] = stored["status"]
        if fresh.get("spec") != stored.get("spec"):
            fresh["metadata"]["generation"] = stored["metadata"].get("generation", 1) + 1
        defaults.apply(kinds.of_object(fresh), fresh)
        if strip(fresh) == strip(stored):
            return stored
        return self._write("MODIFIED", plural, fresh)

    def _delete(self, plural: str, stored: Object, options: Object) -> Answer:
        meta = stored["metadata"]
        uid = (options.get("preconditions") or {}).get("uid")
        if uid and uid != meta["uid"]:
            raise errors.conflict(plural, "", meta["name"], "Precondition failed: UID in precondition")
        del self.objects[self._key(plural, meta)]
        self._log("DELETED", plural, stored)
        return Answer(200, orjson.dumps({"kind": "Status", "status": "Success"}))

    def _list(self, plural: str) -> bytes:
        return orjson.dumps({"metadata": {"resourceVersion": str(self.revision)}, "items": self.all(plural)})

    async def _watch(self, plural: str, since: int) -> AsyncIterator[bytes]:
        cut = self.cut
        if since < self.oldest:
            status = errors.Expired(f"too old resource version: {since} ({self.oldest})").status()
            yield orjson.dumps({"type": "ERROR", "object": status}) + b"\n"
            return
        while self.cut == cut:
            fresh = [(kind, obj) for revision, of, kind, obj in self.log if of == plural and revision > since]
            since = self.revision
            if fresh:
                yield b"".join(orjson.dumps({"type": kind, "object": obj}) + b"\n" for kind, obj in fresh)
            else:
                await self._news.wait()

    def _write(self, kind: str, plural: str, obj: Object) -> Object:
        self.objects[self._key(plural, obj["metadata"])] = obj
        return self._log(kind, plural, obj)

    def _log(self, kind: str, plural: str, obj: Object) -> Object:
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        self.log.append((self.revision, plural, kind, copy.deepcopy(obj)))
        self._wake()
        return obj

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    @staticmethod
    def _key(plural: str, meta: Object) -> tuple[str, str, str]:
        return plural, meta.get("namespace", ""), meta["name"]


def merge(target: Any, patch: Any) -> Any:
    """Apply an RFC 7396 merge patch."""
    if not isinstance(patch, dict):
        return patch
    target = target if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = merge(target.get(key), value)
    return target


def strip(obj: Object) -> Object:
    """Return an object without what each write changes."""
    meta = {k: v for k, v in obj["metadata"].items() if v and k not in ("resourceVersion", "generation")}
    return {**obj, "metadata": meta}
