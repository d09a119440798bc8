"""Credential providers: programs that know logins. Each is a shell script here, run for real."""

from __future__ import annotations

import asyncio
import json

import pytest

from knarr.base.clock import ManualClock
from knarr.node.registries.provider_config import BadConfig, read_config
from knarr.node.registries.providers import Providers

ANSWER = {
    "kind": "CredentialProviderResponse", "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
    "cacheKeyType": "Registry", "cacheDuration": "10m",
    "auth": {"*.example": {"username": "cloud", "password": "token"}},
}
PROVIDER = {"name": "login", "matchImages": ["*.example"], "defaultCacheDuration": "1h",
            "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "args": ["--quick"], "env": [{"name": "ZONE", "value": "eu"}]}


def config(**changes) -> bytes:
    """Return a configuration with one plugin, changed."""
    return json.dumps({"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig",
                       "providers": [{**PROVIDER, **changes}]}).encode()


def plugin(folder, script: str) -> None:
    """Write the program."""
    (folder / "login").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "login").chmod(0o755)


def saying(folder, **changes) -> str:
    """Return a script that notes that it was run, with what, and answers."""
    (folder / "answer").write_text(json.dumps({**ANSWER, **changes}))
    return f'echo "$1 $ZONE $(cat)" >> {folder}/runs; cat {folder}/answer'


def ask(folder, *images, clock=None, between_s=0.0):
    """Return the logins that each image's question brought, one after the other."""
    clock = clock or ManualClock()
    providers = Providers(clock, folder, read_config(config(), folder))

    async def story():
        found = []
        for image in images:
            found.append([(login.username, login.secret) for login in await providers.for_image(image)])
            clock.advance(between_s)
        return found

    return asyncio.run(story())


def runs(folder) -> list[str]:
    """Return what the program noted."""
    return (folder / "runs").read_text().splitlines() if (folder / "runs").exists() else []


def test_a_program_is_asked_and_answers(tmp_path):
    """It hears of the image on its standard input, has its arguments and its environment; its login is the node's."""
    plugin(tmp_path, saying(tmp_path))

    assert [[("cloud", "")]] == ask(tmp_path, "reg.example/app")
    words, _, request = runs(tmp_path)[0].partition(" eu ")
    assert ("--quick", {"kind": "CredentialProviderRequest", "image": "reg.example/app",
                        "apiVersion": "credentialprovider.kubelet.k8s.io/v1"}) == (words, json.loads(request))


@pytest.mark.parametrize(("answer", "between_s", "count"), [
    pytest.param({}, 0.0, 2, id="good for a registry"),
    pytest.param({"cacheKeyType": "Global"}, 0.0, 1, id="good for all"),
    pytest.param({"cacheKeyType": "Image"}, 0.0, 3, id="good for one image"),
    pytest.param({}, 601.0, 3, id="no longer good"),
    pytest.param({"cacheDuration": "0s"}, 0.0, 3, id="never good twice"),
    pytest.param({"cacheDuration": None}, 601.0, 2, id="good for as long as the file says"),
])
def test_an_answer_is_kept_as_long_as_it_says(tmp_path, answer, between_s, count):
    """Two images of one registry, then one of another."""
    plugin(tmp_path, saying(tmp_path, **answer))

    ask(tmp_path, "a.example/x", "a.example/y", "b.example/z", between_s=between_s)

    assert count == len(runs(tmp_path))


def test_nobody_asks_about_what_is_not_theirs(tmp_path):
    """An image of another registry: the program is not even started."""
    plugin(tmp_path, saying(tmp_path))

    assert ([[]], []) == (ask(tmp_path, "docker.io/library/nginx"), runs(tmp_path))


@pytest.mark.parametrize("script", [
    pytest.param("echo no such role >&2; exit 3", id="it fails"),
    pytest.param("echo hello", id="it answers nonsense"),
    pytest.param("""echo '{"kind": "CredentialProviderResponse", "apiVersion": "v9"}'""", id="it speaks another version"),
    pytest.param("head -c 2000000 /dev/zero", id="it floods"),
])
def test_a_program_that_fails_gives_no_login(tmp_path, script):
    """The pull goes on with what else there is."""
    plugin(tmp_path, script)

    assert [[]] == ask(tmp_path, "reg.example/app")


@pytest.mark.parametrize(("text", "words"), [
    pytest.param(b"[", "yaml: ", id="no YAML"),
    pytest.param(b"kind: Pod\napiVersion: v1", "expected kubelet.config.k8s.io/v1 CredentialProviderConfig, got v1 Pod", id="kind"),
    pytest.param(config(name="../sh"), 'providers[0].name: expected the name of a program in ', id="a way out"),
    pytest.param(config(name="missing"), "providers[0].name: there is no program ", id="no program"),
    pytest.param(config(matchImages=[]), "providers[0].matchImages: Required value", id="no images"),
    pytest.param(config(defaultCacheDuration="soon"), 'providers[0].defaultCacheDuration: expected a duration like 10m', id="duration"),
    pytest.param(config(apiVersion="v9"), 'providers[0].apiVersion: expected "credentialprovider', id="version"),
    pytest.param(config(colour="red"), "colour", id="an unknown field"),
])
def test_a_bad_configuration_names_its_fault(tmp_path, text, words):
    """Whoever starts the node reads where to look."""
    plugin(tmp_path, "exit 0")

    with pytest.raises(BadConfig) as fault:
        read_config(text, tmp_path)
    assert words in str(fault.value)
