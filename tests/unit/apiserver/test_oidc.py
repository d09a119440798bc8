"""Tokens of outside issuers: what the file may say, what becomes of a token, and issuers that are down, slow or lying."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
import time
from contextlib import asynccontextmanager

import orjson
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from knarr.apiserver.authn.doors import BadToken
from knarr.apiserver.authn.oidc import keys as issuer_keys
from knarr.apiserver.authn.oidc.claims import user_of
from knarr.apiserver.authn.oidc.configuration import Jwt, read
from knarr.apiserver.authn.oidc.issuers import Issuers
from knarr.apiserver.authn.oidc.keys import KeysUnavailable, over_https, read_keys
from knarr.apiserver.config_files import BadConfiguration
from knarr.base.clock import ManualClock
from tests.unit.apiserver.test_authn import Authority

URL, OWN = "https://issuer.example", "https://kubernetes.default.svc.cluster.local"
API = ("api",)
FILE = """\
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer: {url: "https://issuer.example", audiences: [shop]}
  claimMappings:
    username: {claim: sub, prefix: "oidc:"}
    groups: {claim: groups, prefix: "oidc:"}
"""
KEYS = {"ec": ECKey.generate_key("P-256"), "rsa": RSAKey.generate_key(2048)}
for key in KEYS.values():
    key.ensure_kid()


class Issuer:
    """An issuer without a network: its documents by URL, and how often each was asked for."""

    def __init__(self, *keys, url=URL):
        self.keys, self.url, self.asked, self.fault, self.name = keys, url, [], None, url

    def __call__(self, ca_pem):
        return self.fetch

    async def fetch(self, url, *, bearer=""):
        self.asked.append(url)
        if self.fault is not None:
            raise self.fault
        if url.endswith("/.well-known/openid-configuration"):
            return orjson.dumps({"issuer": self.name, "jwks_uri": f"{self.url}/keys"})
        return orjson.dumps({"keys": [{**key.as_dict(private=False), "use": "sig"} for key in self.keys]})


def token(key=KEYS["ec"], alg="ES256", header=None, **claims):
    said = {"iss": URL, "aud": "shop", "exp": 2_000_000_000, "sub": "mia", **claims}
    return jwt.encode({"alg": alg, "kid": key.kid, **(header or {})}, said, key, algorithms=[alg])


def door(issuer, text=FILE, clock=None):
    return Issuers(read(text.encode(), own_issuer=OWN).jwt, API, clock=clock or ManualClock(1_767_225_600.0), fetching=issuer)


@pytest.mark.parametrize(("key", "alg"), [("ec", "ES256"), ("rsa", "RS256"), ("rsa", "PS384")])
async def test_a_token_of_a_listed_issuer_stands_for_its_user(key, alg):
    """Name and groups bear the prefix, so that no outsider takes a name of the cluster's own."""
    issuer = Issuer(*KEYS.values())
    found = await door(issuer).verify(token(KEYS[key], alg, groups=["devs"]), API)

    assert ("oidc:mia", ("oidc:devs", "system:authenticated")) == (found.user.name, found.user.groups)
    assert 2 == len(issuer.asked)


@pytest.mark.parametrize(("claims", "said"), [
    pytest.param({"aud": "other"}, "expected audience in [shop] got ['other']", id="for somebody else"),
    pytest.param({"exp": 1_000}, "token is expired", id="over"), pytest.param({"exp": None}, "token is expired", id="without an end"),
    pytest.param({"nbf": 1_900_000_000}, "before the nbf", id="not yet"),
    pytest.param({"sub": 7}, "it is no string", id="a name that is none"), pytest.param({"sub": ""}, "the username is empty", id="nobody"),
    pytest.param({"groups": {"a": 1}}, "neither a string nor a list", id="groups that are none"),
])
async def test_a_good_signature_under_a_bad_token(claims, said):
    with pytest.raises(BadToken, match=said.replace("[", r"\[").replace("]", r"\]")):
        await door(Issuer(*KEYS.values())).verify(token(**claims), API)


