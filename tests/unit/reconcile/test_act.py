"""What a plan asks for is carried out in its order, or side by side where that does not matter."""

from __future__ import annotations

import asyncio

import pytest

from knarr.api.types.core_v1 import Pod
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.reconcile.act import WRITES_MAX, act
from knarr.reconcile.actions import Patch


class Slow:
    """A client whose patches take a moment; it counts how many are under way at once."""

    def __init__(self) -> None:
        self.at_once, self.most, self.done = 0, 0, []

    async def patch(self, of, namespace, name, **how):
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        self.done.append(name)
        return Pod(metadata=ObjectMeta(name=name, resourceVersion="1"))


@pytest.mark.parametrize(("together", "most"), [
    pytest.param(True, WRITES_MAX, id="side by side, but bounded"),
    pytest.param(False, 1, id="in order"),
])
async def test_how_many_patches_are_under_way_at_once(together, most):
    """A hundred pods are patched, as a Job lets go of its own."""
    client, names = Slow(), [f"p{number}" for number in range(100)]
    outcome = await act(client, None, [Patch(Pod(metadata=ObjectMeta(name=name)), {}, together=together) for name in names])

    assert most == client.most
    assert sorted(names) == sorted(client.done)
    assert 100 == len(outcome.written)
