"""Restart rules of containers, as people get them wrong. The refusals are those of Kubernetes 1.36."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.test_validation import pod, refusals

WHERE = "spec.containers[0]"


def rule(action: str, operator: str = "In", values: tuple[int, ...] = (3,)) -> dict[str, Any]:
    return {"action": action, "exitCodes": {"operator": operator, "values": list(values)}}


@pytest.mark.parametrize(("fields", "refusal"), [
    pytest.param({"restartPolicy": "Never", "restartPolicyRules": [rule("Restart")]}, "", id="a rule"),
    pytest.param({"restartPolicy": "Never", "restartPolicyRules": [rule("RestartAllContainers", "NotIn", (0,))]}, "",
                 id="all containers"),
    pytest.param({"restartPolicyRules": [rule("Restart")]},
                 f"{WHERE}.restartPolicy: Required value: must specify restartPolicy when restart rules are used",
                 id="no policy"),
    pytest.param({"restartPolicy": "Never", "restartPolicyRules": [rule("DoNotRestart")]},
                 f'{WHERE}.restartPolicyRules[0].action: Unsupported value: "DoNotRestart": supported values: '
                 '"Restart", "RestartAllContainers"', id="unknown action"),
    pytest.param({"restartPolicy": "Never", "restartPolicyRules": [rule("Restart", "Equals")]},
                 f'{WHERE}.restartPolicyRules[0].exitCodes.operator: Unsupported value: "Equals": supported values: '
                 '"In", "NotIn"', id="unknown operator"),
    pytest.param({"restartPolicy": "Never", "restartPolicyRules": [{"action": "Restart"}]},
                 f"{WHERE}.restartPolicyRules[0].exitCodes: Required value: must be specified", id="no exit codes"),
    pytest.param({"restartPolicy": "Never", "restartPolicyRules": [rule("Restart")] * 21},
                 f"{WHERE}.restartPolicyRules: Too many: 21: must have at most 20 items", id="too many rules"),
    pytest.param({"restartPolicy": "Never", "restartPolicyRules": [rule("Restart", values=tuple(range(256)))]},
                 f"{WHERE}.restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items",
                 id="too many codes"),
])
def test_rules(fields, refusal):
    """Each is what one container says of its restarts."""
    found = refusals(pod(containers=[{"name": "c", "image": "i", **fields}]))

    assert ([refusal] if refusal else []) == found
