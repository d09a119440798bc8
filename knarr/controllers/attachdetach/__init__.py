"""Attach volumes of CSI drivers to the nodes whose pods want them, and detach them once no pod does.

What is wanted is written down as VolumeAttachments; a driver's own attacher carries them out.
"""

from __future__ import annotations

from typing import NoReturn

from knarr.base.clock import Clock
from knarr.controllers.attachdetach.observe import Observer, watches
from knarr.controllers.attachdetach.plan import View, plan
from knarr.reconcile.runner import Controller, Setup


def controller(clock: Clock) -> Controller[View]:
    """Return the controller, with a memory of its own for since when a volume has been unwanted on a node."""
    return Controller(
        name="attachdetach", component="attachdetach-controller", watches=watches(), observe=Observer(clock).observe,
        plan=plan)


async def run(setup: Setup) -> NoReturn:
    """Attach and detach for ever."""
    await controller(setup.clock).run(setup)
    raise AssertionError("unreachable: the controller ends only by an exception")
