"""Check label selectors and node selectors. Source: kube apimachinery meta/v1/validation/validation.go."""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.metadata import check_labels
from knarr.api.validation.spot import Spot

SET_OPERATORS: Final = ("In", "NotIn")
PRESENCE_OPERATORS: Final = ("Exists", "DoesNotExist")
NUMBER_OPERATORS: Final = ("Gt", "Lt")


def label_selector(spot: Spot, selector: dict[str, Any] | None) -> bool:
    """Check a label selector; return whether it can be used."""
    if not selector:
        return True
    before = len(spot.causes)
    if selector.get("matchLabels"):
        check_labels(spot.at("matchLabels"), selector["matchLabels"])
    usable = True
    for number, requirement in enumerate(selector.get("matchExpressions") or ()):
        usable = _requirement(spot.at("matchExpressions").index(number), requirement) and usable
    return usable and len(spot.causes) == before


def matches(selector: dict[str, Any] | None, values: dict[str, str] | None) -> bool:
    """Whether labels fulfil a usable selector; nothing selects nothing, an empty selector everything."""
    if selector is None:
        return False
    values = values or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        if values.get(key) != value:
            return False
    return all(_fulfils(values, requirement) for requirement in selector.get("matchExpressions") or ())


def node_selector(spot: Spot, selector: dict[str, Any]) -> None:
    """Check a required node selector: at least one term."""
    terms = selector.get("nodeSelectorTerms")
    if not terms:
        spot.at("nodeSelectorTerms").required("must have at least one node selector term")
        return
    for number, term in enumerate(terms):
        node_term(spot.at("nodeSelectorTerms").index(number), term)


def node_term(spot: Spot, term: dict[str, Any]) -> None:
    """Check one term: expressions over labels, and over the field `metadata.name`."""
    for number, requirement in enumerate(term.get("matchExpressions") or ()):
        _node_requirement(spot.at("matchExpressions").index(number), requirement)
    for number, requirement in enumerate(term.get("matchFields") or ()):
        _field_requirement(spot.at("matchFields").index(number), requirement)


def _requirement(spot: Spot, requirement: dict[str, Any]) -> bool:
    operator, values = requirement.get("operator"), requirement.get("values")
    before = len(spot.causes)
    if operator in SET_OPERATORS:
        if not values:
            spot.at("values").required("must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in PRESENCE_OPERATORS:
        if values:
            spot.at("values").forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    else:
        spot.at("operator").invalid(operator or "", "not a valid selector operator")
    key = requirement.get("key") or ""
    spot.at("key").each(key, formats.qualified_name(key))
    for number, value in enumerate(values or ()):
        spot.at("values").index(number).each(value, formats.label_value(value))
    return len(spot.causes) == before


def _fulfils(values: dict[str, str], requirement: dict[str, Any]) -> bool:
    key, operator, wanted = requirement.get("key"), requirement.get("operator"), requirement.get("values") or ()
    if operator == "In":
        return values.get(key or "") in wanted
    if operator == "NotIn":
        return values.get(key or "") not in wanted
    return (key in values) == (operator == "Exists")


def _node_requirement(spot: Spot, requirement: dict[str, Any]) -> None:
    operator, values = requirement.get("operator"), requirement.get("values") or ()
    if operator in SET_OPERATORS:
        if not values:
            spot.at("values").required("must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in PRESENCE_OPERATORS:
        if values:
            spot.at("values").forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif operator in NUMBER_OPERATORS:
        if len(values) != 1:
            spot.at("values").required("must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        spot.at("operator").invalid(operator or "", "not a valid selector operator")
    key = requirement.get("key") or ""
    spot.at("key").each(key, formats.qualified_name(key))


def _field_requirement(spot: Spot, requirement: dict[str, Any]) -> None:
    operator, values = requirement.get("operator"), requirement.get("values") or ()
    if operator not in SET_OPERATORS:
        spot.at("operator").invalid(operator or "", "not a valid selector operator")
    elif len(values) != 1:
        spot.at("values").required("must be only one value when `operator` is 'In' or 'NotIn' for node field selector")
    key = requirement.get("key") or ""
    if key != "metadata.name":
        spot.at("key").invalid(key, "not a valid field selector key")
        return
    for number, value in enumerate(values):
        spot.at("values").index(number).each(value, formats.dns_subdomain(value))
