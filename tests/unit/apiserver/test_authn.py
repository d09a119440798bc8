"""Who comes in, by which way: certificates, front proxies, tokens of every sort, strangers, and who acts as another."""

from __future__ import annotations

import asyncio
import base64
import datetime
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import example, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from knarr.api.http import Call
from knarr.apiserver.authn.bearers import Bearers
from knarr.apiserver.authn.bootstrap_tokens import groups_of, over
from knarr.apiserver.authn.callers import token_of
from knarr.apiserver.authn.doors import Anonymous, BadToken, FrontProxy
from knarr.apiserver.authn.jwts import unverified_claims
from knarr.apiserver.authn.tokens import ISSUER, Grant, Signer, Tokens
from knarr.apiserver.secured import Entrances, secured
from knarr.apiserver.settings import Settings
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.base.times import seconds
from knarr.store.memory import open_memory
from tests.unit.apiserver.oracle import recorded

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
SIGNING = ec.generate_private_key(ec.SECP256R1())
KEY = SIGNING.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


class Authority:
    """A CA that gives certificates to whoever asks."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.sign(self.name, self.key)

    def sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int = 30) -> x509.Certificate:
        return (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(NOW)
            .not_valid_after(NOW + datetime.timedelta(days=days)).sign(self.key, hashes.SHA256()))

    def of(self, name: str, *groups: str, days: int = 30) -> bytes:
        """Return a client certificate, DER."""
        parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self.sign(subject, SIGNING, days).public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


CLIENTS, PROXIES = Authority("clients"), Authority("proxies")
MASTER = CLIENTS.of("admin", "system:masters")


class World:
    """A locked server, asked as TLS would hand it the calls."""

    def __init__(self, **entrances: Any) -> None:
        self.clock = ManualClock()
        self.clock.advance(NOW.timestamp() + 3600 - self.clock.now_s())
        self.store = open_memory()
        front = entrances.pop("front", FrontProxy(PROXIES.pem))
        self.locked = secured(
            self.store, Settings(), Entrances(KEY, front=front, **entrances), clock=self.clock, rng=Rng(7))

    async def ask(self, method: str, path: str, body: Any = None, *, der: bytes | None = MASTER,
                  headers: Any = None) -> tuple[int, Any]:
        raw = orjson.dumps(body) if body is not None else b""
        sent = CIMultiDict({"content-type": "application/json", "user-agent": "Python-urllib/3.11"})
        if "content-type" in dict(headers or {}):
            del sent["content-type"]
        sent.extend(headers or {})
        answer = await self.locked.server.handle(Call(method, path, {}, sent, raw, None, der))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return answer.status, orjson.loads(answer.body)

    async def make(self, path: str, body: Any) -> Any:
        code, made = await self.ask("POST", path, body)
        assert code == 201, made
        return made

    async def who(self, **how: Any) -> Any:
        """Return what the server takes the caller for; the code where it takes nobody."""
        code, found = await self.ask("POST", REVIEW, {}, **how)
        return found["status"]["userInfo"] if code == 201 else code


@pytest.fixture
async def world():
    async with lived(World()) as found:
        yield found


class lived:
    """A world whose authorizers follow the store."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def __aenter__(self) -> World:
        await self.world.locked.start()
        self.following = asyncio.ensure_future(self.world.locked.access.run())
        await self.world.make("/api/v1/namespaces", {"metadata": {"name": "shop"}})
        for namespace in ("shop", "kube-system"):
            await self.world.make(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "default"}})
        return self.world

    async def __aexit__(self, *_: object) -> None:
        self.following.cancel()


async def test_a_certificate_names_its_holder(world):
    """Common name, organisations, and the certificate's own digest, which audits want."""
    found = await world.who(der=CLIENTS.of("eve", "devs"))

    assert ("eve", ["devs", "system:authenticated"]) == (found["username"], found["groups"])
    assert found["extra"]["authentication.kubernetes.io/credential-id"][0].startswith("X509SHA256=")


async def test_an_old_connection_does_not_outlive_its_certificate(world):
    """TLS looked at the certificate when the connection was made; a day after its end it is worth nothing."""
    short = CLIENTS.of("eve", days=1)
    before = await world.who(der=short)
    world.clock.advance(86400)

    assert ("eve", 401) == (before["username"], await world.who(der=short))


