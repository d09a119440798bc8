"""Programs that use threads for slow files run on virtual time too."""

from __future__ import annotations

import asyncio

import pytest

from knarr.base import virtual


def test_work_for_threads_is_done_at_once():
    """The loop does not wait for real time, so it does the work itself; results and faults come back alike."""
    async def program() -> int:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(divmod, 1, 0)
        return await asyncio.to_thread(sum, (1, 2))

    assert 3 == virtual.run(program())
