"""Say by which ways callers may come, and keep to the AuthenticationConfiguration file while it changes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import structlog

from knarr.apiserver.authn.doors import Anonymous
from knarr.apiserver.authn.tokens import ISSUER
from knarr.apiserver.secured import Entrances
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Instance
from knarr.base.clock import Clock

if TYPE_CHECKING:
    from knarr.apiserver.authn.oidc.issuers import Issuers

LOOK_EVERY_S = 60.0  # Source: kube apiserver options, the file's reload interval

log = structlog.get_logger()


class Outsiders:
    """The issuers that the file lists, as it stands now. Without a file nothing is imported and nobody known."""

    def __init__(self, instance: Instance, clock: Clock) -> None:
        """Raise Failure for a file that cannot be used."""
        self._path = Path(instance.config.authentication_config) if instance.config.authentication_config else None
        self._clock = clock
        self._text = b""
        self.issuers: Issuers | None = None
        self.anonymous = Anonymous()
        if self._path is not None:
            self._begin(self._path)

    def entrances(self, key_pem: bytes) -> Entrances:
        """Return the ways in. key_pem: signs service account tokens."""
        return Entrances(key_pem, self.anonymous, issuers=() if self.issuers is None else (self.issuers,))

    async def run(self) -> NoReturn:
        """Follow the file for ever. One that cannot be used is told to the log, and what was known stays."""
        from knarr.apiserver.authn.oidc.configuration import read
        from knarr.apiserver.config_files import BadConfiguration

        if self._path is None or self.issuers is None:
            await asyncio.Event().wait()
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            assert self._path is not None
            assert self.issuers is not None
            try:
                text = self._path.read_bytes()
                if text != self._text:
                    self._text = text
                    self.issuers.use(read(text, own_issuer=ISSUER).jwt)
                    log.info("authentication.reread", file=str(self._path))
            except (OSError, BadConfiguration) as error:
                log.error("authentication.unusable", file=str(self._path), error=str(error))

    def _begin(self, path: Path) -> None:
        from knarr.apiserver.authn.oidc.configuration import read
        from knarr.apiserver.authn.oidc.issuers import Issuers
        from knarr.apiserver.config_files import BadConfiguration

        try:
            self._text = path.read_bytes()
            found = read(self._text, own_issuer=ISSUER)
        except OSError as error:
            raise Failure(
                f"{path} cannot be read: {error.strerror}", "mend the path, or leave the option out"
            ) from error
        except BadConfiguration as error:
            raise Failure(f"{path} cannot be used: {error}", "mend the file, then: knarr up") from error
        self.issuers = Issuers(found.jwt, (ISSUER,), clock=self._clock)
        if found.anonymous is not None:
            paths = tuple(one.path for one in found.anonymous.conditions)
            self.anonymous = Anonymous(found.anonymous.enabled, paths)
