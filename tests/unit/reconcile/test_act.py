"""What a plan asks for is carried out in its order, or side by side where that does not matter."""

from __future__ import annotations

import asyncio

import pytest

from knarr.api.errors import Forbidden
from knarr.api.types.core_v1 import Pod
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.reconcile.act import WRITES_MAX, act
from knarr.reconcile.actions import Create, Patch, Told


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


class Ending:
    """A client of a server where the namespace is being deleted: it refuses all that is new."""

    def __init__(self) -> None:
        self.asked = 0

    async def create(self, obj):
        self.asked += 1
        raise Forbidden("pods is forbidden", {"causes": [{"reason": "NamespaceTerminating"}]})


async def test_nothing_is_made_again_or_told_where_the_namespace_ends():
    """The first of two pods is refused: the second is not tried, and nothing has failed."""
    client = Ending()
    told = Told(Pod(metadata=ObjectMeta(name="owner")), failed=("FailedCreate", "{error}"))
    outcome = await act(client, None, [Create(Pod(metadata=ObjectMeta(name=name)), told) for name in ("a", "b")])

    assert 1 == client.asked
    assert outcome.stopped
    assert (outcome.failures, outcome.conflict, outcome.fault) == ([], False, None)
