"""Ask the doors for bearer tokens in turn: service accounts, bootstrap tokens, outside issuers.

Source: kube authentication/token/union, request/bearertoken/bearertoken.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from knarr.apiserver.authn.doors import BadToken, TokenDoor, Verified

INVALID = "invalid bearer token"
TOKEN_CHARS_MAX = 16 << 10  # as a header line may be long


class Bearers:
    """All who know bearer tokens. audiences: this API's own names, asked for where nobody says otherwise."""

    def __init__(self, doors: Sequence[TokenDoor], audiences: tuple[str, ...]) -> None:
        self._doors, self.audiences = tuple(doors), audiences

    async def verify(self, token: str, audiences: tuple[str, ...] = ()) -> Verified:
        """Return whom a token stands for. Raises BadToken with every door's reason."""
        if len(token) > TOKEN_CHARS_MAX or not token.isascii():
            raise BadToken(INVALID)
        faults = [INVALID]
        for door in self._doors:
            try:
                found = await door.verify(token, audiences or self.audiences)
            except BadToken as fault:
                faults.append(str(fault))
                continue
            if found is not None:
                return found
        raise BadToken(f"[{', '.join(faults)}]" if len(faults) > 1 else INVALID)
