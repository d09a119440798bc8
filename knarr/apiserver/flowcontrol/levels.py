"""Give seats to requests: at once while there are free ones, in turn and fairly when there are not.

A request holds its seats until the turn of the event loop in which it ended is over. So what runs without ever
waiting, such as a large list, is counted too, and between two turns everybody else's requests come in. A turn that has
lasted TURN_S admits no more requests of limited levels directly: they queue, and are let in a few at a time.

Each level has queues; a flow may use a few of them, drawn by its name (shuffle sharding), so that one noisy flow
leaves others at least one queue to themselves. Which queue is next: the one that has been served least, in
seat-seconds (start-time fair queuing). Source: KEP-1040; kube util/flowcontrol/fairqueuing/queueset, whose rules for
hands, lengths and refusals these are. Unlike there, a level borrows idle seats at once, not every ten seconds.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil
from typing import Any

TURN_S = 0.02  # arbitrary: a client's eye sees no delay of this length
TURN_SEATS_MAX = 16  # let in from one level's queues in one turn: some sixteen small requests, or one large list
WAIT_S_MAX = 15.0  # Source: kube server/config.go, RequestTimeout / 4
SERVICE_S = 0.003  # guessed until a request has ended. Source: kube queueset.go, estimatedServiceDuration
SEATS_SHARE_MAX = 0.15  # of a level, for one request. Source: kube flowcontrol/request/config.go
SEATS_MAX = 10  # of one request. Source: the same


class Busy(Exception):
    """No seat and no place to wait, or none in time: the client must come again later."""


@dataclass(slots=True, eq=False)
class Queue:
    """Requests of a few flows, in order. start: how much it has been served, on the level's virtual clock."""

    start: float = 0.0
    waiting: deque[Waiter] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class Waiter:
    """One request that waits. given: set to True when it may run, to False when it has waited too long."""

    queue: Queue
    seats: int
    given: asyncio.Future[bool]


class Level:
    """One priority level. limit: its own seats; lends, borrows: how many it may give and take."""

    def __init__(self, name: str, turns: Turns) -> None:
        self.name, self.uid, self.turns = name, "", turns
        self.exempt, self.shares, self.limit = False, 0, 1
        self.lends, self.borrows, self.seats_max = 0, 0, 1
        self.executing, self.leaving, self.requests, self.waiting = 0, 0, 0, 0
        self.hand, self.length_max = 0, 0
        self.dispatched: Counter[str] = Counter()  # by flow schema
        self.rejected: Counter[tuple[str, str]] = Counter()  # by flow schema and reason
        self._queues: list[Queue] = []
        self._active: dict[Queue, None] = {}
        self._virtual = 0.0

    def configure(self, obj: Mapping[str, Any], shares: int, seats: int) -> None:
        """Take over what a PriorityLevelConfiguration says. shares: of all levels. seats: of the server."""
        spec = obj["spec"]
        limited = spec.get("limited") or {}
        part = limited or spec.get("exempt") or {}
        self.uid = obj["metadata"].get("uid", "")
        self.exempt = spec["type"] == "Exempt"
        self.shares = shares_of(obj)
        self.limit = ceil(seats * self.shares / shares) if shares else 0
        self.lends = round(self.limit * (part.get("lendablePercent") or 0) / 100)
        borrowing = part.get("borrowingLimitPercent")
        self.borrows = seats if borrowing is None else round(self.limit * borrowing / 100)
        self.limit = max(self.limit, 0 if self.exempt else 1)
        self.seats_max = max(1, min(SEATS_MAX, int(self.limit * SEATS_SHARE_MAX)))
        self._shape((limited.get("limitResponse") or {}).get("queuing"))

    def _shape(self, queuing: Mapping[str, Any] | None) -> None:
        """Make the queues anew where their number changes; who waits in old ones is served from there."""
        queuing = queuing or {"queues": 0, "handSize": 0, "queueLengthLimit": 0}
        self.hand, self.length_max = queuing["handSize"], queuing["queueLengthLimit"]
        if len(self._queues) != queuing["queues"]:
            self._queues = [Queue(self._virtual) for _ in range(queuing["queues"])]

    def take(self, seats: int, now_s: float) -> bool:
        """Take free seats; False where the request must wait."""
        if not self.exempt:
            if self.waiting or (self.executing + seats > self.limit and not self._may_borrow(seats)):
                return False
            if self.turns.spent(now_s) and self._queues:
                return False
        self.executing += seats
        self.requests += 1
        return True

    def leave(self, seats: int, queue: Queue | None = None, took_s: float = 0.0) -> None:
        """Give seats back at the end of this turn. queue: from where the request came, to be charged for its time."""
        self.requests -= 1
        if self.exempt:
            self.executing -= seats
            return
        self.leaving += seats
        if queue is not None:
            queue.start += (took_s - SERVICE_S) * seats
        self.turns.open()

    async def wait(self, schema: str, flow: str, seats: int) -> Queue:
        """Wait for seats; return the queue to be charged. Raises Busy."""
        if not self._queues:
            self._refuse(schema, "concurrency-limit")
        queue = self._choose(f"{schema}\0{flow}")
        if len(queue.waiting) >= self.length_max:
            self._refuse(schema, "queue-full")
        waiter = self._enqueue(queue, seats)
        timer = waiter.given.get_loop().call_later(WAIT_S_MAX, _expire, waiter.given)
        try:
            given = await waiter.given
        except asyncio.CancelledError:
            self._cancel(waiter)
            self.rejected[schema, "cancelled"] += 1
            raise
        finally:
            timer.cancel()
        if not given:
            self._forget(waiter)
            self._refuse(schema, "time-out")
        return queue

    def _refuse(self, schema: str, reason: str) -> None:
        self.rejected[schema, reason] += 1
        raise Busy(reason)

    def _choose(self, flow: str) -> Queue:
        """Return the shortest queue of a flow's hand."""
        dealt = hand_of(flow, len(self._queues), self.hand)
        return min((self._queues[at] for at in dealt), key=lambda queue: sum(one.seats for one in queue.waiting))

    def _enqueue(self, queue: Queue, seats: int) -> Waiter:
        waiter = Waiter(queue, seats, asyncio.get_running_loop().create_future())
        if not queue.waiting:
            queue.start = max(queue.start, self._virtual)
            self._active[queue] = None
        queue.waiting.append(waiter)
        self.waiting += 1
        self.turns.open()
        return waiter

    def _forget(self, waiter: Waiter) -> None:
        waiter.queue.waiting.remove(waiter)
        self.waiting -= 1
        if not waiter.queue.waiting:
            self._active.pop(waiter.queue)

    def _cancel(self, waiter: Waiter) -> None:
        """Take out a request whose client has gone; seats that were given a moment ago go back."""
        if waiter in waiter.queue.waiting:
            self._forget(waiter)
        elif waiter.given.done() and not waiter.given.cancelled() and waiter.given.result():
            self.leave(waiter.seats, waiter.queue)

    def settle(self) -> bool:
        """End a turn: free seats and let in who is next. Returns whether more could be let in in the next turn."""
        self.executing -= self.leaving
        self.leaving = 0
        given = 0
        while self._active and given < TURN_SEATS_MAX:
            queue = min(self._active, key=_start)
            seats = queue.waiting[0].seats
            if self.executing + seats > self.limit and not self._may_borrow(seats) and self.executing:
                return False
            self._admit(queue)
            given += seats
        return bool(self._active)

    def _admit(self, queue: Queue) -> None:
        waiter = queue.waiting.popleft()
        self.waiting -= 1
        self._virtual = queue.start
        queue.start += SERVICE_S * waiter.seats
        if not queue.waiting:
            del self._active[queue]
        if waiter.given.done():  # its time ran out, or its client went, in this very moment
            return
        self.executing += waiter.seats
        self.requests += 1
        waiter.given.set_result(True)

    def _may_borrow(self, seats: int) -> bool:
        over = self.executing + seats - self.limit
        return over <= self.borrows and seats <= self.turns.spare(self)

    @property
    def queued_seats(self) -> int:
        """Return how many seats the waiting requests will need."""
        return sum(waiter.seats for queue in self._active for waiter in queue.waiting)


