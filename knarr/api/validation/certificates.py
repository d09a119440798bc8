"""Check CertificateSigningRequests.

Source: kube pkg/apis/certificates/validation/validation.go; apis/core/validation ValidateSignerName.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api import csr, names
from knarr.api.validation.spot import Spot

Obj = dict[str, Any]
LEGACY: Final = "kubernetes.io/legacy-unknown"
LIFETIME_MIN_S: Final = 600
SIGNER_CHARS_MAX: Final = 571
DOMAIN_CHARS_MAX: Final = 253
DECISIONS: Final = ("Approved", "Denied")
TRUE_ONLY: Final = frozenset({"Approved", "Denied", "Failed"})
USAGES: Final = frozenset(
    {
        "signing",
        "digital signature",
        "content commitment",
        "key encipherment",
        "key agreement",
        "data encipherment",
        "cert sign",
        "crl sign",
        "encipher only",
        "decipher only",
        "any",
        "server auth",
        "client auth",
        "code signing",
        "email protection",
        "s/mime",
        "ipsec end system",
        "ipsec tunnel",
        "ipsec user",
        "timestamping",
        "ocsp signing",
        "microsoft sgc",
        "netscape sgc",
    }
)


def request(root: Spot, obj: Obj) -> None:
    """Check a new request."""
    _request(root, obj, {})


def update(root: Spot, new: Obj, old: Obj) -> None:
    """Check a change of metadata: nothing else can be changed here."""
    _changed(root, new, old, approves=False, issues=False)


def approval(root: Spot, new: Obj, old: Obj) -> None:
    """Check a decision: what was decided stays decided."""
    _changed(root, new, old, approves=True, issues=False)


def status(root: Spot, new: Obj, old: Obj) -> None:
    """Check what a signer writes: a certificate, once."""
    _changed(root, new, old, approves=False, issues=True)


def _changed(root: Spot, new: Obj, old: Obj, *, approves: bool, issues: bool) -> None:
    _request(root, new, old)
    conditions = root.at("status").at("conditions")
    for kind in (*DECISIONS, "Failed"):
        before, after = _of(old, kind), _of(new, kind)
        if len(after) < len(before):
            conditions.forbidden(f'updates may not remove a condition of type "{kind}"')
        elif kind in DECISIONS and not approves and len(after) > len(before):
            conditions.forbidden(f'updates may not add a condition of type "{kind}"')
        elif kind in DECISIONS and not approves and after != before:
            conditions.forbidden(f'updates may not modify a condition of type "{kind}"')
    had, has = _certificate(old), _certificate(new)
    if had != has and not issues:
        root.at("status").at("certificate").forbidden("updates may not set certificate content")
    elif had != has and had:
        root.at("status").at("certificate").forbidden("updates may not modify existing certificate content")


def _request(root: Spot, obj: Obj, old: Obj) -> None:
    spec, at = obj.get("spec") or {}, root.at("spec")
    before = old.get("spec") or {}
    if spec.get("request") != before.get("request") or not before:
        _pem(at.at("request"), spec.get("request") or "")
    _usages(at.at("usages"), spec.get("usages") or [])
    if spec.get("signerName") == LEGACY and before.get("signerName") != LEGACY:
        at.at("signerName").invalid(LEGACY, "the legacy signerName is not allowed via this API version")
    else:
        signer_name(at.at("signerName"), spec.get("signerName") or "")
    lifetime_s = spec.get("expirationSeconds")
    if lifetime_s is not None and lifetime_s < LIFETIME_MIN_S:
        why = "may not specify a duration less than 600 seconds (10 minutes)"
        at.at("expirationSeconds").invalid(lifetime_s, why)
    _conditions(root.at("status").at("conditions"), (obj.get("status") or {}).get("conditions") or [])
    certificate = _certificate(obj)
    if certificate and certificate != _certificate(old):
        _certificates(root.at("status").at("certificate"), certificate)


def _pem(spot: Spot, encoded: str) -> None:
    try:
        csr.read(encoded)
    except csr.BadRequestPem as fault:
        spot.invalid(encoded, str(fault))


def _certificates(spot: Spot, encoded: str) -> None:
    try:
        csr.check_certificates(encoded)
    except csr.BadRequestPem as fault:
        spot.invalid("<certificate data>", str(fault))


def _usages(spot: Spot, usages: list[str]) -> None:
    if not usages:
        spot.required()
    for number, usage in enumerate(usages):
        if usage not in USAGES:
            spot.index(number).unsupported(usage, sorted(USAGES))
    for number, usage in enumerate(usages):
        if usage in usages[:number]:
            spot.index(number).duplicate(usage)


def signer_name(spot: Spot, name: str) -> None:
    """Check a signer's name: a domain of at least two labels, a slash, and a path of subdomains."""
    if not name:
        spot.required()
        return
    domain, slash, path = name.partition("/")
    if not slash or "/" in path:
        spot.invalid(name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")
        return
    if len(domain) > DOMAIN_CHARS_MAX:
        spot.too_long(DOMAIN_CHARS_MAX)
    labels = domain.split(".")
    for label in labels:
        spot.each(domain, (f'validating label "{label}": {fault}' for fault in names.label(label)))
    if len(labels) < 2:
        spot.invalid(domain, "should be a domain with at least two segments separated by dots")
    for label in path.split("."):
        spot.each(path, (f'validating label "{label}": {fault}' for fault in names.subdomain(label)))
    if len(name) > SIGNER_CHARS_MAX:
        spot.too_long(SIGNER_CHARS_MAX)


def _conditions(spot: Spot, conditions: list[Obj]) -> None:
    seen: list[str] = []
    for number, one in enumerate(conditions):
        kind, at = one.get("type") or "", spot.index(number)
        if not kind:
            at.at("type").required()
        _condition_status(at.at("status"), kind, one.get("status") or "")
        other = {"Approved": "Denied", "Denied": "Approved"}.get(kind)
        if other in seen:
            at.at("type").invalid(kind, "Approved and Denied conditions are mutually exclusive")
        if kind in seen:
            at.at("type").duplicate(kind)
        seen.append(kind)


def _condition_status(spot: Spot, kind: str, said: str) -> None:
    allowed = ("True",) if kind in TRUE_ONLY else ("False", "True", "Unknown")
    if not said:
        spot.required()
    elif said not in allowed:
        spot.unsupported(said, allowed)


def _of(obj: Obj, kind: str) -> list[Obj]:
    return [one for one in (obj.get("status") or {}).get("conditions") or [] if one.get("type") == kind]


def _certificate(obj: Obj) -> str:
    return str((obj.get("status") or {}).get("certificate") or "")
