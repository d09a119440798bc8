"""Who may ask the node's port: administrators by certificate, all others as their roles say, by an API that really decides."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from knarr.api.http import Answer, Call, User
from knarr.apiserver.secured import Entrances, secured
from knarr.apiserver.settings import Settings
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.transport import InProcess
from knarr.node.server.access import Access, Asked, Caller, asked
from knarr.node.server.judge import ApiJudge
from knarr.node.server.refusal import Refusal
from knarr.store.memory import open_memory

ADMIN = User("admin", groups=("system:masters", "system:authenticated"))
NODE = User("system:node:n1", groups=("system:nodes", "system:authenticated"))
RBAC = "/apis/rbac.authorization.k8s.io/v1"
METRICS = asked("GET", "/metrics/resource", upgrade=False)
KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def certificate(name, *groups):
    subject = [(("organizationName", group),) for group in groups]
    return {"subject": (*subject, (("commonName", name),))}


class World:
    """A cluster with a node, a service account that may read metrics, and the node's guard."""

    def __init__(self):
        self.clock, self.calls, self.down = ManualClock(), 0, False
        self.locked = secured(open_memory(), Settings(), Entrances(KEY), clock=self.clock, rng=Rng(7))
        client = Client(InProcess(self.handle, NODE))
        self.access = Access(ApiJudge(client, "n1"), self.clock)

    async def handle(self, call: Call) -> Answer:
        self.calls += 1
        if self.down:
            raise OSError("nobody listens")
        return await self.locked.server.handle(call)

    async def make(self, path, body):
        call = Call("POST", path, headers={"content-type": "application/json"}, body=orjson.dumps(body), user=ADMIN)
        answer = await self.locked.server.handle(call)
        assert answer.status == 201, answer.body
        await asyncio.sleep(0)  # the index follows the store one turn of the loop behind
        await asyncio.sleep(0)
        return orjson.loads(answer.body)

    async def said(self, wanted: Asked, token: str = "", cert=None) -> int:
        try:
            await self.access.check(cert, f"Bearer {token}" if token else "", wanted)
        except Refusal as refusal:
            return refusal.status
        return 200


@pytest.fixture
async def world():
    made = World()
    await made.locked.start()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(made.locked.access.run())
        await made.make("/api/v1/namespaces/kube-system/serviceaccounts", {"metadata": {"name": "metrics-server"}})
        await made.make(f"{RBAC}/clusterroles", {"metadata": {"name": "m"}, "rules": [
            {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]}]})
        await made.make(f"{RBAC}/clusterrolebindings", {
            "metadata": {"name": "m"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "m"},
            "subjects": [{"kind": "ServiceAccount", "name": "metrics-server", "namespace": "kube-system"}]})
        yield made
        following.cancel()


async def token(world):
    path = "/api/v1/namespaces/kube-system/serviceaccounts/metrics-server/token"
    return (await world.make(path, {"spec": {}}))["status"]["token"]


async def test_metrics_server_may_read_metrics_and_nothing_else(world):
    """Its token stands for its service account, whose role names `nodes/metrics`."""
    its = await token(world)
    assert 200 == await world.said(METRICS, its)
    assert 403 == await world.said(asked("GET", "/logs/syslog", upgrade=False), its)
    assert 403 == await world.said(asked("POST", "/exec/ns/p/c", upgrade=True), its)


async def test_what_the_api_said_is_remembered_for_a_while(world):
    """A scrape every fifteen seconds asks the API once; a role taken away counts after five minutes."""
    its = await token(world)
    await world.said(METRICS, its)
    asked_of_api = world.calls
    assert 200 == await world.said(METRICS, its)
    assert asked_of_api == world.calls
    world.clock.advance(301)
    assert 200 == await world.said(METRICS, its)
    assert world.calls > asked_of_api


async def test_strangers(world):
    """Neither nobody nor a false token is let in; a certificate without roles is known and refused."""
    assert 401 == await world.said(METRICS)
    assert 401 == await world.said(METRICS, "nonsense")
    assert 403 == await world.said(METRICS, cert=certificate("bob"))
    assert 403 == await world.said(METRICS, cert=certificate("kube-apiserver-kubelet-client"))


async def test_while_the_api_is_away(world):
    """The API is down: administrators are let in all the same, others are not, whoever they are."""
    its = await token(world)
    world.down = True
    assert 200 == await world.said(METRICS, cert=certificate("kube-apiserver-kubelet-client", "system:masters"))
    assert 401 == await world.said(METRICS, its)
    assert 500 == await world.said(METRICS, cert=certificate("bob"))


async def test_memory_is_bounded():
    """Thousands of callers come: what is remembered of them does not grow without end."""
    class Everybody:
        async def caller(self, token):
            return Caller(token)

        async def may(self, caller, verb, subresource):
            return True

    access = Access(Everybody(), ManualClock())
    for number in range(3000):
        await access.check(None, f"Bearer {number}", METRICS)
    assert len(access._callers) <= 1024
    assert len(access._verdicts) <= 1024


@pytest.mark.parametrize(("method", "path", "upgrade", "expected"), [
    ("GET", "/stats/summary", False, Asked("get", ("stats",))),
    ("GET", "/metrics/resource", False, Asked("get", ("metrics",))),
    ("GET", "/logs/", False, Asked("get", ("log",))),
    ("GET", "/pods", False, Asked("get", ("pods", "proxy"))),
    ("GET", "/healthz", False, Asked("get", ("healthz", "proxy"))),
    ("GET", "/containerLogs/a/b/c", False, Asked("get", ("proxy",))),
    ("POST", "/exec/a/b/c", True, Asked("create", ("proxy",))),
    ("GET", "/exec/a/b/c", True, Asked("create", ("proxy",))),
    ("BREW", "/pods", False, Asked("", ("pods", "proxy"))),
])
def test_what_a_request_wants(method, path, upgrade, expected):
    """Paths are named as roles name them."""
    assert expected == asked(method, path, upgrade=upgrade)
