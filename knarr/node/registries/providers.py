"""Ask credential provider plugins for logins: programs that a cloud's or company's node brings along.

Each is run with a CredentialProviderRequest on its standard input and answers with a CredentialProviderResponse.
Source: KEP-2133; kube credentialprovider/plugin/plugin.go and config.go.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import structlog

from knarr.base.clock import Clock
from knarr.base.times import duration_s
from knarr.node.registries.keyring import Key, Login, lookup, matches

REQUEST: Final = "credentialprovider.kubelet.k8s.io/v1"
PATIENCE_S = 60.0        # of one plugin's run
ANSWER_BYTES_MAX = 1024 * 1024
CACHED_MAX = 1000        # answers kept of one plugin

log = structlog.get_logger()


class EnvVar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One variable of a plugin's environment."""

    name: str
    value: str = ""


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One plugin: a program's name in the plugins' folder, and the images it is asked about."""

    name: str
    matchImages: tuple[str, ...]
    defaultCacheDuration: str
    apiVersion: str
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()


class Auth(msgspec.Struct, frozen=True):
    """One login of an answer."""

    username: str = ""
    password: str = ""


class Answer(msgspec.Struct, frozen=True):
    """A plugin's answer. cacheKeyType: for what the answer is good: this Image, its Registry, or all (Global)."""

    kind: str = ""
    apiVersion: str = ""
    cacheKeyType: str = ""
    cacheDuration: str | None = None
    auth: dict[str, Auth] = msgspec.field(default_factory=dict)


@dataclass(slots=True)
class Remembered:
    """The keys of one answer, and until when they hold."""

    keys: list[Key]
    until_s: float


@dataclass(slots=True)
class Providers:
    """The plugins of one node. folder: where their programs lie."""

    clock: Clock
    folder: Path = Path()
    configured: tuple[Provider, ...] = ()
    _known: dict[tuple[str, str], Remembered] = field(default_factory=dict)

    async def for_image(self, image: str) -> list[Login]:
        """Return the logins that plugins know for an image's whole name; a plugin that fails is told to the log."""
        found: list[Login] = []
        for provider in self.configured:
            if any(matches(place, image) for place in provider.matchImages):
                found += lookup(await self._keys(provider, image), image)
        return found

    async def _keys(self, provider: Provider, image: str) -> list[Key]:
        now_s = self.clock.monotonic_s()
        for scope in (image, image.split("/", 1)[0], ""):
            known = self._known.get((provider.name, scope))
            if known is not None and known.until_s > now_s:
                return known.keys
        try:
            answer = await self._ask(provider, image)
            lasting_s = duration_s(answer.cacheDuration or provider.defaultCacheDuration)
        except (OSError, TimeoutError, ValueError) as error:
            log.error("images.credential_provider_failed", provider=provider.name, image=image, error=str(error))
            return []
        keys = [Key(place, Login(auth.username, auth.password)) for place, auth in answer.auth.items()]
        if lasting_s > 0:
            self._remember((provider.name, _scope(answer, image)), Remembered(keys, now_s + lasting_s))
        return keys

    def _remember(self, key: tuple[str, str], answer: Remembered) -> None:
        while len(self._known) >= CACHED_MAX:
            self._known.pop(next(iter(self._known)))
        self._known[key] = answer

    async def _ask(self, provider: Provider, image: str) -> Answer:
        """Run the plugin once. Raises OSError, TimeoutError, ValueError with its own words."""
        request = {"kind": "CredentialProviderRequest", "apiVersion": REQUEST, "image": image}
        process = await asyncio.create_subprocess_exec(
            self.folder / provider.name, *provider.args, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **{one.name: one.value for one in provider.env}},
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                out, err = await process.communicate(msgspec.json.encode(request))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise ValueError(f"exit code {process.returncode}: {err.decode(errors='replace').strip()[-1000:]}")
        return read_answer(out)


def read_answer(text: bytes) -> Answer:
    """Return a plugin's answer. Raises ValueError."""
    if len(text) > ANSWER_BYTES_MAX:
        raise ValueError(f"the answer has {len(text)} bytes, {ANSWER_BYTES_MAX} are allowed")
    answer = msgspec.json.decode(text, type=Answer)
    if (answer.apiVersion, answer.kind) != (REQUEST, "CredentialProviderResponse"):
        raise ValueError(f"expected {REQUEST} CredentialProviderResponse, got {answer.apiVersion} {answer.kind}")
    if answer.cacheKeyType not in ("Image", "Registry", "Global"):
        raise ValueError(f'cacheKeyType: expected Image, Registry or Global, got "{answer.cacheKeyType}"')
    return answer


def _scope(answer: Answer, image: str) -> str:
    return {"Image": image, "Registry": image.split("/", 1)[0], "Global": ""}[answer.cacheKeyType]
