"""Who may what: roles as a user sees them, tokens, agents, reviews, and grants one does not hold."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from knarr.api.http import Call, User
from knarr.api.references import of_pod, secrets_of_volume
from knarr.apiserver.authn.bearers import Bearers
from knarr.apiserver.authn.callers import Callers
from knarr.apiserver.authn.certificates import Certificates
from knarr.apiserver.authn.doors import Anonymous, BadToken
from knarr.apiserver.authn.impersonation import completed
from knarr.apiserver.authn.tokens import ISSUER, Grant, Tokens
from knarr.apiserver.authz import bootstrap
from knarr.apiserver.authz.rules import Rule, atoms, covers, describe, missing
from knarr.apiserver.secured import Entrances, secured
from knarr.apiserver.security import Attributes
from knarr.apiserver.settings import Settings
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.store.memory import open_memory

WIRE = Path(__file__).parents[4] / "shared" / "wire"
ADMIN = User("admin", groups=("system:masters", "system:authenticated"))
BOB = User("bob", groups=("system:authenticated",))
RBAC = "/apis/rbac.authorization.k8s.io/v1"
KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class World:
    """A locked server, and people who ask it."""

    def __init__(self):
        self.clock = ManualClock()
        self.store = open_memory()
        self.locked = secured(self.store, Settings(), Entrances(KEY), clock=self.clock, rng=Rng(7))

    async def ask(self, user, method, path, body=None, headers=None):
        raw = orjson.dumps(body) if body is not None else b""
        path, _, query = path.partition("?")
        pairs = dict([query.split("=", 1)]) if query else {}
        call = Call(method, path, pairs, {"content-type": "application/json", **(headers or {})}, raw, user)
        answer = await self.locked.server.handle(call)
        await asyncio.sleep(0)      # the index follows the store one turn of the loop behind
        await asyncio.sleep(0)
        return answer.status, orjson.loads(answer.body)

    async def make(self, path, body):
        code, made = await self.ask(ADMIN, "POST", path, body)
        assert code == 201, made
        return made


@pytest.fixture
async def world():
    made = World()
    await made.locked.start()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(made.locked.access.run())
        await made.make("/api/v1/namespaces", {"metadata": {"name": "shop"}})
        await made.make("/api/v1/namespaces/shop/serviceaccounts", {"metadata": {"name": "default"}})
        yield made
        following.cancel()


async def grant(world, rules, user="bob"):
    await world.make(f"{RBAC}/namespaces/shop/roles", {"metadata": {"name": "r"}, "rules": rules})
    await world.make(f"{RBAC}/namespaces/shop/rolebindings", {
        "metadata": {"name": "rb"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]})


async def test_nobody_may_anything_until_a_binding_says_so(world):
    """Bob is refused, in kube's words; a binding later he is let in, and only there."""
    code, refused = await world.ask(BOB, "GET", "/api/v1/namespaces/shop/pods")
    await grant(world, [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}])
    allowed, _ = await world.ask(BOB, "GET", "/api/v1/namespaces/shop/pods")
    elsewhere, _ = await world.ask(BOB, "GET", "/api/v1/namespaces/default/pods")

    assert (403, 200, 403) == (code, allowed, elsewhere)
    assert refused["message"] == (
        'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "shop"')


async def test_a_binding_taken_away_counts_at_once(world):
    """What was granted is withdrawn."""
    await grant(world, [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}])
    await world.ask(ADMIN, "DELETE", f"{RBAC}/namespaces/shop/rolebindings/rb")

    code, _ = await world.ask(BOB, "GET", "/api/v1/namespaces/shop/pods")

    assert code == 403


