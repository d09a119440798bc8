"""Find the parameters with which a policy is asked.

Source: kube apiserver admission/plugin/policy/generic/policy_dispatcher.go, CollectParams.
"""

from __future__ import annotations

from typing import Any

from knarr.api import selectors
from knarr.api.kinds import Kind
from knarr.apiserver import convert
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.configured import Policy

Obj = dict[str, Any]


class Misconfigured(Exception):
    """A policy or binding cannot be used; the text says why."""


def kind_of(a: Admission, policy: Policy) -> Kind | None:
    """Return the kind of a policy's parameters, None if it has none; Misconfigured if it is not served."""
    wanted = policy.spec.get("paramKind")
    if not wanted:
        return None
    for row in a.core.registry.kinds:
        if row.stored and row.kind == wanted.get("kind") and row.api_version == wanted.get("apiVersion"):
            return row
    shown = f"{wanted.get('apiVersion')}, Kind={wanted.get('kind')}"
    raise Misconfigured(f"failed to find resource referenced by paramKind: '{shown}'")


def collect(a: Admission, kind: Kind | None, ref: Obj | None) -> list[Obj | None]:
    """Return the parameter objects that a binding names: none of a kind is one that is null; Misconfigured."""
    if kind is None or not ref:
        return [None]
    namespace = str(ref.get("namespace") or a.namespace) if kind.namespaced else ""
    if kind.namespaced and not namespace:
        raise Misconfigured("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
    found = _named(a, kind, namespace, str(ref["name"])) if ref.get("name") else _chosen(a, kind, namespace, ref)
    if not found and ref.get("parameterNotFoundAction") == "Deny":
        raise Misconfigured("no params found for policy binding with `Deny` parameterNotFoundAction")
    return list(found)


def _named(a: Admission, kind: Kind, namespace: str, name: str) -> list[Obj]:
    entry = a.core.store.get(kind.storage.key(namespace, name))
    return [convert.served(kind, entry.obj)] if entry else []


def _chosen(a: Admission, kind: Kind, namespace: str, ref: Obj) -> list[Obj]:
    wanted = selectors.of_object(ref.get("selector") or {})
    listed = a.core.store.list(kind.storage.namespace_prefix(namespace)).entries
    objects = (entry.obj for entry in listed)
    return [convert.served(kind, one) for one in objects if wanted.matches(one["metadata"].get("labels") or {})]