async def test_signatures_that_prove_nothing():
    """Signed by another key of that name, by a shared secret, or by nobody."""
    other = ECKey.generate_key("P-256", {"kid": KEYS["ec"].kid})
    unsigned = "eyJhbGciOiJub25lIn0." + token().split(".")[1] + "."
    hmac = "eyJhbGciOiJIUzI1NiJ9." + ".".join(token().split(".")[1:])
    found = door(Issuer(*KEYS.values()))
    for bad in (token(other), unsigned, hmac):
        with pytest.raises(BadToken):
            await found.verify(bad, API)


async def test_other_issuers_and_other_audiences_are_not_ours():
    """A token of an issuer nobody listed is left to the other doors; a review for another audience is refused."""
    found = door(Issuer(*KEYS.values()))

    assert await found.verify(token(iss="https://else.example"), API) is None
    with pytest.raises(BadToken):
        await found.verify(token(), ("vault",))


class Spread(Issuer):
    """An issuer that keeps groups elsewhere: another server signs them with a key of its own."""

    def __init__(self, answer):
        super().__init__(*KEYS.values())
        self.answer, self.shown = answer, []

    async def fetch(self, url, *, bearer=""):
        if url == "https://groups.example/mia":
            self.shown.append(bearer)
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer
        if url.startswith("https://groups.example"):
            if url.endswith("/.well-known/openid-configuration"):
                return orjson.dumps({"issuer": "https://groups.example", "jwks_uri": "https://groups.example/keys"})
            return orjson.dumps({"keys": [GROUPS_KEY.as_dict(private=False)]})
        return await super().fetch(url)


GROUPS_KEY = ECKey.generate_key("P-256", {"kid": "groups"})
ELSEWHERE = {"_claim_names": {"groups": "far"}, "_claim_sources": {"far": {"endpoint": "https://groups.example/mia", "access_token": "t0"}}}


def groups(key=GROUPS_KEY, **claims):
    return token(key, **{"iss": "https://groups.example", "groups": ["devs", "ops"], **claims}).encode()


async def test_groups_that_lie_elsewhere():
    """Mia has too many groups for a token: it names a server that keeps them, and what to show there."""
    issuer = Spread(groups())
    found, shown = door(issuer), token(**ELSEWHERE)
    users = [(await found.verify(shown, API)).user for _ in range(2)]

    assert ("oidc:devs", "oidc:ops", "system:authenticated") == users[0].groups == users[1].groups
    assert ["t0"] == issuer.shown, "the second time is remembered"
    assert ("oidc:own", "system:authenticated") == (await found.verify(token(**ELSEWHERE, groups=["own"]), API)).user.groups
    assert 1 == len(issuer.shown), "a token that says its groups needs nobody else"


@pytest.mark.parametrize(("claims", "answer", "said"), [
    pytest.param(ELSEWHERE, KeysUnavailable("connection refused"), 'while getting claim "groups": connection refused', id="down"),
    pytest.param(ELSEWHERE, b"\xff\xfe", "while getting claim", id="no text"), pytest.param(ELSEWHERE, b"hello", "has no https URL", id="no token"),
    pytest.param(ELSEWHERE, groups(KEYS["ec"]), "failed to verify signature", id="signed by another"),
    pytest.param(ELSEWHERE, groups(aud="vault"), "expected audience in", id="for somebody else"),
    pytest.param(ELSEWHERE, groups(exp=1000), "token is expired", id="over"),
    pytest.param(ELSEWHERE, token(GROUPS_KEY, iss="https://groups.example").encode(), "did not contain claim: groups", id="says nothing of them"),
    pytest.param(ELSEWHERE, groups(iss="http://plain.example"), 'issuer "http://plain.example" has no https URL', id="of nobody"),
    pytest.param({**ELSEWHERE, "_claim_sources": {}}, b"", "contained a source far missing in _claim_sources", id="a source that is not there"),
    pytest.param({**ELSEWHERE, "_claim_sources": {"far": {"endpoint": "http://groups.example/mia"}}}, b"", "must be https", id="plain"),
    pytest.param({**ELSEWHERE, "_claim_names": "groups"}, b"", "error parsing distributed claim names", id="names that are none"),
    pytest.param({**ELSEWHERE, "_claim_sources": {"far": 7}}, b"", "could not parse claim sources", id="sources that are none"),
])
async def test_groups_elsewhere_that_cannot_be_had(claims, answer, said):
    """The server is away, lies, or the token is nonsense: the caller stays out, nobody else is harmed."""
    found = door(Spread(answer))
    with pytest.raises(BadToken) as caught:
        await found.verify(token(**claims), API)

    assert said in str(caught.value)
    assert "oidc:mia" == (await found.verify(token(), API)).user.name


