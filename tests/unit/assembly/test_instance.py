"""An instance's names and networks come from its data directory, and stay."""

from __future__ import annotations

import ipaddress
import json

import pytest

from knarr.assembly import instance as instance_module
from knarr.assembly.failure import Failure
from knarr.assembly.instance import ROOT_DATA_DIR, Config, Instance, Wishes, choose, load


def test_two_data_dirs_never_meet(tmp_path):
    """Two instances side by side: tables and networks differ, and so do their agents' ports."""
    one, two = choose(tmp_path / "one", Wishes()), choose(tmp_path / "two", Wishes())

    assert one.nft_table != two.nft_table
    assert one.config.agent_port != two.config.agent_port
    assert not ipaddress.ip_network(one.config.pod_cidr).overlaps(ipaddress.ip_network(one.config.service_cidr))


def test_what_the_first_start_chose_stays(tmp_path):
    """A second start without options finds the port of the first."""
    first = choose(tmp_path, Wishes(port=7000))

    assert first == choose(tmp_path, Wishes())
    assert first == load(tmp_path)


def test_the_port_may_change_later_but_networks_may_not(tmp_path):
    """Pods hold addresses; a port is only where we listen."""
    choose(tmp_path, Wishes(port=7000))

    assert choose(tmp_path, Wishes(port=7001)).config.port == 7001
    with pytest.raises(Failure, match="--pod-cidr cannot change after the first start: expected .* got 10.9.0.0/16"):
        choose(tmp_path, Wishes(pod_cidr="10.9.0.0/16"))


@pytest.mark.parametrize(("pods", "services", "words"), [
    pytest.param("10.9.0.0/16",  "10.9.0.0/20",  "overlap",             id="one within the other"),
    pytest.param("10.9.0.0/30",  "10.8.0.0/20",  "too few addresses",   id="no room for pods"),
    pytest.param("10.9.0.0/16",  "10.8.0.0/30",  "too few addresses",   id="no room for services"),
    pytest.param("ten",          "10.8.0.0/20",  "must look like",      id="no network"),
    pytest.param("10.9.0.1/16",  "10.8.0.0/20",  "must look like",      id="host bits set"),
])
def test_bad_networks_are_refused_and_nothing_is_written(tmp_path, pods, services, words):
    """The user mistyped a network."""
    with pytest.raises(Failure, match=words):
        choose(tmp_path, Wishes(pod_cidr=pods, service_cidr=services))

    assert not (tmp_path / "config.json").exists()


def test_a_broken_config_file_is_told_with_the_way_out(tmp_path):
    """Somebody edited it by hand."""
    (tmp_path / "config.json").write_text("{")

    with pytest.raises(Failure, match="cannot be read") as told:
        load(tmp_path)

    assert "knarr down --purge" in told.value.fix


def test_addresses_follow_from_the_networks():
    """By custom: the API at .1, DNS at .10, the bridge at the first address of the node's share."""
    instance = Instance(ROOT_DATA_DIR, Config("n", "192.0.2.1"))

    assert ("10.96.0.1", "10.96.0.10") == (instance.api_address, instance.dns_address)
    assert ("10.244.0.0/24", "10.244.0.1") == (instance.node_pod_cidr, instance.node_gateway)
    assert instance.nft_table == "knarr"


def test_the_config_is_plain_json(tmp_path):
    """A person may read it."""
    choose(tmp_path, Wishes(node_name="harbour"))

    assert json.loads((tmp_path / "config.json").read_text())["node_name"] == "harbour"


def test_no_two_instances_share_a_network():
    """The lot's network belongs to a running neighbour: the next free one is taken, and none is podman's or the default."""
    first, services = instance_module._networks(0, set())
    second, _ = instance_module._networks(0, {first})
    every = {instance_module._networks(lot, set())[0] for lot in range(1000)}

    assert ("10.64.0.0/16", "10.128.0.0/16") == (first, services)
    assert second == "10.65.0.0/16"
    assert not {"10.88.0.0/16", "10.96.0.0/16"} & every
    with pytest.raises(Failure, match="taken"):
        instance_module._networks(0, every)
