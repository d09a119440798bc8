"""An operator written with kopf runs against the server: it sees, builds, follows, keeps a log, and lets go."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wire.serving import Served, serving

PATIENCE_S = 60.0
SHIPS = ("sea.example.com", "v1", "default", "ships")
OBJECT = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "ships.sea.example.com"},
    "spec": {
        "group": "sea.example.com", "scope": "Namespaced", "names": {"plural": "ships", "kind": "Ship", "shortNames": ["sh"]},
        "versions": [{
            "name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"crew": {"type": "integer", "default": 6}}},
                "status": OBJECT,
            }}},
        }],
    },
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture(scope="module")
def kubernetes(served: Served) -> Any:
    """The official client, joined to the server, with the ships' definition made and established."""
    pytest.importorskip("kopf")
    module = pytest.importorskip("kubernetes")
    module.config.load_kube_config(str(served.kubeconfig))
    module.client.ApiextensionsV1Api().create_custom_resource_definition(DEFINITION)
    return module


@pytest.fixture(scope="module")
def operator(kubernetes: Any, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run the operator beside the tests; yields its log."""
    log = tmp_path_factory.mktemp("operator") / "log"
    program = Path(__file__).parent / "guests/fleet_operator.py"
    command = [sys.executable, "-m", "kopf", "run", "--standalone", "--namespace=default", str(program)]
    with log.open("w") as file:
        environment = {**os.environ, "KUBECONFIG": str(served.kubeconfig)}
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment)
        try:
            yield log
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.slow
def test_the_life_of_a_ship(kubernetes, operator):
    """A user makes a ship without a word on its crew, changes the crew, and deletes the ship."""
    custom, core = kubernetes.client.CustomObjectsApi(), kubernetes.client.CoreV1Api()
    custom.create_namespaced_custom_object(*SHIPS, {
        "apiVersion": "sea.example.com/v1", "kind": "Ship", "metadata": {"name": "knarr"}, "spec": {},
    })

    def ship() -> dict[str, Any]:
        return dict(custom.get_namespaced_custom_object(*SHIPS, "knarr"))

    def status() -> dict[str, Any]:
        return dict(ship().get("status") or {})

    until(lambda: status().get("phase") == "Afloat", "afloat", operator)
    assert {"hold": "knarr-hold"} == status()["build"]
    assert ["sea.example.com/finalizer"] == ship()["metadata"]["finalizers"]
    hold = core.read_namespaced_config_map("knarr-hold", "default")
    assert {"crew": "6"} == hold.data
    assert [(True, "Ship", ship()["metadata"]["uid"])] == [
        (owner.controller, owner.kind, owner.uid) for owner in hold.metadata.owner_references
    ]
    until(lambda: status().get("entries", 0) >= 3 and status()["seen"] == ["knarr-hold"], "the log is kept", operator)

    custom.patch_namespaced_custom_object(*SHIPS, "knarr", {"spec": {"crew": 8}})
    until(lambda: status().get("mustered") == {"from": 6, "to": 8}, "mustered", operator)
    assert {"crew": "8"} == core.read_namespaced_config_map("knarr-hold", "default").data
    told = [event for event in core.list_namespaced_event("default").items if event.reason == "LookoutUp"]
    assert [("Ship", "knarr", "on the mast")] == [
        (event.involved_object.kind, event.involved_object.name, event.message) for event in told
    ]

    custom.delete_namespaced_custom_object(*SHIPS, "knarr")
    until(lambda: not custom.list_namespaced_custom_object(*SHIPS)["items"], "gone", operator)
    assert {"left": "nothing"} == core.read_namespaced_config_map("knarr-will", "default").data


@pytest.mark.slow
def test_a_ship_that_cannot_be(kubernetes, operator):
    """What will never do is told once, and does not hold up the deletion."""
    custom, core = kubernetes.client.CustomObjectsApi(), kubernetes.client.CoreV1Api()
    custom.create_namespaced_custom_object(*SHIPS, {
        "apiVersion": "sea.example.com/v1", "kind": "Ship", "metadata": {"name": "ghost"}, "spec": {"crew": -1},
    })

    def messages() -> str:
        return " ".join(str(event.message) for event in core.list_namespaced_event("default").items)

    until(lambda: "a crew cannot be negative" in messages(), "told", operator)
    custom.delete_namespaced_custom_object(*SHIPS, "ghost")
    until(lambda: not custom.list_namespaced_custom_object(*SHIPS)["items"], "gone", operator)


def until(true: Callable[[], bool], what: str, log: Path) -> None:
    """Wait until something holds; the operator's log says why it does not."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline_s, f"{what}: not within {PATIENCE_S} s\n{log.read_text()}"
        time.sleep(0.05)
