"""Gather the logins for a pod's image: its pull secrets', the node's own file's, the credential providers'.

Source: kube images/image_manager.go (the order) and credentialprovider/secrets/secrets.go.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

import structlog

from knarr.api.errors import NotFound
from knarr.api.types.core_v1 import Pod, Secret
from knarr.client.client import Client
from knarr.node.registries.keyring import Key, Login, lookup, read
from knarr.node.registries.providers import Providers

CONFIG_KEYS: Final = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}

log = structlog.get_logger()


class Logins:
    """Where one node's logins come from. config: the node's own file, read anew each time."""

    def __init__(self, client: Client, config: Path, providers: Providers) -> None:
        self._client = client
        self._config = config
        self._providers = providers

    async def for_image(self, pod: Pod, image: str) -> list[Login]:
        """Return what may be tried for an image's whole name, in order; nothing: it is asked for without a login."""
        found = lookup(await self._pod_keys(pod), image)
        found += lookup(self._node_keys(), image)
        found += await self._providers.for_image(image)
        return list(dict.fromkeys(found))

    async def _pod_keys(self, pod: Pod) -> list[Key]:
        """Return the keys of the pod's pull secrets; a missing or malformed one counts for nothing, as in kubelet."""
        keys: list[Key] = []
        for name in filter(None, (reference.name for reference in pod.spec.imagePullSecrets)):
            try:
                secret = await self._client.get(Secret, pod.metadata.namespace or "", name)
            except NotFound:
                continue
            keys += secret_keys(secret)
        return keys

    def _node_keys(self) -> list[Key]:
        try:
            return read(self._config.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            log.error("images.logins_unusable", file=str(self._config), error=str(error))
            return []


def secret_keys(secret: Secret) -> list[Key]:
    """Return the keys of one pull secret; a malformed one has none."""
    meta, key = secret.metadata, CONFIG_KEYS.get(secret.type or "")
    if key is None or key not in secret.data:
        return []
    try:
        return read(base64.b64decode(secret.data[key]), f"{meta.namespace}/{meta.name}/{meta.uid}")
    except ValueError:
        return []
