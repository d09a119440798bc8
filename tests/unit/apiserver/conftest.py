"""A started server for each test."""

from __future__ import annotations

import pytest

from tests.unit.apiserver.asking import Asker


@pytest.fixture
async def api() -> Asker:
    return await Asker().start("web")
