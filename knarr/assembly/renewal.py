"""Renew certificates while everything runs: nobody restarts anything, and nothing expires by surprise.

The server looks every six hours, makes anew what is due, and serves new connections with it. Other processes look at
the file they use every ten minutes and read it again when it has changed. The kubeconfig is renewed with the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import structlog

from knarr.assembly import pki
from knarr.assembly.instance import Instance
from knarr.base.clock import Clock

LOOK_EVERY_S = 6 * 3600.0  # a leaf has thirty days left when it becomes due
REREAD_EVERY_S = 600.0

log = structlog.get_logger()


async def keep_fresh(instance: Instance, clock: Clock, use: Callable[[], None]) -> NoReturn:
    """Make due certificates anew for ever. use: called after each renewal, to load them."""
    while True:
        await clock.sleep(LOOK_EVERY_S)
        before = contents(instance.pki)
        pki.ensure(instance, clock.now_s())
        if contents(instance.pki) != before:
            log.info("certificates.renewed", folder=str(instance.pki))
            use()


async def follow(path: Path, clock: Clock, use: Callable[[], None]) -> NoReturn:
    """Call `use` whenever the file at `path` has changed, for ever."""
    seen = path.read_bytes()
    while True:
        await clock.sleep(REREAD_EVERY_S)
        now = path.read_bytes()
        if now != seen:
            seen = now
            log.info("certificate.reread", file=str(path))
            use()


def contents(folder: Path) -> dict[str, bytes]:
    """Return every certificate in a folder."""
    return {path.name: path.read_bytes() for path in folder.glob("*.crt")}
