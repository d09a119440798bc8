"""Read who one is from a kubeconfig or a mounted service account, and reach the server as that.

Source for the file's form: kube client-go tools/clientcmd/api/v1/types.go.
"""

from __future__ import annotations

import base64
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from knarr.base.clock import Clock
from knarr.client.https import AGENT, Https

TOKEN_AGE_S = 60.0     # a mounted token is read again after this; they are renewed minutes before they end
FILE_BYTES_MAX = 4 << 20


class BadKubeconfig(ValueError):
    """The file cannot be used; the text says why and where."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the server is, what to trust, and who one is. Certificates and key are PEM; empty bytes: none."""

    server_url: str
    ca_pem: bytes = b""
    certificate_pem: bytes = b""
    key_pem: bytes = b""
    token: str = ""
    token_path: str = ""
    namespace: str = "default"
    server_name: str = ""
    verify: bool = True


def transport(credentials: Credentials, clock: Clock, *, agent: str = AGENT) -> Https:
    """Return a transport that acts as these credentials. agent: what it calls itself."""
    token: Callable[[], str] | None = None
    if credentials.token_path:
        token = TokenFile(Path(credentials.token_path), clock)
    elif credentials.token:
        token = lambda: credentials.token  # noqa: E731 (a def would say no more)
    return Https(credentials.server_url, tls_context(credentials), token=token, agent=agent)


def tls_context(credentials: Credentials) -> ssl.SSLContext:
    """Return the TLS side: trust in the CA (else the system's), and the client certificate."""
    context = ssl.create_default_context(cadata=credentials.ca_pem.decode() or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not credentials.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if credentials.certificate_pem:
        _load_certificate(context, credentials)
    return context


def from_kubeconfig(path: Path, *, context: str = "") -> Credentials:
    """Read a kubeconfig file. context: which one; empty: the current one. BadKubeconfig when it cannot be used."""
    document = _read_yaml(path)
    chosen = context or document.get("current-context", "")
    spoken = _named(document, "contexts", chosen, entry="context", path=path)
    cluster = _named(document, "clusters", spoken.get("cluster", ""), entry="cluster", path=path)
    user = _named(document, "users", spoken.get("user", ""), entry="user", path=path) if spoken.get("user") else {}
    if not cluster.get("server"):
        raise BadKubeconfig(f'{path}: cluster "{spoken.get("cluster")}" names no server')
    return Credentials(
        server_url=cluster["server"],
        ca_pem=_material(cluster, "certificate-authority", path),
        certificate_pem=_material(user, "client-certificate", path),
        key_pem=_material(user, "client-key", path),
        token=user.get("token", ""),
        token_path=user.get("tokenFile", ""),
        namespace=spoken.get("namespace") or "default",
        server_name=cluster.get("tls-server-name", ""),
        verify=not cluster.get("insecure-skip-tls-verify", False),
    )


class TokenFile:
    """A token that somebody else renews on disk."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._token = ""
        self._read_at_s = float("-inf")

    def __call__(self) -> str:
        """Return the token, read again when it is older than TOKEN_AGE_S. OSError when the file is gone."""
        if self._clock.monotonic_s() - self._read_at_s > TOKEN_AGE_S:
            self._token = self._path.read_text().strip()
            self._read_at_s = self._clock.monotonic_s()
        return self._token


def _read_yaml(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    if len(raw) > FILE_BYTES_MAX:
        raise BadKubeconfig(f"{path}: {len(raw)} bytes, at most {FILE_BYTES_MAX}")
    try:
        document = yaml.safe_load(raw)
    except yaml.YAMLError as error:
        raise BadKubeconfig(f"{path}: not YAML") from error
    if not isinstance(document, dict):
        raise BadKubeconfig(f"{path}: not a kubeconfig")
    return document


def _named(document: dict[str, Any], section: str, name: str, *, entry: str, path: Path) -> dict[str, Any]:
    for item in document.get(section) or ():
        if item.get("name") == name:
            return item.get(entry) or {}
    raise BadKubeconfig(f'{path}: no {entry} "{name}"')


def _material(holder: dict[str, Any], field: str, path: Path) -> bytes:
    """Return PEM bytes given inline (base64) or by file, relative to the kubeconfig."""
    inline = holder.get(f"{field}-data")
    if inline:
        return base64.b64decode(inline)
    named = holder.get(field)
    return (path.parent / named).read_bytes() if named else b""


def _load_certificate(context: ssl.SSLContext, credentials: Credentials) -> None:
    # ssl reads certificates from files only: they lie in a private directory for as long as that takes.
    with tempfile.TemporaryDirectory(prefix="knarr-tls-") as folder:
        certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        certificate.write_bytes(credentials.certificate_pem)
        key.touch(mode=0o600)
        key.write_bytes(credentials.key_pem)
        context.load_cert_chain(certificate, key)
