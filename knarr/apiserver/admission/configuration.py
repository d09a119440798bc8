"""Read an AdmissionConfiguration file: what Pod Security asks of namespaces without labels, and who is exempt. Pure.

No other rule has anything to configure here; a file that configures one is refused, so that nobody believes in it.
Source: kube apiserver.config.k8s.io/v1; pod-security-admission/admission/api/validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from knarr.api import names
from knarr.apiserver.admission.pod_standards import LEVELS, parse_version
from knarr.apiserver.config_files import BadConfiguration, converted, document
from knarr.apiserver.settings import PodSecurityDefaults

GROUP, POD_SECURITY_GROUP = "apiserver.config.k8s.io", "pod-security.admission.config.k8s.io"
POD_SECURITY = "PodSecurityConfiguration"
PLUGIN = "PodSecurity"
MODES = ("enforce", "audit", "warn")
LABEL = "pod-security.kubernetes.io/"


class Plugin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule's configuration: in another file, or here."""

    name: str = ""
    path: str = ""
    configuration: dict[str, Any] | None = None


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    apiVersion: str = ""
    kind: str = ""
    plugins: tuple[Plugin, ...] = ()


class Exemptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is not looked at."""

    usernames: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    runtimeClasses: tuple[str, ...] = ()


class PodSecurity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What Pod Security is told. defaults: by the labels' own words, `enforce` and `enforce-version`."""

    apiVersion: str = ""
    kind: str = ""
    defaults: dict[str, str] = {}
    exemptions: Exemptions = Exemptions()


def read(text: bytes, load: Callable[[str], bytes]) -> PodSecurityDefaults:
    """Return what the file says. load: reads a file that it names, raises OSError. Raises BadConfiguration."""
    file = document(text, File, group=GROUP, kind="AdmissionConfiguration")
    strange = [plugin.name for plugin in file.plugins if plugin.name != PLUGIN]
    if strange:
        raise BadConfiguration(f"plugins: only {PLUGIN} can be configured (got {', '.join(strange)})")
    if len(file.plugins) > 1:
        raise BadConfiguration(f"plugins[1].name: Duplicate value: {PLUGIN}")
    if not file.plugins:
        return PodSecurityDefaults()
    return _defaults(_pod_security(file.plugins[0], load))


def _pod_security(plugin: Plugin, load: Callable[[str], bytes]) -> PodSecurity:
    if bool(plugin.path) == (plugin.configuration is not None):
        raise BadConfiguration("plugins[0]: exactly one of path and configuration is required")
    if plugin.configuration is not None:
        return converted(plugin.configuration, PodSecurity, group=POD_SECURITY_GROUP, kind=POD_SECURITY)
    try:
        return document(load(plugin.path), PodSecurity, group=POD_SECURITY_GROUP, kind=POD_SECURITY)
    except OSError as fault:
        raise BadConfiguration(f"plugins[0].path: {plugin.path} cannot be read: {fault.strerror}") from fault


def _defaults(found: PodSecurity) -> PodSecurityDefaults:
    exempt = found.exemptions
    faults = [*_default_faults(found.defaults), *_exemption_faults(exempt)]
    if faults:
        raise BadConfiguration("; ".join(faults))
    labels = tuple(sorted((LABEL + name, value) for name, value in found.defaults.items() if value))
    return PodSecurityDefaults(labels, frozenset(exempt.usernames), frozenset(exempt.namespaces),
                               frozenset(exempt.runtimeClasses))


def _default_faults(defaults: dict[str, str]) -> Iterator[str]:
    for name, value in defaults.items():
        mode, _, tail = name.partition("-")
        if mode not in MODES or tail not in ("", "version"):
            yield f"strict decoding error: unknown field defaults.{name}"
        elif value and not tail and value not in LEVELS:
            yield f'defaults.{name}: Invalid value: "{value}": must be one of {", ".join(LEVELS)}'
        elif value and tail and parse_version(value) is None:
            yield f'defaults.{name}: Invalid value: "{value}": must be "latest" or "v1.x"'


def _exemption_faults(found: Exemptions) -> Iterator[str]:
    for field, values, check in (
        ("namespaces", found.namespaces, names.label), ("runtimeClasses", found.runtimeClasses, names.subdomain),
        ("usernames", found.usernames, _username),
    ):  # fmt: skip
        for number, value in enumerate(values):
            at = f"exemptions.{field}[{number}]"
            if value in values[:number]:
                yield f'{at}: Duplicate value: "{value}"'
            else:
                yield from (f'{at}: Invalid value: "{value}": {why}' for why in check(value))


def _username(name: str) -> list[str]:
    return [] if name else ["username must not be empty"]