async def test_a_front_proxy_speaks_for_others(world):
    """The proxy's certificate is of its own CA; user, uid, groups and extra come in headers."""
    headers = [("X-Remote-User", "mia"), ("X-Remote-Uid", "42"), ("X-Remote-Group", "devs"), ("X-Remote-Group", "ops"),
               ("X-Remote-Extra-Acme.com%2Fproject", "p1")]
    found = await world.who(der=PROXIES.of("front-proxy-client"), headers=headers)

    assert {"username": "mia", "uid": "42", "groups": ["devs", "ops", "system:authenticated"],
            "extra": {"acme.com/project": ["p1"]}} == found


@pytest.mark.parametrize(("der", "expected"), [
    pytest.param(PROXIES.of("somebody-else"), 401, id="a proxy of another name"),
    pytest.param(CLIENTS.of("eve"), "eve", id="a client who claims to be a proxy is itself"),
    pytest.param(None, 401, id="a stranger who claims to be a proxy is a stranger"),
])
async def test_only_the_front_proxy_is_believed(world, der, expected):
    """The headers alone are worth nothing."""
    found = await world.who(der=der, headers={"X-Remote-User": "admin", "X-Remote-Group": "system:masters"})

    assert expected == (found["username"] if isinstance(found, dict) else found)


async def test_a_proxys_certificate_is_no_users(world):
    """Even one that says system:masters: its CA vouches for proxies only. Nor is a nameless proxy a stranger."""
    assert 401 == await world.who(der=PROXIES.of("front-proxy-client", "system:masters"))


async def test_strangers_stay_out_where_they_are_not_wanted():
    """Anonymous requests are for /livez alone: everything else is a 401."""
    async with lived(World(anonymous=Anonymous(paths=("/livez",)))) as world:
        code, _ = await world.ask("GET", "/api", der=None)

    assert 401 == code


async def bootstrap_token(world, **data):
    values = {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
              "auth-extra-groups": "system:bootstrappers:workers", **data}
    await world.make("/api/v1/namespaces/kube-system/secrets", {
        "metadata": {"name": "bootstrap-token-abcdef"}, "type": "bootstrap.kubernetes.io/token", "stringData": values})


async def test_a_new_machine_introduces_itself(world):
    """With a bootstrap token, as the user named after its id."""
    await bootstrap_token(world)
    found = await world.who(der=None, headers={"authorization": "Bearer abcdef.0123456789abcdef"})

    groups = ["system:bootstrappers", "system:bootstrappers:workers", "system:authenticated"]
    assert {"username": "system:bootstrap:abcdef", "groups": groups} == found


@pytest.mark.parametrize(("data", "token"), [
    pytest.param({}, "abcdef.0123456789abcdeX", id="another secret"),
    pytest.param({}, "abcdeg.0123456789abcdef", id="another id"),
    pytest.param({"expiration": "2026-01-01T00:30:00Z"}, "abcdef.0123456789abcdef", id="over"),
    pytest.param({"usage-bootstrap-authentication": "false"}, "abcdef.0123456789abcdef", id="not for signing in"),
])
async def test_a_bootstrap_token_that_is_not_good(world, data, token):
    """401, whatever the reason."""
    await bootstrap_token(world, **data)

    assert 401 == await world.who(der=None, headers={"authorization": f"Bearer {token}"})


@pytest.mark.parametrize(("text", "expected"), [
    pytest.param("", False, id="none"), pytest.param("2027-01-01T00:00:00Z", False, id="to come"),
    pytest.param("2025-01-01T00:00:00+02:00", True, id="past"), pytest.param("soon", True, id="no time"),
    pytest.param("2027-01-01T00:00:00", True, id="a time of no place"),
])
def test_when_a_bootstrap_token_is_over(text, expected):
    assert expected == over(text, NOW.timestamp())


def test_wrong_extra_groups_count_for_nothing():
    """Else a token's maker could write himself into system:masters."""
    assert ["system:bootstrappers:a", "system:bootstrappers:b"] == groups_of("system:bootstrappers:a, system:bootstrappers:b")
    assert [] == groups_of("system:bootstrappers:a,system:masters")


