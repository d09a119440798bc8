"""Say what is wrong with an issuer's entry, field by field. Pure.

Source: kube apiserver/pkg/apis/apiserver/validation/validation.go.
"""

from __future__ import annotations

import re
import ssl
from typing import Any
from urllib.parse import urlsplit

from knarr.api import cel, names
from knarr.api.validation.spot import Spot

ISSUERS_MAX = 64
WELL_KNOWN = "/.well-known/openid-configuration"
RESERVED = ("kubernetes.io", "k8s.io")
EMAIL, VERIFIED = (
    re.compile(r"claims\.email\b"),
    re.compile(r"claims\.email_verified\b|\"email_verified\"|'email_verified'"),
)
EITHER = "claim or expression is required"
BOTH = "claim and expression can't both be set"


def check(spot: Spot, issuers: tuple[Any, ...], *, own_issuer: str) -> None:
    """Check every entry of `jwt`."""
    if len(issuers) > ISSUERS_MAX:
        spot.too_many(len(issuers), ISSUERS_MAX)
    seen: set[str] = set()
    for number, one in enumerate(issuers[:ISSUERS_MAX]):
        at = spot.index(number)
        _issuer(at.at("issuer"), one.issuer, own_issuer)
        for name in filter(None, (one.issuer.url, one.issuer.discoveryURL)):
            if name in seen:
                at.at("issuer").at("url" if name == one.issuer.url else "discoveryURL").duplicate(name)
            seen.add(name)
        _claim_rules(at.at("claimValidationRules"), one.claimValidationRules)
        _mappings(at.at("claimMappings"), one)
        _user_rules(at.at("userValidationRules"), one.userValidationRules)


def _issuer(spot: Spot, issuer: Any, own_issuer: str) -> None:
    _url(spot.at("url"), issuer.url)
    if issuer.url == own_issuer:
        spot.at("url").invalid(issuer.url, f"URL must not overlap with disallowed issuers: [{own_issuer}]")
    if issuer.discoveryURL:
        at = spot.at("discoveryURL")
        _url(at, issuer.discoveryURL)
        if issuer.discoveryURL.rstrip("/") == issuer.url.rstrip("/"):
            at.invalid(issuer.discoveryURL, "discoveryURL must be different from URL")
        elif not issuer.discoveryURL.endswith(WELL_KNOWN):
            at.invalid(issuer.discoveryURL, f"discoveryURL must end with {WELL_KNOWN}")
    _audiences(spot, issuer)
    if issuer.egressSelectorType not in ("", "controlplane", "cluster"):
        spot.at("egressSelectorType").invalid(
            issuer.egressSelectorType, "egress selector must be either controlplane or cluster"
        )
    if issuer.certificateAuthority:
        _authority(spot.at("certificateAuthority"), issuer.certificateAuthority)


def _url(spot: Spot, url: str) -> None:
    if not url:
        spot.required("URL is required")
        return
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  reading it checks it
    except ValueError as fault:
        spot.invalid(url, str(fault))
        return
    if parts.scheme != "https" or not parts.hostname:
        spot.invalid(url, "URL scheme must be https")
    if parts.username or parts.password:
        spot.invalid(url, "URL must not contain a username or password")
    if parts.query:
        spot.invalid(url, "URL must not contain a query")
    if parts.fragment:
        spot.invalid(url, "URL must not contain a fragment")


def _audiences(spot: Spot, issuer: Any) -> None:
    audiences, policy = issuer.audiences, issuer.audienceMatchPolicy
    if not audiences:
        spot.at("audiences").required(f"at least one {spot.path}.audiences is required")
    for number, one in enumerate(audiences):
        if not one:
            spot.at("audiences").index(number).required("audience can't be empty")
        elif one in audiences[:number]:
            spot.at("audiences").index(number).duplicate(one)
    if len(audiences) > 1 and policy != "MatchAny":
        spot.at("audienceMatchPolicy").invalid(policy, "audienceMatchPolicy must be MatchAny for multiple audiences")
    elif policy not in ("", "MatchAny"):
        spot.at("audienceMatchPolicy").invalid(
            policy, "audienceMatchPolicy must be empty or MatchAny for single audience"
        )


def _authority(spot: Spot, pem: str) -> None:
    try:
        ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError, OSError):
        spot.invalid("<omitted>", "data does not contain any valid RSA or ECDSA certificates")


