"""Check whole objects inside of custom objects.

Source: kube apiextensions pkg/apiserver/schema/objectmeta/validation.go.
"""

from __future__ import annotations

from typing import Any

from knarr.api.validation import formats, metadata
from knarr.api.validation.spot import Spot


def check(spot: Spot, obj: dict[str, Any]) -> None:
    """Check what makes it an object: version, kind, and metadata if it has any. All are of the right type by now."""
    version, kind = obj.get("apiVersion"), obj.get("kind")
    if not version:
        spot.at("apiVersion").required()
    elif version.count("/") > 1:
        spot.at("apiVersion").invalid(version, f"unexpected GroupVersion string: {version}")
    if not kind:
        spot.at("kind").required()
    elif faults := formats.dns_1035_label(kind.lower()):
        spot.at("kind").invalid(kind, f"may have mixed case, but should otherwise match: {','.join(faults)}")
    if obj.get("metadata"):
        metadata.of_any_kind(spot.at("metadata"), obj["metadata"])
