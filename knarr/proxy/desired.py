"""Remember which Service wants which elements, and tell the difference when one changes its mind. Pure.

Two Services may claim one key (an external address, a local pod's hairpin): the first owner in order has it, the next
gets it when the first lets go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from knarr.proxy.elements import Element


@dataclass(slots=True)
class Diff:
    """What has to change in the kernel. A changed element stands in both: removed, then added."""

    removed: set[Element] = field(default_factory=set)
    added: dict[Element, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.removed or self.added)


class Desired:
    """Every element that shall be in the kernel, by who wants it."""

    def __init__(self) -> None:
        self._wants: dict[str, dict[Element, str]] = {}
        self._claims: dict[Element, dict[str, str]] = {}

    def update(self, changed: Iterable[tuple[str, Mapping[Element, str]]]) -> Diff:
        """Take in what some owners want now, and return the difference for the kernel."""
        before: dict[Element, str | None] = {}
        for owner, wants in changed:
            had = self._wants.get(owner, {})
            for element in had.keys() | wants.keys():
                if had.get(element) != wants.get(element):
                    before.setdefault(element, self.value(element))
                    self._claim(element, owner, wants.get(element))
            self._wants[owner] = dict(wants)
            if not wants:
                del self._wants[owner]
        return self._difference(before)

    def value(self, element: Element) -> str | None:
        """Return what an element shall be, None: absent."""
        claims = self._claims.get(element)
        return claims[min(claims)] if claims else None

    def all(self) -> dict[Element, str]:
        """Return every element with its value."""
        return {element: claims[min(claims)] for element, claims in self._claims.items()}

    def _claim(self, element: Element, owner: str, value: str | None) -> None:
        claims = self._claims.setdefault(element, {})
        if value is not None:
            claims[owner] = value
            return
        claims.pop(owner, None)
        if not claims:
            del self._claims[element]

    def _difference(self, before: Mapping[Element, str | None]) -> Diff:
        diff = Diff()
        for element, was in before.items():
            now = self.value(element)
            if was == now:
                continue
            if was is not None:
                diff.removed.add(element)
            if now is not None:
                diff.added[element] = now
        return diff
