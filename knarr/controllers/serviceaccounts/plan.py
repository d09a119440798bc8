"""Decide whether a namespace needs its default service account.

Source: kube controller/serviceaccount/serviceaccounts_controller.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from knarr.api.types.core_v1 import Namespace, ServiceAccount
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.reconcile.actions import Action, Create

NAME = "default"


@dataclass(frozen=True, slots=True)
class View:
    """One namespace. present: whether it has the account."""

    namespace: Namespace
    present: bool


def plan(view: View) -> list[Action]:
    """Make the account where it is missing and the namespace is not on its way out."""
    if view.present or view.namespace.metadata.deletionTimestamp is not None:
        return []
    return [Create(ServiceAccount(metadata=ObjectMeta(namespace=view.namespace.metadata.name, name=NAME)))]
