"""Make the certificate that a request asks for.

Source: kube controller/certificates/authority/{authority,policies}.go.
"""

from __future__ import annotations

import datetime
from base64 import b64encode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from knarr.api import csr

LIFETIME_S = 365 * 86400  # Source: kube --cluster-signing-duration
LIFETIME_MIN_S = 600
BACKDATE_S = 300  # clocks that are a little behind
SHORT_S = 8 * 3600  # what lives shorter gets its whole life from now on
KEY_USAGES = {  # of x509.KeyUsage, in the order of its arguments
    "digital signature": 0, "content commitment": 1, "key encipherment": 2, "data encipherment": 3, "key agreement": 4,
    "cert sign": 5, "crl sign": 6, "encipher only": 7, "decipher only": 8, "signing": 0,
}  # fmt: skip
EXTENDED = {
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH, "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION, "s/mime": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec end system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING, "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "microsoft sgc": x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "netscape sgc": x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
}  # fmt: skip


SIGNED_KEYS = (ec.EllipticCurvePublicKey, rsa.RSAPublicKey, ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)


class CannotSign(ValueError):
    """The request cannot become a certificate; says why."""


class Authority:
    """A CA. certificate_pem, key_pem: its own."""

    def __init__(self, certificate_pem: str, key_pem: str) -> None:
        self._certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
        key = serialization.load_pem_private_key(key_pem.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey), "the authority's key is one of ours"
        self._key = key

    def sign(self, encoded: str, usages: tuple[str, ...], lifetime_s: int | None, *, now_s: float) -> str:
        """Return the certificate for a request, base64 of PEM as `status.certificate` holds it. Raises CannotSign."""
        request = csr.parsed(encoded)
        if not request.is_signature_valid:
            raise CannotSign("unable to verify certificate request signature")
        key = request.public_key()
        if not isinstance(key, SIGNED_KEYS):
            raise CannotSign("a key of this kind is not signed")
        begin, end = self._life(lifetime_s, datetime.datetime.fromtimestamp(int(now_s), datetime.UTC))
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        builder = _with_usages(builder, usages)
        try:
            names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            builder = builder.add_extension(names.value, critical=names.critical)
        except x509.ExtensionNotFound:
            pass  # it asks for no other names
        certificate = builder.sign(self._key, hashes.SHA256())
        return b64encode(certificate.public_bytes(serialization.Encoding.PEM)).decode()

    def _life(self, lifetime_s: int | None, now: datetime.datetime) -> tuple[datetime.datetime, datetime.datetime]:
        life_s = min(max(lifetime_s or LIFETIME_S, LIFETIME_MIN_S), LIFETIME_S)
        begin = now - datetime.timedelta(seconds=BACKDATE_S)
        end = (now if life_s < SHORT_S else begin) + datetime.timedelta(seconds=life_s)
        last = self._certificate.not_valid_after_utc
        if now >= last:
            raise CannotSign(f"the signer has expired: NotAfter={last.isoformat()}")
        return begin, min(end, last)


def _with_usages(builder: x509.CertificateBuilder, usages: tuple[str, ...]) -> x509.CertificateBuilder:
    bits = [False] * 9
    for usage in usages:
        if usage in KEY_USAGES:
            bits[KEY_USAGES[usage]] = True
    bits[4] = bits[4] or bits[7] or bits[8]  # the two last mean nothing without key agreement. Source: RFC 5280
    if any(bits):
        builder = builder.add_extension(x509.KeyUsage(*bits), critical=True)
    extended = list(dict.fromkeys(EXTENDED[usage] for usage in usages if usage in EXTENDED))
    return builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False) if extended else builder
