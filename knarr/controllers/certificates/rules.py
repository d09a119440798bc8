"""Say which requests each built-in signer accepts. Pure.

Source: kube controller/certificates/signer/signer.go; apis/certificates/helpers.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from knarr.api.csr import Asked

CLIENT: Final = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT: Final = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING: Final = "kubernetes.io/kubelet-serving"
LEGACY: Final = "kubernetes.io/legacy-unknown"
NODES, NODE_PREFIX = "system:nodes", "system:node:"
ENCIPHER: Final = "key encipherment"
CLIENT_USAGES: Final = frozenset({"digital signature", "client auth"})
SERVING_USAGES: Final = frozenset({"digital signature", "server auth"})

Usages = frozenset[str]
Rule = Callable[[Asked, Usages], str]


def refusal(signer: str, asked: Asked, usages: tuple[str, ...]) -> str | None:
    """Return why a signer refuses a request, nothing if it does not; None for a signer that is not ours."""
    rule = RULES.get(signer)
    return None if rule is None else rule(asked, frozenset(usages))


def client(asked: Asked, usages: Usages) -> str:
    """Any subject; to call the API and nothing else."""
    if "client auth" in usages and usages <= CLIENT_USAGES | {ENCIPHER}:
        return ""
    return f"usages did not match {listed(CLIENT_USAGES | {ENCIPHER})}"


def kubelet_client(asked: Asked, usages: Usages) -> str:
    """A node's identity towards the API: no other names."""
    if asked.organizations != (NODES,):
        return "subject organization is not system:nodes"
    for what, found in (
        ("DNS", asked.dns_names),
        ("email", asked.emails),
        ("IP", asked.addresses),
        ("URI", asked.uris),
    ):
        if found:
            return f"{what} subjectAltNames are not allowed"
    return _node_name(asked) or _exactly(usages, CLIENT_USAGES)


def kubelet_serving(asked: Asked, usages: Usages) -> str:
    """The names under which a node's agent answers."""
    if asked.organizations != (NODES,):
        return "subject organization is not system:nodes"
    if not asked.dns_names and not asked.addresses:
        return "DNS or IP subjectAltName is required"
    for what, found in (("email", asked.emails), ("URI", asked.uris)):
        if found:
            return f"{what} subjectAltNames are not allowed"
    return _node_name(asked) or _exactly(usages, SERVING_USAGES)


def anything(asked: Asked, usages: Usages) -> str:
    """The old signer has no rules."""
    return ""


def _node_name(asked: Asked) -> str:
    named = asked.common_name.startswith(NODE_PREFIX)
    return "" if named else "subject common name does not begin with system:node:"


def _exactly(usages: Usages, needed: Usages) -> str:
    """Enciphering keys goes with RSA only, so it may be left out."""
    return "" if usages - {ENCIPHER} == needed else f"usages did not match {listed(needed | {ENCIPHER})}"


def listed(usages: Usages) -> str:
    """Word a set of usages as Go prints a sorted list."""
    return f"[{' '.join(sorted(usages))}]"


RULES: Final[Mapping[str, Rule]] = {
    CLIENT: client,
    KUBELET_CLIENT: kubelet_client,
    KUBELET_SERVING: kubelet_serving,
    LEGACY: anything,
}
