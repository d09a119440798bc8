"""Find the sandboxes that nobody knows: made by a call whose caller died or gave up before the answer came.

One look is not enough, as a sandbox is listed before the call that makes it has answered: who is unknown at two looks
in a row is removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from knarr.node.adopt import UID_LABEL
from knarr.node.cri.face import Sandbox
from knarr.node.podmachine.table import Phase
from knarr.node.worker import PodWorker


class Strays:
    """The unknown of the last look. leaving: uids of pods that are being removed without a worker."""

    def __init__(self) -> None:
        self.leaving: set[str] = set()
        self._seen: frozenset[str] = frozenset()

    def look(self, sandboxes: Iterable[Sandbox], workers: Mapping[str, PodWorker]) -> list[str]:
        """Return the ids that were unknown at the last look already."""
        unknown = frozenset(one.id for one in sandboxes if UID_LABEL in one.labels and self._unknown(one, workers))
        twice, self._seen = sorted(unknown & self._seen), unknown
        return twice

    def _unknown(self, sandbox: Sandbox, workers: Mapping[str, PodWorker]) -> bool:
        worker = workers.get(sandbox.uid)
        if worker is None:
            return sandbox.uid not in self.leaving
        return sandbox.id not in worker.sandboxes and worker.machine.phase is not Phase.SANDBOXING
