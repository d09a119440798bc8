"""Answer GET and LIST from the store's memory. Nothing is parsed unless a selector, a table or YAML asks for it.

A list is a join of stored bytes. The last joins of large lists are kept: while their entries are the very same, the
join is not made again, whatever else has changed in the store meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from knarr.api.errors import Expired, Timeout, not_found
from knarr.api.http import Answer
from knarr.api.kinds import Kind
from knarr.apiserver import encode, views
from knarr.apiserver.convert import as_served, foreign
from knarr.apiserver.core import Core, Request
from knarr.apiserver.options import NOW, TOKEN_VERSION, Continue, ListOptions, list_options
from knarr.apiserver.select import Selection
from knarr.store.face import Compacted, Entry

JOINS_KEPT_MAX = 4  # lists; a cluster's pods, nodes, services and one more
JOIN_BYTES_MIN = 1 << 16  # below this a join is cheaper than remembering it
JOIN_BYTES_MAX = 64 << 20
TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
TOO_LARGE = "Too large resource version"


class Reader:
    """GET and LIST over one store."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._joins: dict[str, tuple[list[Entry], bytes]] = {}

    def get(self, request: Request) -> Answer:
        """Answer with one object; else NotFound."""
        target, form = request.target, request.form
        entry = self.core.store.get(target.key)
        if entry is None:
            raise not_found(target.kind.plural, target.kind.group, target.name)
        return (
            self.show(request, 200, entry)
            if form.view or foreign(target.kind)
            else encode.answer(200, entry.value, form)
        )

    def show(self, request: Request, status: int, entry: Entry) -> Answer:
        """Answer with an entry in the form the client asked for."""
        kind, form = request.target.kind, request.form
        body = as_served(kind, entry.value)
        if form.view:
            body = views.one(kind, encode.parse(body), form, query=request.call.query, now_s=self.core.clock.now_s())
        return encode.answer(status, body, form)

    def collection(self, request: Request, listed: Listed | None = None) -> Answer:
        """Answer with a collection: joined bytes, a table, or the metadata of each. listed: what it holds, if known."""
        kind, form = request.target.kind, request.form
        listed = listed or self.select(request)
        if form.view:
            objects = [encode.parse(as_served(kind, entry.value)) for entry in listed.entries]
            query, now_s = request.call.query, self.core.clock.now_s()
            return encode.answer(200, views.many(kind, objects, form, meta=listed.meta, query=query, now_s=now_s), form)
        inner = self._join(request.target.prefix, kind, listed.entries)
        return encode.answer(200, encode.list_body(kind, inner, listed.meta), form)

    def select(self, request: Request) -> Listed:
        """Return the entries a list chooses, and the list's metadata; Expired, Timeout, BadRequest or Invalid."""
        options = list_options(request.call.query)
        selection = Selection(request.target.kind, request.call.query)
        wanted = options.continued.rv if options.continued else options.revision
        if wanted > self.core.store.revision:
            raise too_large(wanted, self.core.store.revision)
        try:
            return self._page(request.target.prefix, options, selection)
        except Compacted as fault:
            raise _expired(options) from fault

    def _page(self, prefix: str, options: ListOptions, selection: Selection) -> Listed:
        store = self.core.store
        after = f"{prefix}{options.continued.start}" if options.continued else ""
        revision = _state(options)
        limit = 0 if options.revision == 0 else options.limit
        if not selection:
            page = store.list(prefix, after=after, limit=limit, revision=revision)
            return _listed(page.entries, page.revision, prefix, remaining=page.remaining if page.more else 0)
        page = store.list(prefix, after=after, revision=revision)
        chosen: list[Entry] = []
        for entry in page.entries:
            if selection.matches(entry):
                chosen.append(entry)
            if limit and len(chosen) == limit:
                # What follows may not match: Kubernetes does not look either before it promises a next page.
                more = entry is not page.entries[-1]
                return _listed(chosen, page.revision, prefix, remaining=-1 if more else 0)
        return _listed(chosen, page.revision, prefix, remaining=0)

    def _join(self, prefix: str, kind: Kind, entries: list[Entry]) -> bytes:
        if foreign(kind):
            skip = encode.item_skip(kind)
            return b",".join(b"{" + as_served(kind, entry.value)[skip:] for entry in entries)
        slot = f"{kind.api_version}{prefix}"
        kept = self._joins.get(slot)
        if kept is not None and kept[0] == entries:  # element by element the same objects: no bytes are compared
            return kept[1]
        inner = encode.join_items(kind, entries)
        if JOIN_BYTES_MIN <= len(inner) <= JOIN_BYTES_MAX:
            self._joins.pop(slot, None)
            self._joins[slot] = (entries, inner)
            while len(self._joins) > JOINS_KEPT_MAX:
                del self._joins[next(iter(self._joins))]
        return inner


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list found: entries in key order, and the `metadata` of the list."""

    entries: list[Entry]
    meta: dict[str, Any]


def _state(options: ListOptions) -> int:
    """Return the revision to show, 0 for now.

    Source: kube storage/cacher, the resourceVersion table of the API concepts.
    """
    if options.continued:
        return max(0, options.continued.rv)
    exact = options.match == "Exact" or (not options.match and options.limit > 0)
    return options.revision if exact and options.revision > 0 else 0


def _listed(entries: list[Entry], revision: int, prefix: str, *, remaining: int) -> Listed:
    """Build the metadata. remaining: -1 if there are more but nobody counted them."""
    meta: dict[str, Any] = {"resourceVersion": str(revision)}
    if remaining:
        meta["continue"] = Continue(TOKEN_VERSION, revision, entries[-1].key.removeprefix(prefix)).token()
    if remaining > 0:
        meta["remainingItemCount"] = remaining
    return Listed(entries, meta)


def _expired(options: ListOptions) -> Expired:
    """Refuse a state that is forgotten. Source: kube storage/etcd3/errors.go, handleCompactedErrorForPaging."""
    if options.continued is None:
        return Expired("The resourceVersion for the provided list is too old.")
    return Expired(TOO_OLD, onward=msgspec.structs.replace(options.continued, rv=NOW).token())


def too_large(asked: int, current: int) -> Timeout:
    """Say that the asked state lies in the future. Source: kube storage/errors.go, NewTooLargeResourceVersionError."""
    cause = {"reason": "ResourceVersionTooLarge", "message": TOO_LARGE}
    return Timeout(f"Timeout: {TOO_LARGE}: {asked}, current: {current}", {"causes": [cause], "retryAfterSeconds": 1})
