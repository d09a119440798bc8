"""A second node that falls silent: its pods run on the first one soon.

The second node is only told of: the test writes its object, its lease, and that its pods run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.cluster import deployment, until
from tests.e2e.place import Place, name_of, ready

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
MERGE = "application/merge-patch+json"
READY = {"type": "Ready", "status": "True", "reason": "KubeletReady"}


class Ghost:
    """A node without a machine. Its heart beats until `stop`."""

    def __init__(self, place: Place) -> None:
        self._place, self.name = place, f"ghost-{place.namespace}"
        self._still = threading.Event()
        self._heart: threading.Thread | None = None

    def join(self) -> None:
        """Write the node and its lease, and begin to renew."""
        ask = self._place.server.ask
        ask("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name}})
        room = {"cpu": "4", "memory": "4Gi", "pods": "10"}
        ask("PATCH", f"/api/v1/nodes/{self.name}/status",
            {"status": {"capacity": room, "allocatable": room, "conditions": [READY]}}, content_type=MERGE)
        ask("POST", LEASES, {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {
            "name": self.name, "annotations": {"knarr.dev/renew-every": "2"}}, "spec": self._beat()})
        self.start()

    def start(self) -> None:
        """Let its heart beat."""
        self._still.clear()
        self._heart = threading.Thread(target=self._beats)
        self._heart.start()

    def stop(self) -> None:
        """Let it fall silent."""
        self._still.set()
        if self._heart is not None:
            self._heart.join()

    def leave(self) -> None:
        self.stop()
        for path in (f"/api/v1/nodes/{self.name}", f"{LEASES}/{self.name}"):
            self._place.server.ask("DELETE", path)

    def _beat(self) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"holderIdentity": self.name, "leaseDurationSeconds": 6, "renewTime": now}

    def _beats(self) -> None:
        while not self._still.wait(1):
            self._place.server.ask("PATCH", f"{LEASES}/{self.name}", {"spec": self._beat()}, content_type=MERGE)


@pytest.fixture
def ghost(place: Place) -> Iterator[Ghost]:
    made = Ghost(place)
    made.join()
    yield made
    made.leave()


def spread(name: str) -> dict[str, Any]:
    """Return a Deployment of two that would rather not lie on one node."""
    made = deployment(name, 2, "sleep inf")
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": name}}}
    made["spec"]["template"]["spec"]["affinity"] = {
        "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}}
    return made


def test_pods_of_a_node_that_falls_silent_run_elsewhere(place, ghost):
    """One of two pods lies there; when nothing is heard any more, another one runs here, though the first cannot be asked."""
    label = {"metadata": {"labels": {"kubernetes.io/hostname": ghost.name}}}
    place.server.ask("PATCH", f"/api/v1/nodes/{ghost.name}", label, content_type=MERGE)
    place.make(spread("web"))
    there = until(lambda: [one for one in place.pods("web") if one["spec"].get("nodeName") == ghost.name], "one lies there")
    lost = name_of(there[0])
    place.patch(f"pods/{lost}/status", {"status": {"phase": "Running", "conditions": [READY]}})
    until(lambda: place.get("deployments/web")["status"].get("readyReplicas") == 2, "both serve")

    ghost.stop()
    here = until(lambda: (pods := place.all_ready("web", 2)()) and lost not in map(name_of, pods) and pods, "two serve here")
    assert ghost.name not in {one["spec"]["nodeName"] for one in here}
    node = place.get(f"nodes/{ghost.name}")
    assert ("Unknown", "NodeStatusUnknown") == next(
        (one["status"], one["reason"]) for one in node["status"]["conditions"] if one["type"] == "Ready")
    assert {"node.kubernetes.io/unreachable"} == {one["key"] for one in node["spec"]["taints"]}
    silent = place.get(f"pods/{lost}")
    assert ("deletionTimestamp" in silent["metadata"], False) == (True, ready(silent))
    assert "DisruptionTarget" in {one["type"] for one in silent["status"]["conditions"]}
