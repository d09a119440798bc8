"""Certificates: made once, kept while good, made anew in time; the kubeconfig is the user's alone."""

from __future__ import annotations

import json
import stat

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from knarr.assembly import pki
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Config, Instance

NOW_S = 1_800_000_000.0
DAY_S = 86_400.0


@pytest.fixture
def instance(tmp_path):
    return Instance(tmp_path, Config("harbour", "192.0.2.7"))


def files(instance):
    return {path.name: path.read_bytes() for path in instance.pki.iterdir()}


def certificate(instance, name):
    return x509.load_pem_x509_certificate((instance.pki / f"{name}.crt").read_bytes())


def test_a_second_start_changes_nothing(instance):
    """Everything is there and young."""
    pki.ensure(instance, NOW_S)
    before = files(instance)

    pki.ensure(instance, NOW_S + DAY_S)

    assert before == files(instance)


def test_leaves_are_renewed_after_two_thirds_and_the_ca_is_not(instance):
    """Sixty-one days later: the CA stays, what it signed is made anew."""
    pki.ensure(instance, NOW_S)
    before = files(instance)

    pki.ensure(instance, NOW_S + 61 * DAY_S)
    after = files(instance)

    assert before["ca.crt"] == after["ca.crt"]
    assert before["sa.key"] == after["sa.key"]
    for name in ("server.crt", "admin.crt", "node.crt", "kubelet-client.crt"):
        assert before[name] != after[name]


def test_a_new_address_gets_a_new_certificate(instance, tmp_path):
    """The machine moved to another network: the server's certificate must carry the new address."""
    pki.ensure(instance, NOW_S)
    moved = Instance(tmp_path, Config("harbour", "192.0.2.8"))

    pki.ensure(moved, NOW_S)
    names = certificate(moved, "server").extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert "192.0.2.8" in map(str, names.get_values_for_type(x509.IPAddress))


def test_subjects_say_who_and_which_groups(instance):
    """The API server reads users and groups out of these."""
    pki.ensure(instance, NOW_S)

    def subject(name):
        found = certificate(instance, name).subject
        return [one.value for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME) for one in found.get_attributes_for_oid(oid)]

    assert ["system:node:harbour", "system:nodes"] == subject("node")
    assert ["knarr-admin", "system:masters"] == subject("admin")


def test_keys_and_kubeconfig_are_private(instance):
    """Nobody else on the machine reads them."""
    pki.ensure(instance, NOW_S)

    for path in (*instance.pki.glob("*.key"), instance.kubeconfig):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_the_kubeconfig_belongs_to_the_invoking_user(instance, monkeypatch):
    """`sudo knarr up`: the person behind sudo owns it."""
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "1235")
    owners = []
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.chown", lambda path, uid, gid: owners.append((uid, gid)))

    pki.ensure(instance, NOW_S)

    assert owners == [(1234, 1235)]
    assert json.loads(instance.kubeconfig.read_text())["current-context"] == "knarr"


def test_the_key_that_seals_secrets_is_made_once_and_missed_when_gone(instance):
    """Whoever loses it loses the Secrets: no new one is made behind the user's back while one is needed."""
    pki.ensure(instance, NOW_S)
    keys = pki.seal_keys(instance)
    pki.ensure(instance, NOW_S + DAY_S)

    assert keys == pki.seal_keys(instance)
    assert [32] == [len(key) for key in keys]
    (instance.pki / "secrets.key").write_text("not hex\n")
    with pytest.raises(Failure, match="cannot be read"):
        pki.seal_keys(instance)
