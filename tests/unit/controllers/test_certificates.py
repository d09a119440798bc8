"""Certificate requests from the asking to the forgetting, and tokens that lie in Secrets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from knarr.api import csr
from knarr.api.csr import Asked
from knarr.api.http import User
from knarr.api.types.core_v1 import Secret, ServiceAccount
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.controllers.accounttokens.plan import ACCOUNT, ACCOUNT_UID
from knarr.controllers.accounttokens.plan import View as TokenView
from knarr.controllers.accounttokens.plan import plan as token_plan
from knarr.controllers.certificates import rules
from tests.unit.apiserver.test_authn import CLIENTS
from tests.unit.controllers.locked import live

PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
BOOT = User("system:bootstrap:abcdef", groups=("system:bootstrappers", "system:bootstrappers:knarr:nodes", "system:authenticated"))
NODE = User("system:node:n1", groups=("system:nodes", "system:authenticated"))
MIA = User("mia", "42", ("devs", "system:authenticated"), {"project": ("p1",)})
KUBELET = ["digital signature", "client auth"]
KEY = ec.generate_private_key(ec.SECP256R1())


def pem(name="system:node:n1", *groups, dns=(), key=KEY):
    """Return a request as `spec.request` holds it."""
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)]))
    if dns:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in dns]), critical=False)
    return base64.b64encode(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)).decode()


def wanted(name="r", signer=rules.KUBELET_CLIENT, usages=tuple(KUBELET), request=None, **spec):
    return {"metadata": {"name": name}, "spec": {
        "request": request or pem("system:node:n1", "system:nodes"), "signerName": signer, "usages": list(usages), **spec}}


def issued(found):
    return x509.load_pem_x509_certificate(base64.b64decode(found["status"]["certificate"]))


def types(found):
    return [one["type"] for one in found["status"].get("conditions", ())]


async def decide(world, name, kind="Approved", user=None):
    _, found = await world.ask("GET", f"{PATH}/{name}")
    found["status"]["conditions"] = [*found["status"].get("conditions", ()), {"type": kind, "status": "True", "reason": "x"}]
    return await world.ask("PUT", f"{PATH}/{name}/approval", found, *([user] if user else []))


@pytest.mark.parametrize(("asker", "words"), [
    pytest.param(BOOT, "Auto approving kubelet client certificate after SubjectAccessReview.", id="a new machine"),
    pytest.param(NODE, "Auto approving self kubelet client certificate after SubjectAccessReview.", id="a node renews its own"),
])
def test_an_agent_gets_its_certificate(asker, words):
    """Asked with a bootstrap token first, with the certificate itself later: nobody has to approve it."""
    async def story(world):
        await world.make(PATH, wanted(expirationSeconds=3600), asker)
        await world.pass_time()
        _, found = await world.ask("GET", f"{PATH}/r")
        made = issued(found)

        assert ["Approved"] == types(found)
        assert words == found["status"]["conditions"][0]["message"]
        assert "system:node:n1" == made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        assert [ExtendedKeyUsageOID.CLIENT_AUTH] == list(made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        assert 3600 == pytest.approx(made.not_valid_after_utc.timestamp() - world.clock.now_s(), abs=10)
        made.verify_directly_issued_by(CLIENTS.certificate)

    live(("certificates",), story)


def test_nobody_else_is_approved_by_himself():
    """Mia asks for a node's certificate: she is no bootstrapper, so a person must decide."""
    async def story(world):
        await world.make(f"{RBAC}/clusterroles", {"metadata": {"name": "ask"}, "rules": [
            {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"], "verbs": ["create"]}]})
        await world.make(f"{RBAC}/clusterrolebindings", {
            "metadata": {"name": "ask"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ask"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "mia"}]})
        made = await world.make(PATH, wanted(username="root", groups=["system:masters"]), MIA)
        await world.pass_time()
        _, found = await world.ask("GET", f"{PATH}/r")

        assert ("mia", "42", ["devs", "system:authenticated"], {"project": ["p1"]}) == tuple(
            made["spec"][part] for part in ("username", "uid", "groups", "extra"))
        assert {} == found["status"]

    live(("certificates",), story)


def test_what_an_administrator_approves_is_signed_and_what_he_denies_is_not():
    """Two users ask; one is let in."""
    async def story(world):
        for name in ("good", "bad"):
            await world.make(PATH, wanted(name, rules.CLIENT, ["client auth"], pem("eve", "devs")))
        await decide(world, "good")
        await decide(world, "bad", "Denied")
        await world.pass_time()
        (_, good), (_, bad) = [await world.ask("GET", f"{PATH}/{name}") for name in ("good", "bad")]
        _, table = await world.ask("GET", PATH, accept="application/json;as=Table;v=v1;g=meta.k8s.io")

        assert "eve" == issued(good).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        assert "certificate" not in bad["status"]
        assert all(one["lastUpdateTime"] and one["lastTransitionTime"] for one in good["status"]["conditions"])
        assert [["bad", "Denied"], ["good", "Approved,Issued"]] == [[row["cells"][0], row["cells"][-1]] for row in table["rows"]]

    live(("certificates",), story)


def test_an_approved_request_against_the_rules_fails():
    """It is approved in error: a node's certificate with a user's usages is said to have failed, and why."""
    async def story(world):
        await world.make(PATH, wanted(usages=["client auth"]))
        await decide(world, "r")
        await world.pass_time()
        _, found = await world.ask("GET", f"{PATH}/r")

        assert ["Approved", "Failed"] == types(found)
        assert "SignerValidationFailure" == found["status"]["conditions"][1]["reason"]
        assert found["status"]["conditions"][1]["message"].startswith("usages did not match")

    live(("certificates",), story)


def test_requests_are_forgotten():
    """Decided ones after an hour, others after a day."""
    async def story(world):
        for name in ("decided", "waiting"):
            await world.make(PATH, wanted(name, rules.CLIENT, ["client auth"], pem("eve")))
        await decide(world, "decided")
        seen = []
        for _ in range(3):
            await world.pass_time(12 * 3600)
            seen.append([one["metadata"]["name"] for one in (await world.ask("GET", PATH))[1]["items"]])

        assert [["waiting"], [], []] == seen or [["waiting"], ["waiting"], []] == seen

    live(("certificates",), story)


def test_deciding_and_signing_need_the_signers_rights():
    """Approvers approve in the name of the signers that their role lists, and in no other's; so do signers."""
    async def story(world):
        await world.make(f"{RBAC}/clusterroles", {"metadata": {"name": "approver"}, "rules": [
            {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests/approval",
             "certificatesigningrequests/status"], "verbs": ["update"]},
            {"apiGroups": ["certificates.k8s.io"], "resources": ["signers"], "resourceNames": ["example.com/*"], "verbs": ["approve"]}]})
        await world.make(f"{RBAC}/clusterrolebindings", {
            "metadata": {"name": "approver"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "approver"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "mia"}]})
        await world.make(PATH, wanted("own", "example.com/mine", ["client auth"], pem("eve")))
        await world.make(PATH, wanted("kube", rules.CLIENT, ["client auth"], pem("eve")))
        own, _ = await decide(world, "own", user=MIA)
        kube, why = await decide(world, "kube", user=MIA)
        _, found = await world.ask("GET", f"{PATH}/own")
        found["status"]["certificate"] = base64.b64encode(CLIENTS.pem).decode()
        signed, refused = await world.ask("PUT", f"{PATH}/own/status", found, MIA)
        by_admin, _ = await world.ask("PUT", f"{PATH}/own/status", found)

        assert (200, 403, 403, 200) == (own, kube, signed, by_admin)
        assert why["message"].endswith(f'user not permitted to approve requests with signerName "{rules.CLIENT}"')
        assert refused["message"].endswith('user not permitted to sign requests with signerName "example.com/mine"')

    live((), story)


@pytest.mark.parametrize(("spec", "code", "said"), [
    pytest.param({"request": base64.b64encode(b"x").decode()}, 422, "PEM block type must be CERTIFICATE REQUEST", id="no PEM"),
    pytest.param({"usages": []}, 422, "spec.usages: Required value", id="no usages"),
    pytest.param({"usages": ["flying"]}, 422, 'spec.usages[0]: Unsupported value: "flying"', id="an unknown usage"),
    pytest.param({"usages": ["any", "any"]}, 422, 'spec.usages[1]: Duplicate value: "any"', id="a usage twice"),
    pytest.param({"signerName": "kubernetes.io/legacy-unknown"}, 422, "the legacy signerName is not allowed", id="the old signer"),
    pytest.param({"signerName": "here"}, 422, "must be a fully qualified domain and path of the form", id="no signer's name"),
    pytest.param({"signerName": "here/x"}, 422, "should be a domain with at least two segments", id="no domain"),
    pytest.param({"expirationSeconds": 60}, 422, "may not specify a duration less than 600 seconds", id="too short"),
    pytest.param({"signerName": rules.CLIENT, "request": pem("eve", "system:masters")}, 403,
                 "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed", id="a master"),
])
def test_requests_that_are_refused(spec, code, said):
    async def story(world):
        body = wanted()
        body["spec"] |= spec
        got, why = await world.ask("POST", PATH, body)

        assert (code, True) == (got, said in why["message"]), why

    live((), story)


def test_a_decision_stands():
    """What was approved is not denied, nothing decided is taken back, a spec never changes, a certificate comes once."""
    async def story(world):
        await world.make(PATH, wanted("r", rules.CLIENT, ["client auth"], pem("eve")))
        await decide(world, "r")
        both, why = await decide(world, "r", "Denied")
        _, found = await world.ask("GET", f"{PATH}/r")
        back, lost = await world.ask("PUT", f"{PATH}/r/approval", {**found, "status": {}})
        changed, same = await world.ask("PUT", f"{PATH}/r", {**found, "spec": {**found["spec"], "usages": ["any"]}})
        _, found = await world.ask("GET", f"{PATH}/r")
        found["status"]["certificate"] = base64.b64encode(CLIENTS.pem).decode()
        await world.ask("PUT", f"{PATH}/r/status", found)
        other = base64.b64encode(CLIENTS.pem + CLIENTS.pem).decode()
        _, found = await world.ask("GET", f"{PATH}/r")
        again, twice = await world.ask("PUT", f"{PATH}/r/status", {**found, "status": {**found["status"], "certificate": other}})

        assert (422, 422, 200, 422) == (both, back, changed, again)
        assert "Approved and Denied conditions are mutually exclusive" in why["message"]
        assert 'updates may not remove a condition of type "Approved"' in lost["message"]
        assert ["client auth"] == same["spec"]["usages"]
        assert "updates may not modify existing certificate content" in twice["message"]

    live((), story)


NODES = ("system:nodes",)
SERVING = ("digital signature", "server auth")


@pytest.mark.parametrize(("signer", "asked", "usages", "expected"), [
    pytest.param(rules.CLIENT, Asked("eve"), ("client auth",), "", id="a client"),
    pytest.param(rules.CLIENT, Asked("eve"), ("client auth", "server auth"), "usages did not match", id="a client that serves"),
    pytest.param(rules.KUBELET_CLIENT, Asked("system:node:a", NODES), (*KUBELET, "key encipherment"), "", id="an agent with RSA"),
    pytest.param(rules.KUBELET_CLIENT, Asked("system:node:a", NODES, ("x",)), KUBELET, "DNS subjectAltNames are not allowed", id="names"),
    pytest.param(rules.KUBELET_CLIENT, Asked("a", NODES), KUBELET, "subject common name does not begin with system:node:", id="no node"),
    pytest.param(rules.KUBELET_CLIENT, Asked("system:node:a", ("x",)), KUBELET, "subject organization is not system:nodes", id="no group"),
    pytest.param(rules.KUBELET_SERVING, Asked("system:node:a", NODES, ("x",)), SERVING, "", id="an agent serves"),
    pytest.param(rules.KUBELET_SERVING, Asked("system:node:a", NODES), SERVING, "DNS or IP subjectAltName is required", id="under no name"),
    pytest.param(rules.KUBELET_SERVING, Asked("system:node:a", NODES, ("x",), uris=("u:",)), SERVING, "URI subjectAltNames are not allowed", id="a URI"),
    pytest.param(rules.LEGACY, Asked(), (), "", id="the old signer"), pytest.param("example.com/x", Asked(), (), None, id="not ours"),
])
def test_what_signers_accept(signer, asked, usages, expected):
    found = rules.refusal(signer, asked, tuple(usages))

    assert (found is None) if expected is None else found.startswith(expected) and bool(found) == bool(expected)


def test_a_token_secret_is_filled_in_and_goes_with_its_account():
    """The way of old: a Secret that names an account gets its token, the CA and the namespace."""
    async def story(world):
        await world.make("/api/v1/namespaces", {"metadata": {"name": "shop"}})
        await world.make("/api/v1/namespaces/shop/serviceaccounts", {"metadata": {"name": "till"}})
        for name, account in (("good", "till"), ("orphan", "nobody")):
            await world.make("/api/v1/namespaces/shop/secrets", {
                "metadata": {"name": name, "annotations": {"kubernetes.io/service-account.name": account}},
                "type": "kubernetes.io/service-account-token"})
        await world.pass_time()
        _, found = await world.ask("GET", "/api/v1/namespaces/shop/secrets/good")
        await world.pass_time(70.0)  # a bookmark has come: nobody of that name has been missed
        orphan, _ = await world.ask("GET", "/api/v1/namespaces/shop/secrets/orphan")
        data = {key: base64.b64decode(value).decode() for key, value in found["data"].items()}
        _, me = await world.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, None,
                                authorization=f"Bearer {data['token']}")
        await world.ask("DELETE", "/api/v1/namespaces/shop/serviceaccounts/till")
        await world.pass_time()
        gone, _ = await world.ask("GET", "/api/v1/namespaces/shop/secrets/good")

        assert ("shop", CLIENTS.pem.decode()) == (data["namespace"], data["ca.crt"])
        assert "system:serviceaccount:shop:till" == me["status"]["userInfo"]["username"]
        assert (404, 404) == (orphan, gone)

    live(("accounttokens",), story)


@pytest.mark.parametrize(("account", "current", "expected"), [
    pytest.param(None, True, "Delete", id="gone"), pytest.param(None, False, "After", id="not heard of yet"),
    pytest.param("older", True, "Delete", id="another of that name"), pytest.param("older", False, "After", id="perhaps replaced"),
    pytest.param("mine", False, "Update", id="there"),
])
def test_a_token_secret_is_not_judged_by_old_news(account, current, expected):
    """Accounts and Secrets are heard of one by one: an account made just before its Secret may be heard of after it."""
    notes = {ACCOUNT: "till", ACCOUNT_UID: "mine"}
    secret = Secret(metadata=ObjectMeta(name="s", namespace="shop", uid="s", annotations=notes))
    found = ServiceAccount(metadata=ObjectMeta(name="till", namespace="shop", uid=account)) if account else None
    action, = token_plan(TokenView(secret, found, "ca", "token", current))

    assert expected == type(action).__name__


def test_bootstrap_tokens_sign_the_clusters_card_and_end():
    """Whoever holds a token reads where the cluster is, as a stranger, and proves it by the token; an hour later it is gone."""
    async def story(world):
        await world.make("/api/v1/namespaces/kube-system/secrets", {
            "metadata": {"name": "bootstrap-token-abcdef"}, "type": "bootstrap.kubernetes.io/token", "stringData": {
                "token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-signing": "true",
                "usage-bootstrap-authentication": "true", "expiration": "2026-01-01T02:00:00Z"}})
        await world.pass_time()
        code, card = await world.ask("GET", "/api/v1/namespaces/kube-public/configmaps/cluster-info", user=None)
        await world.pass_time(3700)
        token, _ = await world.ask("GET", "/api/v1/namespaces/kube-system/secrets/bootstrap-token-abcdef")
        _, later = await world.ask("GET", "/api/v1/namespaces/kube-public/configmaps/cluster-info", user=None)
        header, _, signature = card["data"]["jws-kubeconfig-abcdef"].split(".")
        payload = base64.urlsafe_b64encode(card["data"]["kubeconfig"].encode()).decode().rstrip("=")
        proof = hmac.new(b"0123456789abcdef", f"{header}.{payload}".encode(), hashlib.sha256).digest()

        assert (200, 404) == (code, token)
        assert base64.urlsafe_b64encode(proof).decode().rstrip("=") == signature
        assert "https://10.0.0.1:6443" == json.loads(card["data"]["kubeconfig"])["clusters"][0]["cluster"]["server"]
        assert {"kubeconfig"} == set(later["data"])

    live(("bootstrapsigner", "tokencleaner"), story)


SAMPLE = base64.b64decode(pem("eve", "devs", dns=("a.example",)))
DER = x509.load_pem_x509_csr(SAMPLE).public_bytes(serialization.Encoding.DER)


def bent(edits):
    """Return a request with some bytes changed."""
    raw = bytearray(DER)
    for place, value in edits:
        raw[place % len(raw)] = value
    body = base64.encodebytes(bytes(raw))
    return b"-----BEGIN CERTIFICATE REQUEST-----\n" + body + b"-----END CERTIFICATE REQUEST-----\n"


@given(st.one_of(
    st.binary(max_size=400), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6).map(bent),
    st.integers(0, len(SAMPLE)).map(lambda end: SAMPLE[:end])))
@settings(max_examples=500, deadline=None)
def test_hostile_requests_are_read_or_refused(raw):
    """Bytes of any kind, and real requests bent a little: never anything but an answer or a reason."""
    try:
        found = csr.read(base64.b64encode(raw).decode())
    except csr.BadRequestPem as fault:
        found = Asked(str(fault))
    assert isinstance(found, Asked)


@given(st.text(max_size=200))
def test_what_is_no_base64_is_refused(text):
    with pytest.raises(csr.BadRequestPem):
        csr.check_certificates(text)
