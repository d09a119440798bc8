"""Keep who has which devices, in memory and in a file that outlives the agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import structlog

from knarr.node.devices.face import Grant
from knarr.node.devices.pool import Pool

BYTES_MAX: Final = 16 * 1024 * 1024
Held: TypeAlias = dict[str, dict[str, list[Grant]]]        # pod's uid -> container -> what it has

log = structlog.get_logger()


class Written(msgspec.Struct):
    """What stands in the file. devices: resource -> ids."""

    held: Held = {}
    devices: dict[str, list[str]] = {}


@dataclass(slots=True)
class Ledger:
    """One node's ledger. file: where it is written down."""

    file: Path
    held: Held = field(default_factory=dict)

    def read(self) -> dict[str, list[str]]:
        """Take up what the last agent wrote; return the devices that it knew. An unreadable file counts as none."""
        try:
            if self.file.stat().st_size > BYTES_MAX:
                raise ValueError(f"more than {BYTES_MAX} bytes")
            written = msgspec.json.decode(self.file.read_bytes(), type=Written)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as fault:
            log.warning("devices.ledger", error=str(fault), file=str(self.file))
            return {}
        self.held = written.held
        return written.devices

    def write(self, pools: Mapping[str, Pool]) -> None:
        """Write everything down in one step. Raises OSError."""
        known = {name: sorted(pool.devices) for name, pool in pools.items()}
        draft = self.file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(Written(self.held, known)))
        draft.replace(self.file)

    def used(self, resource: str) -> frozenset[str]:
        """Return the devices of a resource that anyone has."""
        return frozenset(name for containers in self.held.values() for grants in containers.values()
                         for grant in grants if grant.resource == resource for name in grant.ids)
