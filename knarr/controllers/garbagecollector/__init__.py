"""Objects whose owners are gone go too: in the background, before their owner, or not at all."""

from __future__ import annotations

from knarr.controllers.garbagecollector.run import run

__all__ = ["run"]
