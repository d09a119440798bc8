"""Measure what it costs to know a caller and to decide, per request, in processor time. Prints lines.

    python -m bench.access

Callers come with a certificate, a service account's token and an outside issuer's; RBAC decides over a thousand
bindings, of which ten are the caller's; an agent's reads are decided over a thousand pods. Medians of five runs.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey
from multidict import CIMultiDict, CIMultiDictProxy

from knarr.api.http import Call, User
from knarr.apiserver.authn.oidc.configuration import read
from knarr.apiserver.authn.oidc.issuers import Issuers
from knarr.apiserver.authn.oidc.keys import Fetch
from knarr.apiserver.authn.tokens import ISSUER
from knarr.apiserver.security import Attributes
from knarr.store.face import Draft
from tests.unit.apiserver.test_authn import MASTER, World

RUNS, CALLS = 5, 5000
BINDINGS, PODS = 1000, 1000
URL = "https://issuer.example"
FILE = f"""\
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer: {{url: "{URL}", audiences: [shop]}}
  claimMappings:
    username: {{expression: "'oidc:' + claims.sub"}}
"""
HEADERS = {"host": "x", "accept": "application/json", "user-agent": "kubectl/1.33", "accept-encoding": "gzip"}
RBAC = "/rbac.authorization.k8s.io"


def main() -> None:
    """Print the lines."""
    asyncio.run(measure())


async def measure() -> None:
    """Build a world, and time each way in and each decision."""
    key = ECKey.generate_key("P-256")

    async def fetch(url: str) -> bytes:
        if "well-known" in url:
            return orjson.dumps({"issuer": URL, "jwks_uri": f"{URL}/keys"})
        return orjson.dumps({"keys": [key.as_dict(private=False)]})

    def fetching(ca_pem: str) -> Fetch:
        return fetch

    clock = World().clock
    issuers = Issuers(read(FILE.encode(), own_issuer=ISSUER).jwt, (ISSUER,), clock=clock, fetching=fetching)
    world = World(issuers=(issuers,))
    await world.locked.start()
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    await world.make(accounts, {"metadata": {"name": "a"}})
    token = (await world.make(f"{accounts}/a/token", {}))["status"]["token"]
    claims = {"iss": URL, "aud": "shop", "exp": 2_000_000_000, "sub": "mia"}
    outside = jwt.encode({"alg": "ES256"}, claims, key, algorithms=["ES256"])
    await fill(world)
    who = world.locked.server.security.authenticator.authenticate
    await line("access_certificate", lambda: who(called(MASTER)), 5)
    await line("access_account_token", lambda: who(called(None, token)), 25)
    await line("access_issuer_token", lambda: who(called(None, outside)), 25)
    await decided(world)


async def decided(world: World) -> None:
    """Time RBAC's yes and no, and an agent's read."""
    access, mia = world.locked.access, User("mia", groups=("g1", "g2", "system:authenticated"))
    agent = User("system:node:n7", groups=("system:nodes", "system:authenticated"))

    async def ask(user: User, verb: str, resource: str, name: str) -> bool:
        return access.authorize(Attributes(user, verb, "", "", "v1", resource, "", "shop", name)).allowed

    assert await ask(mia, "list", "pods", "")
    assert await ask(agent, "get", "secrets", "s7")
    assert not await ask(agent, "get", "secrets", "s8")
    await line("access_rbac_yes", lambda: ask(mia, "list", "pods", ""), 20)
    await line("access_rbac_no", lambda: ask(mia, "delete", "pods", ""), 40)
    await line("access_agent_read", lambda: ask(agent, "get", "secrets", "s7"), 10)


def called(der: bytes | None, token: str = "") -> Call:
    """Return a request as TLS hands it over."""
    headers = HEADERS | ({"authorization": f"Bearer {token}"} if token else {})
    return Call("GET", "/api/v1/pods", {}, CIMultiDictProxy(CIMultiDict(headers)), b"", None, der)


async def fill(world: World) -> None:
    """Store roles, bindings and pods behind the server's back, and let the authorizers read them."""
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    await put(world, f"{RBAC}/roles/shop/r", {"metadata": {"name": "r", "namespace": "shop"}, "rules": rules})
    for number in range(BINDINGS):
        name = "mia" if number % 100 == 0 else f"u{number}"
        subject = {"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
        await put(world, f"{RBAC}/rolebindings/shop/b{number}", {
            "metadata": {"name": f"b{number}", "namespace": "shop"}, "subjects": [subject],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}})  # fmt: skip
    for number in range(PODS):
        volume = {"name": "v", "secret": {"secretName": f"s{number}"}}
        meta, spec = {"name": f"p{number}", "namespace": "shop"}, {"nodeName": f"n{number}", "volumes": [volume]}
        await put(world, f"/core/pods/shop/p{number}", {"metadata": meta, "spec": spec})
    world.locked.access.load()


async def put(world: World, key: str, obj: dict[str, object]) -> None:
    """Store one object."""
    body = orjson.dumps(obj)
    await world.store.insert(key, Draft(b'{"r":', b"," + body[1:]))


async def line(name: str, once: Callable[[], Awaitable[object]], figure_us: int) -> None:
    """Print the median processor time of one call, microseconds."""
    costs_us = []
    for _ in range(RUNS):
        began_s = time.process_time()
        for _ in range(CALLS):
            await once()
        costs_us.append((time.process_time() - began_s) / CALLS * 1e6)
    print(f"{name} {statistics.median(costs_us):.1f} us {figure_us}")


if __name__ == "__main__":
    main()
