"""Let in the API server and administrators, by their certificates; nobody else.

The TLS layer has checked that a certificate is from our CA; here its subject is read.
Source: kube kubelet/server/auth.go, thin: no TokenReview, no SubjectAccessReview.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from knarr.node.server.refusal import Refusal

ADMINISTRATORS: Final = "system:masters"
API_SERVER: Final = "kube-apiserver-kubelet-client"


@dataclass(frozen=True, slots=True)
class ServingTls:
    """Where the port's certificate and key are, and the CA that its callers' certificates must be from."""

    certificate_file: Path
    key_file: Path
    client_ca_file: Path

    def context(self) -> ssl.SSLContext:
        """Return the server's TLS: a client certificate is asked for, and its absence answered by 401."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(self.client_ca_file)
        self.load(context)
        return context

    def load(self, context: ssl.SSLContext) -> None:
        """Read certificate and key, again after they were renewed: new connections get the new one."""
        context.load_cert_chain(self.certificate_file, self.key_file)


def check(certificate: Mapping[str, Any] | None) -> None:
    """Pass the API server and administrators. certificate: as `SSLObject.getpeercert()` returns it. Raises Refusal."""
    if not certificate:
        raise Refusal(401, "Unauthorized")
    subject = [pair for names in certificate.get("subject", ()) for pair in names]
    name = next((value for key, value in subject if key == "commonName"), "")
    groups = [value for key, value in subject if key == "organizationName"]
    if name != API_SERVER and ADMINISTRATORS not in groups:
        raise Refusal(403, f"Forbidden (user={name}, verb=proxy, resource=nodes)")
