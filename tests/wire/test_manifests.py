"""Manifests as their authors publish them apply, read back as written, and go away cleanly: from the client and on the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knarr.api.yamldoc import read_documents
from tests.wire.serving import Served, serving
from tests.wire.test_kubectl import Kubectl, binaries

MANIFESTS = Path(__file__).parents[3] / "shared/manifests"
ANNOTATIONS_MAX = 256 * 1024  # bytes, which client-side apply's copy of a large definition goes beyond
NAMESPACE = "default"


def sets() -> list[Any]:
    """Return what is applied together: a file, or a folder of them."""
    found = sorted([*MANIFESTS.glob("apps/*"), *MANIFESTS.glob("operators/*")])
    return [pytest.param(path, id=path.stem) for path in found]


def documents(path: Path) -> list[dict[str, Any]]:
    files = sorted(path.glob("*.y*ml")) if path.is_dir() else [path]
    return [one for file in files for one in read_documents(file.read_text()) if one]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture(scope="module")
def kubectl(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    if not binaries():
        pytest.skip("no kubectl.1.* beside kubectl")
    return Kubectl(binaries()[-1], served, tmp_path_factory.mktemp("cache"))


def test_the_manifests_are_there():
    """Without them the tests below say nothing."""
    if not MANIFESTS.exists():
        pytest.skip(f"no manifests at {MANIFESTS}")
    assert len(sets()) >= 6


@pytest.mark.slow
@pytest.mark.parametrize("path", sets())
def test_on_the_server(kubectl, path):
    """Server-side apply takes every document, however large; a second time changes nothing; all are read back and deleted."""
    apply = ("apply", "--server-side", "-n", NAMESPACE, "-f", str(path))
    told = kubectl(*apply).splitlines()
    stored = read(kubectl, path)
    kubectl(*apply)

    assert len(documents(path)) == len([line for line in told if line.endswith("serverside-applied")])
    assert_as_written(documents(path), stored)
    assert versions(stored) == versions(read(kubectl, path))
    assert_gone(kubectl, path)


@pytest.mark.slow
@pytest.mark.parametrize("path", sets())
def test_from_the_client(kubectl, path):
    """Client-side apply takes what its own annotation can hold and says of the rest what Kubernetes says."""
    apply = ("apply", "-n", NAMESPACE, "-f", str(path))
    large = [one for one in documents(path) if len(json.dumps(one)) > ANNOTATIONS_MAX]
    told = kubectl(*apply, code=1 if large else 0)
    stored = read(kubectl, path)
    kubectl(*apply, code=1 if large else 0)

    assert len(documents(path)) - len(large) == told.count(" created") == len(stored)
    assert len(large) == told.count("metadata.annotations: Too long: may not be more than 262144 bytes")
    assert versions(stored) == versions(read(kubectl, path))
    assert_gone(kubectl, path)


def read(kubectl: Kubectl, path: Path) -> list[dict[str, Any]]:
    """Read back every object of a set, in its order."""
    found = json.loads(kubectl("get", "--ignore-not-found", "-n", NAMESPACE, "-f", str(path), "-o", "json"))
    return found["items"] if found["kind"] == "List" else [found]


def versions(objects: list[dict[str, Any]]) -> list[str]:
    return [one["metadata"]["resourceVersion"] for one in objects]


def assert_as_written(written: list[dict[str, Any]], stored: list[dict[str, Any]]) -> None:
    """Every field that an author wrote has the value that he wrote."""
    by_name = {(one["kind"], one["metadata"]["name"]): one for one in stored}
    for one in written:
        where = (one["kind"], one["metadata"]["name"])
        assert [] == list(lost(one, by_name[where], where=""))


def lost(written: Any, stored: Any, *, where: str) -> Iterator[str]:
    """Name the fields that are not stored as written."""
    if isinstance(written, dict) and isinstance(stored, dict):
        for name, value in written.items():
            if value is not None and value != {} and value != []:
                yield from lost(value, stored.get(name), where=f"{where}.{name}")
    elif isinstance(written, list) and isinstance(stored, list) and len(written) == len(stored):
        for number, value in enumerate(written):
            yield from lost(value, stored[number], where=f"{where}[{number}]")
    elif written != stored:
        yield f"{where}: wrote {written!r}, found {stored!r}"


def assert_gone(kubectl: Kubectl, path: Path) -> None:
    kubectl("delete", "-n", NAMESPACE, "--ignore-not-found", "-f", str(path))
    assert "" == kubectl("get", "-n", NAMESPACE, "--ignore-not-found", "-f", str(path), "-o", "name").replace(
        "No resources found\n", "",
    )