@pytest.mark.parametrize("claims", [
    pytest.param({"_claim_names": {"other": "far"}, "_claim_sources": {"far": {"endpoint": "https://x"}}}, id="another claim"),
    pytest.param({"_claim_names": {"groups": "far"}}, id="no sources"),
    pytest.param({"_claim_names": {"groups": "far"}, "_claim_sources": {"far": {"JWT": "x"}}}, id="a token in the token"),
])
async def test_groups_that_nobody_keeps(claims):
    """What Kubernetes passes over is passed over: Mia comes in without groups."""
    assert ("system:authenticated",) == (await door(Spread(b"")).verify(token(**claims), API)).user.groups


async def test_an_issuer_that_is_down_is_not_asked_all_the_time():
    """Ten users come at once, then ten more: it is asked once, and again after the pause, when it is back."""
    clock, issuer = ManualClock(1_767_225_600.0), Issuer(*KEYS.values())
    issuer.fault = KeysUnavailable("connection refused")
    found = door(issuer, clock=clock)
    answers = await asyncio.gather(*(found.verify(token(), API) for _ in range(20)), return_exceptions=True)
    issuer.fault = None
    clock.advance(issuer_keys.PAUSE_S + 1)

    assert {BadToken} == {type(one) for one in answers}
    assert "is not initialized: connection refused" in str(answers[0])
    assert 1 == len(issuer.asked)
    assert "oidc:mia" == (await found.verify(token(), API)).user.name


async def test_keys_turn_and_old_ones_outlive_an_outage():
    """A new key is fetched when it is first named, but not for every word somebody makes up; while the issuer is away
    its last keys stay good."""
    clock, issuer = ManualClock(1_767_225_600.0), Issuer(KEYS["ec"])
    found = door(issuer, clock=clock)
    await found.verify(token(), API)
    clock.advance(60)
    issuer.keys = (*issuer.keys, KEYS["rsa"])
    await found.verify(token(KEYS["rsa"], "RS256"), API)
    asked = len(issuer.asked)
    for number in range(50):
        with pytest.raises(BadToken):
            await found.verify(token(header={"kid": f"made up {number}"}, sub=str(number)), API)
    asked_then = len(issuer.asked)
    issuer.fault = KeysUnavailable("away")
    clock.advance(issuer_keys.FRESH_S + 1)

    assert (4, 4) == (asked, asked_then)
    assert "oidc:late" == (await found.verify(token(sub="late"), API)).user.name
    assert 5 == len(issuer.asked)


@pytest.mark.parametrize("lie", [
    pytest.param({"issuer": "https://other.example", "jwks_uri": f"{URL}/keys"}, id="another's name"),
    pytest.param({"issuer": URL, "jwks_uri": "http://issuer.example/keys"}, id="keys in the open"),
    pytest.param({"issuer": URL}, id="no keys"), pytest.param([], id="no object"),
])
async def test_a_lying_issuer_is_not_believed(lie):
    issuer = Issuer(*KEYS.values())

    async def fetch(url):
        return orjson.dumps(lie)

    with pytest.raises(BadToken, match="is not initialized"):
        await door(lambda ca: fetch).verify(token(), API)
    assert issuer.asked == []


