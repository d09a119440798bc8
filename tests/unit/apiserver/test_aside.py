"""What takes long to validate is validated beside the loop, and only that."""

from __future__ import annotations

import threading

import pytest

from knarr.api import kinds
from knarr.apiserver.aside import LARGE_BYTES, judged


@pytest.mark.parametrize(("place", "size", "aside"), [
    pytest.param(("apiextensions.k8s.io", "v1", "customresourcedefinitions"), LARGE_BYTES + 1, True, id="a large definition"),
    pytest.param(("apiextensions.k8s.io", "v1", "customresourcedefinitions"), LARGE_BYTES, False, id="a small one"),
    pytest.param(("", "v1", "configmaps"), 1 << 20, False, id="anything else"),
])
async def test_only_large_definitions_leave_the_loop(place, size, aside):
    """A thread costs more than it brings, but for definitions with a thousand fields and their rules."""
    kind, threads = kinds.by_resource(*place), []
    await judged(kind, size, lambda: threads.append(threading.get_ident()) or [])

    assert [aside] == [one != threading.get_ident() for one in threads]


async def test_what_is_raised_aside_reaches_the_request():
    """A bug in a rule is told by the request that met it."""
    kind = kinds.by_resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    with pytest.raises(ZeroDivisionError):
        await judged(kind, LARGE_BYTES + 1, lambda: [1 // 0])
