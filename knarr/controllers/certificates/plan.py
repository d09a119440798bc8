"""Decide what is next for one request. Pure.

    pending ──agent's own, allowed──▶ approved ──rules kept──▶ issued ──an hour──▶ forgotten
                                          └──────broken──────▶ failed ──an hour──▶ forgotten

Source: kube controller/certificates/{approver/sarapprove.go,signer/signer.go,cleaner/cleaner.go}.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from knarr.api.csr import Asked
from knarr.api.types.certificates_v1 import CertificateSigningRequest, CertificateSigningRequestCondition
from knarr.base.times import seconds
from knarr.controllers.certificates.rules import KUBELET_CLIENT, refusal

DECIDED_S: Final = 3600.0  # what was decided, issued or not, is kept this long
PENDING_S: Final = 86400.0
SELF: Final = ("selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview.")
NODE: Final = ("nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.")


@dataclass(frozen=True, slots=True)
class View:
    """One request. asked: what it asks for, None if that cannot be read."""

    csr: CertificateSigningRequest
    asked: Asked | None
    now_s: float


@dataclass(frozen=True, slots=True)
class Approve:
    """Approve it if its maker may create one of these subresources of it: (subresource, words of the approval)."""

    ways: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Issue:
    """Sign it."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Say that it will never be signed."""

    why: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete it: it has been here for long enough."""


@dataclass(frozen=True, slots=True)
class Wait:
    """There is nothing to do before this moment; seconds since 1970."""

    until_s: float


Step: TypeAlias = Approve | Issue | Fail | Forget | Wait


def plan(view: View) -> Step:
    """Return the one next step."""
    csr = view.csr
    end_s = deadline_s(csr)
    if view.now_s >= end_s:
        return Forget()
    approved, denied, failed = (condition(csr, kind) for kind in ("Approved", "Denied", "Failed"))
    if csr.status.certificate or denied or failed or view.asked is None:
        return Wait(end_s)
    refused = refusal(csr.spec.signerName, view.asked, csr.spec.usages)
    if approved is not None:
        if refused is None:
            return Wait(end_s)
        return Fail(refused) if refused else Issue()
    if csr.spec.signerName == KUBELET_CLIENT and not refused:
        own = csr.spec.username == view.asked.common_name
        return Approve((SELF, NODE) if own else (NODE,))
    return Wait(end_s)


def deadline_s(csr: CertificateSigningRequest) -> float:
    """Return when a request is to be forgotten, seconds since 1970."""
    decided = [one for kind in ("Approved", "Denied", "Failed") if (one := condition(csr, kind)) is not None]
    if not decided:
        return seconds(csr.metadata.creationTimestamp or "1970-01-01T00:00:00Z") + PENDING_S
    times = [one.lastUpdateTime for one in decided if one.lastUpdateTime]
    return max(map(seconds, times)) + DECIDED_S if times else float("inf")


def condition(csr: CertificateSigningRequest, kind: str) -> CertificateSigningRequestCondition | None:
    """Return the condition of a type where it is true."""
    return next((one for one in csr.status.conditions if one.type == kind and one.status == "True"), None)