@pytest.mark.parametrize("body", [
    pytest.param(b"no json", id="no JSON"), pytest.param(b'{"keys": []}', id="none"),
    pytest.param(b'{"keys": [{"kty": "oct", "k": "AA"}]}', id="a shared secret"),
    pytest.param(orjson.dumps({"keys": [{"kty": "RSA", "n": "AA", "e": 7}]}), id="a broken one"),
    pytest.param(orjson.dumps({"keys": [{}] * 101}), id="too many"),
])
def test_key_sets_that_are_none(body):
    with pytest.raises(KeysUnavailable):
        read_keys(body)


EXPRESSIONS = """\
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer: {url: "https://issuer.example", audiences: [shop, till], audienceMatchPolicy: MatchAny}
  claimValidationRules:
  - {claim: hd, requiredValue: example.com}
  - {expression: "claims.exp - claims.iat <= 86400", message: "a day at most"}
  claimMappings:
    username: {expression: "claims.email_verified ? claims.email : 'nobody'"}
    groups: {expression: "claims.roles.split(',')"}
    uid: {claim: oid}
    extra: [{key: "example.com/tenant", valueExpression: "claims.tenant"}]
  userValidationRules:
  - {expression: "!user.username.startsWith('system:')", message: "no name of the cluster's own"}
  - {expression: "user.groups.all(g, g != 'system:masters')"}
"""
GOOD = {"hd": "example.com", "exp": 1000, "iat": 0, "email": "mia@example.com", "email_verified": True, "roles": "a,b",
        "oid": "42", "tenant": ["t1"]}


def test_expressions_make_the_user():
    """CEL over the claims: name, groups, uid and extra; then over the user."""
    found = user_of(read(EXPRESSIONS.encode(), own_issuer=OWN).jwt[0], GOOD)

    assert ("mia@example.com", "42", ("a", "b"), {"example.com/tenant": ("t1",)}) == (
        found.name, found.uid, found.groups, found.extra)


@pytest.mark.parametrize(("claims", "said"), [
    pytest.param({"hd": "else.example"}, "required claim hd value does not match. Got = else.example, want = example.com", id="value"),
    pytest.param({"hd": None}, "parse claim hd", id="no string"), pytest.param({"iat": -86400}, "a day at most", id="expression"),
    pytest.param({"email": "system:admin"}, "no name of the cluster's own", id="user"),
    pytest.param({"roles": "system:masters"}, "failed expression: user.groups.all", id="group"),
    pytest.param({"roles": 7}, "resulted in error", id="an error is a no"), pytest.param({"tenant": 7}, "neither a string", id="extra"),
])
def test_rules_that_a_token_breaks(claims, said):
    with pytest.raises(BadToken) as caught:
        user_of(read(EXPRESSIONS.encode(), own_issuer=OWN).jwt[0], {**GOOD, **claims})

    assert said in str(caught.value)


@pytest.mark.parametrize(("verified", "good"), [(True, True), (None, True), (False, False), ("true", False)])
def test_an_email_that_nobody_verified_is_no_name(verified, good):
    """Only where the issuer says nothing of it, or says yes."""
    entry = read(FILE.replace("claim: sub", "claim: email").encode(), own_issuer=OWN).jwt[0]
    claims = {"email": "a@b"} if verified is None else {"email": "a@b", "email_verified": verified}
    if good:
        assert "oidc:a@b" == user_of(entry, claims).name
    else:
        with pytest.raises(BadToken, match="email not verified"):
            user_of(entry, claims)


