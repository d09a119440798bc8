"""Validate beside the event loop what would hold up everybody else: large definitions, whose rules are all compiled.

A thread shares the interpreter with the loop, a few milliseconds at a time; it works on what nobody else has yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from knarr.api.errors import Cause
from knarr.api.kinds import Kind

LARGE_BYTES = 16 << 10  # some five milliseconds of compiling


async def judged(kind: Kind, size_bytes: int, judge: Callable[[], list[Cause]]) -> list[Cause]:
    """Return what a validation finds. size_bytes: of the object as it was sent or is stored, about."""
    if size_bytes > LARGE_BYTES and (kind.group, kind.kind) == ("apiextensions.k8s.io", "CustomResourceDefinition"):
        return await asyncio.to_thread(judge)
    return judge()
