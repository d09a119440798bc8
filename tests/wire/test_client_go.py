"""client-go itself, as wheels carry it, discovers, writes, pages and watches."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wire.serving import serving

TIMEOUT_S = 60


@pytest.mark.slow
def test_client_go(tmp_path):
    """Conflicts have their own errors there, pages come whole, a watch from a revision misses nothing."""
    pytest.importorskip("kubernetes_lite", reason="client-go: pip install --no-deps kubernetes_lite")
    program = Path(__file__).parent / "guests/with_client_go.py"
    with serving(tmp_path) as served:
        command = [sys.executable, str(program), str(served.kubeconfig)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    stale, again, bad, gone = seen["maps"].pop("refusals")

    assert {"updated": {"a": "2"}} == seen["maps"]
    assert "the object has been modified; please apply your changes to the latest version and try again" in stale
    assert 'configmaps "go" already exists' in again
    assert 'metadata.name: Invalid value: "No": a lowercase RFC 1123 subdomain must consist of' in bad
    assert 'configmaps "go" not found' in gone
    assert [2, 2, 1] == seen["pages"]
    assert 'conflict with "first": .spec.template.spec.containers[name="c"].image' in seen["web"].pop("conflict")
    assert {
        "managers": ["first", "second"], "status": 1, "scale": 1, "replicas": 4, "containers": ["side", "c"],
    } == seen["web"]
    assert ["ADDED", "MODIFIED", "DELETED"] == seen["watch"]
