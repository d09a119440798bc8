"""Charge what is written to the ResourceQuotas of its namespace, before it is stored; refuse what exceeds one.

Theory of operation: the charge is a write to each quota's status, made from the state it was decided on, so that no two
writers spend the same. Whoever comes while another charges the namespace waits, and the next charge is made for all
who wait at once: a burst of creations costs a few writes, not one each. A write that fails afterwards gives its charge
back. What is deleted is given back by the controller, which counts anew.
Source: kube apiserver admission/plugin/resourcequota/controller.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from knarr.api import kinds, quota
from knarr.api.errors import ApiError, Conflict
from knarr.api.kinds import Kind
from knarr.api.podresources import Amounts, add, amounts
from knarr.api.quantity import Quantity
from knarr.apiserver import encode
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.core import Core
from knarr.store.face import Entry, Gone, Stale

Obj = dict[str, Any]
TRIES_MAX: Final = 32
GROWING: Final = frozenset({quota.SERVICES, quota.CLAIMS})  # kinds whose updates may cost more
ATTRIBUTES: Final = "volumeAttributesClassName"
ZERO: Final = Quantity(0)


@dataclass(slots=True)
class Book:
    """One quota while it is charged. used: what it will show. spent: what this charge added."""

    entry: Entry
    obj: Obj
    hard: Amounts
    used: Amounts
    spent: Amounts = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the quota's name."""
        return str(self.obj["metadata"]["name"])


@dataclass(slots=True, eq=False)
class Charge:
    """One write that waits to be charged. spent: what it cost, by the quota's key. refusal: why it may not be."""

    admission: Admission
    delta: Amounts
    settled: bool = False
    refusal: ApiError | None = None
    spent: dict[str, Amounts] = field(default_factory=dict)


Spent: TypeAlias = Mapping[str, Amounts]
NOTHING: Final[Spent] = {}


async def charge(a: Admission) -> Spent:
    """Charge a write and return what it cost, by the quota's key; Forbidden if a quota does not allow it.

    Costs one look where there are no quotas.
    """
    if a.operation == "delete" or not a.kind.namespaced or not _quotas(a.core, a.namespace):
        return NOTHING
    one = Charge(a, _delta(a))
    if one.delta or _moves(a):
        await _settle_soon(one)
    return one.spent


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


async def _settle_soon(charge: Charge) -> None:
    """Wait for the namespace's turn; who has it settles all that wait."""
    a = charge.admission
    desk = a.core.desks.setdefault(a.namespace, Desk())
    desk.waiting.append(charge)
    try:
        async with desk.lock:
            if not charge.settled:
                batch = [charge, *(other for other in desk.waiting if other is not charge)]
                desk.waiting = []
                await _settle(a.core, a.namespace, batch)
    finally:
        if charge in desk.waiting:
            desk.waiting.remove(charge)
        if not desk.waiting and not desk.lock.locked():
            a.core.desks.pop(a.namespace, None)
    if charge.refusal is not None:
        raise charge.refusal


@dataclass(slots=True)
class Desk:
    """Where one namespace's writes wait."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[Charge] = field(default_factory=list)


async def _settle(core: Core, namespace: str, batch: list[Charge]) -> None:
    """Decide on each charge in turn and write the sum; again, if the controller's count came between."""
    told = "the namespace's quotas change too fast to be charged; try again"
    for _ in range(TRIES_MAX):
        books = [_open(entry) for entry in _quotas(core, namespace)]
        for charge in batch:
            charge.spent, charge.refusal = {}, None
            try:
                _attempt(charge, books)
            except ApiError as refusal:
                charge.refusal = refusal
        if await _write_all(core, books):
            break
    else:
        for charge in batch:
            charge.spent, charge.refusal = {}, Conflict(told)
    for charge in batch:
        charge.settled = True


def _attempt(charge: Charge, books: list[Book]) -> None:
    """Check a charge against every book, then write it into all of them."""
    a = charge.admission
    row = (a.kind.group, a.kind.plural)
    bills: list[tuple[Book, Amounts]] = []
    for book in books:
        names = [name for name in book.hard if quota.concerns(name, row)]
        if not names or not quota.covers(book.obj["spec"], row, a.obj):
            continue
        _check_said(a, book, names)
        delta = charge.delta
        if a.old is not None and not quota.covers(book.obj["spec"], row, a.old):
            delta = quota.usage(row, a.obj)  # it comes under this quota now: with all that it uses
        unknown = sorted(name for name in names if name not in book.used)
        if unknown:
            raise a.refuse(f"status unknown for quota: {book.name}, resources: {','.join(unknown)}")
        bill = {name: delta[name] for name in names if name in delta}
        _check(a, book, bill)
        bills.append((book, bill))
    if a.dry_run:
        return
    for book, bill in bills:
        book.used, book.spent = add(book.used, bill), add(book.spent, bill)
        charge.spent[book.entry.key] = bill


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


async def _write_all(core: Core, books: list[Book]) -> bool:
    """Write the books that were charged; if one has changed meanwhile, undo the others and say so."""
    written: dict[str, Amounts] = {}
    for book in books:
        if not book.spent:
            continue
        book.obj["status"]["used"].update({name: str(book.used[name]) for name in book.spent})
        try:
            await core.store.replace(book.entry.key, encode.draft(book.obj), expect=book.entry.revision)
        except (Stale, Gone):
            await give_back(core, written)
            return False
        written[book.entry.key] = book.spent
    return True


async def give_back(core: Core, spent: Spent) -> None:
    """Take charges out again. A quota that is gone needs none; one counted anew never falls below zero."""
    for key, bill in spent.items():
        for _ in range(TRIES_MAX):
            entry = core.store.get(key)
            if entry is None:
                break
            book = _open(entry)
            left = {name: max(book.used.get(name, ZERO) - amount, ZERO) for name, amount in bill.items()}
            book.obj["status"]["used"].update({name: str(one) for name, one in left.items()})
            try:
                await core.store.replace(key, encode.draft(book.obj), expect=entry.revision)
            except Stale:
                continue
            except Gone:
                pass
            break


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
