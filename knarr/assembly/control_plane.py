"""Build the server's process: store, API server, controllers and scheduler, joined by the in-process transport."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

import structlog

from knarr.apiserver.aggregation.published import publish
from knarr.apiserver.authn.doors import FrontProxy
from knarr.apiserver.bootstrap import dns_service, ensure
from knarr.apiserver.edge import Edge, server_tls
from knarr.apiserver.secured import Entrances, Secured, secured
from knarr.apiserver.server import ApiServer
from knarr.apiserver.settings import ProxyFiles, Settings
from knarr.assembly import pki, preflight, process, renewal
from knarr.assembly.admitting import pod_security_of
from knarr.assembly.auditing import audit_of
from knarr.assembly.authentication import Outsiders
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Instance
from knarr.assembly.sealing import Sealing
from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.store.face import StoreDamaged, StoreOwned, StoreUnavailable
from knarr.store.sealed import Sealed
from knarr.store.sqlite import open_sqlite

if TYPE_CHECKING:
    from knarr.apiserver.audit.trail import Audit

UNREACHABLE_S = 2  # docs/decisions/lost-nodes.md
GRACE_S = 2.0  # what requests under way get when the server is told to stop

FRONT_PROXY_FILES = (f"{pki.FRONT_PROXY}.crt", f"{pki.FRONT_PROXY}.key", f"{pki.FRONT_PROXY_CA}.crt")

log = structlog.get_logger()


def main(instance: Instance) -> None:
    """Run the control plane until told to stop. Raises Failure, with the fix, when it cannot start."""
    process.allow_files()
    process.run(lambda: serve(instance), instance.logs / "server.log")


async def serve(instance: Instance) -> None:
    """Open the store, answer requests, and keep controllers and scheduler up."""
    clock, rng = SystemClock(), Rng.from_machine()
    pki.ensure(instance, clock.now_s())
    outsiders, audit = Outsiders(instance, clock), audit_of(instance, clock, rng)
    pod_security = pod_security_of(instance)
    cipher = Sealed(pki.seal_keys(instance))
    try:
        repair = f"knarr doctor --repair --data-dir {instance.data_dir}"
        store = open_sqlite(instance.database, repair=repair, cipher=cipher)
    except StoreOwned as error:
        raise Failure(f"{instance.data_dir} is owned by another running Knarr: {error}", "knarr status") from error
    except StoreDamaged as error:
        raise Failure(
            f"the database is damaged: {error}", f"knarr doctor --repair --data-dir {instance.data_dir}"
        ) from error
    except LookupError as error:
        raise Failure(str(error.args[0]), f"put {instance.pki / pki.SEAL} back as it was") from error
    except StoreUnavailable as error:
        raise Failure(
            f"the database cannot be opened: {error}", "free some space or mend the disk; then: knarr up"
        ) from error
    settings, sealing = replace(_settings(instance), pod_security=pod_security), Sealing(instance, cipher, store)
    entrances = _entrances(instance, outsiders, audit)
    secure = secured(store, settings, entrances, clock=clock, rng=rng, paths=sealing.paths())
    server = secure.server
    edge = Edge(server.handle, uploads=server.uploads)
    try:
        await secure.start()
        await ensure(server.creator, dns_service(instance.config.service_cidr))
        await publish(server.creator, server.changer, **_authorities(instance))
        tls = _tls(instance)
        await _listen(instance, edge, tls)  # last: who asks earlier would be refused for want of roles
        log.info("server.ready", url=instance.server_url)
        async with asyncio.TaskGroup() as group:
            group.create_task(_components(instance, secure, clock, rng))
            group.create_task(outsiders.run())
            group.create_task(sealing.resume(clock))
            if audit is not None:
                group.create_task(audit.log.run())
            group.create_task(renewal.keep_fresh(instance, clock, partial(_load, instance, tls, server)))
    finally:
        await server.stop()
        await edge.stop(GRACE_S)
        if audit is not None:
            await audit.log.flush()
        await store.close()


async def _components(instance: Instance, secure: Secured, clock: SystemClock, rng: Rng) -> None:
    """Keep up what is not the API server itself."""

    async def together() -> None:
        components = await asyncio.to_thread(import_module, "knarr.assembly.components")
        await components.run(instance, secure.server, clock, rng)

    async with asyncio.TaskGroup() as group:
        group.create_task(secure.access.run())
        group.create_task(process.kept_up("aggregation", secure.server.aggregator.run, clock))
        group.create_task(process.kept_up("flow control", secure.server.run, clock))
        group.create_task(process.kept_up("components", together, clock))


def _tls(instance: Instance) -> ssl.SSLContext:
    folder = instance.pki
    context = server_tls(str(folder / "server.crt"), str(folder / "server.key"), str(folder / "ca.crt"))
    context.load_verify_locations(folder / f"{pki.FRONT_PROXY_CA}.crt")  # of proxies that speak for others
    return context


def _entrances(instance: Instance, outsiders: Outsiders, audit: Audit | None) -> Entrances:
    proxies = FrontProxy((instance.pki / f"{pki.FRONT_PROXY_CA}.crt").read_bytes())
    return replace(outsiders.entrances((instance.pki / "sa.key").read_bytes()), front=proxies, audit=audit)


def _authorities(instance: Instance) -> dict[str, str]:
    """Return whom extension servers shall believe: who signs clients, and who signs front proxies."""
    proxies = (instance.pki / f"{pki.FRONT_PROXY_CA}.crt").read_text()
    return {"client_ca": (instance.pki / "ca.crt").read_text(), "proxy_ca": proxies}


def _load(instance: Instance, serving: ssl.SSLContext, server: ApiServer) -> None:
    """Use the certificates that lie there now for new connections: as a server, and as others' client."""
    agents = server.core.settings.agent_tls
    server.aggregator.identity.renew()
    serving.load_cert_chain(instance.pki / "server.crt", instance.pki / "server.key")
    if agents is not None:
        agents.load_cert_chain(instance.pki / "kubelet-client.crt", instance.pki / "kubelet-client.key")


async def _listen(instance: Instance, edge: Edge, tls: ssl.SSLContext) -> None:
    try:
        await edge.start("0.0.0.0", instance.config.port, tls)
    except OSError as error:
        preflight.check_port(instance.config.port)
        raise Failure(f"cannot listen on port {instance.config.port}: {error}", "knarr doctor") from error


def _settings(instance: Instance) -> Settings:
    """Say to the API server what this instance chose."""
    tls = ssl.create_default_context(cafile=str(instance.pki / "ca.crt"))
    tls.load_cert_chain(instance.pki / "kubelet-client.crt", instance.pki / "kubelet-client.key")
    return Settings(
        advertise_address=instance.config.node_ip,
        port=instance.config.port,
        service_cidr=instance.config.service_cidr,
        agent_tls=tls,
        front_proxy=ProxyFiles(*(str(instance.pki / name) for name in FRONT_PROXY_FILES)),
        unreachable_s=UNREACHABLE_S,
    )
