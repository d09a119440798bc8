"""Know which kinds this server serves now: the built-in rows, and those of established definitions.

The registry is asked on every request and changed when a definition is.
"""

from __future__ import annotations

from collections.abc import Callable

from knarr.api.kinds import KINDS, Kind


class Registry:
    """The kinds of one server. Who remembers what follows from them asks to be told of changes."""

    def __init__(self) -> None:
        self.customs: tuple[Kind, ...] = ()
        self.edition = ""  # tells one set of custom kinds from another
        self._rows = dict(BUILT_IN)
        self._groups = {(kind.group, kind.version) for kind in KINDS}
        self._listeners: list[Callable[[], object]] = []

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return all rows."""
        return KINDS + self.customs

    def by_resource(self, group: str, version: str, plural: str) -> Kind | None:
        """Find a kind by its URL's words; None if nothing is served there."""
        return self._rows.get((group, version, plural))

    def serves(self, group: str, version: str) -> bool:
        """Say whether anything of a group and version is served."""
        return (group, version) in self._groups

    def on_change(self, tell: Callable[[], object]) -> None:
        """Call `tell` after every change."""
        self._listeners.append(tell)

    def replace(self, customs: tuple[Kind, ...], edition: str) -> None:
        """Serve other custom kinds; a built-in kind of the same name stays what it is."""
        self.customs = tuple(kind for kind in customs if (kind.group, kind.version, kind.plural) not in BUILT_IN)
        self.edition = edition
        self._rows = {(kind.group, kind.version, kind.plural): kind for kind in self.customs} | BUILT_IN
        self._groups = {(kind.group, kind.version) for kind in self.kinds}
        for tell in self._listeners:
            tell()


BUILT_IN = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
