"""Own the certificates: one CA per instance, and what it signs for the server, the node and the user; and one
for the certificate by which extension servers know us.

Keys are ECDSA P-256: small and quick to make. A leaf lives 90 days and is made anew at a start once two thirds of its
life are over, or when the names it must carry have changed.
"""

from __future__ import annotations

import base64
import datetime
import fcntl
import ipaddress
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from knarr.assembly.failure import Failure
from knarr.assembly.instance import CLUSTER_DOMAIN, Instance

CA_DAYS = 3650
LEAF_DAYS = 90
RENEW_AT = 2 / 3  # of a leaf's life
FRONT_PROXY, FRONT_PROXY_CA = "front-proxy-client", "front-proxy-ca"  # apart: who signs users must not sign these
SEAL = "secrets.key"  # lines of hex, the newest first
SEAL_BEFORE = "secrets.key.before"  # keys that sealed once: backups of that time need them
SEALS_KEPT_MAX = 100  # backups older than a hundred changes are for the museum
KEY_BYTES = 32
CLOCK_SKEW = datetime.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One certificate to keep. groups: become the user's groups (organizations). authority: the signer's file."""

    file: str
    common_name: str
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    authority: str = "ca"


def leaves(instance: Instance) -> list[Leaf]:
    """List the certificates an all-in-one machine needs."""
    config = instance.config
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{CLUSTER_DOMAIN}")
    here = tuple(dict.fromkeys(("127.0.0.1", config.node_ip)))
    return [
        Leaf(
            "server",
            "kube-apiserver",
            names=("localhost", config.node_name, *service),
            addresses=(*here, instance.api_address),
        ),
        Leaf("kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",)),
        Leaf(FRONT_PROXY, "front-proxy-client", authority=FRONT_PROXY_CA),
        Leaf(
            "node",
            f"system:node:{config.node_name}",
            ("system:nodes",),
            names=("localhost", config.node_name),
            addresses=here,
        ),
        Leaf("admin", "knarr-admin", ("system:masters",)),
    ]


def ensure(instance: Instance, now_s: float) -> None:
    """Make whatever is missing or due. Existing good files are left as they are.

    `knarr up` and the server it has started both ask: one makes the files, the other waits and finds them.
    now_s: wall clock, seconds since 1970.
    """
    instance.pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(instance.pki):
        _ensure(instance, datetime.datetime.fromtimestamp(now_s, datetime.UTC))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder against other processes; the kernel lets go when the holder dies. Source: flock(2)."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _ensure(instance: Instance, now: datetime.datetime) -> None:
    authorities = {name: _authority(instance.pki, name, now) for name in ("ca", FRONT_PROXY_CA)}
    for leaf in leaves(instance):
        ca_key, ca = authorities[leaf.authority]
        if _is_due(instance.pki / f"{leaf.file}.crt", leaf, now, ca):
            _issue(instance.pki, leaf, (ca_key, ca), now)
    if not (instance.pki / "sa.key").exists():
        _write_key(instance.pki / "sa.key", ec.generate_private_key(ec.SECP256R1()))
    if not (instance.pki / SEAL).exists():
        _write_secret(instance.pki / SEAL, os.urandom(KEY_BYTES).hex().encode() + b"\n")
    write_kubeconfig(instance)


def seal_keys(instance: Instance) -> list[bytes]:
    """Return the keys that seal Secrets on disk, the newest first. Raises Failure when the file is gone or broken."""
    path, before = instance.pki / SEAL, instance.pki / SEAL_BEFORE
    try:
        found = [bytes.fromhex(line) for line in path.read_text().split()]
        former = [bytes.fromhex(line) for line in before.read_text().split()] if before.exists() else []
    except (OSError, ValueError) as error:
        raise Failure(f"the key that seals Secrets cannot be read: {error}", f"put {path} back") from error
    if not found:
        raise Failure(f"there is no key that seals Secrets in {path}", f"put {path} back")
    return list(dict.fromkeys([*found, *former]))


def begin_sealing_with(instance: Instance, key: bytes) -> None:
    """Put a new key before the others, durably: from then on a start knows it, whatever happens."""
    path = instance.pki / SEAL
    _write_secret(path, key.hex().encode() + b"\n" + path.read_bytes())


def change_is_under_way(instance: Instance) -> bool:
    """Tell whether a change of keys was begun and not ended."""
    return len((instance.pki / SEAL).read_text().split()) > 1


def end_change(instance: Instance) -> None:
    """Retire every key but the newest. The retired are written down first, so that no moment knows less than before."""
    path, before = instance.pki / SEAL, instance.pki / SEAL_BEFORE
    newest, *older = path.read_text().split()
    kept = before.read_text().split() if before.exists() else []
    known = list(dict.fromkeys([*older, *kept]))[:SEALS_KEPT_MAX]
    _write_secret(before, "".join(f"{one}\n" for one in known).encode())
    _write_secret(path, f"{newest}\n".encode())


def write_kubeconfig(instance: Instance) -> None:
    """Write the administrator's kubeconfig, readable by the invoking user alone (also behind sudo)."""
    path, draft = instance.kubeconfig, instance.kubeconfig.with_suffix(".new")
    data = {
        name: base64.b64encode((instance.pki / name).read_bytes()).decode()
        for name in ("ca.crt", "admin.crt", "admin.key")
    }
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "knarr",
        "preferences": {},
        "clusters": [
            {"name": "knarr", "cluster": {"server": instance.server_url, "certificate-authority-data": data["ca.crt"]}}
        ],
        "users": [
            {
                "name": "knarr-admin",
                "user": {"client-certificate-data": data["admin.crt"], "client-key-data": data["admin.key"]},
            }
        ],
        "contexts": [{"name": "knarr", "context": {"cluster": "knarr", "user": "knarr-admin"}}],
    }
    text = json.dumps(body, indent=2) + "\n"  # JSON is YAML, and needs no library
    if path.exists() and path.read_text() == text:
        return
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    owner = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if os.geteuid() == 0 and owner[0] and owner[1]:
        os.chown(draft, int(owner[0]), int(owner[1]))
    draft.replace(path)


