"""Describe the pod network to the runtime: one CNI list of this instance's own, bridge and host-local.

Pods with host ports get a second list of the same network, with portmap behind: a handler of the runtime's own chooses
it. To have portmap in everybody's list cost 18 ms of CPU per pod: it asks iptables whether there is something to
remove, also where nothing was ever mapped.

Pods' traffic to the world is masqueraded by one nftables rule for the whole node: the bridge plugin's own `ipMasq`
calls iptables several times per pod, which cost 45 of 200 ms at every start.
Source: CNI specification 0.4.0; containernetworking plugins' bridge, host-local, portmap, loopback.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from knarr.node.settings import Settings

PLUGINS = ("bridge", "host-local", "portmap", "loopback")
HOST_PORTS = "host-ports"       # the runtime handler of pods that have any
LIST = "10-knarr.conflist"
RESULTS_DIR = Path("/var/lib/cni/results")      # what a runtime notes of each network it made. Source: libcni api.go


class NoPlugins(Exception):
    """Reference CNI plugins are missing; the text names the package."""


def write(settings: Settings) -> None:
    """Write the lists where our containerd looks; NoPlugins when they could not work. Same settings, same bytes."""
    missing = [name for name in PLUGINS if not (settings.cni_bin_dir / name).exists()]
    if missing:
        raise NoPlugins(f"no {', '.join(missing)} in {settings.cni_bin_dir}; "
                        "on Debian: apt-get install containernetworking-plugins")
    for folder, host_ports in ((settings.cni_conf_dir, False), (settings.cni_ports_dir, True)):
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{LIST}.tmp"
        draft.write_text(json.dumps(conflist(settings, host_ports=host_ports), indent=2) + "\n")
        draft.replace(folder / LIST)       # containerd watches the directory: it must never see half a file


def conflist(settings: Settings, *, host_ports: bool) -> dict[str, Any]:
    """Return the network list, for pods with or without host ports."""
    subnet = ip_network(settings.pod_cidr)
    return {
        "cniVersion": "0.4.0",
        "name": settings.bridge,
        "plugins": [
            {
                "type": "bridge",
                "bridge": settings.bridge,
                "isGateway": True,
                "ipMasq": False,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(settings.data_dir / "cni-ipam"),
                    "ranges": [[{"subnet": str(subnet)}]],
                    "routes": [{"dst": "0.0.0.0/0" if subnet.version == 4 else "::/0"}],
                },
            },
            *([{"type": "portmap", "capabilities": {"portMappings": True}}] if host_ports else []),
        ],
    }


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
