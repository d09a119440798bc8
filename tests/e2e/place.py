"""Ask a cluster about one namespace without a command line between: quick enough to look every 50 ms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from knarr.cli.connect import Server, connect
from tests.e2e.cluster import Cluster

Objects = list[dict[str, Any]]
GROUPS = {
    "api/v1": ("pods", "resourcequotas", "replicationcontrollers", "persistentvolumeclaims", "persistentvolumes", "nodes",
               "events"),
    "apis/batch/v1": ("jobs",),
    "apis/policy/v1": ("poddisruptionbudgets",),
    "apis/storage.k8s.io/v1": ("storageclasses",),
}
CLUSTER_WIDE = ("persistentvolumes", "nodes", "storageclasses")


class Place:
    """A namespace of a cluster, asked without a command line between."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.server: Server = connect(None, str(cluster.data_dir))

    def path(self, what: str) -> str:
        """Return where "deployments/web" lies."""
        kind = what.split("/")[0]
        group = next((group for group, kinds in GROUPS.items() if kind in kinds), "apis/apps/v1")
        return f"/{group}/{what}" if kind in CLUSTER_WIDE else f"/{group}/namespaces/{self.namespace}/{what}"

    def get(self, what: str) -> dict[str, Any]:
        found: dict[str, Any] = self.server.ask("GET", self.path(what))
        return found

    def patch(self, what: str, change: dict[str, Any]) -> None:
        self.server.ask("PATCH", self.path(what), change, content_type="application/merge-patch+json")

    def delete(self, what: str, **options: Any) -> None:
        self.server.ask("DELETE", self.path(what), options)

    def make(self, *objects: dict[str, Any]) -> None:
        self.cluster.apply(*objects, namespace=self.namespace, wait=False)

    def pods(self, app: str) -> Objects:
        """Return the pods of an app that are not going, by name."""
        found = self.server.ask("GET", self.path("pods"), query={"labelSelector": f"app={app}"})["items"]
        return sorted((one for one in found if "deletionTimestamp" not in one["metadata"]), key=name_of)

    def all_ready(self, app: str, count: int) -> Callable[[], Objects | None]:
        """Return a question: the pods, once they are so many and ready."""
        def look() -> Objects | None:
            pods = self.pods(app)
            return pods if len(pods) == count and all(ready(one) for one in pods) else None
        return look


def name_of(one: dict[str, Any]) -> str:
    return str(one["metadata"]["name"])


def ready(one: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in one["status"].get("conditions", ()))
