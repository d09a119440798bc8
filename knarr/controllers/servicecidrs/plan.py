"""Decide whether a range is Ready, and whether one on its way out may go. Pure.

Source: kube controller/servicecidrs/servicecidrs_controller.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Final

from knarr.api.types.networking_v1 import ServiceCIDR
from knarr.base.times import rfc3339
from knarr.reconcile.actions import Action, Patch

FINALIZER: Final = "networking.k8s.io/service-cidr-finalizer"
READY: Final = ("True", "", "Kubernetes Service CIDR is ready")
TERMINATING: Final = (
    "False", "Terminating",
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
)


@dataclass(frozen=True, slots=True)
class View:
    """One ServiceCIDR. others: the ranges that stay, addresses: what Services have (`None` among them)."""

    found: ServiceCIDR
    others: tuple[str, ...]
    addresses: tuple[str, ...]
    now_s: float


def plan(view: View) -> list[Action]:
    """Protect a range and declare it Ready; let go of one that no Service depends on."""
    meta = view.found.metadata
    if meta.deletionTimestamp is None:
        return [*_with_finalizers(view, sorted({*meta.finalizers, FINALIZER})), *_said(view, READY)]
    if needed(view):
        return _said(view, TERMINATING)
    return _with_finalizers(view, [one for one in meta.finalizers if one != FINALIZER])


def needed(view: View) -> bool:
    """Tell whether some Service has an address that lies in this range alone."""
    own, others = [ip_network(one) for one in view.found.spec.cidrs], [ip_network(one) for one in view.others]
    for text in view.addresses:
        if text == "None":
            continue
        address = ip_address(text)
        if any(address in one for one in own) and not any(address in one for one in others):
            return True
    return False


def _with_finalizers(view: View, wanted: list[str]) -> list[Action]:
    meta = view.found.metadata
    if set(wanted) == set(meta.finalizers):
        return []
    return [Patch(view.found, {"metadata": {"finalizers": wanted, "resourceVersion": meta.resourceVersion}})]


def _said(view: View, words: tuple[str, str, str]) -> list[Action]:
    status, reason, message = words
    before = view.found.status.conditions
    if any((one.type, one.status, one.reason) == ("Ready", status, reason) for one in before):
        return []
    ready: dict[str, Any] = {
        "type": "Ready", "status": status, "reason": reason, "message": message,
        "lastTransitionTime": rfc3339(view.now_s),
    }
    patch = {"metadata": {"uid": view.found.metadata.uid}, "status": {"conditions": [ready]}}
    return [Patch(view.found, patch, subresource="status")]
