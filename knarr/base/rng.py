"""Grow all randomness from one seed: each user draws from a branch of its own, so adding one never shifts another."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

# No vowels and no 0, 1, 3: a name can then spell nothing. Source: kube apimachinery util/rand/rand.go.
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


class Rng:
    """A branch of the seed tree.

    >>> Rng(7).child("backoff").uniform(0, 1) == Rng(7).child("backoff").uniform(0, 1)
    True
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._dice = random.Random(seed)

    @classmethod
    def from_machine(cls) -> Rng:
        """Grow a tree from the machine's own entropy."""
        return cls(random.SystemRandom().getrandbits(64))

    def child(self, name: str) -> Rng:
        """Return the branch called `name`: the same one each time, whatever was drawn here before."""
        digest = hashlib.blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
        return Rng(int.from_bytes(digest, "big"))

    def uniform(self, low: float, high: float) -> float:
        """Draw from [low, high]."""
        return self._dice.uniform(low, high)

    def below(self, limit: int) -> int:
        """Draw a whole number from [0, limit)."""
        return self._dice.randrange(limit)

    def choice(self, items: Sequence[T]) -> T:
        """Draw one of `items`, which must not be empty."""
        return self._dice.choice(items)

    def bytes(self, count: int) -> bytes:
        """Draw `count` bytes. Not for secrets."""
        return self._dice.randbytes(count)

    def uuid(self) -> str:
        """Draw a random UUID, version 4. Not for secrets."""
        text = self._dice.randbytes(16).hex()
        variant = "89ab"[int(text[16], 16) & 3]  # Source: RFC 9562 5.4
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def suffix(self, length: int = 5) -> str:
        """Draw the end of a generated name. Source: kube apiserver storage/names/generate.go, five characters."""
        return "".join(self._dice.choices(SUFFIX_ALPHABET, k=length))
