"""Drive a server by client-go's dynamic client, as controllers in Go do: discovery, writes of all sorts, pages, a watch.

Prints one JSON object of what it saw. Usage: with_client_go.py KUBECONFIG
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from kubernetes_lite.client import DynamicClient
from kubernetes_lite.errors import AlreadyExistsError, ConflictError, InvalidError, NotFoundError

NAMESPACE = "default"
MERGE, STRATEGIC, JSON_PATCH = (f"application/{form}+json" for form in ("merge-patch", "strategic-merge-patch", "json-patch"))
TEMPLATE = {"metadata": {"labels": {"app": "go"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}


def main() -> None:
    """Tell each story and print what came of it."""
    client = DynamicClient(config=Path(sys.argv[1]).read_bytes())
    json.dump({"maps": maps(client), "pages": pages(client), "web": web(client), "watch": watched(client)}, sys.stdout)


def maps(client: DynamicClient) -> dict[str, Any]:
    """Create twice, update from an old version, patch, delete, and look for what is gone."""
    resource = client.resource("v1", "ConfigMap")
    made = resource.create(named("ConfigMap", "go", data={"a": "1"}), namespace=NAMESPACE)
    updated = resource.update({**made, "data": {"a": "2"}}, namespace=NAMESPACE)
    stale = refusal(lambda: resource.update({**made, "data": {"a": "3"}}, namespace=NAMESPACE), ConflictError)
    again = refusal(lambda: resource.create(named("ConfigMap", "go"), namespace=NAMESPACE), AlreadyExistsError)
    bad = refusal(lambda: resource.create(named("ConfigMap", "No"), namespace=NAMESPACE), InvalidError)
    resource.delete("go", namespace=NAMESPACE)
    gone = refusal(lambda: resource.get("go", namespace=NAMESPACE), NotFoundError)
    return {"updated": updated["data"], "refusals": [stale, again, bad, gone]}


def pages(client: DynamicClient) -> list[int]:
    """List in pages of two."""
    resource = client.resource("v1", "ConfigMap")
    for number in range(5):
        made = {**named("ConfigMap", f"page-{number}"), "data": {"n": str(number)}}
        made["metadata"]["labels"] = {"paged": "yes"}
        resource.create(made, namespace=NAMESPACE)
    sizes, token = [], None
    while token != "":
        page = resource.list(namespace=NAMESPACE, label_selector="paged=yes", limit=2, continue_req=token)
        sizes.append(len(page["items"]))
        token = page["metadata"].get("continue") or ""
    return sizes


def web(client: DynamicClient) -> dict[str, Any]:
    """Apply a Deployment as two managers, write its status and its scale, and patch it three ways."""
    resource = client.resource("apps/v1", "Deployment")
    wanted = named("Deployment", "go", spec={"replicas": 1, "selector": {"matchLabels": {"app": "go"}}, "template": TEMPLATE})
    resource.apply(wanted, "go", NAMESPACE, field_manager="first")
    other = json.loads(json.dumps(wanted).replace("nginx:1", "nginx:2"))
    conflict = refusal(lambda: resource.apply(other, "go", NAMESPACE, field_manager="second"), ConflictError)
    forced = resource.apply(other, "go", NAMESPACE, field_manager="second", force=True)
    with_status = resource.update_status({**forced, "status": {"replicas": 1, "observedGeneration": 1}}, namespace=NAMESPACE)
    scale = resource.get("go", namespace=NAMESPACE, subresources=["scale"])
    resource.patch("go", MERGE, {"spec": {"replicas": 4}}, namespace=NAMESPACE, subresources=["scale"])
    strategic = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "busybox"}]}}}}
    resource.patch("go", STRATEGIC, strategic, namespace=NAMESPACE)
    found = resource.patch("go", JSON_PATCH, [{"op": "test", "path": "/spec/replicas", "value": 4}], namespace=NAMESPACE)
    resource.delete("go", namespace=NAMESPACE, propagation_policy="Background")
    return {
        "conflict": conflict, "managers": [owner["manager"] for owner in forced["metadata"]["managedFields"]],
        "status": with_status["status"]["replicas"], "scale": scale["spec"]["replicas"], "replicas": found["spec"]["replicas"],
        "containers": [one["name"] for one in found["spec"]["template"]["spec"]["containers"]],
    }


def watched(client: DynamicClient) -> list[str]:
    """Watch from a revision on."""
    resource = client.resource("v1", "Secret")
    since = resource.list(namespace=NAMESPACE)["metadata"]["resourceVersion"]
    resource.create(named("Secret", "seen"), namespace=NAMESPACE)
    resource.patch("seen", MERGE, {"data": {"k": "dg=="}}, namespace=NAMESPACE)
    resource.delete("seen", namespace=NAMESPACE)
    stream = resource.watch(namespace=NAMESPACE, resource_version=since, timeout=20)
    kinds = []
    for event in stream:
        kinds.append(event["Type"])
        if event["Type"] == "DELETED":
            break
    stream.stop()
    return kinds


def named(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    group = "apps/v1" if kind == "Deployment" else "v1"
    return {"apiVersion": group, "kind": kind, "metadata": {"name": name}, **fields}


def refusal(write: Any, wanted: type[Exception]) -> str:
    """Return what client-go said when it refused."""
    try:
        write()
    except wanted as error:
        return f"{type(error).__name__}: {error}"
    raise SystemExit(f"{wanted.__name__} was not raised")


if __name__ == "__main__":
    main()
