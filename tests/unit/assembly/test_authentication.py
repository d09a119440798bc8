"""The AuthenticationConfiguration file: read at the start, followed while everything runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from knarr.assembly import authentication
from knarr.assembly.authentication import Outsiders
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Config, Instance
from knarr.base import virtual
from knarr.base.clock import ManualClock
from tests.unit.apiserver.test_oidc import FILE, token


def instance(tmp_path, text):
    path = tmp_path / "authentication.yaml"
    if text is not None:
        path.write_text(text)
    return Instance(tmp_path, replace(Config("harbour", "192.0.2.7"), authentication_config=str(path))), path


def test_without_a_file_nobody_is_known_beside_our_own(tmp_path):
    """And strangers may ask, as Kubernetes has it."""
    found = Outsiders(Instance(tmp_path, Config("harbour", "192.0.2.7")), ManualClock()).entrances(b"")

    assert ((), True) == (found.issuers, found.anonymous.enabled)


def test_the_file_says_who_comes_in(tmp_path):
    """One issuer; strangers for /livez alone."""
    made, _ = instance(tmp_path, FILE + "anonymous: {enabled: true, conditions: [{path: /livez}]}\n")
    found = Outsiders(made, ManualClock()).entrances(b"")

    assert (1, ("/livez",)) == (len(found.issuers), found.anonymous.paths)


@pytest.mark.parametrize(("text", "said"), [
    pytest.param(None, "cannot be read", id="absent"), pytest.param("{", "cannot be used: yaml:", id="no YAML"),
    pytest.param(FILE.replace("https", "http"), "URL scheme must be https", id="a fault"),
    pytest.param(FILE + "anonymous: {enabled: false, conditions: [{path: /x}]}\n", "enabled should be set to true", id="strangers"),
])
def test_a_file_that_cannot_be_used_stops_the_start(tmp_path, text, said):
    """With the reason and the fix."""
    made, _ = instance(tmp_path, text)
    with pytest.raises(Failure) as caught:
        Outsiders(made, ManualClock())

    assert said in str(caught.value)


def test_a_changed_file_counts_within_a_minute_and_a_broken_one_does_not(tmp_path):
    """Another issuer is listed: its tokens are looked at. Then somebody breaks the file: what was known stays."""
    made, path = instance(tmp_path, FILE)
    clock = ManualClock(1_767_225_600.0)
    known = []

    async def story():
        outsiders = Outsiders(made, clock)

        async def is_listed(url):
            found = await asyncio.gather(outsiders.issuers.verify(token(iss=url), ("elsewhere",)), return_exceptions=True)
            return found[0] is not None  # a refusal, for the audience; not "none of mine"

        async with asyncio.TaskGroup() as group:
            following = group.create_task(outsiders.run())
            await asyncio.sleep(1)
            for text in (FILE, FILE.replace("issuer.example", "other.example"), "broken: ["):
                path.write_text(text)
                await asyncio.sleep(authentication.LOOK_EVERY_S + 1)
                known.append((await is_listed("https://issuer.example"), await is_listed("https://other.example")))
            following.cancel()

    virtual.run(story(), clock)

    assert [(True, False), (False, True), (False, True)] == known
