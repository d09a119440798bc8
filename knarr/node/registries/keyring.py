"""Know which login opens which registry, as docker's configuration files say it. Pure.

Source: kube credentialprovider/config.go (the files' shape) and keyring.go (what matches an image).
"""

from __future__ import annotations

import base64
import fnmatch
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

DOCKER_HUB: Final = "index.docker.io"  # what docker's own files call the registry of images without one
API_PATH: Final = re.compile(r"^/v[12]/")
HUB_HOSTS: Final = ("docker.io", "index.docker.io")


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password. secret: the pull secret it stands in, as `namespace/name/uid`; empty: it is the node's."""

    username: str
    password: str
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """A login and where it is good: a host, whose labels may hold `*`, with an optional port and path."""

    place: str
    login: Login


def keys_of(config: Any, secret: str = "") -> list[Key]:
    """Return the keys of a docker configuration, of either shape. Raises ValueError where it is none.

    Entries without a user are left out: there is nothing to try.
    """
    try:
        entries = config.get("auths", config)
        found = [Key(_place(server), _login(entry, secret)) for server, entry in entries.items()]
    except (AttributeError, TypeError) as error:
        raise ValueError(f"expected {{\"auths\": {{REGISTRY: {{...}}}}}}: {error}") from error
    return [key for key in found if key.login.username or key.login.password]


def read(text: bytes | str, secret: str = "") -> list[Key]:
    """Return the keys that a configuration file's text holds. Raises ValueError."""
    return keys_of(json.loads(text), secret)


def lookup(keys: Iterable[Key], image: str) -> list[Login]:
    """Return the logins for an image's whole name, those of longer places first."""
    ordered = sorted(keys, key=lambda key: key.place, reverse=True)
    found = [key.login for key in ordered if matches(key.place, image)]
    if not found and image.split("/", 1)[0] in HUB_HOSTS:
        found = [key.login for key in ordered if key.place == DOCKER_HUB]
    return found


def matches(place: str, image: str) -> bool:
    """Tell whether a place covers an image's whole name: label by label, the port alike, the path as a beginning.

    >>> matches("*.example.com/team", "eu.example.com/team/app:1")
    True
    """
    (labels, port, path), (own_labels, own_port, own_path) = _split(place), _split(image)
    return (
        port == own_port and len(labels) == len(own_labels) and own_path.startswith(path)
        and all(fnmatch.fnmatchcase(own, label) for own, label in zip(own_labels, labels, strict=True))
    )


def _split(place: str) -> tuple[list[str], str, str]:
    host, _, path = place.partition("/")
    name, _, port = host.partition(":")
    return name.split("."), port, path


def _place(server: str) -> str:
    """Return a server as image names begin: without scheme and without the API's version."""
    host, slash, path = re.sub(r"^https?://", "", server).partition("/")
    rest = API_PATH.sub("/", slash + path)
    return host + (rest if rest not in ("/", "/v1", "/v2") else "")


def _login(entry: dict[str, str], secret: str) -> Login:
    if entry.get("auth"):
        user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        return Login(user, password, secret)
    return Login(entry.get("username", ""), entry.get("password", ""), secret)