@pytest.mark.parametrize(("was", "now", "said"), [
    pytest.param("https://issuer", "http://issuer", "jwt[0].issuer.url: Invalid value: \"http://issuer.example\": URL scheme must be https", id="http"),
    pytest.param("https://issuer.example", OWN, "URL must not overlap with disallowed issuers", id="our own name"),
    pytest.param("audiences: [shop]", "audiences: []", "at least one jwt[0].issuer.audiences is required", id="for nobody"),
    pytest.param("[shop]", "[shop, till]", "audienceMatchPolicy must be MatchAny for multiple audiences", id="two"),
    pytest.param(', prefix: "oidc:"}\n    groups', "}\n    groups", "prefix is required when claim is set", id="no prefix"),
    pytest.param("{claim: sub, prefix: \"oidc:\"}", "{}", "jwt[0].claimMappings.username: Required value: claim or expression is required", id="no name"),
    pytest.param("{claim: sub, prefix: \"oidc:\"}", "{expression: 'claims.'}", "compilation failed", id="no CEL"),
    pytest.param("{claim: sub, prefix: \"oidc:\"}", "{expression: claims.email}", "claims.email_verified must be used", id="an unverified email"),
    pytest.param("audiences:", "audience:", "strict decoding error", id="a misspelt field"),
    pytest.param("config.k8s.io/v1", "config.k8s.io/v9", "expected apiVersion apiserver.config.k8s.io/v1", id="another version"),
    pytest.param("kind: Auth", "kind: [", "yaml:", id="no YAML"),
    pytest.param("audiences: [shop]", "audiences: [shop], certificateAuthority: x", "does not contain any valid", id="no CA"),
])
def test_files_that_cannot_be_used(was, now, said):
    """Every fault is named with its path."""
    assert was in FILE
    with pytest.raises(BadConfiguration) as caught:
        read(FILE.replace(was, now).encode(), own_issuer=OWN)

    assert said in str(caught.value)


VALUES = st.recursive(st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6)
ENTRY: Jwt = read(EXPRESSIONS.encode(), own_issuer=OWN).jwt[0]


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), VALUES))
@settings(max_examples=200, deadline=None)
def test_whatever_a_token_says_is_a_user_or_a_refusal(claims):
    try:
        found = user_of(ENTRY, {**GOOD, **claims})
    except BadToken:
        return
    assert found.name
    assert "system:masters" not in found.groups


@asynccontextmanager
async def served(handler, folder):
    """An issuer over TLS on a port of its own."""
    authority, key = Authority("issuers"), ec.generate_private_key(ec.SECP256R1())
    name = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.datetime.fromtimestamp(time.time(), datetime.UTC)
    day = datetime.timedelta(days=1)
    self_signed = (x509.CertificateBuilder().subject_name(authority.name).issuer_name(authority.name).public_key(key.public_key())
                   .serial_number(5).not_valid_before(now - day).not_valid_after(now + day).add_extension(name, critical=False)
                   .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256()))
    pem = self_signed.public_bytes(serialization.Encoding.PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*written(folder, pem, key))
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}", pem.decode()
    finally:
        await runner.cleanup()


def written(folder, pem, key):
    (folder / "c").write_bytes(pem)
    (folder / "k").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return str(folder / "c"), str(folder / "k")


@pytest.mark.slow
async def test_an_issuer_over_tls(monkeypatch, tmp_path):
    """A real one on loopback: verified by the CA in the file; one that dawdles, redirects or talks without end is left."""
    monkeypatch.setattr(issuer_keys, "FETCH_S", 0.3)

    async def handler(request):
        if request.path == "/slow":
            await asyncio.sleep(2)
        if request.path == "/away":
            raise web.HTTPFound("https://127.0.0.1:1/")
        if request.path == "/long":
            return web.Response(body=b"x" * (issuer_keys.DOCUMENT_BYTES_MAX + 1))
        return web.Response(body=b'{"issuer": "me"}')

    async with served(handler, tmp_path) as (url, pem):
        fetch = over_https(pem)
        assert b'{"issuer": "me"}' == await fetch(f"{url}/good")
        for path, why in (("slow", "did not answer within"), ("away", "answered 302"), ("long", "sent more than")):
            with pytest.raises(KeysUnavailable, match=why):
                await fetch(f"{url}/{path}")
        with pytest.raises(KeysUnavailable, match="certificate"):
            await over_https("")(f"{url}/good")
