"""Decide what `cluster-info` says and by which tokens it is signed. Pure.

Source: kube controller/bootstrap/bootstrapsigner.go, cluster-bootstrap/token/jws; kubeadm clusterinfo.go.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from knarr.api.types.core_v1 import ConfigMap, Secret
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.api.types.rbac_v1 import PolicyRule, Role, RoleBinding, RoleRef, Subject
from knarr.reconcile.actions import Action, Create, Update

NAMESPACE, NAME = "kube-public", "cluster-info"
KUBECONFIG, SIGNATURE = "kubeconfig", "jws-kubeconfig-"
ROLE: Final = "knarr:cluster-info"
RBAC: Final = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class View:
    """The tokens, and what is published."""

    tokens: tuple[Secret, ...]
    published: ConfigMap | None
    server_url: str
    ca_pem: str
    now_s: float


def plan(view: View) -> list[Action]:
    """Publish once there is a token to sign with; keep the signatures in step with the tokens."""
    keys = dict(filter(None, (signing(secret, view.now_s) for secret in view.tokens)))
    if view.published is None:
        return _publish(view, keys) if keys else []
    data = view.published.data
    text = data.get(KUBECONFIG, "")
    kept = {name: value for name, value in data.items() if not name.startswith(SIGNATURE)}
    wanted = kept | ({SIGNATURE + one: signature(text, one, key) for one, key in keys.items()} if text else {})
    return [] if wanted == data else [Update(replace(view.published, data=wanted))]


def _publish(view: View, keys: dict[str, str]) -> list[Action]:
    text = kubeconfig(view.server_url, view.ca_pem)
    data = {KUBECONFIG: text} | {SIGNATURE + one: signature(text, one, key) for one, key in keys.items()}
    rule = PolicyRule(apiGroups=("",), resources=("configmaps",), resourceNames=(NAME,), verbs=("get",))
    stranger = Subject(apiGroup=RBAC, kind="User", name="system:anonymous")
    meta = ObjectMeta(namespace=NAMESPACE, name=ROLE)
    return [
        Create(Role(metadata=meta, rules=(rule,))),
        Create(
            RoleBinding(metadata=meta, roleRef=RoleRef(apiGroup=RBAC, kind="Role", name=ROLE), subjects=(stranger,))
        ),
        Create(ConfigMap(metadata=ObjectMeta(namespace=NAMESPACE, name=NAME), data=data)),
    ]


def kubeconfig(server_url: str, ca_pem: str) -> str:
    """Return a kubeconfig without a user: where the cluster is and how to know it. JSON is YAML."""
    cluster = {"certificate-authority-data": b64encode(ca_pem.encode()).decode(), "server": server_url}
    return json.dumps({
        "apiVersion": "v1", "kind": "Config", "clusters": [{"name": "", "cluster": cluster}], "contexts": [],
        "current-context": "", "preferences": {}, "users": [],
    })  # fmt: skip


def signing(secret: Secret, now_s: float) -> tuple[str, str] | None:
    """Return id and secret of a token that signs; None for one that does not, or is over."""
    data = {key: _text(value) for key, value in secret.data.items()}
    if data.get("usage-bootstrap-signing") != "true" or secret.metadata.deletionTimestamp is not None:
        return None
    end = data.get("expiration", "")
    if end and _end_s(end) <= now_s:
        return None
    found = data.get("token-id", ""), data.get("token-secret", "")
    return found if all(found) and secret.metadata.name == f"bootstrap-token-{found[0]}" else None


def signature(text: str, token_id: str, key: str) -> str:
    """Return a detached JWS (HS256) over a text: nothing between the dots. Source: RFC 7515 appendix F."""
    header = _coded(json.dumps({"alg": "HS256", "kid": token_id}, separators=(",", ":")).encode())
    made = hmac.new(key.encode(), f"{header}.{_coded(text.encode())}".encode(), hashlib.sha256).digest()
    return f"{header}..{_coded(made)}"


def _coded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _text(encoded: str) -> str:
    try:
        return b64decode(encoded).decode()
    except (Base64Error, ValueError):
        return ""


def _end_s(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return 0.0 if moment.tzinfo is None else moment.timestamp()
