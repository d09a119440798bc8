"""Charge what is written to the ResourceQuotas of its namespace, with the write itself; refuse what exceeds one.

Theory of operation: an object and what it costs are stored together or not at all, made from the state of the quotas
that was decided on, so that no two writers spend the same and nothing is paid for in vain. Whoever comes while another
is charged in the namespace waits, and all who wait go together: a burst of creations costs a few writes of the quota,
not one each. What is deleted is given back by the controller, which counts anew.
Source: kube apiserver admission/plugin/resourcequota/controller.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from knarr.api import kinds, quota
from knarr.api.errors import ApiError, Conflict
from knarr.api.kinds import Kind
from knarr.api.podresources import Amounts, add, amounts
from knarr.api.quantity import Quantity
from knarr.apiserver import encode
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.admission_metrics import Timed
from knarr.apiserver.core import Core
from knarr.store.face import AlreadyThere, Crossed, Draft, Entry, Gone, Order, Stale, StoreError

Obj = dict[str, Any]
TRIES_MAX: Final = 32
TOGETHER_MAX: Final = 256  # writes of one namespace in one commit: others' wait as long
GROWING: Final = frozenset({quota.SERVICES, quota.CLAIMS})  # kinds whose updates may cost more
ATTRIBUTES: Final = "volumeAttributesClassName"
ZERO: Final = Quantity(0)
TOO_FAST: Final = "the namespace's quotas change too fast to be charged; try again"


@dataclass(slots=True)
class Book:
    """One quota while it is charged. used: what it will show. spent: the names whose use has changed."""

    entry: Entry
    obj: Obj
    hard: Amounts
    used: Amounts
    spent: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Return the quota's name."""
        return str(self.obj["metadata"]["name"])


@dataclass(slots=True, eq=False)
class Charge:
    """One write that waits for its namespace's turn. delta: what it adds. stored: what becomes of it."""

    admission: Admission
    delta: Amounts
    order: Order
    stored: asyncio.Future[Entry]

    def refuse(self, refusal: BaseException) -> None:
        """Tell who waits, if he still does."""
        if not self.stored.done():
            self.stored.set_exception(refusal)


class Till:
    """Where a write goes that has a price: stands in for the store. timed: admission's time, which ends with it."""

    def __init__(self, a: Admission, delta: Amounts, timed: Timed) -> None:
        self._admission, self._delta, self._timed = a, delta, timed

    async def insert(self, key: str, draft: Draft) -> Entry:
        """Store a new object and charge it; Forbidden if a quota does not allow it, or as the store refuses."""
        return await self._pay(Order(key, draft))

    async def replace(self, key: str, draft: Draft, *, expect: int) -> Entry:
        """Change an object and charge what it costs more; as `insert`."""
        return await self._pay(Order(key, draft, expect))

    async def _pay(self, order: Order) -> Entry:
        a = self._admission
        charge = Charge(a, self._delta, order, asyncio.get_running_loop().create_future())
        desk = a.core.desks.setdefault(a.namespace, Desk(a.core, a.namespace))
        desk.take(charge)
        refused = False
        try:
            return await charge.stored
        except ApiError:
            refused = True
            raise
        finally:
            if self._timed.goes_on:
                self._timed.goes_on = False
                self._timed.end(refused=refused)


def till(a: Admission, timed: Timed) -> Till | None:
    """Return where a write is charged; None where it costs nothing: one look, where there are no quotas.

    Raises Forbidden for a dry run that a quota does not allow: it goes to no till.
    """
    if a.operation == "delete" or not a.kind.namespaced or not _quotas(a.core, a.namespace):
        return None
    delta = _delta(a)
    if not delta and not _moves(a):
        return None
    if a.dry_run:
        _bills(a, delta, [_open(entry) for entry in _quotas(a.core, a.namespace)])
        return None
    timed.goes_on = True
    return Till(a, delta, timed)


def _delta(a: Admission) -> Amounts:
    """Return what the write adds to what is used; nothing for what is not looked at."""
    row = (a.kind.group, a.kind.plural)
    resized = row == quota.PODS and a.subresource == "resize"
    if a.operation == "update" and not resized and (row not in GROWING or a.subresource):
        return {}
    fresh = quota.usage(row, a.obj)
    if a.old is not None:
        before = quota.usage(row, a.old)
        fresh = {name: amount - before.get(name, ZERO) for name, amount in fresh.items()}
    return {name: amount for name, amount in fresh.items() if amount.nano > 0}


def _moves(a: Admission) -> bool:
    """Say whether a write may bring an object under other quotas: a claim that wants another class of attributes."""
    if a.old is None or a.subresource or (a.kind.group, a.kind.plural) != quota.CLAIMS:
        return False
    return bool((a.obj.get("spec") or {}).get(ATTRIBUTES) != (a.old.get("spec") or {}).get(ATTRIBUTES))


