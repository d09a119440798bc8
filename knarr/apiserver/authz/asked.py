"""Read what an access review asks, and say what is wrong with the question. Pure.

Source: kube pkg/apis/authorization/validation/validation.go; pkg/registry/authorization/util/helpers.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knarr.api.errors import Cause
from knarr.api.http import User
from knarr.apiserver.security import Attributes

Obj = dict[str, Any]
ATTRIBUTES = "spec.resourceAttributes"
BOTH = "may not specified at the same time as requirements"
OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "", "DoesNotExist": "!"}


def own(review: Obj) -> list[Cause]:
    """Return what refuses a question about oneself."""
    return [*_one_of_two(review.get("spec") or {}), *_selectors(review.get("spec") or {}), *_metadata(review)]


def named(review: Obj) -> list[Cause]:
    """Return what refuses a question about a user."""
    return [*_subject(review.get("spec") or {}), *_metadata(review)]


def local(review: Obj) -> list[Cause]:
    """Return what refuses a question about a user within a namespace."""
    spec, meta = review.get("spec") or {}, review["metadata"]
    causes = [*_subject(spec), *_metadata(review, "must be empty except for namespace", kept={"namespace"})]
    wanted = (spec.get("resourceAttributes") or {}).get("namespace", "")
    if spec.get("resourceAttributes") is not None and wanted != meta.get("namespace", ""):
        causes.append(_invalid(f"{ATTRIBUTES}.namespace", f'"{wanted}"', "must match metadata.namespace"))
    if spec.get("nonResourceAttributes") is not None:
        causes.append(_invalid("spec.nonResourceAttributes", _paths(spec), "disallowed on this kind of request"))
    return causes


def attributes(spec: Obj, user: User) -> Attributes:
    """Return what a sound review asks about."""
    paths = spec.get("nonResourceAttributes")
    if paths is not None:
        return Attributes(user, paths.get("verb", ""), paths.get("path", ""))
    of = spec["resourceAttributes"]
    return Attributes(
        user,
        of.get("verb", ""),
        "",
        of.get("group", ""),
        of.get("version", ""),
        of.get("resource", ""),
        of.get("subresource", ""),
        of.get("namespace", ""),
        of.get("name", ""),
        _written(of.get("fieldSelector") or {}, fields=True),
        _written(of.get("labelSelector") or {}, fields=False),
    )


def user(spec: Obj) -> User:
    """Return the user that a review names."""
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    return User(spec.get("user", ""), spec.get("uid", ""), tuple(spec.get("groups") or ()), extra)


def _subject(spec: Obj) -> Iterator[Cause]:
    yield from _one_of_two(spec)
    if not spec.get("user") and not spec.get("groups"):
        yield _invalid("spec.user", '""', "at least one of user or group must be specified")
    yield from _selectors(spec)


def _one_of_two(spec: Obj) -> Iterator[Cause]:
    resources, paths = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resources is not None and paths is not None:
        yield _invalid(
            "spec.nonResourceAttributes", _paths(spec), "cannot be specified in combination with resourceAttributes"
        )
    if resources is None and paths is None:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        yield _invalid(ATTRIBUTES, "null", why)


def _metadata(
    review: Obj, why: str = "must be empty", kept: frozenset[str] | set[str] = frozenset()
) -> Iterator[Cause]:
    said = {key: value for key, value in review["metadata"].items() if value and key not in {"managedFields", *kept}}
    if said:
        yield _invalid("metadata", _go_object(said), why)


def _selectors(spec: Obj) -> Iterator[Cause]:
    of = spec.get("resourceAttributes") or {}
    for name in ("fieldSelector", "labelSelector"):
        selector, spot = of.get(name), f"{ATTRIBUTES}.{name}"
        if selector is None:
            continue
        raw, requirements = selector.get("rawSelector", ""), selector.get("requirements") or []
        if raw and requirements:
            yield _invalid(f"{spot}.rawSelector", f'"{raw}"', BOTH)
        if not raw and not requirements:
            why = f"when {spot} is specified, requirements or rawSelector is required"
            yield Cause("FieldValueRequired", f"{spot}.requirements", f"Required value: {why}")
        for index, requirement in enumerate(requirements):
            yield from _requirement(requirement, f"{spot}.requirements[{index}]")


def _requirement(requirement: Obj, spot: str) -> Iterator[Cause]:
    """Operators that nobody knows yet are let in: a newer client may. Source: kube meta/v1/validation."""
    operator, values = requirement.get("operator", ""), requirement.get("values") or []
    if operator in ("In", "NotIn") and not values:
        why = "must be specified when `operator` is 'In' or 'NotIn'"
        yield Cause("FieldValueRequired", f"{spot}.values", f"Required value: {why}")
    if operator in ("Exists", "DoesNotExist") and values:
        why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        yield Cause("FieldValueForbidden", f"{spot}.values", f"Forbidden: {why}")
    if not requirement.get("key"):
        yield Cause("FieldValueRequired", f"{spot}.key", "Required value: must be specified")


def _written(selector: Obj, *, fields: bool) -> str:
    """Write a selector as a request would; what cannot be written so narrows nothing, as an unknown operator does."""
    if selector.get("rawSelector"):
        return str(selector["rawSelector"])
    terms = []
    for one in selector.get("requirements") or ():
        key, operator, values = one.get("key", ""), one.get("operator", ""), one.get("values") or []
        if fields and operator in ("In", "NotIn") and len(values) == 1:
            escaped = str(values[0]).replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
            terms.append(f"{key}{'=' if operator == 'In' else '!='}{escaped}")
        elif not fields and operator in OPERATORS:
            listed = f" {OPERATORS[operator]} ({','.join(values)})" if operator in ("In", "NotIn") else ""
            terms.append(f"{'!' if operator == 'DoesNotExist' else ''}{key}{listed}")
    return ",".join(terms)


def _paths(spec: Obj) -> str:
    of = spec.get("nonResourceAttributes") or {}
    return "{" + f'"path":"{of.get("path", "")}","verb":"{of.get("verb", "")}"' + "}"


def _go_object(said: Obj) -> str:
    pairs = ",".join(f'"{key}":"{value}"' for key, value in sorted(said.items()))
    return "{" + pairs + "}"


def _invalid(spot: str, shown: str, why: str) -> Cause:
    return Cause("FieldValueInvalid", spot, f"Invalid value: {shown}: {why}")