async def secret_token(world):
    account = (await world.ask("GET", "/api/v1/namespaces/shop/serviceaccounts/default"))[1]
    token = Signer(KEY).legacy("shop", "default", account_uid=account["metadata"]["uid"], secret="kept")
    await world.make("/api/v1/namespaces/shop/secrets", {
        "metadata": {"name": "kept", "annotations": {"kubernetes.io/service-account.name": "default"}},
        "type": "kubernetes.io/service-account-token", "data": {"token": base64.b64encode(token.encode()).decode()}})
    return {"authorization": f"Bearer {token}"}


async def test_a_token_in_a_secret_is_good_while_the_secret_is(world):
    """The way of old: it never expires, and goes with its Secret."""
    token = await secret_token(world)
    world.clock.advance(86400 * 365)
    before = await world.who(der=None, headers=token)
    _, kept = await world.ask("GET", "/api/v1/namespaces/shop/secrets/kept", der=CLIENTS.of("admin", "system:masters", days=900))
    assert {"kubernetes.io/legacy-token-last-used": "2027-01-01"} == kept["metadata"]["labels"]
    await world.ask("DELETE", "/api/v1/namespaces/shop/secrets/kept", der=CLIENTS.of("admin", "system:masters", days=900))

    assert ("system:serviceaccount:shop:default", 401) == (before["username"], await world.who(der=None, headers=token))


async def test_old_and_stale_tokens_are_noted(world):
    """One lies in a Secret; another should have been renewed an hour ago and is still good: the audit is told of both."""
    secret = await secret_token(world)
    account = (await world.ask("GET", "/api/v1/namespaces/shop/serviceaccounts/default"))[1]
    grant = Grant("shop", "default", account["metadata"]["uid"], (ISSUER,), 86400, warn_s=3607)
    doors = Tokens(KEY, world.store, clock=world.clock, rng=Rng(1))
    token, _ = doors.issue(grant)
    fresh = await doors.verify(token)
    world.clock.advance(3607 + 60)
    stale, old = await doors.verify(token), await doors.verify(secret["authorization"].split()[1])
    name = "system:serviceaccount:shop:default"

    assert () == fresh.notes
    assert (("authentication.k8s.io/stale-token", f"subject: {name}, seconds after warning threshold: 60"),) == stale.notes
    assert (("authentication.k8s.io/legacy-token", name),) == old.notes


@pytest.mark.parametrize("patch", [
    pytest.param({"metadata": {"labels": {"kubernetes.io/legacy-token-invalid-since": "2026-01-01"}}}, id="marked invalid"),
    pytest.param({"data": {"token": "b3RoZXI="}}, id="another token lies there now"),
])
async def test_a_token_in_a_secret_can_be_withdrawn(world, patch):
    token = await secret_token(world)
    await world.ask("PATCH", "/api/v1/namespaces/shop/secrets/kept", patch,
                    headers={"content-type": "application/merge-patch+json"})

    assert 401 == await world.who(der=None, headers=token)


async def test_tokens_go_with_a_node_that_goes(world):
    """Bound to a node: when another machine takes its name, the old token is worth nothing."""
    node = await world.make("/api/v1/nodes", {"metadata": {"name": "n1"}})
    ref = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": node["metadata"]["uid"]}
    made = await world.make("/api/v1/namespaces/shop/serviceaccounts/default/token", {"spec": {"boundObjectRef": ref}})
    token = {"authorization": f"Bearer {made['status']['token']}"}
    before = await world.who(der=None, headers=token)
    await world.ask("DELETE", "/api/v1/nodes/n1")
    await world.make("/api/v1/nodes", {"metadata": {"name": "n1"}})
    _, review = await world.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
        "spec": {"token": made["status"]["token"]}})

    assert (["n1"], 401) == (before["extra"]["authentication.kubernetes.io/node-name"], await world.who(der=None, headers=token))
    assert not review["status"].get("authenticated")
    assert "does not match claim" in review["status"]["error"]


