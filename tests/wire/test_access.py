"""Who may what, as kubectl and knarr ask it: over TLS, with roles, certificate requests and tokens."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp import web
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey

from knarr.apiserver.authn.doors import FrontProxy
from knarr.apiserver.authn.oidc.configuration import read
from knarr.apiserver.authn.oidc.issuers import Issuers
from knarr.apiserver.authn.tokens import ISSUER, Signer
from knarr.apiserver.edge import Edge, server_tls
from knarr.apiserver.secured import Entrances, secured
from knarr.apiserver.settings import Settings
from knarr.assembly.instance import Config, Instance
from knarr.assembly.pki import FRONT_PROXY_CA, ensure, seal_keys
from knarr.assembly.sealing import Sealing
from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.cli import main
from knarr.client.client import Client
from knarr.client.informers import Informers
from knarr.client.transport import CONTROL_PLANE, InProcess
from knarr.controllers import starters
from knarr.reconcile.runner import Setup
from knarr.store.sealed import Sealed
from knarr.store.sqlite import open_sqlite
from tests.wire.certificates import Pki
from tests.wire.serving import Served, serving
from tests.wire.test_kubectl import Kubectl, binaries

CONTROLLERS = ("accounttokens", "bootstrapsigner", "certificates", "rootca", "serviceaccounts", "tokencleaner")
ENDS = binaries()[:1] + binaries()[-1:]  # the oldest and the newest: what lies between asks alike


async def serve(pki: Pki, ports: list[int], started: threading.Event, stop: threading.Event) -> None:
    clock, rng = SystemClock(), Rng.from_machine()
    instance = Instance(pki.folder / "instance", Config("harbour", "127.0.0.1"))
    ensure(instance, clock.now_s())
    key = (instance.pki / "sa.key").read_bytes()
    cipher = Sealed(seal_keys(instance))
    store = open_sqlite(instance.database, cipher=cipher)
    paths = Sealing(instance, cipher, store).paths()
    runner, url = await issuer(pki)
    listed = read(ISSUER_FILE.format(url=url, ca=pki.ca.read_text().replace("\n", "\n      ")).encode(), own_issuer=ISSUER).jwt
    (pki.folder / "issuer").write_text(url)
    issuers = (Issuers(listed, (ISSUER,), clock=clock),)
    proxies = instance.pki / f"{FRONT_PROXY_CA}.crt"
    entrances = Entrances(key, front=FrontProxy(proxies.read_bytes()), issuers=issuers)
    secure = secured(store, Settings(), entrances, clock=clock, rng=rng, paths=paths)
    await secure.start()
    edge = Edge(secure.server.handle, uploads=secure.server.uploads)
    tls = server_tls(*pki.files("server"), str(pki.ca))
    tls.load_verify_locations(proxies)
    await edge.start("127.0.0.1", 0, tls)
    ports.append(edge.port)
    informers = Informers(Client(InProcess(secure.server.handle, CONTROL_PLANE)), clock=clock, rng=rng)
    told = SimpleNamespace(ca_pem=pki.ca.read_text(), ca_key_pem=(pki.folder / "ca.key").read_text(),
                           account_token=Signer(key).legacy, public_url=f"https://127.0.0.1:{edge.port}")
    setup = Setup(informers, clock, rng, told)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(informers.run()), group.create_task(secure.access.run())]
        tasks += [group.create_task(start(setup)) for start in starters(CONTROLLERS).values()]
        started.set()
        await asyncio.to_thread(stop.wait)
        for task in tasks:
            task.cancel()
    await runner.cleanup()
    await secure.server.stop()
    await edge.stop(1)
    await store.close()


ISSUER_KEY = ECKey.generate_key("P-256", {"kid": "one"})
ISSUER_FILE = """\
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: {url}
    audiences: [shop]
    certificateAuthority: |
      {ca}
  claimMappings:
    username: {{claim: email, prefix: "oidc:"}}
    groups: {{expression: "claims.roles.map(role, 'oidc:' + role)"}}
  userValidationRules:
  - {{expression: "!user.groups.exists(g, g == 'oidc:banned')", message: banned}}
