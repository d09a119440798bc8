"""Make a user of what a verified token says. Pure.

Source: kube authentication plugin/pkg/authenticator/token/oidc/oidc.go, AuthenticateToken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from knarr.api import cel
from knarr.api.http import User
from knarr.apiserver.authn.doors import BadToken
from knarr.apiserver.authn.oidc.configuration import ClaimRule, Jwt, Mapped
from knarr.apiserver.authn.oidc.rules import program

Claims = Mapping[str, Any]


def user_of(entry: Jwt, claims: Claims) -> User:
    """Return the user; BadToken where the token or the user breaks a rule."""
    mappings = entry.claimMappings
    for rule in entry.claimValidationRules:
        _hold(rule, claims)
    name = _name(mappings.username, claims)
    groups = tuple(_groups(mappings.groups, claims))
    uid = _text(mappings.uid, claims, "uid") if mappings.uid.claim or mappings.uid.expression else ""
    extra = {one.key: values for one in mappings.extra if (values := _values(one.valueExpression, claims))}
    user = User(name, uid, groups, extra)
    for demand in entry.userValidationRules:
        _true(demand.expression, "user", shown(user), message=demand.message)
    return user


def shown(user: User) -> dict[str, Any]:
    """Return a user as rules see it."""
    extra = {key: list(values) for key, values in user.extra.items()}
    return {"username": user.name, "uid": user.uid, "groups": list(user.groups), "extra": extra}


def _hold(rule: ClaimRule, claims: Claims) -> None:
    if rule.expression:
        _true(rule.expression, "claims", claims, message=rule.message)
        return
    if rule.claim not in claims:
        raise BadToken(f"oidc: required claim {rule.claim} not present in ID token")
    found = claims[rule.claim]
    if not isinstance(found, str):
        raise BadToken(f"oidc: parse claim {rule.claim}: it is no string")
    if found != rule.requiredValue:
        raise BadToken(
            f"oidc: required claim {rule.claim} value does not match. Got = {found}, want = {rule.requiredValue}"
        )


def _name(mapped: Mapped, claims: Claims) -> str:
    name = _text(mapped, claims, "username")
    if mapped.claim == "email" and claims.get("email_verified", True) is not True:
        raise BadToken("oidc: email not verified")
    if not name:
        raise BadToken("oidc: the username is empty")
    return (mapped.prefix or "") + name if mapped.claim else name


def _text(mapped: Mapped, claims: Claims, what: str) -> str:
    """Return a string; a claim that is none is refused."""
    if mapped.expression:
        found = _value(mapped.expression, "claims", claims)
    elif mapped.claim not in claims:
        raise BadToken(f'oidc: parse {what} claims "{mapped.claim}": claim not present')
    else:
        found = claims[mapped.claim]
    if not isinstance(found, str):
        raise BadToken(f"oidc: error evaluating {what} claim expression: it is no string")
    return found


def _groups(mapped: Mapped, claims: Claims) -> list[str]:
    if mapped.expression:
        return list(_values(mapped.expression, claims))
    if not mapped.claim or mapped.claim not in claims:
        return []
    found = claims[mapped.claim]
    words = [found] if isinstance(found, str) else found
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadToken(f'oidc: parse groups claim "{mapped.claim}": it is neither a string nor a list of strings')
    return [(mapped.prefix or "") + word for word in words]


def _values(text: str, claims: Claims) -> tuple[str, ...]:
    """Return what an expression gives: one string, several, or none."""
    found = _value(text, "claims", claims)
    if found is None or found == "":
        return ()
    words = [found] if isinstance(found, str) else found
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise BadToken(f"oidc: expression '{text}' gives neither a string nor a list of strings")
    return tuple(word for word in words if word)


def _true(text: str, variable: str, value: Any, *, message: str) -> None:
    if _value(text, variable, value) is not True:
        raise BadToken(f"oidc: {message or f'failed expression: {text}'}")


def _value(text: str, variable: str, value: Any) -> Any:
    try:
        return program(text, variable).value({"self": value})
    except cel.CelError as fault:
        raise BadToken(f"oidc: expression '{text}' resulted in error: {fault}") from fault
