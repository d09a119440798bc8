"""Build the node's process: agent, service proxy and cluster DNS over one HTTPS client."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from knarr.api.types.core_v1 import Pod
from knarr.assembly import power, preflight, process, renewal
from knarr.assembly.failure import Failure
from knarr.assembly.instance import BRIDGE_NOTE, CLUSTER_DOMAIN, VERSION, Instance
from knarr.assembly.noderules import node_rules
from knarr.base.clock import Clock, SystemClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.credentials import Credentials, tls_context, transport
from knarr.client.informers import Informers
from knarr.dns import run as dns
from knarr.dns.forward import Source
from knarr.node import resolv
from knarr.node.agent import Agent, Parts
from knarr.node.cri.face import Runtime
from knarr.node.devices.devices import Devices
from knarr.node.faces import DnsConfig, Lookup
from knarr.node.registries.providers import Providers
from knarr.node.server.access import ServingTls
from knarr.node.server.judge import ApiJudge
from knarr.node.server.server import Server
from knarr.node.settings import Settings
from knarr.node.volumes import Volumes
from knarr.proxy import run as proxy
from knarr.proxy.render import Names

HOST_NAMES = Path("/etc/hosts")
FIELD_MANAGER = "kubelet"  # tools that compare objects know by this name what a node has written
CERTIFICATE_PATIENCE_S, LOOK_EVERY_S = 10.0, 0.02

log = structlog.get_logger()


def main(instance: Instance) -> None:
    """Run the node until told to stop; containers go on. Raises Failure, with the fix, when it cannot start."""
    preflight.check(instance)
    process.run(lambda: serve(instance), instance.logs / "agent.log")


async def serve(instance: Instance) -> None:
    """Keep agent, proxy and DNS up."""
    clock, rng = SystemClock(), Rng.from_machine()
    settings = replace(node_settings(instance), rules=node_rules(instance.config))
    providers = _credential_providers(instance, clock)
    await _certified(instance.pki / "node.crt", clock)
    https = transport(_credentials(instance), clock, agent=FIELD_MANAGER)
    client = Client(https)
    try:
        async with asyncio.TaskGroup() as group:
            agent = partial(_run_agent, instance, settings, client, providers=providers, rng=rng)
            network = partial(_run_network, instance, settings, client, clock=clock, rng=rng)
            group.create_task(process.kept_up("agent", agent, clock))
            group.create_task(process.kept_up("network", network, clock))
            group.create_task(
                renewal.follow(
                    instance.pki / "node.crt", clock, lambda: https.trust(tls_context(_credentials(instance)))
                )
            )
    finally:
        await https.close()


async def _certified(path: Path, clock: Clock) -> None:
    """Wait a little for the node's certificate: a first start makes it while this process is being imported."""
    deadline_s = clock.monotonic_s() + CERTIFICATE_PATIENCE_S
    while not path.exists() and clock.monotonic_s() < deadline_s:
        await clock.sleep(LOOK_EVERY_S)


async def _run_network(instance: Instance, settings: Settings, client: Client, *, clock: SystemClock, rng: Rng) -> None:
    """Run the service proxy and cluster DNS over informers of their own. A bug in one ends both."""
    informers = Informers(client, clock=clock, rng=rng.child("informers"))
    networks = Names(instance.nft_table, instance.config.pod_cidr, instance.config.service_cidr)
    pinned = proxy.dns_frontends(instance.dns_address, instance.node_gateway)
    rules = proxy.Settings(networks, settings.node_name, settings.bridge, pinned, note=BRIDGE_NOTE)
    own = (instance.node_gateway, instance.dns_address)
    names = dns.Settings((instance.node_gateway,), source=Source(Path(instance.config.resolv_conf), own))
    async with asyncio.TaskGroup() as group:
        group.create_task(informers.run())
        group.create_task(proxy.run(informers, rules, clock=clock, rng=rng.child("proxy")))
        group.create_task(dns.run(informers, names, clock=clock, rng=rng.child("dns")))


async def _run_agent(
    instance: Instance, settings: Settings, client: Client, *, providers: Providers, rng: Rng
) -> None:
    await _agent(instance, settings, client, providers=providers, rng=rng).run()


def _agent(instance: Instance, settings: Settings, client: Client, *, providers: Providers, rng: Rng) -> Agent:
    clock = providers.clock
    tls = ServingTls(instance.pki / "node.crt", instance.pki / "node.key", instance.pki / "ca.crt")

    async def serve_port(runtime: Runtime, lookup: Lookup) -> None:
        judge = ApiJudge(client, settings.node_name)
        server = Server(settings, runtime, lookup, tls=tls, clock=clock, judge=judge)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.run())
            group.create_task(renewal.follow(tls.certificate_file, clock, server.reload))

    parts = Parts(
        volumes=Volumes(settings, client, clock),
        hosts_file=lambda pod, ip: resolv.hosts_file(pod, ip, settings.cluster_domain, host_file=_read(HOST_NAMES)),
        dns_config=partial(_dns_config, settings, Path(instance.config.resolv_conf)),
        serve=serve_port,
        credential_providers=providers,
        devices=Devices(settings.devices_dir, clock),
        power=power.coming,
    )
    return Agent(settings, client, clock=clock, rng=rng.child("agent"), parts=parts)


def _dns_config(settings: Settings, resolv_conf: Path, pod: Pod) -> DnsConfig:
    return resolv.dns_config(pod, cluster_dns=settings.cluster_dns, cluster_domain=settings.cluster_domain,
                             host_resolv=_read(resolv_conf))  # fmt: skip


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _credentials(instance: Instance) -> Credentials:
    pki_dir = instance.pki
    try:
        return Credentials(
            instance.server_url,
            ca_pem=(pki_dir / "ca.crt").read_bytes(),
            certificate_pem=(pki_dir / "node.crt").read_bytes(),
            key_pem=(pki_dir / "node.key").read_bytes(),
        )
    except OSError as error:
        raise Failure(
            f"the node's certificate cannot be read: {error}", f"knarr up --data-dir {instance.data_dir}"
        ) from error


def node_settings(instance: Instance) -> Settings:
    """Say to the agent what this instance chose."""
    config = instance.config
    return Settings(
        data_dir=instance.data_dir,
        node_name=config.node_name,
        node_ip=config.node_ip,
        pod_cidr=instance.node_pod_cidr,
        cluster_dns=(instance.dns_address,),
        cluster_domain=CLUSTER_DOMAIN,
        runtime_endpoint=config.runtime_endpoint,
        cni_bin_dir=preflight.cni_folder() or Path("/usr/lib/cni"),
        serving_port=config.agent_port,
        version=VERSION,
    )


def _credential_providers(instance: Instance, clock: Clock) -> Providers:
    """Return the plugins that know logins for registries. Raises Failure for a configuration that cannot be used."""
    file, folder = instance.config.image_credential_provider_config, instance.config.image_credential_provider_bin_dir
    if not file:
        return Providers(clock)
    from knarr.node.registries.provider_config import BadConfig, read_config

    try:
        return Providers(clock, Path(folder), read_config(Path(file).read_bytes(), Path(folder)))
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}", "mend the path, or leave the option out") from error
    except BadConfig as error:
        raise Failure(f"{file} cannot be used: {error}", "mend the file, then: knarr up") from error
