"""A definition whose versions differ in shape: its webhook converts what is read, listed, watched and written."""

from __future__ import annotations

import datetime
import re
import ssl
from base64 import b64encode

import orjson
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from knarr.apiserver.outbound import CallFailed
from tests.unit.apiserver.asking import MERGE

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OLD, NEW = (f"/apis/example.com/{version}/namespaces/web/hosts" for version in ("v1", "v2"))
WEBHOOK = {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {
    "url": "https://convert.example.com/x"}}}


def version(name, **fields):
    spec = {"type": "object", "properties": {field: {"type": sort} for field, sort in fields.items()}}
    schema = {"type": "object", "properties": {"spec": spec}}
    return {"name": name, "served": True, "storage": name == "v1", "schema": {"openAPIV3Schema": schema}}


def definition(conversion=WEBHOOK):
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "hosts.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "hosts", "kind": "Host"},
                     "conversion": conversion,
                     "versions": [version("v1", address="string"), version("v2", host="string", port="integer")]}}


def convert(obj, wanted):
    """v1 has `address: a:80` where v2 has `host: a, port: 80`."""
    spec = obj.get("spec") or {}
    if wanted.endswith("/v2"):
        host, _, port = spec["address"].partition(":")
        return {**obj, "apiVersion": wanted, "spec": {"host": host, "port": int(port)}}
    return {**obj, "apiVersion": wanted, "spec": {"address": f"{spec['host']}:{spec['port']}"}}


