"""Find out where a claim is that a token only points at: issuers leave long lists of groups with another server. Pure.

Source: OpenID Connect Core 1.0, section 5.6.2; kube oidc.go, claimResolver.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from knarr.apiserver.authn.doors import BadToken

NAMES, SOURCES = "_claim_names", "_claim_sources"


@dataclass(frozen=True, slots=True)
class Source:
    """Where to ask for a claim. token: what to show there, empty for nothing."""

    url: str
    token: str = ""


def source_of(claims: Mapping[str, Any], claim: str) -> Source | None:
    """Return where a claim is; None where the token says nothing of it, or says it itself. BadToken for nonsense."""
    if not claim or claim in claims or NAMES not in claims:
        return None
    names = claims[NAMES]
    if not isinstance(names, Mapping):
        raise BadToken("oidc: error parsing distributed claim names: they are no object")
    if SOURCES not in claims or claim not in names:
        return None
    sources, name = claims[SOURCES], names[claim]
    if not isinstance(sources, Mapping) or not all(isinstance(one, Mapping) for one in sources.values()):
        raise BadToken("oidc: could not parse claim sources: they are no objects")
    if not isinstance(name, str) or name not in sources:
        raise BadToken(f"oidc: id token {NAMES} contained a source {name} missing in {SOURCES}")
    url, token = sources[name].get("endpoint") or "", sources[name].get("access_token") or ""
    if not url:
        return None  # the claim lies in the token, as another token: Kubernetes does not read it there either
    if not isinstance(url, str) or not url.startswith("https://") or not isinstance(token, str):
        raise BadToken(f"oidc: distributed claim {claim}: the endpoint must be https, the access_token a string")
    return Source(url, token)
