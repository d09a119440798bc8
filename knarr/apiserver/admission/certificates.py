"""Write down who asks for a certificate and when it was decided, and keep masters' certificates from being asked for.

Source: kube registry/certificates/certificates/strategy.go; plugin/pkg/admission/certificates/subjectrestriction.
"""

from __future__ import annotations

from typing import Any

from knarr.api import csr
from knarr.apiserver.admission.words import Admission

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
MASTERS = "system:masters"
ASKER = ("username", "uid", "groups", "extra")
DECIDING = frozenset({"approval", "status"})


async def own(a: Admission) -> None:
    """Name the asker in a new request, whatever the request says of itself."""
    spec, user = a.obj.setdefault("spec", {}), a.user
    for name in ASKER:
        spec.pop(name, None)
    said: dict[str, Any] = {
        "username": user.name, "uid": user.uid, "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()},
    }  # fmt: skip
    spec.update({name: value for name, value in said.items() if value})


async def restrict_subject(a: Admission) -> None:
    """Refuse a client certificate of the masters' group: nobody could take it back."""
    spec = a.obj.get("spec") or {}
    if spec.get("signerName") != CLIENT_SIGNER:
        return
    try:
        asked = csr.read(str(spec.get("request") or ""))
    except csr.BadRequestPem as fault:
        raise a.refuse(f"failed to parse CSR: {fault}") from fault
    if MASTERS in asked.organizations:
        raise a.refuse(f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed")


async def date(a: Admission) -> None:
    """Fill the times of conditions that were written without."""
    if a.subresource not in DECIDING or a.old is None:
        return
    now = a.core.timestamp()
    before = {one.get("type"): one for one in (a.old.get("status") or {}).get("conditions") or []}
    for one in (a.obj.get("status") or {}).get("conditions") or []:
        if not isinstance(one, dict):
            continue
        if not one.get("lastUpdateTime"):
            one["lastUpdateTime"] = now
        if not one.get("lastTransitionTime"):
            had = before.get(one.get("type"), {})
            same = had.get("status") == one.get("status")
            one["lastTransitionTime"] = had.get("lastTransitionTime") if same and had.get("lastTransitionTime") else now