def answer(review):
    request = review["request"]
    made = [convert(obj, request["desiredAPIVersion"]) for obj in request["objects"]]
    return {**review, "response": {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": made}}


class Hook:
    """The webhook, and the reviews it was sent."""

    def __init__(self, api):
        self.reviews, self.say = [], answer
        api.server.core.outbound.post = self.post

    async def post(self, place, body, **_):
        review = orjson.loads(body)
        self.reviews.append(review)
        return orjson.dumps(self.say(review))


@pytest.fixture
async def hook(api):
    found = Hook(api)
    await api.make(DEFINITIONS, definition())
    return found


def host(**spec):
    return {"apiVersion": f"example.com/{'v1' if 'address' in spec else 'v2'}", "kind": "Host", "metadata": {"name": "a"},
            "spec": spec}


async def test_each_version_shows_its_own_shape(api, hook):
    """What was written in the old version is read, listed and patched in the new one, and the other way round."""
    await api.make(OLD, host(address="a:80"))
    _, new = await api.ask("GET", f"{NEW}/a")
    _, listed = await api.ask("GET", NEW)
    code, patched = await api.ask("PATCH", f"{NEW}/a", {"spec": {"port": 81}}, content_type=MERGE)
    _, old = await api.ask("GET", f"{OLD}/a")

    assert (new["apiVersion"], new["spec"]) == ("example.com/v2", {"host": "a", "port": 80})
    assert [one["spec"] for one in listed["items"]] == [{"host": "a", "port": 80}]
    assert (code, patched["spec"], old["spec"]) == (200, {"host": "a", "port": 81}, {"address": "a:81"})
    assert old["metadata"]["uid"] == new["metadata"]["uid"]


async def test_a_write_is_kept_in_the_storage_version(api, hook):
    """Created in the new version, stored in the old one; the creator sees what it sent."""
    made = await api.make(NEW, host(host="b", port=90))
    stored = api.store.get("/example.com/hosts/web/a").obj
    code, _ = await api.ask("DELETE", f"{NEW}/a")

    assert made["spec"] == {"host": "b", "port": 90}
    assert (stored["apiVersion"], stored["spec"]) == ("example.com/v1", {"address": "b:90"})
    assert code == 200


async def test_objects_are_converted_together_and_once(api, hook):
    """A list is one review; what has not changed since is not asked for again."""
    for name in "abc":
        await api.make(OLD, {**host(address=f"{name}:1"), "metadata": {"name": name}})
    for _ in range(2):
        await api.ask("GET", NEW)

    assert [len(review["request"]["objects"]) for review in hook.reviews] == [3]


async def test_a_watch_in_another_version(api, hook):
    """The watcher sees the present and what comes, in its own version; a webhook that fails ends the watch in words."""
    await api.make(OLD, host(address="a:80"))
    opened = await api.call("GET", f"{NEW}?watch=1")
    first = orjson.loads(await anext(opened.stream))
    await api.ask("PATCH", f"{OLD}/a", {"spec": {"address": "a:82"}}, content_type=MERGE)
    second = orjson.loads(await anext(opened.stream))
    hook.say = down
    await api.ask("PATCH", f"{OLD}/a", {"spec": {"address": "a:83"}}, content_type=MERGE)
    last = orjson.loads(await anext(opened.stream))

    assert [first["object"]["spec"], second["object"]["spec"]] == [{"host": "a", "port": 80}, {"host": "a", "port": 82}]
    assert (last["type"], last["object"]["code"]) == ("ERROR", 500)
    with pytest.raises(StopAsyncIteration):
        await anext(opened.stream)


def failing(**response):
    def say(review):
        given = answer(review)
        given["response"] |= response
        return given
    return say


def down(_):
    raise CallFailed('Post "https://convert.example.com/x?timeout=30s": connection refused')


def renamed(review):
    given = answer(review)
    given["response"]["convertedObjects"][0]["metadata"]["name"] = "other"
    return given


@pytest.mark.parametrize(("say", "why"), [
    pytest.param(down, 'Post "https://convert.example.com/x?timeout=30s": connection refused', id="down"),
    pytest.param(failing(result={"status": "Failed", "message": "no way"}), "no way", id="refuses"),
    pytest.param(failing(uid="x"), None, id="another's answer"),
    pytest.param(failing(convertedObjects=[]), "webhook returned 0 objects, expected 1", id="too few"),
    pytest.param(failing(convertedObjects=[host(address="a:1")]), "invalid converted object at index 0: invalid groupVersion: "
                 "example.com/v1, expected example.com/v2", id="wrong version"),
    pytest.param(renamed, "invalid metadata of converted object at index 0: must have the same name: a != other", id="renames"),
    pytest.param(lambda _: [], "no response provided", id="nonsense"),
])
async def test_a_webhook_that_fails(api, hook, say, why):
    """Only the other version suffers, and is told why; the stored one is served as before."""
    await api.make(OLD, host(address="a:80"))
    hook.say = say
    code, refusal = await api.ask("GET", f"{NEW}/a")

    assert (code, refusal["reason"]) == (500, "InternalError")
    assert refusal["message"].startswith("conversion webhook for example.com/v1, Kind=Host failed: ")
    assert why is None or refusal["message"].endswith(why)
    assert (await api.call("GET", f"{OLD}/a")).status == 200


async def test_what_metrics_tell(api, hook):
    """A scrape counts what the webhook was asked, and how it failed; nothing is said before it is asked anything."""
    await api.make(OLD, host(address="a:80"))
    silent = (await api.call("GET", "/metrics")).body
    await api.ask("GET", f"{NEW}/a")
    await api.make(OLD, {**host(address="b:80"), "metadata": {"name": "b"}})
    for say in (down, failing(uid="x"), failing(convertedObjects=[]), renamed, renamed):
        hook.say = say
        await api.ask("GET", f"{NEW}/b")
    text = (await api.call("GET", "/metrics")).body.decode()

    assert b"conversion_webhook" not in silent
    assert {"": "1", "call": "1", "malformed_response": "1", "partial_response": "1", "invalid_converted_object": "2"} == dict(
        re.findall(r'webhook_request_total\{failure_type="(?:conversion_webhook_(\w+)_failure)?".*\} (\d+)', text))
    assert 'apiserver_conversion_webhook_duration_seconds_count{failure_type="",result="success"} 1' in text


def certificate(folder, name):
    """Write a key and a certificate that vouches for itself; return the certificate's PEM and a server's context."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256()))
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "cert").write_bytes(pem)
    (folder / "key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return pem, context


@pytest.mark.parametrize(("name", "code"), [("convert.web.svc", 200), ("other.web.svc", 500)])
async def test_over_https(api, tmp_path, name, code):
    """A real server behind a Service, asked at its endpoint: its certificate must be the Service's."""
    pem, context = certificate(tmp_path, name)

    async def handle(request):
        return web.Response(body=orjson.dumps(answer(orjson.loads(await request.read()))))

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    await api.make("/api/v1/namespaces/web/services", {"metadata": {"name": "convert"}, "spec": {"ports": [{"port": 443}]}})
    await api.make("/apis/discovery.k8s.io/v1/namespaces/web/endpointslices", {
        "metadata": {"name": "convert-1", "labels": {"kubernetes.io/service-name": "convert"}}, "addressType": "IPv4",
        "endpoints": [{"addresses": ["127.0.0.2"], "conditions": {"ready": False}}, {"addresses": ["127.0.0.1"]}],
        "ports": [{"name": "", "port": port}]})
    service = {"namespace": "web", "name": "convert", "path": "/convert"}
    await api.make(DEFINITIONS, definition({"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {
        "service": service, "caBundle": b64encode(pem).decode()}}}))
    await api.make(OLD, host(address="a:80"))
    try:
        found, shown = await api.ask("GET", f"{NEW}/a")
    finally:
        await api.server.core.outbound.close()
        await runner.cleanup()

    assert code == found
    if code == 200:
        assert shown["spec"] == {"host": "a", "port": 80}
    else:
        assert 'Post "https://convert.web.svc:443/convert?timeout=30s"' in shown["message"]


async def test_a_policy_sees_the_version_it_names(api, hook):
    """Written in the old version, judged in the new one; what is deleted is judged likewise."""
    root = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
    rule = {"apiGroups": ["example.com"], "apiVersions": ["v2"], "operations": ["*"], "resources": ["*"]}
    await api.make(f"{root}ies", {"metadata": {"name": "p"}, "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": [
        {"expression": "(object == null ? oldObject : object).spec.port < 100"}]}})
    await api.make(f"{root}ybindings", {"metadata": {"name": "p"}, "spec": {"policyName": "p", "validationActions": ["Deny"]}})
    await api.make(OLD, host(address="a:80"))
    code, _ = await api.ask("PATCH", f"{OLD}/a", {"spec": {"address": "a:800"}}, content_type=MERGE)

    assert 422 == code
    assert 200 == (await api.ask("DELETE", f"{OLD}/a"))[0]
