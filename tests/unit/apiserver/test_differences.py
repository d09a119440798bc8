"""What differs from a real API server's recorded answers is listed, with its reason; the list cannot grow by itself."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.differences_page import PAGE, rows
from tests.unit.apiserver.comparing import differences
from tests.unit.apiserver.oracle import WIRE


@pytest.mark.slow
async def test_every_difference_has_its_reason():
    """All requests of all files are sent; each answer that differs is explained by the first row that fits."""
    if not WIRE.exists():
        pytest.skip(f"no recordings at {WIRE}")
    listed, counted, unexplained = rows(), Counter(), []
    async for line in differences():
        row = next((row for row in listed if row.explains(line)), None)
        counted[row] += 1
        if row is None:
            unexplained.append(line)

    assert [] == unexplained
    assert [] == [(row, counted[row]) for row in listed if counted[row] > row.lines_max]
    print("no longer different:", [row for row in listed if not counted[row]])  # which may be taken off the page


def test_every_recording_is_named():
    """A new file of recordings is replayed or said to be held elsewhere."""
    if not WIRE.exists():
        pytest.skip(f"no recordings at {WIRE}")
    page = PAGE.read_text()
    names = sorted(str(path.relative_to(WIRE)) for path in WIRE.rglob("*.json"))

    assert [] == [name for name in names if name not in page]
