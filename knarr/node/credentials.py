"""Read registry credentials from a pod's pull secrets. Source: kube credentialprovider/config.go and keyring.go."""

from __future__ import annotations

import base64
import json
from typing import Any

from knarr.api.errors import NotFound
from knarr.api.types.core_v1 import Pod, Secret
from knarr.client.client import Client
from knarr.node.images import normalize

KEYS = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


async def for_image(client: Client, pod: Pod, image: str) -> tuple[tuple[str, str], ...]:
    """Return (user, password) pairs for the image's registry; a missing secret counts for nothing, as in kubelet."""
    pairs: list[tuple[str, str]] = []
    for reference in pod.spec.imagePullSecrets:
        try:
            secret = await client.get(Secret, pod.metadata.namespace or "", reference.name or "")
        except NotFound:
            continue
        pairs.extend(pairs_of(secret, normalize(image)))
    return tuple(pairs)


def pairs_of(secret: Secret, image: str) -> list[tuple[str, str]]:
    """Return the pairs of one secret whose registry begins the image's whole name; malformed ones count for nothing."""
    key = KEYS.get(secret.type or "")
    try:
        config: Any = json.loads(base64.b64decode(secret.data[key])) if key else {}
        registries = config["auths"] if key == ".dockerconfigjson" else config
        found = {server: login(entry) for server, entry in registries.items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        return []
    return [pair for server, pair in sorted(found.items(), reverse=True) if image.startswith(registry(server))]


def registry(server: str) -> str:
    """Return a registry as it begins image names."""
    bare = server.removeprefix("https://").removeprefix("http://").rstrip("/")
    bare = bare.removesuffix("/v1").removesuffix("/v2")
    return "docker.io" if bare in ("index.docker.io", "registry-1.docker.io") else bare


def login(entry: dict[str, str]) -> tuple[str, str]:
    """Return an entry's user and password, given plainly or as `auth`."""
    if entry.get("auth"):
        user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
        return user, password
    return entry.get("username", ""), entry.get("password", "")
