"""Read the file that names credential provider plugins, and say what is wrong with it.

Source: kube credentialprovider/plugin/config.go, validateCredentialProviderConfig.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from knarr.api.yamldoc import YamlError, read_yaml
from knarr.base.times import duration_s
from knarr.node.registries.providers import REQUEST, Provider

CONFIG: Final = ("kubelet.config.k8s.io/v1", "CredentialProviderConfig")


class BadConfig(ValueError):
    """The configuration cannot be used; the text names the field."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    apiVersion: str
    kind: str
    providers: tuple[Provider, ...] = ()


def read_config(text: bytes, folder: Path) -> tuple[Provider, ...]:
    """Return the plugins that a configuration names. folder: where their programs lie. Raises BadConfig."""
    try:
        config = msgspec.convert(read_yaml(text)[0], Config)
    except (YamlError, msgspec.ValidationError) as error:
        raise BadConfig(str(error)) from error
    if (config.apiVersion, config.kind) != CONFIG:
        raise BadConfig(f"expected {CONFIG[0]} {CONFIG[1]}, got {config.apiVersion} {config.kind}")
    if not config.providers:
        raise BadConfig("providers: Required value: at least 1 item in plugins is required")
    for number, provider in enumerate(config.providers):
        _check(provider, f"providers[{number}]", folder)
    return config.providers


def _check(provider: Provider, at: str, folder: Path) -> None:
    if not provider.name or "/" in provider.name or provider.name in (".", ".."):
        raise BadConfig(f'{at}.name: expected the name of a program in {folder}, got "{provider.name}"')
    if not os.access(folder / provider.name, os.X_OK):
        raise BadConfig(f"{at}.name: there is no program {folder / provider.name}")
    if provider.apiVersion != REQUEST:
        raise BadConfig(f'{at}.apiVersion: expected "{REQUEST}", got "{provider.apiVersion}"')
    if not provider.matchImages:
        raise BadConfig(f"{at}.matchImages: Required value: at least 1 item in matchImages is required")
    try:
        seconds = duration_s(provider.defaultCacheDuration)
    except ValueError as error:
        raise BadConfig(f"{at}.defaultCacheDuration: {error}") from error
    if seconds < 0:
        raise BadConfig(f"{at}.defaultCacheDuration: must be greater than or equal to 0")
