"""Count and time requests, and write it down in the text form that Prometheus reads.

Counting runs on every request, so it is a few list operations on a row that is kept; all words are made when somebody
asks. Rows are bounded by what is served: verbs, kinds, subresources and scopes.
Source: kube endpoints/metrics/metrics.go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

from knarr.api.http import Answer, Call
from knarr.apiserver.route import CONNECTING, Target

SECONDS = (
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
)  # fmt: skip  # Source: the same, requestLatencies
BYTES = (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)  # Source: the same, responseSizes
ROWS_MAX = 2000  # custom kinds come and go; what is beyond is counted together
VERBS = {"create": "POST", "update": "PUT", "patch": "PATCH", "get": "GET", "list": "LIST", "watch": "WATCH",
         "delete": "DELETE", "deletecollection": "DELETECOLLECTION"}  # fmt: skip
APPLY = "apply-patch"
Labels: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Histogram:
    """How often a value fell below each bound. counts: one more than bounds, not summed up."""

    bounds: tuple[float, ...]
    counts: list[int]
    total: float = 0.0

    @classmethod
    def of(cls, bounds: tuple[float, ...]) -> Histogram:
        """Return an empty one."""
        return cls(bounds, [0] * (len(bounds) + 1))

    def observe(self, value: float) -> None:
        """Take one value in."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str, labels: Labels) -> Iterator[str]:
        """Yield the buckets, summed up, then sum and count."""
        words, below = _words(labels), 0
        head = f"{name}_bucket{{{words},le=" if words else f"{name}_bucket{{le="
        for bound, count in zip(_bounds(self.bounds), self.counts, strict=True):
            below += count
            yield f"{head}{bound}}} {below}"
        tail = f"{{{words}}}" if words else ""
        yield f"{name}_sum{tail} {_number(self.total)}"
        yield f"{name}_count{tail} {below}"


@dataclass(slots=True)
class Row:
    """What is kept of requests of one sort. took: from the door to the answer.

    moved, less_s: how the same distribution differs without the wait for a seat, which most requests have not.
    """

    labels: Labels
    codes: Counter[tuple[int, bool]] = field(default_factory=Counter)
    took: Histogram = field(default_factory=lambda: Histogram.of(SECONDS))
    sizes: Histogram = field(default_factory=lambda: Histogram.of(BYTES))
    moved: Counter[int] = field(default_factory=Counter)
    less_s: float = 0.0

    def observe(self, call: Call, answer: Answer, took_s: float) -> None:
        """Take one answered request in. Written out, not called: this runs on every request."""
        self.codes[answer.status, "dryRun" in call.query] += 1
        if answer.stream is None:
            took, sizes, size = self.took, self.sizes, len(answer.body)
            took.counts[bisect_left(SECONDS, took_s)] += 1
            took.total += took_s
            sizes.counts[bisect_left(BYTES, size)] += 1
            sizes.total += size

    def waited(self, took_s: float, served_s: float) -> None:
        """Take in that a request, observed already, has waited for a seat."""
        self.moved[bisect_left(SECONDS, took_s)] -= 1
        self.moved[bisect_left(SECONDS, served_s)] += 1
        self.less_s += took_s - served_s

    @property
    def served(self) -> Histogram:
        """Return how long requests took without their waits."""
        counts = [count + self.moved[at] for at, count in enumerate(self.took.counts)]
        return Histogram(SECONDS, counts, self.took.total - self.less_s)


class Metrics:
    """All rows of one server."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, ...], Row] = {}

    def row(self, verb: str, target: Target) -> Row:
        """Return the row in which a request is counted."""
        kind = target.kind
        scope = "resource" if target.name else "namespace" if target.namespace else "cluster"
        return self.keyed((verb, kind.group, kind.version, kind.plural, target.subresource, scope))

    def keyed(self, key: tuple[str, str, str, str, str, str]) -> Row:
        """Return a row by verb, group, version, resource, subresource and scope."""
        return self.rows.get(key) or self._new(key)

    def _new(self, key: tuple[str, str, str, str, str, str]) -> Row:
        if len(self.rows) >= ROWS_MAX:
            key = ("other", "", "", "", "", "")
            if key in self.rows:
                return self.rows[key]
        verb, group, version, plural, sub, scope = key
        shown = "CONNECT" if sub in CONNECTING else VERBS.get(verb, verb.upper())
        labels = (("component", "apiserver"), ("group", group), ("resource", plural), ("scope", scope),
                  ("subresource", sub), ("verb", shown), ("version", version))  # fmt: skip
        row = self.rows[key] = Row(labels)
        return row

    def families(self) -> Iterator[str]:
        """Yield the lines about requests."""
        rows = list(self.rows.values())
        yield from counter("apiserver_request_total", "Requests answered.", (
            (_coded(row.labels, code, dry), number) for row in rows for (code, dry), number in list(row.codes.items())
        ))  # fmt: skip
        for name, what, part in (
            ("apiserver_request_duration_seconds", "Time from the door to the answer.", "took"),
            ("apiserver_request_sli_duration_seconds", "The same without the wait for a seat.", "served"),
            ("apiserver_response_sizes", "Bytes of answers.", "sizes"),
        ):
            kept = [(getattr(row, part), row.labels) for row in rows]
            yield from histogram(name, what, ((one, labels) for one, labels in kept if any(one.counts)))


def counter(name: str, what: str, values: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """Yield a counter's lines. Source: Prometheus' text exposition format 0.0.4."""
    yield from _simple(name, "counter", what, values)


def gauge(name: str, what: str, values: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """Yield a gauge's lines."""
    yield from _simple(name, "gauge", what, values)


def histogram(name: str, what: str, kept: Iterable[tuple[Histogram, Labels]]) -> Iterator[str]:
    """Yield a histogram's lines."""
    yield f"# HELP {name} {what}"
    yield f"# TYPE {name} histogram"
    for part, labels in kept:
        yield from part.lines(name, labels)


def _simple(name: str, sort: str, what: str, values: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    yield f"# HELP {name} {what}"
    yield f"# TYPE {name} {sort}"
    for labels, value in values:
        yield f"{name}{{{_words(labels)}}} {_number(value)}" if labels else f"{name} {_number(value)}"


def _words(labels: Labels) -> str:
    return ",".join([f'{key}="{_escaped(value)}"' for key, value in labels])


@cache
def _bounds(bounds: tuple[float, ...]) -> tuple[str, ...]:
    return (*(f'"{bound:g}"' for bound in bounds), '"+Inf"')


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _coded(labels: Labels, code: int, dry: bool) -> Labels:
    return (("code", str(code)), labels[0], ("dry_run", "All" if dry else ""), *labels[1:])


def labelled(names: tuple[str, ...], values: Mapping[Any, float]) -> Iterator[tuple[Labels, float]]:
    """Give the parts of keys their names."""
    for key, value in list(values.items()):
        yield tuple(zip(names, key, strict=True)), value
