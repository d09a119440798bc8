"""Read a configuration file of Kubernetes' own form: YAML with an apiVersion and a kind, decoded strictly. Pure."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from knarr.api.yamldoc import YamlError, read_yaml

T = TypeVar("T")
VERSIONS = ("v1", "v1beta1", "v1alpha1")


class BadConfiguration(ValueError):
    """The file cannot be used; the text names every fault with its path."""


def document(text: bytes, form: type[T], *, group: str, kind: str) -> T:
    """Return a file's content. Raises BadConfiguration."""
    try:
        found, twice = read_yaml(text)
    except YamlError as fault:
        raise BadConfiguration(str(fault)) from fault
    if twice:
        raise BadConfiguration(f"key {twice[0]} stands twice")
    return converted(found, form, group=group, kind=kind)


def converted(found: Any, form: type[T], *, group: str, kind: str) -> T:
    """Return parsed content in its form, if it says that it is of this kind. Raises BadConfiguration."""
    if not isinstance(found, dict):
        raise BadConfiguration(f"it must be a {kind}")
    said = (found.get("apiVersion"), found.get("kind"))
    if said not in {(f"{group}/{version}", kind) for version in VERSIONS}:
        raise BadConfiguration(f"expected apiVersion {group}/v1, kind {kind}; got {said[0]}, {said[1]}")
    try:
        return msgspec.convert(found, form)
    except msgspec.ValidationError as fault:
        raise BadConfiguration(f"strict decoding error: {fault}") from fault
