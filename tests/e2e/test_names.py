"""Names: the cluster's own in every form, and those outside, asked of resolvers that `--resolv-conf` names."""

from __future__ import annotations

import socketserver
import threading

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from tests.e2e.cluster import busybox_archive, new_cluster, pod, service, until
from tests.e2e.test_pods import ready

ADDRESS = "127.0.53.53"  # any of this machine's own 127.0.0.0/8 that nobody listens on
OUTSIDE = {"www.outside.test.": "192.0.2.80", "deep.shop.outside.test.": "192.0.2.81"}


class Outside(socketserver.ThreadingUDPServer):
    """A small DNS server of our own, the only one the instance knows; it keeps every name it was asked for."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((ADDRESS, 53), Answering)
        self.asked: list[str] = []


class Answering(socketserver.BaseRequestHandler):
    """Answers from OUTSIDE; NXDOMAIN for the rest."""

    def handle(self) -> None:
        query = dns.message.from_wire(self.request[0])
        question = query.question[0]
        self.server.asked.append(question.name.to_text())
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        address = OUTSIDE.get(question.name.to_text())
        if address is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.A:
            answer.answer.append(dns.rrset.from_text(question.name, 300, "IN", "A", address))
        self.request[1].sendto(answer.to_wire(), self.client_address)


@pytest.fixture(scope="module")
def outside():
    """The world's resolver."""
    with Outside() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def named(outside, tmp_path_factory):
    """An instance with a resolv.conf of its own, and pods and Services to be named in it."""
    made, folder = new_cluster(), tmp_path_factory.mktemp("names")
    (folder / "resolv.conf").write_text(f"search outside.test\nnameserver {ADDRESS}\n")
    try:
        made.knarr("up", "--port", str(made.port), "--resolv-conf", str(folder / "resolv.conf"))
        made.knarr("image", "load", str(busybox_archive(folder / "busybox.tar")))
        made.apply(
            pod("client"),
            pod("one", labels={"app": "bare"}, hostname="first", subdomain="bare"),
            pod("plain", dnsPolicy="Default"),
            service("bare", clusterIP="None"),
            service("front"),
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "away"},
                "spec": {"type": "ExternalName", "externalName": "www.outside.test"},
            },
            wait=False,
        )
        for name in ("client", "one", "plain"):
            until(lambda name=name: ready(made, name, "default"), f"{name} ready", 60)
        yield made
    finally:
        made.knarr("down", "--purge", check=False)


def look_up(named, *words, pod="client"):
    """Ask from within a pod and return what nslookup printed."""
    return named.exec(pod, "sh", "-c", f"nslookup {' '.join(words)} 2>&1", check=False)


def test_a_name_outside_is_forwarded_and_kept(named, outside):
    """Asked twice, the world is asked once."""
    outside.asked.clear()
    for _ in range(2):
        assert "192.0.2.80" in look_up(named, "-type=a", "www.outside.test.")

    assert outside.asked.count("www.outside.test.") == 1


def test_a_name_that_is_nowhere_is_told(named):
    """The world says NXDOMAIN: so does the cluster."""
    assert "NXDOMAIN" in look_up(named, "-type=a", "nowhere.outside.test.")


def test_the_clusters_own_names_never_leave(named, outside):
    """Names below cluster.local are answered here, also those that do not exist."""
    outside.asked.clear()
    look_up(named, "nothere.default.svc.cluster.local")

    assert not [name for name in outside.asked if "cluster.local" in name]


def test_the_machines_search_list_is_inherited(named):
    """A pod's short name is at last tried in the machine's own search domains."""
    assert "192.0.2.80" in named.exec("client", "sh", "-c", "ping -c1 -W1 www 2>&1 | head -1", check=False)


def test_a_pod_with_the_machines_dns_policy_has_the_machines_file(named):
    """dnsPolicy Default: what --resolv-conf names is the machine's resolv.conf."""
    assert f"nameserver {ADDRESS}" in named.exec("plain", "cat", "/etc/resolv.conf")


def test_an_external_name_leads_outside(named):
    """A Service that is only another name: the alias and its address come in one answer."""
    said = look_up(named, "-type=a", "away.default.svc.cluster.local")

    assert "www.outside.test" in said
    assert "192.0.2.80" in said


def test_a_pod_has_a_name_below_its_subdomain(named):
    """`hostname.subdomain`: A, the way back by PTR, and SRV of the headless Service's ports."""
    ip = named.get("pod/one")["status"]["podIP"]
    full = "first.bare.default.svc.cluster.local"

    assert ip in look_up(named, "-type=a", full)
    assert full in look_up(named, ip)
    srv = look_up(named, "-type=srv", "_http._tcp.bare.default.svc.cluster.local")
    assert full in srv
    assert "8080" in srv


def test_an_address_leads_back_to_its_service(named):
    """PTR of a ClusterIP."""
    ip = named.get("service/front")["spec"]["clusterIP"]

    assert "front.default.svc.cluster.local" in look_up(named, ip)
