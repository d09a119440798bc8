"""Read what a KubeletConfiguration says of images: how many are pulled at once, when unused ones go. Pure.

Source: kube kubelet/apis/config/v1beta1/defaults.go, kubelet/apis/config/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from knarr.node.filefields import BadRules, seconds, whole
from knarr.node.rules import IMAGE_HIGH, IMAGE_LOW, Images

FIELDS: Final = frozenset({
    "imageGCHighThresholdPercent", "imageGCLowThresholdPercent", "imageMinimumGCAge", "imageMaximumGCAge",
    "serializeImagePulls", "maxParallelImagePulls"})


def read(document: Mapping[str, Any]) -> Images:
    """Return the rules. Raises BadRules."""
    high = percent(document, "imageGCHighThresholdPercent", IMAGE_HIGH)
    low = percent(document, "imageGCLowThresholdPercent", IMAGE_LOW)
    if low >= high:
        raise BadRules("imageGCLowThresholdPercent: must be less than imageGCHighThresholdPercent "
                       f"(got {low} and {high})")
    least_s = seconds(document.get("imageMinimumGCAge", "2m"), "imageMinimumGCAge")
    most_s = seconds(document.get("imageMaximumGCAge", "0"), "imageMaximumGCAge")
    if 0 < most_s <= least_s:
        raise BadRules(f"imageMaximumGCAge: must be greater than imageMinimumGCAge (got {most_s:g}s and {least_s:g}s)")
    return Images(high, low, least_s, most_s, at_once=at_once(document))


def percent(document: Mapping[str, Any], field: str, default: int) -> int:
    """Return a share of the disk."""
    value = whole(document, field, default)
    if value > 100:
        raise BadRules(f"{field}: must be between 0 and 100 (got {value})")
    return value


def at_once(document: Mapping[str, Any]) -> int:
    """Return how many images may be pulled at once; 0: as many as the node's own setting says."""
    alone = document.get("serializeImagePulls")
    if alone not in (None, True, False):
        raise BadRules(f"serializeImagePulls: expected true or false (got {alone!r})")
    most = whole(document, "maxParallelImagePulls", 0)
    if "maxParallelImagePulls" in document and most < 1:
        raise BadRules(f"maxParallelImagePulls: must be a positive number (got {most})")
    if alone and most > 1:
        raise BadRules("maxParallelImagePulls: cannot be larger than 1 unless serializeImagePulls is false "
                       f"(got {most})")
    return 1 if alone else most
