"""The plugin that puts pods on the bridge, called as a container runtime calls it, on network namespaces of our own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from knarr.node import cni
from knarr.node.settings import Settings

MANY = 12


@dataclass
class Network:
    """One instance's plugins and some network namespaces."""

    settings: Settings

    def spaces(self) -> list[str]:
        return [f"kn-{self.settings.tag}-{number}" for number in range(MANY)]

    def call(self, command: str, number: int, *, plugin: str = cni.POD) -> subprocess.CompletedProcess[str]:
        """Call a plugin for one of the pods."""
        space = f"/run/netns/{self.spaces()[number]}"
        env = {"CNI_COMMAND": command, "CNI_CONTAINERID": f"{number:04x}{self.settings.tag}{number:052x}",
               "CNI_NETNS": space, "CNI_IFNAME": "eth0", "CNI_PATH": str(self.settings.cni_plugins_dir)}
        program = self.settings.cni_plugins_dir / plugin
        return subprocess.run([program], input="{}", env=env, capture_output=True, text=True, check=False, timeout=60)

    def add(self, number: int) -> Any:
        done = self.call("ADD", number)
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def taken(self) -> set[str]:
        return {one.name for one in self.settings.addresses_dir.glob("[0-9]*")}

    def inside(self, number: int, *words: str) -> str:
        return subprocess.run(["nsenter", f"--net=/run/netns/{self.spaces()[number]}", *words],
                              capture_output=True, text=True, check=True).stdout


@pytest.fixture
def network() -> Iterator[Network]:
    """Thirteen addresses; nothing is left of it."""
    folder = Path(tempfile.mkdtemp(prefix="kn-net-"))
    bin_dir = next(path for path in map(Path, ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")) if path.exists())
    made = Network(Settings(folder, "n", "192.0.2.1", pod_cidr="10.253.7.0/28", cni_bin_dir=bin_dir))
    cni.write(made.settings)
    try:
        for space in made.spaces():
            subprocess.run(["ip", "netns", "add", space], check=True)
        yield made
    finally:
        for space in made.spaces():
            subprocess.run(["ip", "netns", "delete", space], check=False)
        cni.remove_link(made.settings.bridge)
        shutil.rmtree(folder)


def test_pods_that_come_at_once_get_addresses_of_their_own(network):
    """Each reaches the node; when they go, nothing stays; to ask twice does no harm."""
    with ThreadPoolExecutor(6) as several:
        answers = list(several.map(network.add, range(MANY)))
    addresses = {one["ips"][0]["address"] for one in answers}
    assert (MANY, {"10.253.7.1"}) == (len(addresses), {one["ips"][0]["gateway"] for one in answers})
    assert {one.removesuffix("/28") for one in addresses} == network.taken()
    assert [0] == [network.call("CHECK", 3).returncode]
    network.inside(3, "busybox", "ping", "-c", "1", "-w", "5", "10.253.7.1")
    links = json.loads(subprocess.run(["ip", "-j", "-d", "link", "show", "master", network.settings.bridge],
                                      capture_output=True, text=True, check=True).stdout)
    assert [True] * MANY == [one["linkinfo"]["info_slave_data"]["hairpin"] for one in links]

    for _ in range(2):
        with ThreadPoolExecutor(6) as several:
            assert [0] * MANY == [done.returncode for done in several.map(lambda n: network.call("DEL", n), range(MANY))]
    assert (set(), []) == (network.taken(), os.listdir(f"/sys/class/net/{network.settings.bridge}/brif"))
    assert "eth0" not in network.inside(3, "ip", "-br", "link")


def test_an_address_rests_before_it_is_given_again_and_none_is_given_twice(network):
    """The one after the last comes next. When all are taken, the answer says so and nothing is left behind."""
    first = network.add(0)["ips"][0]["address"]
    network.call("DEL", 0)
    assert first != network.add(0)["ips"][0]["address"]
    for number in range(2, 15):
        (network.settings.addresses_dir / f"10.253.7.{number}").touch()
    done = network.call("ADD", 1)
    assert (1, "no address is free: all 13 are taken") == (done.returncode, json.loads(done.stdout)["msg"])
    assert "eth0" not in network.inside(1, "ip", "-br", "link")


def test_a_pod_of_the_reference_plugins_can_go(network):
    """Its address stands in a file of host-local's, and its interface has a name that nobody here gave."""
    own = f"0005{network.settings.tag}{5:052x}"
    (network.settings.addresses_dir / "10.253.7.9").write_text(f"{own}\r\neth0")
    subprocess.run(["ip", "link", "add", f"v{network.settings.tag}", "type", "veth", "peer", "name", "eth0", "netns",
                    network.spaces()[5]], check=True)
    assert 0 == network.call("DEL", 5).returncode
    assert set() == network.taken()
    assert "eth0" not in network.inside(5, "ip", "-br", "link")


def test_a_pod_whose_network_cannot_be_made_leaves_nothing(network):
    """Its namespace is not there: the plugin says so in words, and gives the address back."""
    space = network.spaces()[2]
    subprocess.run(["ip", "netns", "delete", space], check=True)
    done = network.call("ADD", 2)
    assert (1, set()) == (done.returncode, network.taken())
    assert "the pod's side of its network was refused" in json.loads(done.stdout)["msg"]
    subprocess.run(["ip", "netns", "add", space], check=True)
