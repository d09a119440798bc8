"""Processors of one's own on real containers: who has them has them alone, all others stay away from them."""

from __future__ import annotations

import os
import signal

import pytest

from tests.e2e.cluster import busybox_archive, new_cluster, pod, until
from tests.e2e.place import Place, ready

RULES = """apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cpuManagerPolicy: static
reservedSystemCPUs: "0"
topologyManagerPolicy: single-numa-node
"""
WHERE = ("sh", "-c", "grep Cpus_allowed_list /proc/self/status")
ONE = {"resources": {"limits": {"cpu": "1", "memory": "32Mi"}}}


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor cannot be shared out")
def test_a_container_has_its_processor_alone(tmp_path):
    """The others move away when it comes, and back when it has gone; a new agent knows who has what."""
    (tmp_path / "kubelet.yaml").write_text(RULES)
    made = new_cluster()
    try:
        made.knarr("up", "--port", str(made.port), "--kubelet-config", str(tmp_path / "kubelet.yaml"))
        made.knarr("image", "load", str(busybox_archive(tmp_path / "busybox.tar")))
        place = Place(made, "default")

        def where(name: str) -> str:
            return made.exec(name, *WHERE).split()[-1]

        made.apply(pod("shares"))
        everywhere = where("shares")
        made.apply(pod("alone", container=ONE))
        own = where("alone")
        assert own.isdigit()
        until(lambda: own != where("shares"), "the other one moves away")
        assert "0" == where("shares").split(",")[0].split("-")[0]

        agent = (made.data_dir / "run" / "agent.pid").read_text().split()[0]
        os.kill(int(agent), signal.SIGKILL)
        made.apply(pod("late"))
        assert where("late") == where("shares")
        assert (own, 0) == (where("alone"), place.get("pods/alone")["status"]["containerStatuses"][0]["restartCount"])
        assert ("Infeasible", "Resize is infeasible for Guaranteed Pods with CPU Manager static policy") == resized(place)
        made.knarr("delete", "pod", "alone")
        until(lambda: where("shares") == everywhere == where("late"), "they may run everywhere again")
        assert ready(place.get("pods/shares"))
    finally:
        made.knarr("down", "--purge", check=False)


def resized(place: Place) -> tuple[str, str]:
    """Ask for more than it has, and return what the node says to that."""
    container = {"name": "main", "resources": {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}}
    place.server.ask("PATCH", place.path("pods/alone/resize"), {"spec": {"containers": [container]}},
                     content_type="application/strategic-merge-patch+json")
    told = until(lambda: [one for one in place.get("pods/alone")["status"]["conditions"]
                          if one["type"] == "PodResizePending"], "the node has judged it")
    return told[0]["reason"], told[0]["message"]
