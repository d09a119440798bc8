"""Pull with one login after the other; let nobody use what he could not pull."""

from __future__ import annotations

import asyncio
import base64
import json

import msgspec
import pytest

from knarr.api.errors import NotFound
from knarr.api.types.core_v1 import Secret
from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.node.cri.face import RuntimeFault
from knarr.node.images import ImageFault
from knarr.node.registries.logins import Logins
from knarr.node.registries.providers import Providers
from knarr.node.registries.pulled import Pulled
from knarr.node.registries.registry import Registry
from tests.unit.node.fake_cri import FakeRuntime
from tests.unit.node.making import pod

APP = "reg.example/app:1"


class Api:
    """Knows secrets."""

    def __init__(self, **secrets: Secret) -> None:
        self.secrets = secrets

    async def get(self, cls, namespace, name):
        if name not in self.secrets:
            raise NotFound(f'secrets "{name}" not found')
        return self.secrets[name]


class Locked(FakeRuntime):
    """A runtime whose registry opens to some passwords alone; "" is nobody's. Notes who tried."""

    def __init__(self, *passwords: str) -> None:
        super().__init__(ManualClock())
        self.passwords, self.tried, self.busy, self.most = passwords, [], 0, 0

    async def pull_image(self, reference, *, username="", password=""):
        self.tried.append(username)
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(1)
        self.busy -= 1
        if password not in self.passwords:
            raise RuntimeFault("UNKNOWN", f"{username or 'nobody'}: unauthorized")
        return await super().pull_image(reference)


def pull_secret(name: str, password: str, server: str = "reg.example") -> Secret:
    """Return a pull secret whose user is called as it is."""
    config = json.dumps({"auths": {server: {"username": name, "password": password}}}).encode()
    return msgspec.convert({
        "metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}"}, "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(config).decode()}}, Secret)


def registry(tmp_path, clock, runtime, api, *, slots=2) -> Registry:
    """Return a registry whose node's own file is `config.json`."""
    logins = Logins(api, tmp_path / "config.json", Providers(clock))
    return Registry(runtime, logins, Pulled(tmp_path / "pulled.json"), clock=clock, slots=slots)


def with_secrets(*names: str):
    """Return a pod that brings pull secrets."""
    return pod(imagePullSecrets=[{"name": name} for name in names])


def test_logins_are_tried_in_turn(tmp_path):
    """A secret that is gone, one for another registry, one with an old password, then the node's own file."""
    runtime, clock = Locked("right"), ManualClock()
    api = Api(other=pull_secret("other", "right", "other.example"), old=pull_secret("old", "wrong"))
    (tmp_path / "config.json").write_text('{"auths": {"reg.example": {"username": "node", "password": "right"}}}')

    fetched = virtual.run(
        registry(tmp_path, clock, runtime, api).pull(with_secrets("gone", "other", "old"), APP), clock)

    assert (["old", "node"], APP) == (runtime.tried, fetched.image.tags[0])


def test_every_refusal_is_told(tmp_path):
    """Two logins, both refused: nobody is not tried, as he was not asked for."""
    runtime, clock = Locked(), ManualClock()
    api = Api(a=pull_secret("a", "x"), b=pull_secret("b", "y"))

    with pytest.raises(ImageFault) as fault:
        virtual.run(registry(tmp_path, clock, runtime, api).pull(with_secrets("a", "b"), APP), clock)

    assert ("ErrImagePull", "[a: unauthorized, b: unauthorized]") == (fault.value.reason, str(fault.value))


@pytest.mark.parametrize(("names", "usable"), [
    pytest.param(("anna",), True, id="who pulled it"),
    pytest.param((), False, id="who has no login"),
    pytest.param(("eve",), False, id="who has another"),
])
def test_an_image_is_used_by_those_who_could_pull_it(tmp_path, names, usable):
    """Anna's pod pulled a private image; another pod of the node names it too."""
    runtime, clock = Locked("right"), ManualClock()
    own = registry(tmp_path, clock, runtime, Api(anna=pull_secret("anna", "right"), eve=pull_secret("eve", "guess")))

    async def story() -> bool:
        fetched = await own.pull(with_secrets("anna"), APP)
        return await own.usable(with_secrets(*names), APP, fetched.image)

    assert usable == virtual.run(story(), clock)


def test_few_are_pulled_at_once(tmp_path):
    """Ten pods of ten images come at once: two pulls at a time, and the time a pull took knows nothing of the queue."""
    runtime, clock = Locked(""), ManualClock()
    own = registry(tmp_path, clock, runtime, Api())

    async def story():
        return await asyncio.gather(*(own.pull(pod(), f"reg.example/app{number}:1") for number in range(10)))

    fetched = virtual.run(story(), clock)

    assert (2, 5.0) == (runtime.most, clock.monotonic_s())
    assert {1.0} == {one.took_s for one in fetched}


def test_a_file_nobody_can_read_counts_for_nothing(tmp_path):
    """The node's own file is broken: the log says so, and images that are free still come."""
    runtime, clock = Locked(""), ManualClock()
    (tmp_path / "config.json").write_text("{")

    assert virtual.run(registry(tmp_path, clock, runtime, Api()).pull(pod(), APP), clock)
