"""Live one pod: take its events one by one, let the machine decide, hand its instructions to the hands.

Deciding is synchronous, so an idle pod costs no task. What an instruction brings about comes back as an event.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import structlog

from knarr.api.types.core_v1 import Pod
from knarr.base.clock import Clock
from knarr.node.podmachine.machine import advance
from knarr.node.podmachine.state import Event, Exited, Instruction, Machine, PodChanged, Run, Started
from knarr.node.podmachine.table import Phase

log = structlog.get_logger()


class PodWorker:
    """One pod on this node.

    perform: starts what an instruction asks for; must not wait. changed: told after every decision.
    """

    def __init__(
        self, machine: Machine, clock: Clock, *,
        perform: Callable[[PodWorker, Instruction], None], changed: Callable[[PodWorker], None],
    ) -> None:
        self.machine = machine
        self.silent = False                       # the API knows its end already: nothing is written any more
        self.starting: dict[str, asyncio.Task[None]] = {}      # container -> its launch
        self.cancellable: set[str] = set()        # launches that may be cancelled
        self.sandboxes: set[str] = set()          # every sandbox it ever had and that may still exist
        self.created: dict[str, tuple[str, int]] = {}          # container id -> name, attempt
        self._early: dict[str, Run] = {}          # runs that ended before they were known to run
        self._clock = clock
        self._perform = perform
        self._changed = changed
        self._events: deque[Event] = deque()
        self._deciding = False
        self._version = int(machine.pod.metadata.resourceVersion or 0)

    @property
    def uid(self) -> str:
        """Return the pod's uid."""
        return self.machine.pod.metadata.uid or ""

    @property
    def shown(self) -> Pod | None:
        """Return the object whose status tells of this pod; None while there is none."""
        return self.machine.pod

    @property
    def gone(self) -> bool:
        """Tell whether nothing is left to do."""
        return self.machine.phase is Phase.GONE

    def post(self, event: Event) -> None:
        """Tell the machine what happened and set going what it decides."""
        self._events.append(event)
        if self._deciding:
            return
        self._deciding = True
        try:
            while self._events:
                self._take(self._events.popleft())
        finally:
            self._deciding = False

    def see(self, pod: Pod) -> None:
        """Take a newer object from the API; an older one is an echo."""
        version = int(pod.metadata.resourceVersion or 0)
        if version > self._version:
            self._version = version
            self.post(PodChanged(pod))

    def exited(self, container: str, run: Run) -> None:
        """Tell that a run is over, known or not yet."""
        current = self.machine.box(container).run
        if current is None or current.attempt < run.attempt:
            self._early = {run.id: run, **{key: old for key, old in self._early.items() if key in self.created}}
        elif current.id == run.id:
            self.post(Exited(container, run))

    def started(self, container: str, run: Run) -> None:
        """Tell that a run has begun, and that it is over already where that came first."""
        self.post(Started(container, run))
        over = self._early.pop(run.id, None)
        if over is not None:
            self.post(Exited(container, replace(
                run, finished_s=over.finished_s, exit_code=over.exit_code, reason=over.reason, message=over.message)))

    def _take(self, event: Event) -> None:
        was = self.machine.phase
        self.machine, asked = advance(self.machine, event, self._clock.now_s())
        if was is not self.machine.phase:
            log.debug("pod.phase", pod=self.machine.pod.metadata.name, uid=self.uid, was=was.name,
                      now=self.machine.phase.name)
        for instruction in asked:
            self._perform(self, instruction)
        self._changed(self)
