"""Find the pod and container that a word like `deploy/web` stands for."""

from __future__ import annotations

from typing import Any

from knarr.cli.connect import Server
from knarr.cli.failure import RequestFailed
from knarr.cli.resources import find


def pods_of(server: Server, word: str) -> list[dict[str, Any]]:
    """Return the pods that `NAME`, `pod/NAME` or `workload/NAME` means, running ones first.

    Raises RequestFailed when there is none.
    """
    kind, _, name = word.rpartition("/")
    if not name:
        raise RequestFailed(f"say which pod (got {word!r})", hint="name a pod, or a workload like deployment/web")
    resource = find(server, kind or "pods")
    body = server.ask("GET", resource.path(server.namespace, name))
    if resource.kind == "Pod":
        return [body]
    labels = selector_of(body)
    if not labels:
        raise RequestFailed(f"{word} selects no pods", hint="name a pod, or a workload like deployment/web")
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}
    found = server.ask("GET", f"/api/v1/namespaces/{server.namespace}/pods", query=query)["items"]
    if not found:
        raise RequestFailed(f"{word} has no pods", hint=f"why: knarr describe {word}")
    return sorted(found, key=lambda pod: (pod["status"].get("phase") != "Running", pod["metadata"]["name"]))


def selector_of(body: dict[str, Any]) -> dict[str, str]:
    """Return the labels by which a workload or Service picks pods."""
    selector = body.get("spec", {}).get("selector") or {}
    return dict(selector.get("matchLabels") or {}) if "matchLabels" in selector else dict(selector)