@pytest.mark.parametrize(("bound", "gone"), [
    pytest.param("pods", "pods", id="its pod"), pytest.param("secrets", "secrets", id="its Secret"),
    pytest.param("nodes", "nodes", id="its node"), pytest.param("pods", "serviceaccounts", id="its account"),
    pytest.param("", "serviceaccounts", id="its account, bound to nothing"),
])
async def test_a_token_goes_with_what_it_stands_on(world, bound, gone):
    """It goes at once, and does not come back with another of that name; a token of the other works."""
    made = {"pods": {"spec": {"containers": [{"name": "c", "image": "i"}]}}, "secrets": {}, "nodes": {}, "serviceaccounts": {}}
    names = {plural: "default" if plural == "serviceaccounts" else "x" for plural in made}
    root = {plural: "/api/v1" if plural == "nodes" else "/api/v1/namespaces/shop" for plural in made}

    async def token():
        spec = {}
        if bound:
            _, one = await world.ask("GET", f"{root[bound]}/{bound}/x")
            spec = {"boundObjectRef": {"apiVersion": "v1", "kind": bound[:-1].capitalize(), "name": "x", "uid": one["metadata"]["uid"]}}
        answer = await world.make("/api/v1/namespaces/shop/serviceaccounts/default/token", {"spec": spec})
        return {"authorization": f"Bearer {answer['status']['token']}"}

    async def make(plural):
        await world.make(f"{root[plural]}/{plural}", {"metadata": {"name": names[plural]}, **made[plural]})

    if bound:
        await make(bound)
    old = await token()
    before = await world.who(der=None, headers=old)
    await world.ask("DELETE", f"{root[gone]}/{gone}/{names[gone]}", {"gracePeriodSeconds": 0})
    without = await world.who(der=None, headers=old)
    await make(gone)

    assert "system:serviceaccount:shop:default" == before["username"]
    assert [401, 401] == [without, await world.who(der=None, headers=old)]
    assert before["username"] == (await world.who(der=None, headers=await token()))["username"]


@pytest.mark.parametrize(("spec", "works"), [
    pytest.param({"expirationSeconds": 3607}, True, id="what every pod is given"),
    pytest.param({"expirationSeconds": 3600}, False, id="asked for otherwise"),
    pytest.param({"expirationSeconds": 3607, "boundObjectRef": None}, False, id="of no pod"),
])
async def test_old_programs_read_their_token_once(world, spec, works):
    """A program reads the token of its pod at the start and keeps it: it works on the next day, as with Kubernetes.

    The agent is told of an hour, and renews it.
    """
    made = await world.make("/api/v1/namespaces/shop/pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    ref = {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": made["metadata"]["uid"]}}
    answer = await world.make("/api/v1/namespaces/shop/serviceaccounts/default/token", {"spec": ref | spec})
    told_s = seconds(answer["status"]["expirationTimestamp"]) - int(world.clock.now_s())
    world.clock.advance(86_400)
    found = await world.who(der=None, headers={"authorization": f"Bearer {answer['status']['token']}"})

    assert spec["expirationSeconds"] == told_s == answer["spec"]["expirationSeconds"]
    assert works == (found != 401)


async def test_a_token_that_ends_is_reviewed_with_the_reason(world):
    """An agent asks on behalf of its caller, and is told why not."""
    made = await world.make("/api/v1/namespaces/shop/serviceaccounts/default/token", {"spec": {"expirationSeconds": 600}})
    world.clock.advance(700)
    _, review = await world.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
        "spec": {"token": made["status"]["token"]}})
    code, empty = await world.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {}})

    assert "[invalid bearer token, service account token has expired]" == review["status"]["error"]
    assert (400, "token is required for TokenReview in authentication") == (code, empty["message"])


async def test_an_agent_gets_tokens_for_its_own_pods_only(world):
    """NodeRestriction: bound to a pod, by uid, of its own node."""
    agent = CLIENTS.of("system:node:n1", "system:nodes")
    for name, node in (("mine", "n1"), ("other", "n2")):
        await world.make("/api/v1/namespaces/shop/pods", {"metadata": {"name": name}, "spec": {
            "nodeName": node, "containers": [{"name": "c", "image": "i"}]}})
    uids = {name: (await world.ask("GET", f"/api/v1/namespaces/shop/pods/{name}"))[1]["metadata"]["uid"] for name in ("mine", "other")}

    async def asked(ref, **more):
        code, got = await world.ask("POST", "/api/v1/namespaces/shop/serviceaccounts/default/token", {
            "spec": {"boundObjectRef": ref, **more} if ref else {}}, der=agent)
        return code, got.get("message", "")

    pod = {"apiVersion": "v1", "kind": "Pod"}
    mine = {**pod, "name": "mine", "uid": uids["mine"]}
    assert 201 == (await asked(mine))[0]
    assert 'audience "vault" not found in pod spec volume' in (await asked(mine, audiences=["vault"]))[1]
    assert "node requested token not bound to a pod" in (await asked(None))[1]
    assert "without a uid" in (await asked({**pod, "name": "mine"}))[1]
    assert "on a different node" in (await asked({**pod, "name": "other", "uid": uids["other"]}))[1]


