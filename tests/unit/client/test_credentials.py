"""Read who one is."""

from __future__ import annotations

import base64

import pytest
import yaml

from knarr.base.clock import ManualClock
from knarr.client.credentials import BadKubeconfig, TokenFile, from_kubeconfig


def kubeconfig(**changes):
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "k", "cluster": {"server": "https://h:6443", "certificate-authority": "ca.pem"}}],
        "users": [{"name": "u", "user": {"client-key-data": base64.b64encode(b"KEY").decode(), "token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "k", "user": "u", "namespace": "shop"}}],
    }
    return yaml.safe_dump(document | changes)


def test_inline_and_by_file(tmp_path):
    """The key stands in the file, the CA beside it; both come as PEM bytes."""
    (tmp_path / "ca.pem").write_bytes(b"CA")
    (tmp_path / "config").write_text(kubeconfig())

    found = from_kubeconfig(tmp_path / "config")

    assert ("https://h:6443", b"CA", b"KEY", "t", "shop") == (
        found.server_url, found.ca_pem, found.key_pem, found.token, found.namespace)


@pytest.mark.parametrize(("text", "why"), [
    pytest.param("{", "not YAML", id="broken"),
    pytest.param("[]", "not a kubeconfig", id="a list"),
    pytest.param(kubeconfig(**{"current-context": "gone"}), 'no context "gone"', id="no such context"),
    pytest.param(kubeconfig(clusters=[]), 'no cluster "k"', id="no such cluster"),
    pytest.param(kubeconfig(clusters=[{"name": "k", "cluster": {}}]), "names no server", id="no server"),
])
def test_what_cannot_be_used_says_why(tmp_path, text, why):
    """Somebody edited the file by hand."""
    (tmp_path / "config").write_text(text)

    with pytest.raises(BadKubeconfig, match=why):
        from_kubeconfig(tmp_path / "config")


def test_a_renewed_token_is_read_again(tmp_path):
    """The kubelet renews the mounted token; a minute later the new one is used."""
    clock, path = ManualClock(), tmp_path / "token"
    path.write_text("one\n")
    token = TokenFile(path, clock)
    assert "one" == token()
    path.write_text("two\n")
    assert "one" == token()
    clock.advance(61)

    assert "two" == token()
