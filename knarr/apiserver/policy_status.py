"""Say in the status of ValidatingAdmissionPolicies that they have been looked at, and what type checking found.

It happens within the write of the policy. Source: kube pkg/controller/validatingadmissionpolicystatus/controller.go.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from knarr.api import kinds
from knarr.api.errors import ApiError, NotFound
from knarr.apiserver.changes import Changer

Obj = dict[str, Any]


async def refresh(changer: Changer) -> None:
    """Look at every policy that has changed since its status was written."""
    for entry in changer.core.store.list(POLICY.namespace_prefix("")).entries:
        policy = entry.obj
        generation = policy["metadata"].get("generation", 1)
        if (policy.get("status") or {}).get("observedGeneration") == generation:
            continue
        try:
            await changer.edit(POLICY, entry.key, lambda one: _look(changer, one))
        except NotFound:
            continue  # deleted meanwhile
        except ApiError:
            continue  # somebody else is writing it, and his write is followed by another look


def _look(changer: Changer, policy: Obj) -> None:
    checking = import_module("knarr.apiserver.policy_types")  # with the first policy: it brings CEL in
    warnings = checking.warnings(policy["spec"], changer.core.registry.kinds)
    checked = {"expressionWarnings": warnings} if warnings else {}
    policy["status"] = {**(policy.get("status") or {}), "observedGeneration": policy["metadata"].get("generation", 1),
                        "typeChecking": checked}


def _policy_kind() -> kinds.Kind:
    found = kinds.by_resource("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies")
    assert found is not None
    return found


POLICY = _policy_kind()
