"""Write figures down in the text form that Prometheus reads. Pure.

Source: prometheus/docs, content/docs/instrumenting/exposition_formats.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

MEDIA: Final = "text/plain; version=0.0.4; charset=utf-8"
ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure of a family. at_s: when it was true, wall seconds; None: now."""

    labels: Mapping[str, str]
    value: float
    at_s: float | None = None


def family(name: str, meaning: str, sort: str, samples: Iterable[Sample]) -> Iterator[str]:
    """Yield a family's lines, none where it has no samples. sort: counter, gauge, histogram."""
    lines = [_line(name, each) for each in samples]
    if lines:
        yield from (f"# HELP {name} {meaning}", f"# TYPE {name} {sort}", *lines)


def _line(name: str, sample: Sample) -> str:
    shown = ",".join(f'{key}="{word.translate(ESCAPES)}"' for key, word in sample.labels.items())
    time = "" if sample.at_s is None else f" {int(sample.at_s * 1000)}"
    return f"{name}{{{shown}}} {sample.value!r}{time}" if shown else f"{name} {sample.value!r}{time}"
