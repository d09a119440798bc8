"""Pull images with whatever login opens their registry, and tell who may use what lies here.

Source: kube images/image_manager.go and puller.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from knarr.api.types.core_v1 import Pod
from knarr.base.clock import Clock
from knarr.client.client import Client
from knarr.node.cri.face import ImageLine, Runtime, RuntimeFault
from knarr.node.images import ImageFault, normalize
from knarr.node.registries.keyring import Login
from knarr.node.registries.logins import Logins
from knarr.node.registries.providers import Providers
from knarr.node.registries.pulled import Pulled, repository_of
from knarr.node.settings import Settings


@dataclass(frozen=True, slots=True)
class Fetched:
    """A pulled image. took_s: the pull alone, without waiting for others' pulls."""

    image: ImageLine
    took_s: float


class Registry:
    """What one node knows of registries. slots: pulls at once."""

    def __init__(self, runtime: Runtime, logins: Logins, pulled: Pulled, *, clock: Clock, slots: int) -> None:
        self._runtime = runtime
        self._logins = logins
        self._pulled = pulled
        self._clock = clock
        self._slots = asyncio.Semaphore(slots)

    async def usable(self, pod: Pod, image: str, found: ImageLine) -> bool:
        """Tell whether a pod may use an image that is here; logins are only looked for where it is not everybody's."""
        repository = repository_of(normalize(image))
        if self._pulled.open_to(repository, found.id, ()):
            return True
        return self._pulled.open_to(repository, found.id, await self._logins.for_image(pod, repository))

    async def pull(self, pod: Pod, image: str) -> Fetched:
        """Fetch an image. Raises ImageFault ErrImagePull with the registry's words, of every login that was tried."""
        reference = normalize(image)
        repository = repository_of(reference)
        logins = await self._logins.for_image(pod, repository)
        self._pulled.begin(repository)
        try:
            async with self._slots:
                began_s = self._clock.monotonic_s()
                login = await self._first_that_opens(reference, logins)
                took_s = self._clock.monotonic_s() - began_s
            found = await self._runtime.image(reference)
            if found is None:
                raise ImageFault("ErrImagePull", f'image "{image}" went away while it was pulled')
            present = {line.id for line in await self._runtime.list_images()}
        except BaseException:
            self._pulled.fail(repository)
            raise
        self._pulled.end(repository, found.id, login, present=present)
        return Fetched(found, took_s)

    async def _first_that_opens(self, reference: str, logins: Sequence[Login]) -> Login | None:
        """Pull with one login after the other, or as nobody where there is none; return the one that did it."""
        said: list[str] = []
        for login in logins or (None,):
            username, password = ("", "") if login is None else (login.username, login.password)
            try:
                await self._runtime.pull_image(reference, username=username, password=password)
            except RuntimeFault as fault:
                said.append(fault.details)
            else:
                return login
        raise ImageFault("ErrImagePull", aggregate(said))


def registry_of(settings: Settings, client: Client, runtime: Runtime, *, providers: Providers) -> Registry:
    """Build a node's registry from its settings."""
    logins = Logins(client, settings.registries_dir / "config.json", providers)
    pulled = Pulled(settings.registries_dir / "pulled.json")
    slots = settings.rules.images.at_once or settings.pull_parallel
    return Registry(runtime, logins, pulled, clock=providers.clock, slots=slots)


def aggregate(said: list[str]) -> str:
    """Return several faults as one text, as Go does: each once.

    >>> aggregate(["no", "no", "never"])
    '[no, never]'
    """
    each = list(dict.fromkeys(said))
    return each[0] if len(each) == 1 else f"[{', '.join(each)}]"
