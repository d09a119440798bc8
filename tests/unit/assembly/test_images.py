"""What would be built has a name of its own; what cannot be built says why."""

from __future__ import annotations

import pytest

from knarr.assembly import images
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Config, Instance


def test_the_fingerprint_changes_with_content_mode_and_tag(tmp_path):
    """The same source is built once; any change builds again."""
    file = tmp_path / "Containerfile"
    file.write_text("FROM scratch\n")
    first = images.fingerprint(tmp_path, "a:1")

    assert first == images.fingerprint(tmp_path, "a:1")
    assert first != images.fingerprint(tmp_path, "a:2")
    file.chmod(0o755)
    assert first != images.fingerprint(tmp_path, "a:1")


def test_a_folder_without_a_recipe_is_refused(tmp_path):
    """The user named the wrong folder."""
    with pytest.raises(Failure, match="holds no Containerfile"):
        images.build(Instance(tmp_path, Config("n", "127.0.0.1")), tmp_path, tag="a:1", tell=print)


def test_a_failing_program_tells_its_last_words():
    """The builder's own reason reaches the user."""
    with pytest.raises(Failure, match=r"(?s)building failed:.*no such thing"):
        images.run(["sh", "-c", "echo no such thing >&2; exit 3"], "building")
