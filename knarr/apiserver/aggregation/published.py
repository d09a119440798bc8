"""Tell extension servers whom to believe: the ConfigMap by which they verify clients and front proxies.

Source: kube controlplane/controller/clusterauthenticationtrust/cluster_authentication_trust_controller.go.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from knarr.api import kinds
from knarr.apiserver.bootstrap import ensure
from knarr.apiserver.changes import Changer
from knarr.apiserver.creates import Creator

Obj = dict[str, Any]
NAME, NAMESPACE = "extension-apiserver-authentication", "kube-system"
PROXY_NAME: Final = "front-proxy-client"


async def publish(creator: Creator, changer: Changer, *, client_ca: str, proxy_ca: str) -> None:
    """Make the ConfigMap, or bring it up to date. client_ca, proxy_ca: PEM."""
    wanted = config_map(client_ca, proxy_ca)
    await ensure(creator, wanted)
    kind = kinds.by_kind("", "v1", "ConfigMap")
    assert kind is not None, "ConfigMaps are served"

    def edit(obj: Obj) -> None:
        obj["data"] = {**(obj.get("data") or {}), **wanted["data"]}

    await changer.edit(kind, kind.key(NAMESPACE, NAME), edit)


def config_map(client_ca: str, proxy_ca: str) -> Obj:
    """Return the ConfigMap."""
    lists = {
        "requestheader-allowed-names": [PROXY_NAME],
        "requestheader-extra-headers-prefix": ["X-Remote-Extra-"],
        "requestheader-group-headers": ["X-Remote-Group"],
        "requestheader-uid-headers": ["X-Remote-Uid"],
        "requestheader-username-headers": ["X-Remote-User"],
    }
    written = {name: orjson.dumps(values).decode() for name, values in lists.items()}
    return {
        "kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": {"client-ca-file": client_ca, "requestheader-client-ca-file": proxy_ca, **written},
    }  # fmt: skip