def _claim_rules(spot: Spot, found: tuple[Any, ...]) -> None:
    for number, one in enumerate(found):
        at = spot.index(number)
        if one.claim and one.expression:
            at.invalid(one.claim, BOTH)
        elif not one.claim and not one.expression:
            at.required(EITHER)
        elif one.claim and one.message:
            at.at("message").invalid(one.message, "message can't be set when claim is set")
        elif one.expression and one.requiredValue:
            at.at("requiredValue").invalid(one.requiredValue, "requiredValue can't be set when expression is set")
        if (one.claim and one.claim in [rule.claim for rule in found[:number]]) or (
            one.expression and one.expression in [rule.expression for rule in found[:number]]
        ):
            at.duplicate(one.claim or one.expression)
        expression(at.at("expression"), one.expression, "claims")


def _mappings(spot: Spot, entry: Any) -> None:
    found = entry.claimMappings
    for name in ("username", "groups", "uid"):
        _mapped(spot.at(name), getattr(found, name), needed=name == "username", prefixed=name != "uid")
    _email(spot.at("username"), entry)
    seen: list[str] = []
    for number, one in enumerate(found.extra):
        at = spot.at("extra").index(number)
        _extra_key(at.at("key"), one.key, seen)
        seen.append(one.key)
        if not one.valueExpression:
            at.at("valueExpression").required("valueExpression is required")
        expression(at.at("valueExpression"), one.valueExpression, "claims")


def _mapped(spot: Spot, found: Any, *, needed: bool, prefixed: bool) -> None:
    if found.claim and found.expression:
        spot.invalid("", BOTH)
    elif needed and not found.claim and not found.expression:
        spot.required(EITHER)
    elif found.claim and prefixed and found.prefix is None:
        spot.at("prefix").required(
            "prefix is required when claim is set. It can be set to an empty string to disable prefixing"
        )
    elif found.prefix is not None and (found.expression or not prefixed):
        spot.at("prefix").invalid(found.prefix, "prefix can't be set when expression is set")
    elif found.prefix and not found.claim:
        spot.at("prefix").invalid(found.prefix, "non-empty prefix is not allowed when claim is empty")
    expression(spot.at("expression"), found.expression, "claims")


def _email(spot: Spot, entry: Any) -> None:
    """Whoever takes the e-mail for a name must look whether it was verified."""
    said = entry.claimMappings.username.expression
    if not EMAIL.search(said):
        return
    texts = [
        said,
        *(one.valueExpression for one in entry.claimMappings.extra),
        *(one.expression for one in entry.claimValidationRules),
    ]
    if not any(VERIFIED.search(text) for text in texts):
        spot.at("expression").invalid(
            said,
            (
                "claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*]."
                "valueExpression or claimValidationRules[*].expression when claims.email is used in "
                "claimMappings.username.expression"
            ),
        )


def _extra_key(spot: Spot, key: str, seen: list[str]) -> None:
    domain, slash, path = key.partition("/")
    if not key:
        spot.required("key is required")
        return
    if not slash or not path or names.subdomain(domain):
        spot.invalid(key, 'must be a domain-prefixed path (such as "acme.io/foo")')
    if key != key.lower():
        spot.invalid(key, "key must be lowercase")
    if any(domain == one or domain.endswith(f".{one}") for one in RESERVED):
        spot.invalid(key, f"{', '.join(RESERVED)} domains are reserved for Kubernetes use")
    if key in seen:
        spot.duplicate(key)


def _user_rules(spot: Spot, found: tuple[Any, ...]) -> None:
    for number, one in enumerate(found):
        at = spot.index(number)
        if not one.expression:
            at.at("expression").required("expression is required")
        elif one.expression in [rule.expression for rule in found[:number]]:
            at.at("expression").duplicate(one.expression)
        expression(at.at("expression"), one.expression, "user")


def expression(spot: Spot, text: str, variable: str) -> None:
    """Check that an expression over one variable compiles."""
    if not text:
        return
    try:
        program(text, variable)
    except cel.CelError as fault:
        spot.invalid(text, f"compilation failed: {fault}")


def program(text: str, variable: str) -> cel.Program:
    """Compile an expression over one variable, which it knows by that name. Raises CelError."""
    return cel.compiled(f"cel.bind({variable}, dyn(self), ({text}\n))")
