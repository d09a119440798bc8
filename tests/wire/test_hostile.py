"""A slice of the million: twenty thousand hostile requests leave the server alive, its memory bounded, its answers 4xx.

`make fuzz` sends the rest.
"""

from __future__ import annotations

import asyncio

from tests.hostile.__main__ import SEED
from tests.hostile.doors import request
from tests.hostile.drive import drive, quiet, resident_mb

SLICE = 20_000
GROWTH_MB_MAX = 150.0  # of all that is imported and kept on the way
SLOW_S = 10.0  # some answers are large; none may hold the others up for long, however slow the machine


def test_twenty_thousand_hostile_requests():
    """Broken objects, patches, selectors, definitions, paths and bytes: every answer is the client's fault or right."""
    quiet()
    before_mb = resident_mb()
    found = asyncio.run(drive(SEED, 0, SLICE))

    assert [] == found.bad
    assert [] == found.logged
    assert SLICE == found.codes.total()
    assert found.codes[201] > 40, "something must get through the doors, else nothing behind them is tried"
    assert found.slowest_s < SLOW_S, found.slowest
    assert resident_mb() < before_mb + GROWTH_MB_MAX


def test_the_same_number_is_the_same_request():
    """A finding can be looked at again: it is its number."""
    once, again = (request(SEED, 4711) for _ in range(2))

    assert (once.method, once.path, once.query, once.body) == (again.method, again.path, again.query, again.body)