async def test_a_driver_that_wants_tokens_names_their_audience(world):
    """A pod's volume is a CSI driver's, which asks for tokens for its vault: the agent may have one, for no other vault."""
    agent = CLIENTS.of("system:node:n1", "system:nodes")
    await world.make("/apis/storage.k8s.io/v1/csidrivers", {"metadata": {"name": "secrets.example"}, "spec": {"tokenRequests": [{"audience": "vault"}]}})
    made = await world.make("/api/v1/namespaces/shop/pods", {"metadata": {"name": "mine"}, "spec": {
        "nodeName": "n1", "containers": [{"name": "c", "image": "i"}], "volumes": [{"name": "v", "csi": {"driver": "secrets.example"}}]}})
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "mine", "uid": made["metadata"]["uid"]}
    codes = [(await world.ask("POST", "/api/v1/namespaces/shop/serviceaccounts/default/token", {
        "spec": {"boundObjectRef": bound, "audiences": [audience]}}, der=agent))[0] for audience in ("vault", "other")]

    assert [201, 403] == codes


def test_a_browser_hides_its_token_among_the_subprotocols():
    """A WebSocket opened by a page cannot carry an Authorization header."""
    coded = base64.urlsafe_b64encode(b"secret").decode().rstrip("=")
    offered = f"base64url.bearer.authorization.k8s.io.{coded}, v5.channel.k8s.io"
    call = Call("GET", "/", headers={"sec-websocket-protocol": offered}, upgrade=object())

    assert "secret" == token_of(call)


async def test_stories_of_roles_and_tokens_are_told_as_recorded(world):
    """Impersonation, refusals, escalation, reviews: code, reason and message of a real server."""
    stories = recorded("sequences/reads-and-policies.json")
    await world.make("/api/v1/namespaces", {"metadata": {"name": "rec4-85"}})
    await world.make("/api/v1/namespaces/rec4-85/serviceaccounts", {"metadata": {"name": "default"}})
    await world.make("/api/v1/nodes", {"metadata": {"name": "vm"}})
    for name in ("a1", "a2"):
        await world.make("/api/v1/namespaces/rec4-85/configmaps", {"metadata": {"name": name}})
    for story in stories:
        if "RBAC" in story["name"] or "tokens" in story["name"]:
            for number, step in enumerate(story["steps"]):
                await told(world, step, f"{story['name']} {number}")


async def told(world, step, where):
    asked = step["request"]
    headers = {**asked.get("headers", {}), "accept": asked.get("accept") or "application/json"}
    body = orjson.loads(orjson.dumps(asked.get("body")).replace(b"stories", b"rec4-85"))
    code, got = await world.ask(asked["method"], asked["path"], body, headers=headers)
    want = step["response"]
    assert step["code"] == code, (where, got)
    if code >= 400:
        shown = got["message"].replace("rec4-85", "stories")
        lines, expected = set(shown.split("\n")), set(want["message"].split("\n"))
        assert {line for line in expected ^ lines if not unlike(line)} == set(), where
        assert want["reason"] == got["reason"]
    elif "status" in want and "Review" in want["kind"]:
        want["status"].pop("nonResourceRules", None), got["status"].pop("nonResourceRules", None)  # it had more roles
        assert ordered(want["status"]) == ordered(orjson.loads(orjson.dumps(got["status"]).replace(b"rec4-85", b"stories"))), where
        assert set(want["metadata"]) == set(got["metadata"]), where


def unlike(line):
    """What the recorded server had beside Kubernetes' own."""
    return "openshift" in line


