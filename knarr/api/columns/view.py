"""Say what a printed kind is, and the words that many cells share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from knarr.api import selectors

Obj = Mapping[str, Any]
NONE, UNKNOWN, UNSET = "<none>", "<unknown>", "<unset>"
LISTED_MAX = 3  # endpoints, ports and hosts shown. Source: kube printers.go, formatEndpoints


@dataclass(frozen=True, slots=True)
class Column:
    """One column. priority: 1 shows with `-o wide` only."""

    name: str
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""


def _no_conditions(_: Obj) -> list[dict[str, str]]:
    return []


@dataclass(frozen=True, slots=True)
class View:
    """How a kind is printed. cells: one value per column. conditions: what marks a row as done."""

    columns: tuple[Column, ...]
    cells: Callable[[Obj, float], list[Any]]
    conditions: Callable[[Obj], list[dict[str, str]]] = _no_conditions


NAME = Column("Name", format="name")
AGE = Column("Age")
CREATED = Column("Created At", type="date")
CONTAINERS = (Column("Containers", priority=1), Column("Images", priority=1))
SELECTOR = Column("Selector", priority=1)


def columns(*names: str) -> tuple[Column, ...]:
    """Return text columns; a name that ends in `#` is a number's, one that begins with `+` is wide only."""
    return tuple(Column(name.strip("+#"), type="integer" if name.endswith("#") else "string",
                        priority=1 if name.startswith("+") else 0) for name in names)


def created_cells(obj: Obj, _: float) -> list[Any]:
    """Return the cells of kinds that have nothing to show."""
    return [name(obj), obj["metadata"].get("creationTimestamp")]


def name(obj: Obj) -> str:
    """Return the object's name."""
    return str(obj["metadata"].get("name", ""))


def age(obj: Obj, now_s: float) -> str:
    """Return how long ago an object was made."""
    return since(obj["metadata"].get("creationTimestamp"), now_s)


def since(when: str | None, now_s: float) -> str:
    """Return how long ago a moment was, `<unknown>` if it is not set."""
    return human(now_s - seconds_of(when)) if when else UNKNOWN


def seconds_of(when: str) -> float:
    """Return a timestamp as wall seconds."""
    return datetime.fromisoformat(when).timestamp()


def human(duration_s: float) -> str:
    """Return a duration as people say it, two units at most.

    Source: kube apimachinery/pkg/util/duration/duration.go, HumanDuration.

    >>> human(119), human(125), human(3 * 3600), human(50 * 3600)
    ('119s', '2m5s', '3h', '2d2h')
    """
    seconds = int(duration_s)
    if seconds < 0:
        return "<invalid>" if seconds < -1 else "0s"
    if seconds < 120:
        return f"{seconds}s"
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 180:
        return _two(minutes, "m", seconds % 60, "s") if minutes < 10 else f"{minutes}m"
    if hours < 48:
        return _two(hours, "h", minutes % 60, "m") if hours < 8 else f"{hours}h"
    days = hours // 24
    if days < 365 * 2:
        return _two(days, "d", hours % 24, "h") if days < 8 else f"{days}d"
    return _two(days // 365, "y", days % 365, "d") if days < 365 * 8 else f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def labels(mapping: Mapping[str, str] | None) -> str:
    """Return `a=b,c=d`, sorted; `<none>` for none."""
    return ",".join(f"{key}={value}" for key, value in sorted((mapping or {}).items())) or NONE


def selector(spec: Mapping[str, Any] | None) -> str:
    """Return a label selector as text; `<none>` if it chooses nothing or everything."""
    return str(selectors.of_object(spec)) or NONE


def containers(template: Obj) -> list[str]:
    """Return the names and the images of a pod template's containers."""
    listed = (template.get("spec") or {}).get("containers") or []
    return [",".join(row.get("name", "") for row in listed), ",".join(row.get("image", "") for row in listed)]


def listed(items: Iterable[str], *, empty: str = NONE) -> str:
    """Return the first items and how many more there are."""
    every = list(items)
    shown = ",".join(every[:LISTED_MAX])
    if len(every) > LISTED_MAX:
        return f"{shown} + {len(every) - LISTED_MAX} more..."
    return shown or empty


def yes(value: bool | None) -> str:
    """Return True, False or `<unset>`."""
    return UNSET if value is None else str(bool(value))


def at(obj: Obj, *path: str) -> Any:
    """Return what lies at a path; None where any step is absent."""
    found: Any = obj
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
