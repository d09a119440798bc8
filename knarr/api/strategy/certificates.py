"""What the server owns in a CertificateSigningRequest: its spec never changes, and who decides does not issue.

Source: kube pkg/registry/certificates/certificates/strategy.go.
"""

from __future__ import annotations

from typing import Any

DECISIONS = ("Approved", "Denied")


def update(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Let only metadata change."""
    draft["spec"] = old.get("spec") or {}


def approval(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Let only the conditions change."""
    conditions = (draft.get("status") or {}).get("conditions")
    draft["spec"] = old.get("spec") or {}
    draft["status"] = {key: value for key, value in (old.get("status") or {}).items() if key != "conditions"}
    if conditions:
        draft["status"]["conditions"] = conditions


def status(draft: dict[str, Any], old: dict[str, Any]) -> None:
    """Let the certificate and the conditions change, but for decisions: a signer's old copy takes none of them back."""
    draft["spec"] = old.get("spec") or {}
    draft.setdefault("status", {})
    had = (old.get("status") or {}).get("conditions") or []
    kept = [one for one in had if one.get("type") in DECISIONS]
    sent = draft["status"].get("conditions") or []
    others = [one for one in sent if one.get("type") not in {had_one.get("type") for had_one in kept}]
    if kept or others:
        draft["status"]["conditions"] = [*kept, *others]
