"""The proxy against a real kernel: connections through DNAT in private network namespaces."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest

import knarr.dns.run as dns_module
import knarr.proxy.run as run_module
from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.dns.forward import Source, Upstream
from knarr.proxy.act import Kernel, NftError
from knarr.proxy.render import Names
from knarr.proxy.run import Settings, dns_frontends, run
from tests.unit.proxy.cluster import Cluster, uvloop_run
from tests.unit.proxy.lab import NODE, OUTSIDE, PODS, Lab, udp_client
from tests.unit.proxy.objects import at, port, service, slice_of

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nft"),
]
REFUSED = ConnectionRefusedError


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        for pod in PODS:
            lab.serve(pod, 8080)
            lab.serve(pod, 5353, kind=socket.SOCK_DGRAM)
        yield lab


def with_proxy(lab: Lab, story: Callable[[Cluster, Callable[[], Any]], Any], *objects: Any) -> Any:
    """Run a proxy in the node's namespace; the story gets the cluster and a way to wait until the kernel knows."""
    cluster = Cluster()
    cluster.put(*objects)
    pinned = dns_frontends("10.96.0.10", "10.244.0.1")
    settings = Settings(Names("lab"), "here", bridge="cni0", pinned=pinned)
    kernel = Counting()

    async def body() -> Any:
        task = asyncio.ensure_future(
            run(cluster, settings, clock=SystemClock(), rng=Rng(1), kernel=kernel))  # type: ignore[arg-type]
        await kernel.told()
        try:
            return await story(cluster, kernel.told)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return lab.inside("node", lambda: uvloop_run(body()))


class Counting(Kernel):
    """Tells when something was carried out."""

    def __init__(self) -> None:
        super().__init__()
        self._done = asyncio.Event()

    async def load(self, text: str) -> None:
        await super().load(text)
        self._done.set()

    async def change(self, line: str) -> None:
        await super().change(line)
        self._done.set()

    async def told(self) -> None:
        async with asyncio.timeout(5):
            await self._done.wait()
        self._done.clear()


async def ask(lab: Lab, role: str, address: str, number: int) -> Any:
    try:
        return await asyncio.to_thread(lab.ask, role, address, number)
    except OSError as error:
        return type(error)


WEB = service("web", port(80, node_port=30080), type="NodePort", externalIPs=("198.51.100.1",))
BOTH = slice_of("web", at(PODS[0]), at(PODS[1]))
FIRST = slice_of("web", at(PODS[0]))
NOBODY = slice_of("web")


@pytest.mark.parametrize(("role", "address", "number", "seen"), [
    pytest.param(PODS[1], "10.96.0.1", 80, PODS[1], id="pod to the cluster address, as itself"),
    pytest.param(PODS[0], "10.96.0.1", 80, "10.244.0.1", id="pod to itself through the Service (hairpin)"),
    pytest.param("node", "10.96.0.1", 80, NODE, id="the node to the cluster address"),
    pytest.param("outside", "10.96.0.1", 80, "10.244.0.1", id="a neighbour that routes to the cluster address"),
    pytest.param("outside", NODE, 30080, "10.244.0.1", id="a neighbour to the node port, masqueraded"),
    pytest.param("node", NODE, 30080, "10.244.0.1", id="the node to its own node port"),
    pytest.param("node", "127.0.0.1", 30080, "10.244.0.1", id="localhost to the node port"),
    pytest.param(PODS[1], NODE, 30080, "10.244.0.1", id="a pod to the node port"),
    pytest.param("outside", "198.51.100.1", 80, "10.244.0.1", id="a neighbour to the external address"),
])
def test_ways_in(lab: Lab, role: str, address: str, number: int, seen: str) -> None:
    """One backend; every kind of client gets through, and the answer finds its way back."""

    async def story(*_: Any) -> Any:
        return await ask(lab, role, address, number)

    assert (PODS[0], seen) == with_proxy(lab, story, WEB, FIRST)


def test_endpoints_change_under_way(lab: Lab) -> None:
    """Nobody: refused. One: served. Two: both. The Service goes: no longer there."""

    async def story(cluster: Cluster, told: Any) -> Any:
        answers = [await ask(lab, PODS[1], "10.96.0.1", 80), await ask(lab, "node", "10.96.0.1", 80),
                   await ask(lab, "outside", NODE, 30080)]
        cluster.put(FIRST)
        await told()
        answers.append((await ask(lab, PODS[1], "10.96.0.1", 80))[0])
        cluster.put(BOTH)
        await told()
        names = {(await ask(lab, "outside", NODE, 30080))[0] for _ in range(40)}
        return answers, names

    assert ([REFUSED, REFUSED, REFUSED, PODS[0]], set(PODS)) == with_proxy(lab, story, WEB, NOBODY)


def test_external_policy_local_keeps_the_client(lab: Lab) -> None:
    """The backend on this node sees the neighbour's own address; where no backend is here, it is dropped."""
    local = service("web", port(80, node_port=30080), type="NodePort", externalTrafficPolicy="Local")
    elsewhere = slice_of("web", at(PODS[0], node="there"))

    async def story(cluster: Cluster, told: Any) -> Any:
        here = await ask(lab, "outside", NODE, 30080)
        cluster.put(elsewhere)
        await told()
        return here, await ask(lab, "outside", NODE, 30080), (await ask(lab, PODS[1], NODE, 30080))[0]

    assert ((PODS[0], OUTSIDE), TimeoutError, PODS[0]) == with_proxy(lab, story, local, FIRST)