class Desk:
    """Where one namespace's writes wait; a task of its own stores them, for a waiter may leave in the middle."""

    def __init__(self, core: Core, namespace: str) -> None:
        self._core, self._namespace = core, namespace
        self._waiting: list[Charge] = []
        self._served: list[Charge] = []
        self._work: asyncio.Task[None] | None = None

    def take(self, charge: Charge) -> None:
        """Let a write wait its turn."""
        self._waiting.append(charge)
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._serve(), name=f"quotas of {self._namespace}")
            self._work.add_done_callback(self._close)

    async def _serve(self) -> None:
        while self._waiting:
            self._served, self._waiting = self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
            try:
                await self._settle(self._served)
            except (ApiError, StoreError) as refusal:
                for charge in self._served:
                    charge.refuse(refusal)

    def _close(self, work: asyncio.Task[None]) -> None:
        """Go, unless somebody came in this very moment. What a bug left unserved hears of it."""
        self._work = None
        late, self._waiting = self._waiting, []
        fault = asyncio.CancelledError() if work.cancelled() else work.exception()
        if fault is not None:
            for charge in (*self._served, *late):
                charge.refuse(fault)
        elif late:
            for charge in late:
                self.take(charge)
            return
        del self._core.desks[self._namespace]

    async def _settle(self, batch: list[Charge]) -> None:
        """Decide on each write in turn and store what is allowed; again, if something else came between."""
        tries = 0
        while True:
            books = [_open(entry) for entry in _quotas(self._core, self._namespace)]
            batch = self._decide(batch, books)
            if not batch:
                return
            paid = [_paid(book) for book in books if book.spent]
            try:
                entries = await self._core.store.write_all([*paid, *(charge.order for charge in batch)])
                break
            except Crossed as crossed:
                tries += all(charge.order.key != crossed.key for charge in batch)
                if tries == TRIES_MAX:
                    raise Conflict(TOO_FAST) from crossed
        for charge, entry in zip(batch, entries[len(paid):], strict=True):
            if not charge.stored.done():
                charge.stored.set_result(entry)

    def _decide(self, batch: list[Charge], books: list[Book]) -> list[Charge]:
        """Write into the books what is allowed and can be stored, refuse the rest. A second write of a key waits."""
        found: dict[str, Charge] = {}
        for charge in batch:
            if charge.stored.done():
                continue  # nobody waits for it any more, and nothing was done
            if charge.order.key in found:
                self._waiting.append(charge)
                continue
            try:
                bills = _bills(charge.admission, charge.delta, books)
                self._look(charge.order)
            except (ApiError, Crossed) as refusal:
                charge.refuse(refusal)
                continue
            for book, bill in bills:
                book.used = add(book.used, bill)
                book.spent.update(bill)
            found[charge.order.key] = charge
        return list(found.values())

    def _look(self, order: Order) -> None:
        """Refuse a write that the store would refuse as things are: together with others it would stop them all."""
        stored = self._core.store.get(order.key)
        if stored is None:
            if order.expect:
                raise Gone(order.key)
        elif not order.expect:
            raise AlreadyThere(stored)
        elif stored.revision != order.expect:
            raise Stale(stored, order.expect)


def _bills(a: Admission, delta: Amounts, books: list[Book]) -> list[tuple[Book, Amounts]]:
    """Return what a write costs by every book; Forbidden if one does not allow it."""
    row = (a.kind.group, a.kind.plural)
    bills: list[tuple[Book, Amounts]] = []
    for book in books:
        names = [name for name in book.hard if quota.concerns(name, row)]
        if not names or not quota.covers(book.obj["spec"], row, a.obj):
            continue
        _check_said(a, book, names)
        added = delta
        if a.old is not None and not quota.covers(book.obj["spec"], row, a.old):
            added = quota.usage(row, a.obj)  # it comes under this quota now: with all that it uses
        unknown = sorted(name for name in names if name not in book.used)
        if unknown:
            raise a.refuse(f"status unknown for quota: {book.name}, resources: {','.join(unknown)}")
        bill = {name: added[name] for name in names if name in added}
        _check(a, book, bill)
        bills.append((book, bill))
    return bills


def _paid(book: Book) -> Order:
    """Return the write of what is used up now."""
    book.obj["status"]["used"].update({name: str(book.used[name]) for name in book.spent})
    return Order(book.entry.key, encode.draft(book.obj), book.entry.revision)


def _check_said(a: Admission, book: Book, names: Iterable[str]) -> None:
    if a.kind.plural != "pods":
        return
    missing = quota.unsaid(names, a.obj)
    if missing:
        told = "; ".join(f"{name} for: {','.join(sorted(who))}" for name, who in missing.items())
        raise a.refuse(f"failed quota: {book.name}: must specify {told}")


def _check(a: Admission, book: Book, bill: Amounts) -> None:
    over = sorted(name for name, amount in bill.items() if book.used[name] + amount > book.hard[name])
    if over:
        told = [_listed(over, found) for found in (bill, book.used, book.hard)]
        raise a.refuse(f"exceeded quota: {book.name}, requested: {told[0]}, used: {told[1]}, limited: {told[2]}")


def _listed(names: list[str], found: Mapping[str, Quantity]) -> str:
    return ",".join(f"{name}={found[name]}" for name in names)


def _open(entry: Entry) -> Book:
    obj = entry.obj
    status = obj.setdefault("status", {})
    status.setdefault("used", {})
    return Book(entry, obj, amounts(status.get("hard")), amounts(status["used"]))


def _quotas(core: Core, namespace: str) -> list[Entry]:
    return core.store.list(QUOTA.namespace_prefix(namespace)).entries if namespace else []


def _kind() -> Kind:
    found = kinds.by_resource("", "v1", "resourcequotas")
    assert found is not None
    return found


QUOTA: Final = _kind()
