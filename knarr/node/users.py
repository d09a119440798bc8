"""Give each pod with a user namespace of its own a span of the machine's users and groups that no other pod has.

What was given stands in the pod's folder, so that it outlives the agent, and is free again when the folder goes.
Source: KEP-127, kube kubelet/userns/userns_manager.go.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from knarr.node.cri.face import Span
from knarr.node.settings import Settings

UNIT: Final = 1 << 16       # ids: the least that a pod has, and what every span begins at a multiple of
OWNER: Final = "kubelet"    # whose share of the machine's ids it is, where the machine's owner says so
FILE: Final = "userns"      # in the pod's folder
LISTS: Final = (Path("/etc/subuid"), Path("/etc/subgid"))


class NoUsers(Exception):
    """A pod cannot have users of its own; the text says why."""


def given(settings: Settings, uid: str) -> Span | None:
    """Return what a pod has been given, None where it was given none."""
    return _read(settings.pod_dir(uid) / FILE)


def give(settings: Settings, uid: str) -> Span:
    """Return the pod's span, the lowest free one if it has none yet. Raises NoUsers."""
    known = given(settings, uid)
    if known is not None:
        return known
    size = settings.rules.ids_per_pod
    taken = {span.first for span in _all_given(settings)}
    for first in range(*_share(settings, size), size):
        if first not in taken:
            span = Span(first, size)
            _write(settings.pod_dir(uid), span)
            return span
    raise NoUsers(f"all {len(taken)} ranges of users are given to other pods")


def _share(settings: Settings, size: int) -> tuple[int, int]:
    """Return the first of the ids that pods may have, and the first behind them. Raises NoUsers."""
    found = [line for path in LISTS for line in _lines(path)]
    if not found:
        return UNIT, UNIT + (settings.rules.pods_max or settings.max_pods) * size
    if len(found) != len(LISTS) or found[0] != found[1]:
        raise NoUsers(f"{LISTS[0]} and {LISTS[1]} must each have the same single line for {OWNER} (got {found})")
    first, count = found[0]
    if first < UNIT or first % UNIT or count < size or count % UNIT:
        raise NoUsers(f"{LISTS[0]}: the ids of {OWNER} must begin at a multiple of {UNIT} above 0 and be a multiple of "
                      f"it, at least {size} (got {first}:{count})")
    return first, first + count - count % size


def _lines(path: Path) -> Iterator[tuple[int, int]]:
    """Yield what the file says belongs to us: the first id, and how many."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        first, _, count = rest.partition(":")
        if name == OWNER:
            if not (first.isdigit() and count.isdigit()):
                raise NoUsers(f"{path}: expected {OWNER}:FIRST:COUNT (got {line})")
            yield int(first), int(count)


def _all_given(settings: Settings) -> Iterator[Span]:
    for file in settings.pods_dir.glob(f"*/{FILE}"):
        span = _read(file)
        if span is not None:
            yield span


def _read(file: Path) -> Span | None:
    try:
        said: Any = msgspec.json.decode(file.read_bytes())
    except FileNotFoundError:
        return None
    [one] = said["uidMappings"]
    return Span(one["hostId"], one["length"])


def _write(folder: Path, span: Span) -> None:
    """Note what a pod was given, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    mapping = [{"hostId": span.first, "containerId": 0, "length": span.size}]
    draft = folder / f"{FILE}.tmp"
    with open(draft, "wb") as file:
        file.write(msgspec.json.encode({"uidMappings": mapping, "gidMappings": mapping}))
        file.flush()
        os.fsync(file.fileno())         # half a note would let two pods have the same users
    draft.replace(folder / FILE)
