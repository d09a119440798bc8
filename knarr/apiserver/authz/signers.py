"""Let only those approve and sign certificate requests who may do so in a signer's name.

The right is a verb on `signers`, by the signer's whole name or by its domain (`example.com/*`).
Source: kube plugin/pkg/admission/certificates/{approval,signing}; certificates/authorization.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from knarr.apiserver.admission.words import Admission
from knarr.apiserver.authz.access import Access
from knarr.apiserver.security import Attributes

GROUP, PLURAL = "certificates.k8s.io", "certificatesigningrequests"
ISSUED = ("certificate", "conditions")


@dataclass(frozen=True, slots=True)
class Signers:
    """The admission step for decisions and signatures."""

    access: Access

    async def check(self, a: Admission) -> None:
        """Look at what is being written, and ask for the right to it."""
        assert a.old is not None, "requests are decided on after they were made"
        signer = str((a.old.get("spec") or {}).get("signerName", ""))
        if a.subresource == "approval" and not self._may(a, "approve", signer):
            raise a.refuse(f'user not permitted to approve requests with signerName "{signer}"')
        if a.subresource == "status" and issues(a) and not self._may(a, "sign", signer):
            raise a.refuse(f'user not permitted to sign requests with signerName "{signer}"')

    def _may(self, a: Admission, verb: str, signer: str) -> bool:
        names = (signer, f"{signer.partition('/')[0]}/*")
        asked = (Attributes(a.user, verb, "", GROUP, "*", "signers", "", "", name) for name in names)
        return any(self.access.authorize(attributes).allowed for attributes in asked)


def issues(a: Admission) -> bool:
    """Tell whether a write of the status changes what a signer vouches for."""
    had, has = (a.old or {}).get("status") or {}, a.obj.get("status") or {}
    return any(had.get(part) != has.get(part) for part in ISSUED)


def steps(access: Access) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    """Return the admission steps to add, by group, plural and operation."""
    return {(GROUP, PLURAL, "update"): (Signers(access).check,)}