"""


async def issuer(pki: Pki) -> tuple[web.ServerRunner, str]:
    """Serve an OIDC issuer over TLS; return what stops it, and its URL."""
    where: list[str] = []

    async def answer(asked: web.BaseRequest) -> web.StreamResponse:
        if asked.path == "/.well-known/openid-configuration":
            return web.json_response({"issuer": where[0], "jwks_uri": f"{where[0]}/keys"})
        return web.json_response({"keys": [ISSUER_KEY.as_dict(private=False)]})

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*pki.files("server"))
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    where.append(f"https://127.0.0.1:{runner.addresses[0][1]}")
    return runner, where[0]


def outside(served: Served, **claims: object) -> str:
    """Return a token of the issuer."""
    said = {"iss": (served.pki.folder / "issuer").read_text(), "aud": "shop", "exp": int(SystemClock().now_s()) + 600,
            "email": "mia@example.com", "email_verified": True, "roles": ["devs"], **claims}
    return str(jwt.encode({"alg": "ES256", "kid": "one"}, said, ISSUER_KEY, algorithms=["ES256"]))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("locked"), serve) as found:
        yield found


@pytest.fixture(params=ENDS, ids=lambda path: path.name)
def kubectl(request: pytest.FixtureRequest, served: Served, tmp_path: Path) -> Kubectl:
    return Kubectl(request.param, served, tmp_path)


def request(name: str) -> str:
    """Return a certificate request as a manifest."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "devs"), x509.NameAttribute(NameOID.COMMON_NAME, "eve")]))
    pem = builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return json.dumps({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name}, "spec": {
            "request": base64.b64encode(pem).decode(), "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"], "expirationSeconds": 3600}})


KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.slow
def test_certificates_are_asked_for_and_decided(kubectl, tmp_path):
    """Eve asks, somebody approves, she signs in with what she gets; another is denied."""
    for name in ("eve", "mallory"):
        kubectl("apply", "-f", "-", stdin=request(name))
    assert "Pending" in kubectl("get", "csr", "eve")
    assert "eve approved" in kubectl("certificate", "approve", "eve")
    assert "mallory denied" in kubectl("certificate", "deny", "mallory")
    for _ in range(50):
        shown = kubectl("get", "csr")
        if "Issued" in shown:
            break
    assert "Approved,Issued" in shown
    assert "Denied" in shown
    assert "1h" in shown or "60m" in shown
    assert "Requesting User" in kubectl("describe", "csr", "eve")
    (tmp_path / "eve.crt").write_bytes(base64.b64decode(kubectl("get", "csr", "eve", "-o", "jsonpath={.status.certificate}")))
    (tmp_path / "eve.key").write_bytes(KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    as_eve = ("--client-certificate", str(tmp_path / "eve.crt"), "--client-key", str(tmp_path / "eve.key"))
    assert 'User "eve" cannot list resource "pods"' in kubectl(*as_eve, "get", "pods", code=1)
    kubectl("delete", "csr", "--all")


RECONCILED = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: looker}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: looker}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: looker}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: mia}
"""


@pytest.mark.slow
def test_roles_are_reconciled_and_asked_about(kubectl):
    """`auth reconcile`, `can-i`, `can-i --list` and `whoami`, as oneself and as another."""
    assert "clusterrole.rbac.authorization.k8s.io/looker reconciled" in kubectl("auth", "reconcile", "-f", "-", stdin=RECONCILED)
    kubectl("auth", "reconcile", "-f", "-", stdin=RECONCILED.replace("[get, list]", "[get, watch]"))
    assert "yes" in kubectl("auth", "can-i", "get", "pods", "--as=mia")
    assert "no" in kubectl("auth", "can-i", "delete", "pods", "--as=mia", code=1)
    assert "yes" in kubectl("auth", "can-i", "get", "/version", "--as=mia")
    listed = kubectl("auth", "can-i", "--list", "--as=mia")
    assert any(line.split()[:1] == ["pods"] and "watch" in line for line in listed.splitlines())
    assert "selfsubjectreviews.authentication.k8s.io" in listed
    if "1.27" in kubectl.binary.name:  # it asks v1beta1 and v1alpha1, which Kubernetes 1.36 does not serve either
        assert "the selfsubjectreviews API is not enabled in the cluster" in kubectl("auth", "whoami", code=1)
    else:
        who = json.loads(kubectl("auth", "whoami", "-o", "json", "--as=mia", "--as-group=devs", "--as-uid=7"))["status"]["userInfo"]
        assert ("mia", "7", ["devs", "system:authenticated"]) == (who["username"], who["uid"], who["groups"])
    kubectl("delete", "-f", "-", stdin=RECONCILED)


@pytest.mark.slow
def test_accounts_get_tokens(kubectl):
    """`create token`, and a Secret of the old sort, which fills itself."""
    kubectl("create", "serviceaccount", "till")
    token = kubectl("create", "token", "till", "--duration=1h").strip()
    assert 'User "system:serviceaccount:default:till" cannot list' in as_token(kubectl.served, token)
    kubectl("apply", "-f", "-", stdin=json.dumps({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "till", "annotations": {"kubernetes.io/service-account.name": "till"}}}))
    for _ in range(50):
        kept = kubectl("get", "secret", "till", "-o", "jsonpath={.data.token}")
        if kept:
            break
    assert 'User "system:serviceaccount:default:till" cannot list' in as_token(kubectl.served, base64.b64decode(kept).decode())
    kubectl("delete", "sa", "till")  # its Secret goes with it
    assert '"code":401' in as_token(kubectl.served, token).replace(" ", "")


@pytest.mark.slow
def test_users_of_an_outside_issuer(served):
    """They come with its tokens, under names and groups with a prefix; one who breaks a rule, or comes late, does not."""
    assert 'User "oidc:mia@example.com" cannot list' in as_token(served, outside(served))
    for bad in ({"roles": ["banned"]}, {"email_verified": False}, {"exp": 1}, {"aud": "till"}):
        assert '{"code":401}' == as_token(served, outside(served, **bad))


@pytest.mark.slow
def test_a_front_proxy_speaks_for_its_user(served):
    """Over TLS, with a certificate of the proxies' own CA; the same headers from an administrator are his own."""
    headers = {"X-Remote-User": "mia", "X-Remote-Group": "devs", "Content-Type": "application/json"}
    folder = served.pki.folder / "instance" / "pki"
    found = []
    for certificate, key in ((folder / "front-proxy-client.crt", folder / "front-proxy-client.key"), served.pki.files("admin")):
        context = ssl.create_default_context(cafile=str(served.pki.ca))
        context.load_cert_chain(certificate, key)
        asked = urllib.request.Request(
            f"{served.url}/apis/authentication.k8s.io/v1/selfsubjectreviews", b"{}", headers, method="POST")
        with urllib.request.urlopen(asked, context=context) as answer:
            found.append(json.loads(answer.read())["status"]["userInfo"])

    assert [("mia", ["devs", "system:authenticated"]), ("admin", ["system:masters", "system:authenticated"])] == [
        (one["username"], one["groups"]) for one in found]


