"""Write down which container has which processors and memory, in a file that outlives the agent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import structlog

from knarr.node.alignment.memory import OnNodes

BYTES_MAX: Final = 16 * 1024 * 1024

log = structlog.get_logger()


class Share(msgspec.Struct, frozen=True):
    """What one container has for itself. memory: NUMA node -> resource -> bytes, counted there."""

    cpus: tuple[int, ...] = ()
    memory: dict[int, dict[str, int]] = {}


Held: TypeAlias = dict[str, dict[str, Share]]      # pod's uid -> container -> what it has
NOTHING: Final = Share()


class Book:
    """One node's book."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.held: Held = {}

    def read(self, cpus: frozenset[int], nodes: frozenset[int]) -> bool:
        """Take up what the last agent wrote, as far as the machine still has it; tell whether there was a file."""
        try:
            if self.file.stat().st_size > BYTES_MAX:
                raise ValueError(f"more than {BYTES_MAX} bytes")
            held = msgspec.json.decode(self.file.read_bytes(), type=Held)
        except FileNotFoundError:
            return False
        except (OSError, ValueError) as fault:
            log.warning("alignment.book", error=str(fault), file=str(self.file))
            return True
        lost = [uid for uid, shares in held.items() if not all(
            cpus.issuperset(share.cpus) and nodes.issuperset(share.memory) for share in shares.values())]
        if lost:
            log.warning("alignment.lost", pods=lost)
        self.held = {uid: shares for uid, shares in held.items() if uid not in lost}
        return True

    def write(self) -> None:
        """Write everything down in one step. Raises OSError."""
        draft = self.file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(self.held))
        draft.replace(self.file)

    def share(self, pod_uid: str, container: str) -> Share:
        """Return what a container has."""
        return self.held.get(pod_uid, {}).get(container, NOTHING)

    def give(self, pod_uid: str, container: str, share: Share) -> None:
        """Note what a container has."""
        self.held.setdefault(pod_uid, {})[container] = share

    def alone(self) -> frozenset[int]:
        """Return the processors that anyone has alone."""
        return frozenset(number for share in self._shares() for number in share.cpus)

    def cpus(self, pod_uid: str, containers: Iterable[str]) -> frozenset[int]:
        """Return the processors of some of a pod's containers."""
        return frozenset(number for name in containers for number in self.share(pod_uid, name).cpus)

    def memory(self, pod_uid: str, again: frozenset[str]) -> list[OnNodes]:
        """Return what memory is given, container by container. again: containers of this pod that do not count."""
        return [share.memory for uid, shares in self.held.items() for name, share in shares.items()
                if share.memory and not (uid == pod_uid and name in again)]

    def reuse(self, pod_uid: str, containers: Iterable[str], given: OnNodes) -> None:
        """Count but once what is given to one container after others: those have the rest, and their nodes."""
        for name in sorted(containers):
            share = self.share(pod_uid, name)
            rest = {node: {what: size - given.get(node, {}).get(what, 0) for what, size in amounts.items()
                           if size > given.get(node, {}).get(what, 0)} for node, amounts in share.memory.items()}
            if share.memory:
                self.give(pod_uid, name, Share(share.cpus, rest))

    def _shares(self) -> Iterator[Share]:
        return (share for shares in self.held.values() for share in shares.values())
