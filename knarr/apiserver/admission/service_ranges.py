"""Say of a second range of service addresses that it is kept, and no more."""

from __future__ import annotations

from knarr.apiserver.admission.words import Admission

OWN = "kubernetes"  # the range that this server hands addresses out of


async def tell(a: Admission) -> None:
    """Warn whoever makes another range than the server's own."""
    if a.name != OWN:
        a.warnings.append(f"addresses come only from the ServiceCIDR {OWN} yet: this one never gets Ready")
