"""What both long-lived processes share: loop, log, signals, and parts that are started again after a bug."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

import structlog
import uvloop

from knarr.assembly.failure import Failure
from knarr.base import logfile
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock

RESTART = Backoff(first_s=0.1, factor=2, cap_s=30)
LOG_LOOK_S = 30.0
STEADY_S = 60.0  # a part that ran this long has forgotten its earlier failures

log = structlog.get_logger()


def run(main: Callable[[], Coroutine[Any, Any, None]], log_file: Path) -> None:
    """Run a process's main coroutine on uvloop until it ends or SIGTERM or SIGINT comes.

    log_file: kept bounded where the supervisor has us write to it. A Failure is printed with its fix and ends the
    process with code 1.
    """
    if not __debug__:
        raise Failure("assertions are part of Knarr's safety: python -O is refused", "start it without -O")
    configure_log()
    collect_rarely()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(main, log_file))


def collect_rarely() -> None:
    """Look for unreachable cycles less often: by default, long-lived caches are looked through 100 times a second."""
    gc.set_threshold(50_000, 10, 10)


def allow_files() -> None:
    """Let this process open as many files as the system allows: a stream takes two, and shells allow 1024."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _until_told(main: Callable[[], Coroutine[Any, Any, None]], log_file: Path) -> None:
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    told: list[int] = []

    def tell(number: int) -> None:
        told.append(number)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, tell, number)
    _bound_log(log_file)
    try:
        await main()
    except asyncio.CancelledError:
        if not told:
            raise
        log.info("process.stopped", signal=signal.Signals(told[0]).name)


def _bound_log(path: Path) -> None:
    """Look at the log's size now and then: no task, so that it never holds up the end."""
    asyncio.get_running_loop().call_later(LOG_LOOK_S, _bound_log, path)
    logfile.turn(path, descriptors=(sys.stdout.fileno(), sys.stderr.fileno()))


async def kept_up(name: str, start: Callable[[], Awaitable[object]], clock: Clock) -> NoReturn:
    """Run a part for ever. A bug ends the part, is told with its trace, and the part starts again after a pause."""
    failures = 0
    while True:
        began_s = clock.monotonic_s()
        try:
            await start()
            log.error("part.ended", part=name)
        except Exception:  # noqa: BLE001  the one place that outlives a bug; nothing else does
            log.exception("part.failed", part=name)
        failures = 0 if clock.monotonic_s() - began_s > STEADY_S else failures + 1
        await clock.sleep(RESTART.delay_s(failures))


def configure_log() -> None:
    """Write one JSON line an event to standard error; libraries' own warnings too."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", logfile.Lines(sys.stderr.fileno()))),
        cache_logger_on_first_use=True,
    )
