"""Answer GET /metrics: what requests, watches, flow control, the store and this process have to tell."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from knarr.api.http import Answer, Call
from knarr.apiserver.gate import Gate
from knarr.apiserver.metrics import Labels, counter, gauge, labelled
from knarr.apiserver.watches import Watcher

if TYPE_CHECKING:
    from knarr.apiserver.audit.trail import Audit

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
WATCH_LABELS = ("group", "version", "resource", "scope")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_S = os.sysconf("SC_CLK_TCK")


class Scrape:
    """The handler. Words are made in a thread: a scrape of a busy server has ten thousand lines."""

    def __init__(self, gate: Gate, watcher: Watcher, build: Labels, *, audit: Audit | None) -> None:  # noqa: PLR0913
        self.gate, self.watcher, self.build, self.audit = gate, watcher, build, audit

    async def answer(self, call: Call) -> Answer:
        """Write everything down."""
        stored = self._stored()
        watched = self.watcher.open()
        body = await asyncio.to_thread(self._text, stored, watched)
        return Answer(200, body, METRICS_TYPE)

    def _stored(self) -> Counter[tuple[str, str]]:
        """Count the objects of each kind, without reading them."""
        core, found = self.gate.core, Counter[tuple[str, str]]()
        for kind in core.registry.kinds:
            if kind.stored and kind is kind.storage:
                page = core.store.list(kind.namespace_prefix(""), limit=1)
                found[kind.group, kind.plural] = len(page.entries) + page.remaining
        return found

    def _text(self, stored: Counter[tuple[str, str]], watched: Counter[tuple[str, str, str, str]]) -> bytes:
        core = self.gate.core
        lines = [*self.gate.metrics.families(), *self._requests(watched), *self._store(stored), *self._flows(),
                 *core.admissions.families(), *core.conversions.families(), *self._audited(),
                 *self._process()]  # fmt: skip
        return ("\n".join(lines) + "\n").encode()

    def _requests(self, watched: Counter[tuple[str, str, str, str]]) -> Iterator[str]:
        gate = self.gate
        inflight = {("readOnly",): gate.underway[0], ("mutating",): gate.underway[1]}
        yield from gauge("apiserver_current_inflight_requests", "Requests under way.",
                         labelled(("request_kind",), inflight))  # fmt: skip
        waiting = sum(level.waiting for level in gate.flows.turns.levels.values())
        yield from gauge("apiserver_current_inqueue_requests", "Requests that wait for a seat.", [((), waiting)])
        tail = (("component", "apiserver"), ("subresource", ""), ("verb", "WATCH"))
        yield from gauge("apiserver_longrunning_requests", "Open watches.",
                         (((*labels, *tail), value) for labels, value in labelled(WATCH_LABELS, watched)))  # fmt: skip
        yield from counter("apiserver_watch_events_total", "Events sent to watchers.",
                           labelled(WATCH_LABELS[:3], self.watcher.sent))  # fmt: skip

    def _store(self, stored: Counter[tuple[str, str]]) -> Iterator[str]:
        names = {(f"{plural}.{group}" if group else plural,): number for (group, plural), number in stored.items()}
        yield from gauge("apiserver_resource_objects", "Objects stored.", labelled(("group", "resource"), stored))
        yield from gauge("apiserver_storage_objects", "Objects stored.", labelled(("resource",), names))
        revision = self.gate.core.store.revision
        yield from gauge("apiserver_storage_revision", "The newest revision shown.", [((), revision)])

    def _flows(self) -> Iterator[str]:
        levels = list(self.gate.flows.turns.levels.values())
        for name, what, part in LEVEL_GAUGES:
            values = {(level.name,): getattr(level, part) for level in levels}
            yield from gauge(f"apiserver_flowcontrol_{name}", what, labelled(("priority_level",), values))
        names = ("flow_schema", "priority_level")
        done = {(schema, level.name): n for level in levels for schema, n in list(level.dispatched.items())}
        yield from counter("apiserver_flowcontrol_dispatched_requests_total", "Requests that got seats.",
                           labelled(names, done))  # fmt: skip
        refused = {(schema, level.name, why): number
                   for level in levels for (schema, why), number in list(level.rejected.items())}  # fmt: skip
        yield from counter("apiserver_flowcontrol_rejected_requests_total", "Requests refused.",
                           labelled((*names, "reason"), refused))  # fmt: skip

    def _audited(self) -> Iterator[str]:
        audit = self.audit
        if audit is None:
            return
        yield from counter("apiserver_audit_event_total", "Audit events written.", [((), audit.count)])
        levels = {(level,): number for level, number in list(audit.levels.items())}
        yield from counter("apiserver_audit_level_total", "Requests, by how much of them is written down.",
                           labelled(("level",), levels))  # fmt: skip
        lost = audit.log.lost.total()
        yield from counter("apiserver_audit_error_total", "Audit events lost.", [((("plugin", "log"),), lost)])

    def _process(self) -> Iterator[str]:
        yield from gauge("kubernetes_build_info", "Which release this is.", [(self.build, 1)])
        stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        used_s = (int(stat[11]) + int(stat[12])) / TICKS_S
        booted_s = next(int(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines()
                        if line.startswith("btime"))  # fmt: skip
        yield from counter("process_cpu_seconds_total", "CPU time used.", [((), used_s)])
        yield from gauge("process_resident_memory_bytes", "Memory in use.", [((), int(stat[21]) * PAGE_BYTES)])
        yield from gauge("process_virtual_memory_bytes", "Memory mapped.", [((), int(stat[20]))])
        yield from gauge("process_start_time_seconds", "When it started.", [((), booted_s + int(stat[19]) / TICKS_S)])
        yield from gauge("process_open_fds", "Open files.", [((), len(os.listdir("/proc/self/fd")))])


LEVEL_GAUGES = (
    ("current_executing_requests", "Requests under way.", "requests"),
    ("current_executing_seats", "Seats taken.", "executing"),
    ("current_inqueue_requests", "Requests that wait.", "waiting"),
    ("current_inqueue_seats", "Seats that waiting requests need.", "queued_seats"),
    ("nominal_limit_seats", "Seats of its own.", "limit"),
    ("current_limit_seats", "Seats it may take without borrowing.", "limit"),
)
