"""Encrypt Secrets on their way to the disk: AES-256-GCM, bound to the key they are stored under.

What lies on disk is `\\0s1` + the sealing key's number (4 bytes) + nonce (12 bytes) + ciphertext with its tag. JSON
never starts with a zero byte, so plain values written before encryption was on are told apart and are sealed when
they are next written. Several keys may be known: the first seals, all unseal, so that keys can be changed without an
outage. Source: kube apiserver storage/value/encrypt/aes/aes.go (the stored path as associated data).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MARK = b"\0s1"
KEY_BYTES = 32
NUMBER_BYTES = 4
NONCE_BYTES = 12
SECRETS = ("/core/secrets/",)


class Sealed:
    """A `sqlite.Cipher`. keys: 32 random bytes each, the newest first. prefixes: whose values are sealed."""

    def __init__(self, keys: Sequence[bytes], prefixes: tuple[str, ...] = SECRETS) -> None:
        assert keys, "there is nothing to seal with"
        assert all(len(key) == KEY_BYTES for key in keys), f"a key has {KEY_BYTES} bytes"
        self._newest = number_of(keys[0])
        self._by_number = {number_of(key): AESGCM(key) for key in keys}
        self.prefixes = prefixes

    def adopt(self, key: bytes) -> None:
        """Seal with this key from now on; what older keys sealed is still unsealed. Other threads may be sealing."""
        assert len(key) == KEY_BYTES, f"a key has {KEY_BYTES} bytes"
        number = number_of(key)
        self._by_number = {**self._by_number, number: AESGCM(key)}
        self._newest = number

    def is_current(self, key: str, stored: bytes) -> bool:
        """Tell whether a value lies on disk as `seal` would put it there now."""
        return not key.startswith(self.prefixes) or stored.startswith(MARK + self._newest)

    def seal(self, key: str, value: bytes) -> bytes:
        """Return what shall lie on disk."""
        if not key.startswith(self.prefixes):
            return value
        nonce, newest = os.urandom(NONCE_BYTES), self._newest
        return MARK + newest + nonce + self._by_number[newest].encrypt(nonce, value, key.encode())

    def unseal(self, key: str, stored: bytes) -> bytes:
        """Return the value again. ValueError: not what was sealed under this name. LookupError: its key is missing."""
        if not stored.startswith(MARK):
            return stored
        nonce_at = len(MARK) + NUMBER_BYTES
        sealer = self._by_number.get(stored[len(MARK) : nonce_at])
        if sealer is None:
            raise LookupError(f"{key} is sealed with an unknown key; put the key file back")
        nonce, text = stored[nonce_at : nonce_at + NONCE_BYTES], stored[nonce_at + NONCE_BYTES :]
        try:
            return sealer.decrypt(nonce, text, key.encode())
        except InvalidTag as error:
            raise ValueError(f"{key} cannot be unsealed") from error


def number_of(key: bytes) -> bytes:
    """Return what tells a key from others without giving it away."""
    return hashlib.blake2b(key, digest_size=NUMBER_BYTES, person=b"knarr-seal").digest()
