"""Read certificate requests (PKCS #10 in PEM) and certificates. Pure; the only part of `api` that knows X.509.

The library is brought in with the first request: most clusters have none. Source: RFC 2986, RFC 7468.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import Any

REQUEST_TYPE, CERTIFICATE_TYPE = "CERTIFICATE REQUEST", "CERTIFICATE"
PEM_BYTES_MAX = 1 << 20  # no request of this world is longer; a body may have three times as much
BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s*\n(.*?)-----END \1-----", re.DOTALL)
HEADER = re.compile(rb"^[A-Za-z0-9-]+:", re.MULTILINE)


class BadRequestPem(ValueError):
    """The bytes are no certificate request, or no certificates; says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks to be certified. Names are in the order of the request."""

    common_name: str = ""
    organizations: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()


def read(encoded: str) -> Asked:
    """Return what the base64 text of a PEM request asks for. Raises BadRequestPem."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    request = parsed(encoded)
    subject = request.subject
    names = [str(one.value) for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = tuple(str(one.value) for one in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))
    try:
        found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Asked(names[-1] if names else "", groups)
    return Asked(
        names[-1] if names else "",
        groups,
        tuple(found.get_values_for_type(x509.DNSName)),
        tuple(found.get_values_for_type(x509.RFC822Name)),
        tuple(str(one) for one in found.get_values_for_type(x509.IPAddress)),
        tuple(found.get_values_for_type(x509.UniformResourceIdentifier)),
    )


def parsed(encoded: str) -> Any:
    """Return the library's `CertificateSigningRequest`, every part of which can be read. Raises BadRequestPem."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    wrong = (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    )
    pem = decoded(encoded)
    block = BLOCK.search(pem)
    if block is None or block[1] != REQUEST_TYPE.encode():
        raise BadRequestPem(f"PEM block type must be {REQUEST_TYPE}")
    try:
        request = x509.load_pem_x509_csr(block[0])
        list(request.subject), list(request.extensions), request.public_key()
    except wrong as fault:
        raise BadRequestPem(f"x509: malformed certificate request: {fault}") from fault
    return request


def check_certificates(encoded: str) -> None:
    """Make sure that the base64 text is certificates in PEM and nothing else. Raises BadRequestPem.

    Source: kube pkg/apis/certificates/validation/validation.go, validateCertificate.
    """
    from cryptography import x509

    blocks = list(BLOCK.finditer(decoded(encoded)))
    for block in blocks:
        if block[1] != CERTIFICATE_TYPE.encode():
            raise BadRequestPem(f'only CERTIFICATE PEM blocks are allowed, found "{block[1].decode()}"')
        if HEADER.search(block[2]):
            raise BadRequestPem("no PEM block headers are permitted")
        try:
            x509.load_pem_x509_certificate(block[0])
        except ValueError as fault:
            raise BadRequestPem(f"x509: malformed certificate: {fault}") from fault
    if not blocks:
        raise BadRequestPem("must contain at least one CERTIFICATE PEM block")


def decoded(encoded: str) -> bytes:
    """Return the bytes of a base64 text. Raises BadRequestPem."""
    try:
        raw = b64decode(encoded, validate=True)
    except (Base64Error, ValueError) as fault:
        raise BadRequestPem(f"illegal base64 data: {fault}") from fault
    if len(raw) > PEM_BYTES_MAX:
        raise BadRequestPem(f"longer than {PEM_BYTES_MAX} bytes")
    return raw