def as_token(served: Served, token: str) -> str:
    """Return what the server says to a list of pods by a token."""
    asked = urllib.request.Request(f"{served.url}/api/v1/namespaces/default/pods", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(asked, context=ssl.create_default_context(cafile=str(served.pki.ca))) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refusal:
        return json.loads(refusal.read())["message"] if refusal.code != 401 else '{"code":401}'


def knarr(served: Served, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main.cli, [*words, "--kubeconfig", str(served.kubeconfig)])
    assert code == done.exit_code, (words, done.output, done.exception)
    return done.output


@pytest.mark.slow
def test_knarr_makes_lists_and_withdraws_tokens(served):
    """A machine could join with it; it carries the hash of the CA; nobody who lists tokens sees its secret half."""
    made = json.loads(knarr(served, "token", "create", "--ttl", "1h", "--description", "a shed", "-o", "json"))
    token, _, ca_hash = made["token"].partition(":")
    token_id, _, secret = token.partition(".")
    ca = x509.load_pem_x509_certificate(served.pki.ca.read_bytes())
    listed = knarr(served, "token", "list")

    assert ca.fingerprint(hashes.SHA256()).hex() == ca_hash
    assert 'User "system:bootstrap:' + token_id in as_token(served, token)
    assert token_id in listed
    assert "a shed" in listed
    assert secret not in listed
    assert f"token {token_id} withdrawn" in knarr(served, "token", "delete", token_id)
    assert '{"code":401}' == as_token(served, token)
    knarr(served, "token", "create", "--ttl", "soon", code=1)


@pytest.mark.slow
def test_knarr_changes_the_key_that_seals_secrets(served):
    """By the administrator alone."""
    told = knarr(served, "secrets", "rotate", "-o", "json")
    made = json.loads(told[told.index("{"):])  # behind what the server in this process logs
    asked = urllib.request.Request(f"{served.url}/knarr/secrets/rotation", method="POST")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(asked, context=ssl.create_default_context(cafile=str(served.pki.ca)))

    assert made["sealed"] >= 0
