"""Run a program on a loop whose time jumps: ten virtual minutes pass in a millisecond, and a deadlock is a failure.

Only for programs that wait for timers and for each other. What waits for another thread or another machine has no
timer here, and is called stuck.
"""

from __future__ import annotations

import asyncio
import itertools
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from knarr.base.clock import ManualClock

T = TypeVar("T")


class JumpingSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type, unused-ignore]
    """Never waits: when nothing is ready, time jumps to the next timer."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, or advance the clock by `timeout` seconds. Nobody is asked while callbacks wait."""
        if timeout == 0:
            return []
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "stuck: every task waits and no timer is armed"
            self._clock.advance(max(timeout, 0.0))
        return ready


class NumberedTask(asyncio.Task[Any]):
    """A task that hashes by its number, so that sets of tasks are walked in the same order in every run."""

    def __init__(self, coro: Any, *, number: int, **options: Any) -> None:
        self._number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that tells the clock's time."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(JumpingSelector(clock))
        self._clock = clock
        numbers = itertools.count()
        self.set_task_factory(lambda loop, coro, **options: NumberedTask(
            coro, number=next(numbers), loop=loop, **options))

    def time(self) -> float:
        """Return the clock's monotonic time, in seconds."""
        return self._clock.monotonic_s()

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Call `func` here and now: a thread would take real time, which this loop does not wait for."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as fault:  # noqa: BLE001  # it belongs to whoever awaits
            done.set_exception(fault)
        return done


def run(program: Coroutine[Any, Any, T], clock: ManualClock | None = None) -> T:
    """Run `program` to its end on virtual time and return its result."""
    steered = clock or ManualClock()
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(steered)) as runner:
        return runner.run(program)
