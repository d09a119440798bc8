"""The end of a namespace: everything in it is deleted, then the namespace itself."""

from __future__ import annotations

from knarr.controllers.namespace.run import run

__all__ = ["run"]
