"""Which login opens which registry."""

from __future__ import annotations

import base64

import pytest

from knarr.node.registries.keyring import keys_of, lookup, read

ANNA = {"username": "anna", "password": "secret"}


@pytest.mark.parametrize(("place", "image", "opens"), [
    pytest.param("reg.example", "reg.example/app", True, id="the host"),
    pytest.param("https://reg.example/v2/", "reg.example/app", True, id="as docker login writes it"),
    pytest.param("reg.example/v1", "reg.example/app", True, id="the API's version is no path"),
    pytest.param("reg.example", "reg.example.evil/app", False, id="a host that begins alike is another one"),
    pytest.param("reg.example", "eu.reg.example/app", False, id="nor is a host below it the same"),
    pytest.param("*.reg.example", "eu.reg.example/app", True, id="a star stands for one label"),
    pytest.param("*.example", "eu.reg.example/app", False, id="not for two"),
    pytest.param("r*.example", "reg.example/app", True, id="nor must it be a whole one"),
    pytest.param("reg.example:5000", "reg.example:5000/app", True, id="the port"),
    pytest.param("reg.example", "reg.example:5000/app", False, id="another port"),
    pytest.param("reg.example/team", "reg.example/team/app", True, id="a path"),
    pytest.param("reg.example/team", "reg.example/other/app", False, id="another path"),
    pytest.param("https://index.docker.io/v1/", "docker.io/library/nginx", True, id="Docker Hub by its file's name"),
    pytest.param("index.docker.io", "reg.example/nginx", False, id="which is not everybody's"),
])
def test_a_login_is_for_its_place_alone(place, image, opens):
    """A password must never travel to a registry it was not meant for."""
    assert opens == bool(lookup(keys_of({"auths": {place: ANNA}}), image))


def test_longer_places_come_first():
    """A team has a login of its own in the company's registry: it is tried before the company's."""
    keys = keys_of({"reg.example": ANNA, "reg.example/team": {"username": "team", "password": "x"}})

    assert ["team", "anna"] == [login.username for login in lookup(keys, "reg.example/team/app")]


def test_a_login_may_be_one_word():
    """`auth` is user and password in base64; the password may hold a colon."""
    keys = keys_of({"auths": {"reg.example": {"auth": base64.b64encode(b"anna:a:b").decode()}}})

    assert [("anna", "a:b")] == [(login.username, login.password) for login in lookup(keys, "reg.example/app")]


@pytest.mark.parametrize(("text", "words"), [
    ("", "unexpected end|Expecting value"), ("[]", "expected {"), ('{"auths": []}', "expected {"),
    ('{"auths": {"x": 1}}', "expected {"), ('{"auths": {"x": {"auth": "!"}}}', "base64"),
])
def test_what_is_no_configuration_is_said(text, words):
    """A file that somebody cut short."""
    with pytest.raises(ValueError, match=words):
        read(text)
