"""Make a certificate authority and what a server and its clients need, for one test run."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Pki:
    """Paths of PEM files in one folder."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    def files(self, name: str) -> tuple[str, str]:
        return str(self.folder / f"{name}.crt"), str(self.folder / f"{name}.key")


def make_pki(folder: Path, *, also: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> Pki:
    """Write ca, server (127.0.0.1, localhost), admin (system:masters) and nobody (no group).

    also: more clients without groups. names: more names of the server.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test-ca")])
    ca = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )
    (folder / "ca.crt").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    (folder / "ca.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    for common, group in (("server", ""), ("admin", "system:masters"), ("nobody", ""), *((one, "") for one in also)):
        _leaf(folder, key, name, common, group=group, names=names)
    return Pki(folder)


def _leaf(
    folder: Path, ca_key: ec.EllipticCurvePrivateKey, issuer: x509.Name, common: str, *, group: str, names: tuple[str, ...]
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    attributes += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
    builder = _builder(x509.Name(attributes), issuer, key)
    called = [*map(x509.DNSName, ("localhost", *names)), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = builder.add_extension(x509.SubjectAlternativeName(called), critical=False)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if common == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    signed = builder.sign(ca_key, hashes.SHA256())
    (folder / f"{common}.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / f"{common}.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption(),
    ))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + DAY)
    )
