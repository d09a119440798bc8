"""One suite over both ways to a server: within the process, and over TLS on loopback."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
from contextlib import asynccontextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from knarr.api import errors
from knarr.api.types.core_v1 import ConfigMap
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.apiserver.edge import Edge, server_tls
from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.credentials import Credentials, tls_context
from knarr.client.https import Https
from knarr.client.informer import Informer
from knarr.client.transport import InProcess, Unreachable
from tests.unit.fake_api import FakeApi


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    """Make a certificate for loopback that is its own authority; return the paths of both files."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(now).not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256()))
    paths = folder / "crt.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths


@asynccontextmanager
async def over(kind, api, pair, seen=None):
    """Give a transport to the toy server."""
    async def handle(call):
        if seen is not None:
            seen.append(call)
        return await api.handle(call)

    if kind == "in-process":
        yield InProcess(handle)
        return
    edge = Edge(handle)
    crt, key = pair
    await edge.start("127.0.0.1", 0, server_tls(str(crt), str(key), str(crt)))
    port = edge.port
    who = Credentials(f"https://127.0.0.1:{port}", crt.read_bytes(), crt.read_bytes(), key.read_bytes())
    transport = Https(who.server_url, tls_context(who), token=lambda: "secret")
    try:
        yield transport
    finally:
        await transport.close()
        await edge.stop(0.1)


@pytest.fixture(params=["in-process", "https"])
def kind(request):
    return request.param


def config_map(name, **data):
    return ConfigMap(metadata=ObjectMeta(namespace="d", name=name), data=data)


async def test_verbs_and_refusals(kind, pair):
    """Create, read, list, change, refuse, delete."""
    api = FakeApi()
    async with over(kind, api, pair) as transport:
        client = Client(transport)
        made = await client.create(config_map("a b", x="1"))      # a name that must be quoted
        assert made == await client.get(ConfigMap, "d", "a b")
        assert [made] == list((await client.list(ConfigMap)).items)
        assert {"x": "2"} == (await client.patch(ConfigMap, "d", "a b", patch={"data": {"x": "2"}})).data
        with pytest.raises(errors.Conflict):
            await client.update(made)
        await client.delete(ConfigMap, "d", "a b")
        with pytest.raises(errors.NotFound):
            await client.get(ConfigMap, "d", "a b")


async def test_an_informer_follows_and_comes_back(kind, pair):
    """Fifty objects are written while it watches; then every watch is cut, and more come."""
    api = FakeApi()
    async with over(kind, api, pair) as transport, asyncio.TaskGroup() as group:
        client = Client(transport)
        informer = Informer(client, ConfigMap, clock=SystemClock(), rng=Rng(1))
        task = group.create_task(informer.run())
        await informer.wait_synced()
        async with asyncio.TaskGroup() as writers:
            for number in range(50):
                writers.create_task(client.create(config_map(f"m{number}", big="x" * 3000)))
        await until(informer, 50)
        api.cut_watches()
        await client.create(config_map("late"))
        await until(informer, 51)
        task.cancel()


async def until(informer, count):
    """Wait for a number of objects, five seconds at most."""
    arrived = asyncio.Event()
    informer.on_batch(lambda: len(informer.objects) >= count and arrived.set())
    if len(informer.objects) < count:
        await asyncio.wait_for(arrived.wait(), 5)
    assert count == len(informer.objects)


async def test_who_one_is_goes_along(pair):
    """Over TLS the token and the certificate are sent, in the process the caller is vouched for."""
    seen = []
    async with over("https", FakeApi(), pair, seen) as transport:
        await Client(transport).list(ConfigMap)
    async with over("in-process", FakeApi(), pair, seen) as transport:
        await Client(transport).list(ConfigMap)

    assert ("Bearer secret", None) == (seen[0].headers["authorization"], seen[0].user)
    assert seen[0].peer_certificate
    assert "system:masters" in seen[1].user.groups


async def test_nobody_there(pair):
    """Nothing listens: the error says who was asked."""
    transport = Https("https://127.0.0.1:1", tls_context(Credentials("", pair[0].read_bytes())))
    with pytest.raises(Unreachable, match="127.0.0.1:1"):
        await Client(transport).list(ConfigMap)
    await transport.close()


async def test_a_stranger_is_not_trusted(pair):
    """The server's certificate is of another authority than the kubeconfig's."""
    async with over("https", FakeApi(), pair) as known:
        stranger = Https(known.server_url, tls_context(Credentials("")))
        with pytest.raises(Unreachable, match="certificate"):
            await Client(stranger).list(ConfigMap)
        await stranger.close()