def test_a_kernel_that_hides_bridged_packets(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without br_netfilter a pod's reply to its neighbour would bypass us: the connection is masqueraded, and works."""
    switch = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    monkeypatch.setattr(run_module, "filtered", lambda: not switch.write_text("0"))

    async def story(*_: Any) -> Any:
        try:
            return await ask(lab, PODS[1], "10.96.0.1", 80)
        finally:
            switch.write_text("1")

    assert (PODS[0], "10.244.0.1") == with_proxy(lab, story, WEB, FIRST)


def test_session_affinity(lab: Lab) -> None:
    """Every connection of one client meets the same pod."""

    async def story(*_: Any) -> Any:
        return {(await ask(lab, "outside", NODE, 30080))[0] for _ in range(20)}

    sticky = service("web", port(80, node_port=30080), type="NodePort", sessionAffinity="ClientIP")
    assert 1 == len(with_proxy(lab, story, sticky, BOTH))


def test_udp_clients_leave_a_dead_backend(lab: Lab) -> None:
    """A client sends from one port for ever; its backend goes; it soon meets the other one.

    Its own packets keep the old flow alive: were that not forgotten, it would meet the dead backend for ever.
    """
    dns = service("dns", port(53, protocol="UDP"), ip="10.96.0.53")
    ports = (slice_of("x").ports[0].__class__(name="", port=5353, protocol="UDP"),)

    async def story(cluster: Cluster, told: Any) -> Any:
        with udp_client(lab, "outside") as udp:
            first = await asyncio.to_thread(udp, "10.96.0.53", 53)
            cluster.put(slice_of("dns", at(PODS[1]), ports=ports))
            await told()
            second = first
            for _ in range(500):
                with contextlib.suppress(TimeoutError):  # an answer to a flow forgotten meanwhile finds nobody
                    second = await asyncio.to_thread(udp, "10.96.0.53", 53)
                if second != first:
                    break
                await asyncio.sleep(0.01)  # the flows are forgotten right behind the rules
            return first, second

    assert PODS == with_proxy(lab, story, dns, slice_of("dns", at(PODS[0]), ports=ports))


def test_names_resolve_through_the_pinned_address(lab: Lab) -> None:
    """The cluster's DNS as pods see it: the Service's address leads to this node's server, over UDP and TCP."""

    async def story(cluster: Cluster, _: Any) -> Any:
        settings = dns_module.Settings(("10.244.0.1",), source=Source(fixed=(Upstream("127.0.0.1", 1),)))
        server = asyncio.ensure_future(
            dns_module.run(cluster, settings, clock=SystemClock(), rng=Rng(2)))  # type: ignore[arg-type]
        await asyncio.sleep(0.02)
        question = dns.message.make_query("web.default.svc.cluster.local", "A")
        try:
            return [
                (await asyncio.to_thread(lab.inside, PODS[1], partial(ask_one, question, "10.96.0.10", timeout=2))).answer
                for ask_one in (dns.query.udp, dns.query.tcp)]
        finally:
            server.cancel()
            await asyncio.gather(server, return_exceptions=True)

    answers = with_proxy(lab, story, WEB, FIRST)
    assert ["10.96.0.1", "10.96.0.1"] == [answer[0][0].to_text() for answer in answers]


def test_a_table_taken_away_comes_back(lab: Lab) -> None:
    """The administrator restarts the firewall, which flushes all rules: ours are back within a second."""

    async def story(_: Cluster, told: Any) -> Any:
        await asyncio.to_thread(lab.inside, "node", lambda: subprocess.run(["nft", "flush", "ruleset"], check=True))
        await told()
        return (await ask(lab, "outside", NODE, 30080))[0]

    assert PODS[0] == with_proxy(lab, story, WEB, FIRST)


def test_a_table_changed_by_others_is_mended(lab: Lab) -> None:
    """Somebody deletes one element of ours; our next line is refused, so the whole table is written anew."""

    async def story(cluster: Cluster, told: Any) -> Any:
        meddle = "delete element ip lab vip_tcp_slots { 10.96.0.1 . tcp . 80 . 0 }"
        await asyncio.to_thread(lab.inside, "node", lambda: subprocess.run(["nft", meddle], check=True))
        cluster.put(slice_of("web", at(PODS[1])))
        await told()
        return (await ask(lab, "outside", "10.96.0.1", 80))[0]

    assert PODS[1] == with_proxy(lab, story, WEB, FIRST)


async def test_a_refused_line_says_why(lab: Lab) -> None:
    """nft's own words come out, and the child serves the next line."""
    kernel = Kernel(("ip", "netns", "exec", lab.name("node"), "nft"))
    try:
        with pytest.raises(NftError, match="No such file"):
            await kernel.change("add element ip nowhere there { 1 }")
        await kernel.change("add table ip lab")
    finally:
        await kernel.close()
