"""Months go by: certificates are renewed in time, and those who use them hear of it."""

from __future__ import annotations

import asyncio

import pytest

from knarr.assembly import pki, renewal
from knarr.assembly.instance import Config, Instance
from knarr.base import virtual
from knarr.base.clock import ManualClock

DAY_S = 86_400.0


def test_half_a_year_without_a_restart(tmp_path):
    """Leaves live 90 days and are renewed after 60: three times in half a year, and their users read them again."""
    instance = Instance(tmp_path, Config("harbour", "192.0.2.7"))
    clock = ManualClock()
    pki.ensure(instance, clock.now_s())
    renewed, reread = [], []

    async def half_a_year():
        async with asyncio.timeout(181 * DAY_S), asyncio.TaskGroup() as group:
            group.create_task(renewal.keep_fresh(instance, clock, lambda: renewed.append(clock.now_s())))
            group.create_task(renewal.follow(instance.pki / "node.crt", clock, lambda: reread.append(clock.now_s())))

    with pytest.raises(TimeoutError):
        virtual.run(half_a_year(), clock)

    assert [60, 120, 180] == [round((moment - renewed[0]) / DAY_S) + 60 for moment in renewed]
    assert len(reread) == 3