def _authority(
    folder: Path, name: str, now: datetime.datetime
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key_file, file = folder / f"{name}.key", folder / f"{name}.crt"
    if key_file.exists() and file.exists():
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey), f"{key_file} is not one of ours"
        return key, x509.load_pem_x509_certificate(file.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"knarr-{name}@{int(now.timestamp())}")])
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    certificate = (
        _builder(subject, subject, key.public_key(), now, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_file, key)
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key, certificate


def _issue(
    folder: Path, leaf: Leaf, authority: tuple[ec.EllipticCurvePrivateKey, x509.Certificate], now: datetime.datetime
) -> None:
    ca_key, ca = authority
    key = ec.generate_private_key(ec.SECP256R1())
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in leaf.groups]
    subject = x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, leaf.common_name)])
    both = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    builder = (
        _builder(subject, ca.subject, key.public_key(), now, LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both if leaf.addresses else both[:1]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    if leaf.names or leaf.addresses:
        builder = builder.add_extension(x509.SubjectAlternativeName(_alternatives(leaf)), critical=False)
    certificate = builder.sign(ca_key, hashes.SHA256())
    _write_key(folder / f"{leaf.file}.key", key)
    draft = folder / f"{leaf.file}.crt.new"  # others read these while they are renewed: never half a file
    draft.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    draft.replace(folder / f"{leaf.file}.crt")


def _is_due(path: Path, leaf: Leaf, now: datetime.datetime, ca: x509.Certificate) -> bool:
    if not path.exists() or not path.with_suffix(".key").exists():
        return True
    old = x509.load_pem_x509_certificate(path.read_bytes())
    life = old.not_valid_after_utc - old.not_valid_before_utc
    if now > old.not_valid_before_utc + life * RENEW_AT or now < old.not_valid_before_utc or old.issuer != ca.subject:
        return True
    try:
        names = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return bool(leaf.names or leaf.addresses)
    return list(names) != _alternatives(leaf)


def _alternatives(leaf: Leaf) -> list[x509.GeneralName]:
    addresses: Iterable[x509.GeneralName] = (x509.IPAddress(ipaddress.ip_address(one)) for one in leaf.addresses)
    return [*(x509.DNSName(name) for name in leaf.names), *addresses]


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write_secret(path, pem)


def _write_secret(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # what is sealed with a key must not outlive the key's own file in a power cut
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
