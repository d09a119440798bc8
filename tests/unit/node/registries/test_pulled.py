"""Who may use an image that lies on the node."""

from __future__ import annotations

import pytest

from knarr.node.registries.keyring import Login
from knarr.node.registries.pulled import Pulled, repository_of

ANNA = Login("anna", "secret", "shop/pull/uid-1")
NODE = Login("node", "word")


def test_what_was_here_before_is_everybodys(tmp_path):
    """Loaded from an archive, or pulled before anybody kept a record."""
    assert Pulled(tmp_path / "p.json").open_to("reg.example/app", "sha256:1", ())


@pytest.mark.parametrize(("pulled_by", "shown", "open_"), [
    pytest.param(None, (), True, id="pulled by nobody in particular"),
    pytest.param(NODE, (), True, id="pulled by the node's own login"),
    pytest.param(ANNA, (), False, id="pulled by a secret, none shown"),
    pytest.param(ANNA, (ANNA,), True, id="the same secret"),
    pytest.param(ANNA, (Login("anna", "new", "shop/pull/uid-1"),), True, id="the same secret, its password renewed"),
    pytest.param(ANNA, (Login("anna", "secret", "bar/copy/uid-2"),), True, id="the same password in another secret"),
    pytest.param(ANNA, (Login("eve", "guess", "bar/pull/uid-3"),), False, id="another secret"),
    pytest.param(ANNA, (NODE,), False, id="the node's login proves nothing of the pod"),
])
def test_who_may_use_it(tmp_path, pulled_by, shown, open_):
    """Also after the agent was started anew: the record is on disk."""
    record = Pulled(tmp_path / "p.json")
    record.begin("reg.example/app")
    record.end("reg.example/app", "sha256:1", pulled_by, present={"sha256:1"})

    for known in (record, Pulled(tmp_path / "p.json")):
        assert open_ == known.open_to("reg.example/app", "sha256:1", shown)


def test_the_agent_died_while_it_pulled(tmp_path):
    """The image may be whole by now, but nobody has noted whose it is: it is pulled again."""
    Pulled(tmp_path / "p.json").begin("reg.example/app")
    after = Pulled(tmp_path / "p.json")

    assert not after.open_to("reg.example/app", "sha256:1", (ANNA,))
    after.end("reg.example/app", "sha256:1", ANNA, present={"sha256:1"})
    assert after.open_to("reg.example/app", "sha256:1", (ANNA,))


def test_the_same_content_under_another_name_stays_free(tmp_path):
    """Somebody pushed an image that all have to a private registry, and pulled it again from there."""
    record = Pulled(tmp_path / "p.json")
    record.end("reg.example/app", "sha256:1", ANNA, present={"sha256:1"})

    assert record.open_to("localhost/app", "sha256:1", ())
    assert not record.open_to("reg.example/app", "sha256:1", ())


def test_a_failed_pull_changes_nothing(tmp_path):
    """Somebody else's image under the same name stays usable."""
    record = Pulled(tmp_path / "p.json")
    record.begin("reg.example/app")
    record.fail("reg.example/app")

    assert record.open_to("reg.example/app", "sha256:1", ())


def test_records_of_images_that_are_gone_go_too(tmp_path):
    """A node that pulls for years: the record stays as small as its disk is."""
    record = Pulled(tmp_path / "p.json")
    for number in range(20):
        record.end("reg.example/app", f"sha256:{number}", ANNA, present={f"sha256:{number}"})

    assert (tmp_path / "p.json").stat().st_size < 1000


def test_a_damaged_record_is_told_and_begun_anew(tmp_path, capsys):
    """Half a file after a power cut on a bad disk."""
    (tmp_path / "p.json").write_text('{"pulled":')

    assert Pulled(tmp_path / "p.json").open_to("reg.example/app", "sha256:1", ())


@pytest.mark.parametrize(("reference", "repository"), [
    ("reg.example:5000/app:1", "reg.example:5000/app"),
    ("reg.example:5000/app", "reg.example:5000/app"),
    ("docker.io/library/nginx@sha256:00", "docker.io/library/nginx"),
    ("docker.io/library/nginx:1@sha256:00", "docker.io/library/nginx"),
])
def test_a_repository_is_the_name_alone(reference, repository):
    """Without tag and digest, but with the port."""
    assert repository == repository_of(reference)
