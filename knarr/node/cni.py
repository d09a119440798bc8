"""Describe the pod network to the runtime: one CNI list of this instance's own, and the plugin that it names.

The plugin is a small shell program (`podnet.sh`) with this node's names and numbers filled in: it does what the
reference plugins bridge and host-local do, for a third of their processor time. `loopback.sh` spares the runtime's call
of loopback, whose work the same plugin does along.

Pods with host ports get a second list of the same network, with portmap behind: a handler of the runtime's own chooses
it. To have portmap in everybody's list cost 18 ms of CPU per pod: it asks iptables whether there is something to
remove, also where nothing was ever mapped.

Pods' traffic to the world is masqueraded by one nftables rule for the whole node: the bridge plugin's own `ipMasq`
calls iptables several times per pod, which cost 45 of 200 ms at every start.
Source: CNI specification 0.4.0; containernetworking plugins' bridge, host-local (whose notes of addresses it keeps),
portmap, loopback.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from knarr.node.settings import Settings

PORTMAP, POD = "portmap", "knarr-pod"
ADDRESSES_MAX = 65_000          # that pods of one node are given, count
FAMILIES = {
    4: {"VERSION": "4", "DEFAULT": "0.0.0.0/0", "FLAGS": "", "FORWARDING": "/proc/sys/net/ipv4/ip_forward"},
    6: {"VERSION": "6", "DEFAULT": "::/0", "FLAGS": "nodad", "FORWARDING": "/proc/sys/net/ipv6/conf/all/forwarding"},
}
LIST = "10-knarr.conflist"
HERE = Path(__file__).parent
PLACE = re.compile("@([A-Z]+)@")
RESULTS_DIR = Path("/var/lib/cni/results")      # what a runtime notes of each network it made. Source: libcni api.go


class NoPlugins(Exception):
    """Reference CNI plugins are missing; the text names the package."""


def write(settings: Settings) -> None:
    """Write plugins and lists where our containerd looks. Same settings, same bytes. Raises NoPlugins."""
    portmap = settings.cni_bin_dir / PORTMAP
    if not portmap.exists():
        raise NoPlugins(f"no {PORTMAP} in {settings.cni_bin_dir}; "
                        "on Debian: apt-get install containernetworking-plugins")
    (settings.addresses_dir / "of").mkdir(parents=True, exist_ok=True)
    settings.cni_plugins_dir.mkdir(parents=True, exist_ok=True)
    for name, text in ((POD, program(settings)), ("loopback", (HERE / "loopback.sh").read_text())):
        draft = settings.cni_plugins_dir / f"{name}.tmp"
        draft.write_text(text)
        draft.chmod(0o755)
        draft.replace(settings.cni_plugins_dir / name)
    (settings.cni_plugins_dir / PORTMAP).unlink(missing_ok=True)
    (settings.cni_plugins_dir / PORTMAP).symlink_to(portmap)
    for folder, host_ports in ((settings.cni_conf_dir, False), (settings.cni_ports_dir, True)):
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{LIST}.tmp"
        draft.write_text(json.dumps(conflist(settings, host_ports=host_ports), indent=2) + "\n")
        draft.replace(folder / LIST)       # containerd watches the directory: it must never see half a file


def conflist(settings: Settings, *, host_ports: bool) -> dict[str, Any]:
    """Return the network list, for pods with or without host ports."""
    mapped = [{"type": PORTMAP, "capabilities": {"portMappings": True}}] if host_ports else []
    return {"cniVersion": "0.4.0", "name": settings.bridge, "plugins": [{"type": POD}, *mapped]}


def program(settings: Settings) -> str:
    """Return the plugin with this node's names and numbers."""
    subnet = ip_network(settings.pod_cidr)
    gateway, tag = subnet[1], settings.tag
    filled = FAMILIES[subnet.version] | {
        "BRIDGE": settings.bridge, "MAC": "0a:" + ":".join(tag[at:at + 2] for at in (0, 2, 4, 6)) + ":01",
        "GATEWAY": str(gateway), "LENGTH": str(subnet.prefixlen),
        "TAKEN": str(settings.addresses_dir).replace("'", "'\\''"),      # as the shell spells a quote within quotes
        "COUNT": str(min(ADDRESSES_MAX, subnet.num_addresses - 3)), "ADDRESS": numbered(subnet),
    }
    return PLACE.sub(lambda found: filled[found[1]], (HERE / "podnet.sh").read_text())


def numbered(subnet: IPv4Network | IPv6Network) -> str:
    """Return the shell's way to the address of number $1, the first of which follows the gateway's."""
    if isinstance(subnet, IPv6Network):
        return f'ip={subnet[0].exploded.rpartition(":")[0]}:$(printf %x $(({int(subnet[1]) & 0xffff} + $1)))'
    parts = (f"$((n >> {shift} & 255))" for shift in (24, 16, 8, 0))
    return f"n=$(({int(subnet[1])} + $1)); ip={'.'.join(parts)}"


def masquerade(settings: Settings) -> str:
    """Render the nftables table that hides pods behind the node's address: delete and redefine in one transaction."""
    family = "ip" if ip_network(settings.pod_cidr).version == 4 else "ip6"
    return MASQUERADE.format(family=family, table=f"{settings.bridge}_pods", cidr=settings.pod_cidr,
                             multicast="224.0.0.0/4" if family == "ip" else "ff00::/8")


MASQUERADE = """\
table {family} {table}
delete table {family} {table}
table {family} {table} {{
    chain outgoing {{
        type nat hook postrouting priority srcnat + 5; policy accept;
        {family} saddr {cidr} {family} daddr != {{ {cidr}, {multicast} }} masquerade
    }}
}}
"""


def apply_masquerade(settings: Settings) -> None:
    """Load the table. Raises NoPlugins where nft is missing or refuses."""
    run_nft(masquerade(settings))


def remove_masquerade(settings: Settings) -> None:
    """Drop the table; it need not exist."""
    lines = masquerade(settings).splitlines()[:2]
    run_nft("\n".join(lines) + "\n")


def run_nft(rules: str) -> None:
    """Hand rules to nft. Raises NoPlugins with its words."""
    program = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin")
    if program is None:
        raise NoPlugins("nft is not installed; on Debian: apt-get install nftables")
    done = subprocess.run([program, "-f", "-"], input=rules.encode(), capture_output=True, check=False, timeout=30)
    if done.returncode:
        raise NoPlugins(f"nft refused: {done.stderr.decode(errors='replace').strip()}")


async def remove_bridge(settings: Settings) -> None:
    """Delete this instance's bridge and its rule, after the last pod has gone."""
    remove_masquerade(settings)
    await asyncio.to_thread(remove_link, settings.bridge)


def remove_link(name: str) -> None:
    """Delete a network interface; it need not exist. Blocks: pyroute2 brings a loop of its own, and refuses uvloop."""
    from pyroute2 import IPRoute  # heavy, and needed at the very end only

    with IPRoute() as netlink:
        for index in netlink.link_lookup(ifname=name):
            netlink.link("del", index=index)


def forget_torn(settings: Settings, results_dir: Path = RESULTS_DIR) -> None:
    """Remove results that a killed runtime had only begun to note: it refuses to take such a network down, for ever."""
    for note in results_dir.glob(f"{settings.bridge}-*"):
        try:
            json.loads(note.read_bytes())
        except ValueError:
            note.unlink(missing_ok=True)


def forget_all(settings: Settings, results_dir: Path = RESULTS_DIR) -> None:
    """Remove what the runtime still notes of our network, which is gone."""
    for note in results_dir.glob(f"{settings.bridge}-*"):
        note.unlink(missing_ok=True)