class Turns:
    """The event loop's turns, and all levels that share them."""

    def __init__(self) -> None:
        self.levels: dict[str, Level] = {}
        self.leaving: list[Level] = []  # deleted levels that still have requests
        self._open, self._started_s = False, 0.0

    def spent(self, now_s: float) -> bool:
        """Say whether this turn has lasted long enough."""
        if not self._open:
            self._started_s = now_s
            self.open()
        return now_s - self._started_s > TURN_S

    def open(self) -> None:
        """Make sure that the end of this turn is noticed."""
        if not self._open:
            self._open = True
            asyncio.get_running_loop().call_soon(self._end)

    def spare(self, borrower: Level) -> int:
        """Return how many idle seats other levels lend, less what is borrowed already."""
        spare = 0
        for level in self.levels.values():
            idle = level.limit - level.executing - level.waiting
            if level is not borrower:
                spare += max(0, min(level.lends, idle))
            spare -= max(0, level.executing - level.limit) if not level.exempt else 0
        return spare

    def _end(self) -> None:
        self._open = False
        more = False
        for level in self.levels.values():
            if level.leaving or level.waiting:
                more = level.settle() or more
        for level in tuple(self.leaving):
            more = level.settle() or more
            if not level.requests and not level.waiting:
                self.leaving.remove(level)
        if more:
            self.open()


def shares_of(obj: Mapping[str, Any]) -> int:
    """Return how many shares of the server's seats a PriorityLevelConfiguration asks for."""
    spec = obj["spec"]
    if spec["type"] == "Exempt":
        return int((spec.get("exempt") or {}).get("nominalConcurrencyShares") or 0)
    shares = (spec.get("limited") or {}).get("nominalConcurrencyShares")
    return 30 if shares is None else int(shares)


def hand_of(flow: str, queues: int, size: int) -> list[int]:
    """Deal a flow its hand: distinct queues, drawn by the hash of its name. Source: kube shufflesharding/dealer.go."""
    value = int.from_bytes(sha256(flow.encode("utf-8", "surrogatepass")).digest()[:8], "little")
    left = list(range(queues))
    hand = []
    for _ in range(min(size, queues)):
        value, at = divmod(value, len(left))
        hand.append(left.pop(at))
    return hand


def _start(queue: Queue) -> float:
    return queue.start


def _expire(given: asyncio.Future[bool]) -> None:
    if not given.done():
        given.set_result(False)
