"""Read an AuthenticationConfiguration file and say what is wrong with it. Pure.

Source: kube apiserver/pkg/apis/apiserver/validation/validation.go, ValidateAuthenticationConfiguration.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from knarr.api.errors import Cause
from knarr.api.validation.spot import Spot
from knarr.apiserver.authn.oidc import rules
from knarr.apiserver.config_files import BadConfiguration, document

GROUP, KIND = "apiserver.config.k8s.io", "AuthenticationConfiguration"


class Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signs, and for whom. certificateAuthority: PEM; empty: the machine's own authorities."""

    url: str = ""
    discoveryURL: str = ""
    certificateAuthority: str = ""
    audiences: tuple[str, ...] = ()
    audienceMatchPolicy: str = ""
    egressSelectorType: str = ""


class ClaimRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token must say: a claim's value, or an expression over `claims` that must be true."""

    claim: str = ""
    requiredValue: str = ""
    expression: str = ""
    message: str = ""


class Mapped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a part of the user comes from: a claim, or an expression over `claims`."""

    claim: str = ""
    prefix: str | None = None
    expression: str = ""


class ExtraMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the user's extra."""

    key: str = ""
    valueExpression: str = ""


class Mappings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a token becomes a user."""

    username: Mapped = Mapped()
    groups: Mapped = Mapped()
    uid: Mapped = Mapped()
    extra: tuple[ExtraMapping, ...] = ()


class UserRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the user must be: an expression over `user` that must be true."""

    expression: str = ""
    message: str = ""


class Jwt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One issuer and what is made of its tokens."""

    issuer: Issuer = Issuer()
    claimValidationRules: tuple[ClaimRule, ...] = ()
    claimMappings: Mappings = Mappings()
    userValidationRules: tuple[UserRule, ...] = ()


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where strangers may come: this path."""

    path: str = ""


class AnonymousConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether strangers may come."""

    enabled: bool = False
    conditions: tuple[Condition, ...] = ()


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    apiVersion: str = ""
    kind: str = ""
    jwt: tuple[Jwt, ...] = ()
    anonymous: AnonymousConfig | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the file says. anonymous: None where it does not speak of strangers."""

    jwt: tuple[Jwt, ...] = field(default_factory=tuple)
    anonymous: AnonymousConfig | None = None


def read(text: bytes, *, own_issuer: str) -> Configuration:
    """Return a checked configuration. own_issuer: whose tokens no file may claim. Raises BadConfiguration."""
    file = document(text, File, group=GROUP, kind=KIND)
    causes: list[Cause] = []
    rules.check(Spot("jwt", causes), file.jwt, own_issuer=own_issuer)
    _anonymous(Spot("anonymous", causes), file.anonymous)
    if causes:
        raise BadConfiguration("; ".join(map(str, causes)))
    return Configuration(file.jwt, file.anonymous)


def _anonymous(spot: Spot, found: AnonymousConfig | None) -> None:
    if found is not None and not found.enabled and found.conditions:
        spot.at("conditions").invalid(
            [one.path for one in found.conditions], "enabled should be set to true when conditions are defined"
        )
