"""Take an instance down: its processes, its pods, and with `purge` every trace of it on the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from knarr.assembly import preflight, processes
from knarr.assembly.failure import Failure
from knarr.assembly.instance import BRIDGE_NOTE, Instance, load
from knarr.base.clock import Clock
from knarr.proxy import bridge

Tell = Callable[[str], None]


async def down(data_dir: Path, clock: Clock, tell: Tell, *, purge: bool) -> None:
    """Stop everything that runs from `data_dir`; nothing there is no error. Raises Failure with the next step."""
    instance = load(data_dir)
    if instance is None:
        tell(f"There is no Knarr in {data_dir}")
        return
    if os.geteuid() != 0:
        raise Failure("stopping containers needs root", "sudo knarr down")
    await processes.stop(instance, clock)
    tell("Server and agent stopped")
    await _pods(instance, clock, tell, purge=purge)
    _remove_rules(instance)
    if purge:
        _leave_machine(instance)
        shutil.rmtree(data_dir)
        tell(f"Nothing is left of {data_dir}")


async def _pods(instance: Instance, clock: Clock, tell: Tell, *, purge: bool) -> None:
    # gRPC is slow to import, and a command that finds nothing to stop should not pay for it
    from knarr.assembly.worker import node_settings
    from knarr.node import teardown
    from knarr.node.cri.face import RuntimeFault

    settings = node_settings(instance)
    try:
        if purge:
            await teardown.purge(settings, clock)
            tell("Containers, networks, mounts and cgroups removed")
        else:
            tell(f"{await teardown.rest(settings, clock)} pods stopped; their data stays")
    except (TimeoutError, RuntimeFault, subprocess.CalledProcessError, OSError) as error:
        raise Failure(f"the container runtime does not let go: {error}", "try again: knarr down") from error


def _leave_machine(instance: Instance) -> None:
    """Put back what all instances of this machine share; the last one to go turns off the light."""
    from knarr.assembly.worker import node_settings
    from knarr.node import portmap

    alone = not _others()
    portmap.remove(node_settings(instance).bridge, alone=alone)
    if alone:
        bridge.put_back(BRIDGE_NOTE)


def _others() -> list[str]:
    """Name the interfaces and tables of other instances; our own are gone by now."""
    nft = preflight.find("nft")
    listed = subprocess.run([nft, "list", "tables"], capture_output=True, text=True, check=False) if nft else None
    tables = [line.split()[-1] for line in listed.stdout.splitlines()] if listed else []
    return [name for name in (*os.listdir("/sys/class/net"), *tables) if name.startswith("knarr")]


def _remove_rules(instance: Instance) -> None:
    """Remove our own nftables table; `destroy` is newer than Debian 12's nft, so it is made first, then deleted."""
    nft = preflight.find("nft")
    if nft is None:
        return
    for family in ("ip", "ip6", "inet"):
        rules = f"add table {family} {instance.nft_table}\ndelete table {family} {instance.nft_table}\n"
        subprocess.run([nft, "-f", "-"], input=rules, text=True, capture_output=True, check=False)