async def test_everybody_may_discover_and_ask_about_themselves(world):
    """system:discovery and system:basic-user, from the first start."""
    version, _ = await world.ask(BOB, "GET", "/version")
    api, _ = await world.ask(BOB, "GET", "/api")
    metrics, _ = await world.ask(BOB, "GET", "/metrics")
    code, review = await world.ask(BOB, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
        "spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "shop"}}})

    assert (200, 200, 403, 201) == (version, api, metrics, code)
    assert review["status"] == {"allowed": False}


async def test_nobody_grants_what_they_do_not_hold(world):
    """Bob may write roles, but holds no secrets: he can neither put them into a role nor bind a role that has them."""
    await grant(world, [{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["create", "update"]},
                        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])

    held, _ = await world.ask(BOB, "POST", f"{RBAC}/namespaces/shop/roles", {
        "metadata": {"name": "mine"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]})
    role, why = await world.ask(BOB, "POST", f"{RBAC}/namespaces/shop/roles", {
        "metadata": {"name": "more"}, "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]})
    binding, _ = await world.ask(BOB, "POST", f"{RBAC}/namespaces/shop/rolebindings", {
        "metadata": {"name": "up"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob"}]})

    assert (201, 403, 403) == (held, role, binding)
    assert why["message"] == (
        'roles.rbac.authorization.k8s.io "more" is forbidden: user "bob" (groups=["system:authenticated"]) is attempting '
        'to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}')


async def test_a_token_stands_for_its_account_and_dies_with_what_it_is_bound_to(world):
    """Issued for a pod: good while the pod and its account live, and until it expires."""
    made = await world.make("/api/v1/namespaces/shop/pods", {
        "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": made["metadata"]["uid"]}
    answer = await world.make("/api/v1/namespaces/shop/serviceaccounts/default/token",
                              {"spec": {"expirationSeconds": 600, "boundObjectRef": bound}})
    token = {"authorization": f"Bearer {answer['status']['token']}"}

    good, me = await world.ask(None, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, token)
    await world.ask(ADMIN, "DELETE", "/api/v1/namespaces/shop/pods/p", {"gracePeriodSeconds": 0})
    dead, _ = await world.ask(None, "GET", "/api", None, token)

    assert (201, 401) == (good, dead)
    assert me["status"]["userInfo"]["username"] == "system:serviceaccount:shop:default"
    assert me["status"]["userInfo"]["extra"]["authentication.kubernetes.io/pod-name"] == ["p"]


async def test_a_token_expires(world):
    """Ten minutes and a little later nobody is let in."""
    answer = await world.make("/api/v1/namespaces/shop/serviceaccounts/default/token", {"spec": {"expirationSeconds": 600}})
    token = {"authorization": f"Bearer {answer['status']['token']}"}
    before, _ = await world.ask(None, "GET", "/api", None, token)
    world.clock.advance(600 + 61)

    after, _ = await world.ask(None, "GET", "/api", None, token)

    assert (200, 401) == (before, after)


async def test_others_can_verify_a_token_by_the_published_keys(world):
    """A vault outside reads the discovery document and the key set, and checks a pod's token with them alone."""
    answer = await world.make("/api/v1/namespaces/shop/serviceaccounts/default/token", {"spec": {"audiences": ["vault"]}})
    head, claims, signature = answer["status"]["token"].split(".")
    _, found = await world.ask(ADMIN, "GET", "/.well-known/openid-configuration")
    _, published = await world.ask(ADMIN, "GET", urlsplit(found["jwks_uri"]).path)
    named = orjson.loads(unpacked(head))
    key = next(key for key in published["keys"] if key["kid"] == named["kid"])
    x, y = (int.from_bytes(unpacked(key[part])) for part in "xy")
    pair = unpacked(signature)
    der = encode_dss_signature(int.from_bytes(pair[:32]), int.from_bytes(pair[32:]))
    ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key().verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    said = orjson.loads(unpacked(claims))

    assert ("ES256", ["ES256"], "P-256") == (named["alg"], found["id_token_signing_alg_values_supported"], key["crv"])
    assert (found["issuer"], ["vault"], "system:serviceaccount:shop:default") == (said["iss"], said["aud"], said["sub"])


def unpacked(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_a_token_for_another_audience_is_not_for_us(world):
    """Issued for a vault: it opens the vault, and a review says so, but not this API."""
    answer = await world.make("/api/v1/namespaces/shop/serviceaccounts/default/token", {"spec": {"audiences": ["vault"]}})
    token = answer["status"]["token"]

    here, _ = await world.ask(None, "GET", "/api", None, {"authorization": f"Bearer {token}"})
    _, review = await world.ask(ADMIN, "POST", "/apis/authentication.k8s.io/v1/tokenreviews",
                                {"spec": {"token": token, "audiences": ["vault"]}})

    assert here == 401
    assert review["status"]["authenticated"] is True


@pytest.mark.parametrize(("header", "code", "reason"), [
    pytest.param("Bearer a.b.c",       401, "Unauthorized", id="no token of ours"),
    pytest.param("bearer x",           401, "Unauthorized", id="no token at all"),
    pytest.param("Bearer \u00e9.b.c", 401, "Unauthorized", id="no token could hold that"),
    pytest.param("Bearer ",            401, "Unauthorized", id="nothing: a stranger"),
    pytest.param("Basic dXNlcjpwYXNz", 401, "Unauthorized", id="a scheme nobody knows: a stranger"),
    pytest.param("nonsense",           401, "Unauthorized", id="nonsense: a stranger"),
])
async def test_bad_credentials_are_refused(world, header, code, reason):
    """A 401 or the stranger's 403, as kube-apiserver tells them apart; never a traceback."""
    got, body = await world.ask(None, "GET", "/api/v1/pods", None, {"authorization": header})

    assert (code, reason) == (got, body["reason"])


async def test_strangers_may_look_at_health_and_version(world):
    """No credentials: `system:anonymous`, whose roles are few."""
    code, why = await world.ask(None, "GET", "/api/v1/namespaces")
    health = await world.locked.server.handle(Call("GET", "/readyz"))
    version, _ = await world.ask(None, "GET", "/version")
    keys, _ = await world.ask(None, "GET", "/openid/v1/jwks")

    assert (401, 200, 200, 401) == (code, health.status, version, keys)
    assert ("Unauthorized", "Unauthorized") == (why["reason"], why["message"])


async def test_who_acts_as_a_stranger_is_told_what_a_stranger_may_not(world):
    """An administrator asks what strangers see: he has shown who he is, so he gets the refusal itself."""
    acting = User("system:anonymous", groups=("system:unauthenticated",))
    code, why = await world.ask(acting, "GET", "/api/v1/namespaces")

    assert 403 == code
    assert why["message"] == (
        'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope')


async def test_an_agent_reads_what_its_pods_need_and_nothing_else(world):
    """One secret is mounted by a pod on its node, the other is not."""
    agent = User("system:node:n1", groups=("system:nodes", "system:authenticated"))
    for name in ("needed", "other"):
        await world.make("/api/v1/namespaces/shop/secrets", {"metadata": {"name": name}})
    await world.make("/api/v1/namespaces/shop/pods", {"metadata": {"name": "p"}, "spec": {
        "nodeName": "n1", "containers": [{"name": "c", "image": "i"}], "volumes": [{"name": "v", "secret": {"secretName": "needed"}}]}})

    needed, _ = await world.ask(agent, "GET", "/api/v1/namespaces/shop/secrets/needed")
    other, why = await world.ask(agent, "GET", "/api/v1/namespaces/shop/secrets/other")
    everybody, _ = await world.ask(agent, "GET", "/api/v1/pods")
    pods, _ = await world.ask(agent, "GET", "/api/v1/pods?fieldSelector=spec.nodeName=n1")
    stranger, _ = await world.ask(User("system:node:n2", groups=("system:nodes",)), "GET", "/api/v1/namespaces/shop/secrets/needed")

    assert (200, 403, 403, 200, 403) == (needed, other, everybody, pods, stranger)
    assert "no relationship found between node 'n1' and this object" in why["message"]


def test_every_reference_of_a_pod_counts():
    """Volumes, projections, environment, pull secrets, the account."""
    container = {"envFrom": [{"secretRef": {"name": "a"}}, {"configMapRef": {"name": "b"}}],
                 "env": [{"valueFrom": {"secretKeyRef": {"name": "c"}}}, {"valueFrom": {"configMapKeyRef": {"name": "d"}}}, {"value": "x"}]}
    pod = {"metadata": {"name": "p", "namespace": "n"}, "spec": {
        "containers": [container], "imagePullSecrets": [{"name": "e"}], "serviceAccountName": "me",
        "volumes": [{"name": "1", "persistentVolumeClaim": {"claimName": "f"}}, {"name": "2", "ephemeral": {}},
                    {"name": "3", "projected": {"sources": [{"secret": {"name": "g"}}, {"configMap": {"name": "h"}}]}}]}}

    found = {(plural, name) for plural, _, name in of_pod(pod)}

    assert found == {("serviceaccounts", "me"), ("configmaps", "kube-root-ca.crt"), ("secrets", "a"), ("configmaps", "b"),
                     ("secrets", "c"), ("configmaps", "d"), ("secrets", "e"), ("persistentvolumeclaims", "f"),
                     ("persistentvolumeclaims", "p-2"), ("secrets", "g"), ("configmaps", "h")}


@pytest.mark.parametrize(("source", "expected"), [
    pytest.param({"csi": {"nodePublishSecretRef": {"name": "s"}}}, {"s"}, id="a driver's"),
    pytest.param({"azureFile": {"secretName": "s"}}, {"s"}, id="azureFile"),
    *(pytest.param({name: {"secretRef": {"name": "s"}}}, {"s"}, id=name)
      for name in ("cephfs", "cinder", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos")),
    pytest.param({"emptyDir": {}}, set(), id="none"),
])  # fmt: skip
def test_secrets_of_every_sort_of_volume_count(source, expected):
    """A pod's volume names its Secret in one of Kubernetes' many ways."""
    pod = {"metadata": {"name": "p", "namespace": "n"}, "spec": {"containers": [], "volumes": [{"name": "v", **source}]}}

    assert expected == {name for plural, _, name in of_pod(pod) if plural == "secrets"}


def test_nodes_see_what_a_volume_needs_on_nodes():
    """The driver's controller has Secrets of its own: they are no node's business. What names no namespace is the claim's."""
    volume = {"spec": {"claimRef": {"namespace": "shop", "name": "c"}, "csi": {
        "driver": "d", "nodeStageSecretRef": {"name": "stage", "namespace": "ops"}, "nodeExpandSecretRef": {"name": "grow", "namespace": "ops"},
        "controllerPublishSecretRef": {"name": "cloud", "namespace": "ops"}, "controllerExpandSecretRef": {"name": "cloud", "namespace": "ops"}}}}

    assert {("ops", "stage"), ("ops", "grow")} == secrets_of_volume(volume)
    assert {("shop", "s")} == secrets_of_volume({"spec": {**volume["spec"], "csi": None, "azureFile": {"secretName": "s"}}})
    assert {("far", "s")} == secrets_of_volume({"spec": {"azureFile": {"secretName": "s", "secretNamespace": "far"}}})


async def test_only_the_volume_knows_whose_it_is(world):
    """Mallory's claim names another's volume: his pod's node reads neither the volume nor its Secret. The true claim's does."""
    ceph = {"cephfs": {"monitors": ["m"], "secretRef": {"name": "key", "namespace": "shop"}}}
    await world.make("/api/v1/namespaces/shop/secrets", {"metadata": {"name": "key"}})
    await world.make("/api/v1/persistentvolumes", {"metadata": {"name": "gold"}, "spec": {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"], "claimRef": {"namespace": "shop", "name": "true"}, **ceph}})
    for node, claim in (("n1", "true"), ("n2", "false")):
        await world.make("/api/v1/namespaces/shop/persistentvolumeclaims", {"metadata": {"name": claim}, "spec": {
            "volumeName": "gold", "accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}})
        await world.make("/api/v1/namespaces/shop/pods", {"metadata": {"name": node}, "spec": {
            "nodeName": node, "containers": [{"name": "c", "image": "i"}], "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]}})

    async def codes(node):
        agent = User(f"system:node:{node}", groups=("system:nodes", "system:authenticated"))
        paths = ("/api/v1/persistentvolumes/gold", "/api/v1/namespaces/shop/secrets/key")
        return [(await world.ask(agent, "GET", path))[0] for path in paths]

    assert [200, 200] == await codes("n1")
    assert [403, 403] == await codes("n2")


async def test_the_mirror_of_a_pod_opens_nothing(world):
    """An agent makes a mirror that names a Secret in a way nobody thought of: it is still not the node's to read."""
    agent = User("system:node:n1", groups=("system:nodes", "system:authenticated"))
    await world.make("/api/v1/namespaces/shop/secrets", {"metadata": {"name": "key"}})
    mirror = {"metadata": {"name": "m", "annotations": {"kubernetes.io/config.mirror": "x"}}, "spec": {
        "nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}}
    volume = {"name": "v", "flexVolume": {"driver": "d/e", "secretRef": {"name": "key"}}}
    code, refusal = await world.ask(agent, "POST", "/api/v1/namespaces/shop/pods", {**mirror, "spec": {**mirror["spec"], "volumes": [volume]}})
    await world.make("/api/v1/namespaces/shop/pods", mirror)

    assert (403, True) == (code, refusal["message"].endswith('node "n1" can not create pods that reference secrets'))
    assert 403 == (await world.ask(agent, "GET", "/api/v1/namespaces/shop/serviceaccounts/default"))[0]


async def test_impersonation_needs_the_right_to_it():
    """Only who may `impersonate` becomes somebody else, with the groups the server adds."""
    class Nobody:
        def authorize(self, attributes):
            from knarr.apiserver.security import Decision

            return Decision("system:masters" in attributes.user.groups)

    nobody = Anonymous(enabled=False)
    callers = Callers(Certificates(ManualClock()), Bearers((), ()), Nobody, wish=lambda call, user: Attributes(user, "get", "/"), anonymous=nobody)

    assert await callers.authenticate(Call("GET", "/")) is None
    assert completed(User("bob", groups=("devs",))).groups == ("devs", "system:authenticated")
    assert completed(User("system:serviceaccount:n:a")).groups == (
        "system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated")


async def test_tokens_of_another_key_are_refused():
    """Somebody made one himself."""
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    clock = ManualClock()
    forged, _ = Tokens(other, open_memory(), clock=clock, rng=Rng(1)).issue(Grant("n", "a", "u", (ISSUER,), 600))

    with pytest.raises(BadToken):
        await Tokens(KEY, open_memory(), clock=clock, rng=Rng(1)).verify(forged)


@pytest.mark.parametrize(("rule", "asked", "allowed"), [
    pytest.param(Rule(("get",), ("",), ("pods",)),              ("get", "", "pods", "", "a"),       True,  id="plain"),
    pytest.param(Rule(("get",), ("",), ("pods",)),              ("get", "", "pods", "log", "a"),    False, id="a subresource is not its parent"),
    pytest.param(Rule(("get",), ("",), ("pods/log",)),          ("get", "", "pods", "log", "a"),    True,  id="the subresource"),
    pytest.param(Rule(("*",), ("*",), ("*/scale",)),            ("get", "apps", "x", "scale", "a"), True,  id="any scale"),
    pytest.param(Rule(("get",), ("apps",), ("*",)),             ("get", "", "pods", "", "a"),       False, id="another group"),
    pytest.param(Rule(("get",), ("",), ("pods",), ("b",)),      ("get", "", "pods", "", "a"),       False, id="another name"),
    pytest.param(Rule(("list",), ("",), ("pods",), ("b",)),     ("list", "", "pods", "", ""),       False, id="names do not list"),
])
def test_rules_match(rule, asked, allowed):
    verb, group, resource, subresource, name = asked

    assert allowed == rule.allows(Attributes(BOB, verb, "", group, "v1", resource, subresource, "n", name))


@pytest.mark.parametrize(("url", "path", "allowed"), [
    pytest.param("/api/*", "/api/v1", True, id="below"), pytest.param("/api", "/api/v1", False, id="not below"),
    pytest.param("*", "/anything", True, id="all"),
])
def test_paths_match(url, path, allowed):
    assert allowed == Rule(("get",), urls=(url,)).allows(Attributes(BOB, "get", path))


WORDS = st.lists(st.sampled_from(["get", "list", "*", "pods", "", "apps", "pods/log"]), min_size=1, max_size=3, unique=True).map(tuple)
RULES = st.builds(Rule, WORDS, WORDS, WORDS)


@given(RULES)
def test_a_rule_covers_itself(rule):
    """Whoever holds a rule may grant it."""
    assert missing([rule], [rule]) == []
    assert all(covers(rule, atom) for atom in atoms(rule))


@given(RULES, RULES)
def test_what_is_missing_is_not_held(wanted, held):
    """Everything reported missing is indeed not covered, and the rest is."""
    lacking = missing([wanted], [held])

    assert all(not covers(held, atom) for rule in lacking for atom in atoms(rule))
    assert missing([wanted], [held, *lacking]) == []


def test_a_rule_is_described_in_kubes_words():
    assert describe(Rule(("get",), ("",), ("pods",), ("a",))) == (
        '{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["get"]}')


def test_default_roles_are_kubernetes_own():
    """Every default role and binding, rule by rule, against what a real server made."""
    if not WIRE.exists():
        pytest.skip("../shared/wire is not here")
    recorded = json.loads((WIRE / "bootstrap" / "objects.json").read_text())
    own = [o for o in bootstrap.objects() if not o["metadata"]["name"].startswith("knarr:")]
    ours = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]): o for o in own}
    theirs = {}
    for path, objects in recorded.items():
        if "rbac" in path:
            kind = {"clusterroles": "ClusterRole", "clusterrolebindings": "ClusterRoleBinding", "roles": "Role",
                    "rolebindings": "RoleBinding"}[path.rpartition("/")[2]]
            theirs |= {(kind, o["metadata"].get("namespace"), o["metadata"]["name"]): o for o in objects}
    others = {key for key in theirs if "openshift" in key[2]}  # another distribution's

    assert set(theirs) - others == set(ours)
    for key, obj in ours.items():
        assert (theirs[key].get("rules") or []) == (obj.get("rules") or []), key
        assert (theirs[key].get("subjects") or []) == (obj.get("subjects") or []), key
        assert theirs[key]["metadata"]["labels"] == obj["metadata"]["labels"], key
        assert theirs[key].get("aggregationRule") == obj.get("aggregationRule"), key
