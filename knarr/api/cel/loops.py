"""The macros that go over lists and maps. Each turn costs what the loop that CEL makes of the macro would.

Source: cel-go parser/macro.go, ext/comprehensions.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from knarr.api.cel.faults import CelError, NoOverload, OverBudget

ABSENT: Any = object()
Run = Callable[[Any], Any]
Turns = Iterator[Any]


def loop(sort: str, two: bool, *, source: Run, names: tuple[str, ...], test: Run | None, body: Run | None) -> Run:
    """Return what computes a macro. two: both the key (or number) and the value have a name."""
    finish = FINISH[sort]

    def run(frame: Any) -> Any:
        held = source(frame)
        if type(held) not in (list, dict):
            raise NoOverload
        before = [frame.names.get(name, ABSENT) for name in names]
        try:
            return finish(frame, _turns(frame, held, names, two), test, body)
        finally:
            for name, was in zip(names, before, strict=True):
                if was is ABSENT:
                    frame.names.pop(name, None)
                else:
                    frame.names[name] = was
    return run


def _turns(frame: Any, held: Any, names: tuple[str, ...], two: bool) -> Turns:
    """Give the names their values, turn by turn; tell the key or number and the value."""
    pairs = list(held.items()) if type(held) is dict else list(enumerate(held))
    plain = 0 if type(held) is dict else 1  # what a single name means
    for pair in pairs:
        if two:
            frame.names[names[0]], frame.names[names[1]] = pair
        else:
            frame.names[names[0]] = pair[plain]
        yield pair if two else (pair[0], pair[plain])


def _asked(frame: Any, test: Run) -> bool:
    value = test(frame)
    if value is not True and value is not False:
        raise NoOverload
    return bool(value)


def _decided(frame: Any, turns: Turns, test: Run, *, by: bool) -> bool:
    """Go on until an item decides; a failure counts only if none does."""
    fault: CelError | None = None
    for _ in turns:
        frame.charge(3)
        try:
            if _asked(frame, test) is by:
                return by
        except OverBudget:
            raise
        except CelError as found:
            fault = found
    if fault is not None:
        raise fault
    return not by


def _all(frame: Any, turns: Turns, test: Any, _: Any) -> bool:
    return _decided(frame, turns, test, by=False)


def _exists(frame: Any, turns: Turns, test: Any, _: Any) -> bool:
    return _decided(frame, turns, test, by=True)


def _exists_one(frame: Any, turns: Turns, test: Any, _: Any) -> bool:
    count = 0
    for _turn in turns:
        frame.charge(2)
        count += _asked(frame, test)
    return count == 1


def _filter(frame: Any, turns: Turns, test: Any, _: Any) -> list[Any]:
    made = []
    for _key, value in turns:
        frame.charge(12)
        if _asked(frame, test):
            made.append(value)
    return made


def _list(frame: Any, turns: Turns, test: Any, body: Any) -> list[Any]:
    made = []
    for _ in turns:
        frame.charge(12)
        if test is None or _asked(frame, test):
            made.append(body(frame))
    return made


def _map(frame: Any, turns: Turns, test: Any, body: Any) -> dict[Any, Any]:
    made = {}
    for key, _ in turns:
        frame.charge(32)
        if test is None or _asked(frame, test):
            made[key] = body(frame)
    return made


def _entries(frame: Any, turns: Turns, test: Any, body: Any) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for _ in turns:
        frame.charge(32)
        entries = body(frame) if test is None or _asked(frame, test) else {}
        if type(entries) is not dict:
            raise NoOverload
        for key, value in entries.items():
            if key in made:
                raise CelError(f"insert failed: key {key} already exists")
            made[key] = value
    return made


FINISH: dict[str, Callable[[Any, Turns, Any, Any], Any]] = {
    "all": _all, "exists": _exists, "exists_one": _exists_one, "filter": _filter, "map": _list,
    "transformList": _list, "transformMap": _map, "transformMapEntry": _entries,
}
