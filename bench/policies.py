"""Measure what admission policies cost a creation, in process and without a disk. Prints lines.

    python -m bench.policies

Rates are creations per processor second, the better of three runs: without policies, with one that is about something
else, with a validating one with a variable and a message, and with a mutating one that adds a label.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson

from knarr.api.http import Call, User
from knarr.apiserver.server import ApiServer
from knarr.apiserver.settings import Settings
from knarr.store.memory import open_memory

ROOT = "/apis/admissionregistration.k8s.io/v1"
ADMIN = User("admin", groups=("system:masters", "system:authenticated"))
RUNS, CREATIONS = 3, 600
FIGURE_PER_S = 600  # with one policy bound
LABEL = 'Object{metadata: Object.metadata{labels: {"team": object.metadata.namespace}}}'


def rule(plural: str, group: str = "") -> dict[str, Any]:
    """Return what a policy is about."""
    one = {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [plural]}
    return {"resourceRules": [one]}


def validating(plural: str, group: str = "") -> dict[str, Any]:
    """Return a policy's spec."""
    return {"matchConstraints": rule(plural, group), "variables": [
        {"name": "names", "expression": "object.spec.containers.map(one, one.name)"}], "validations": [
        {"expression": "size(variables.names) <= 10", "messageExpression": "'many: ' + string(size(variables.names))"},
        {"expression": "object.spec.containers.all(one, !one.image.endsWith(':latest'))", "message": "no latest"}]}


CASES: dict[str, tuple[str, dict[str, Any]] | None] = {
    "none": None,
    "another_kind": ("validating", validating("deployments", "apps")),
    "validating": ("validating", validating("pods")),
    "mutating": ("mutating", {"matchConstraints": rule("pods"), "mutations": [
        {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": LABEL}}]}),
}


def main() -> None:
    """Print the lines."""
    for name, case in CASES.items():
        best = max(asyncio.run(run(case)) for _ in range(RUNS))
        print(f"policies_create_{name} {best:.0f} /s {FIGURE_PER_S}")


async def run(case: tuple[str, dict[str, Any]] | None) -> float:
    """Return the pods made per processor second."""
    store = open_memory()
    server = ApiServer(store, Settings())
    await server.start()
    await ask(server, "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    if case is not None:
        sort, spec = case
        bound = {"policyName": "p", **({"validationActions": ["Deny"]} if sort == "validating" else {})}
        await ask(server, f"{ROOT}/{sort}admissionpolicies", {"metadata": {"name": "p"}, "spec": spec})
        await ask(server, f"{ROOT}/{sort}admissionpolicybindings", {"metadata": {"name": "p"}, "spec": bound})
    await ask(server, "/api/v1/namespaces/default/pods", pod("first"))
    began_s = time.process_time()
    for number in range(CREATIONS):
        await ask(server, "/api/v1/namespaces/default/pods", pod(f"p-{number}"))
    spent_s = time.process_time() - began_s
    await server.stop()
    await store.close()
    return CREATIONS / spent_s


async def ask(server: ApiServer, path: str, body: dict[str, Any]) -> None:
    """Create, and insist that it worked."""
    headers = {"content-type": "application/json", "user-agent": "bench"}
    answer = await server.handle(Call("POST", path, {}, headers, orjson.dumps(body), ADMIN))
    assert answer.status == 201, answer.body


def pod(name: str) -> dict[str, Any]:
    """Return one pod's manifest."""
    return {"metadata": {"name": name, "labels": {"app": "bench"}},
            "spec": {"containers": [{"name": "c", "image": "nginx:1.25"}]}}


if __name__ == "__main__":
    main()