def ordered(value):
    """Rules come in no order."""
    if isinstance(value, dict):
        return {key: ordered(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((ordered(item) for item in value), key=str)
    return value


HEADERS = st.one_of(
    st.text(max_size=200), st.text(alphabet="abcdefghijklmnop0123456789.-_=", max_size=200).map(lambda text: f"Bearer {text}"),
    st.lists(st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")), min_size=3, max_size=3)
    .map(lambda parts: "Bearer " + ".".join(parts)),
    st.dictionaries(st.sampled_from(["iss", "aud", "exp", "nbf", "sub", "kubernetes.io"]),
                    st.one_of(st.none(), st.integers(0, 2**60), st.text(max_size=9), st.lists(st.text(max_size=5), max_size=2)))
    .map(lambda claims: "Bearer e30." + base64.urlsafe_b64encode(orjson.dumps({**claims, "iss": "kubernetes/serviceaccount"})).decode() + ".AA"),
)


@given(HEADERS)
@settings(max_examples=300, deadline=None)
def test_no_header_brings_the_door_down(header):
    """Whatever stands in Authorization: a token is found or not, and a bad one is refused."""
    clock = ManualClock()
    bearers = Bearers((Tokens(KEY, open_memory(), clock=clock, rng=Rng(1)),), ("x",))
    token = token_of(Call("GET", "/", headers={"authorization": header}))

    if token is not None:
        with pytest.raises(BadToken):
            asyncio.run(bearers.verify(token))


NAMES = st.sampled_from([
    "authorization", "impersonate-user", "impersonate-group", "impersonate-uid", "impersonate-extra-a", "Impersonate-Extra-%zz",
    "impersonate-", "x-remote-user", "x-remote-group", "x-remote-extra-%41", "sec-websocket-protocol"])
VALUES = st.one_of(st.text(max_size=40), st.sampled_from([
    "system:masters", "system:anonymous", "system:serviceaccount:a:b", "system:serviceaccount::", "system:node:", "Bearer a.b.c",
    "Bearer abcdef.0123456789abcdef", "base64url.bearer.authorization.k8s.io.!!, x", "base64url.bearer.authorization.k8s.io.AA, x"]))
HOSTILE = st.lists(st.tuples(NAMES, VALUES), max_size=6)
PROXY = PROXIES.of("front-proxy-client")
CERTIFICATES = st.sampled_from([None, CLIENTS.of("eve"), PROXY, PROXIES.of("other")])


@given(st.lists(st.tuples(HOSTILE, CERTIFICATES), min_size=20, max_size=20))
@settings(max_examples=15, deadline=None)
def test_no_mixture_of_credentials_lets_anybody_in_or_brings_the_server_down(calls):
    """Headers of every sort from strangers, users and proxies: each is answered, with 4xx; none lists Secrets."""
    async def story():
        async with lived(World()) as world:
            for headers, der in calls:
                trusted = der == PROXY and ("x-remote-group", "system:masters") in headers  # it speaks for a master
                call = Call("GET", "/api/v1/secrets", {}, CIMultiDict(headers), b"", None, der, object())
                answer = await world.locked.server.handle(call)
                assert 400 <= answer.status < 500 or trusted, (headers, answer.body)
                assert answer.status < 500

    asyncio.run(story())


@given(st.text(max_size=300))
def test_nothing_is_read_out_of_what_is_no_token(text):
    assert isinstance(unverified_claims(text), dict)


@given(st.dictionaries(st.sampled_from(["exp", "nbf", "aud", "kubernetes.io", "jti", "sub"]), st.one_of(
    st.none(), st.just(["https://kubernetes.default.svc.cluster.local"]), st.just(2**40), st.integers(-(2**53), 2**53), st.text(max_size=9), st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2))))
@example({"exp": 2**40, "aud": 1})
@settings(max_examples=100, deadline=None)
def test_even_signed_nonsense_is_refused(claims):
    """Somebody got hold of the signing key's words, not of its sense: no traceback."""
    token = Signer(KEY).sign({**claims, "iss": "https://kubernetes.default.svc.cluster.local"})
    door = Tokens(KEY, open_memory(), clock=ManualClock(), rng=Rng(1))

    with pytest.raises(BadToken):
        asyncio.run(door.verify(token))
