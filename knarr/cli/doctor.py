"""`knarr doctor`: look at the machine and the instance, and say for each fault what to do."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from knarr.assembly.failure import Failure
from knarr.assembly.instance import Config, Instance, default_data_dir, load
from knarr.base.clock import SystemClock
from knarr.cli.output import OUTPUT, print_json
from knarr.cli.updown import DATA_DIR


@dataclass(frozen=True, slots=True)
class Finding:
    """One look: what was looked at, whether it is good, what was seen, and the next step where it is not."""

    what: str
    good: bool
    seen: str
    fix: str = ""


@click.command()
@DATA_DIR
@click.option(
    "--repair", is_flag=True, help="Mend a damaged database: keep a copy, save every object that can be read."
)
@OUTPUT
def command(data_dir: Path | None, repair: bool, output: str) -> None:
    """Check this machine and this instance, and say what to mend. Exit code 1 when something is wrong."""
    folder = (data_dir or default_data_dir()).absolute()
    if repair:
        _repair(folder)
    found = list(findings(folder))
    if output == "json":
        print_json([{**asdict(one), "fix": "" if one.good else one.fix} for one in found])
    else:
        for one in found:
            click.echo(f"({'pass' if one.good else 'FAIL'}) {one.what}: {one.seen}")
            if not one.good and one.fix:
                click.echo(f"       → {one.fix}")
    if not all(one.good for one in found):
        raise click.exceptions.Exit(1)


def findings(folder: Path) -> Iterator[Finding]:
    """Look at everything, machine first."""
    instance = load(folder)
    yield from machine(instance or Instance(folder, Config("unknown", "127.0.0.1")))
    if instance is None:
        yield Finding("instance", False, f"nothing is set up in {folder}", "knarr up")
        return
    yield from health(instance)


def machine(instance: Instance) -> Iterator[Finding]:
    """Look at what a node needs of its machine."""
    from knarr.assembly import preflight

    yield Finding("root", os.geteuid() == 0, f"user id {os.geteuid()}", "run it with sudo")
    missing = list(preflight.missing_packages(instance))
    yield Finding(
        "packages", not missing, f"missing: {', '.join(missing)}" if missing else "all here", "knarr up --install"
    )
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    legacy = Path("/sys/fs/cgroup/memory").exists()
    seen = "version 2" if unified else "version 1" if legacy else "none mounted"
    yield Finding("cgroups", unified or legacy, seen, "mount the memory, cpu and pids controllers")
    try:
        preflight.check_writable(instance.data_dir)
    except Failure as failure:
        yield Finding("data directory", False, failure.why, failure.fix)
    else:
        yield Finding("data directory", True, f"{instance.data_dir} can be written")


def health(instance: Instance) -> Iterator[Finding]:
    """Look at processes, certificates and readiness."""
    from knarr.assembly import processes, up

    if not os.access(instance.pki, os.R_OK):
        yield Finding("certificates", False, f"{instance.pki} is not yours to read", "sudo knarr doctor")
        return
    for part in processes.PARTS:
        pid = processes.alive(instance, part)
        yield Finding(
            part, bool(pid), f"pid {pid}" if pid else "does not run", f"knarr up; or read {instance.logs}/{part}.log"
        )
    yield from certificates(instance)
    yield Finding("API", up.ready(instance), instance.server_url, f"read {instance.logs}/server.log")
    yield Finding("node Ready", up.node_ready(instance), instance.config.node_name, f"read {instance.logs}/agent.log")


def certificates(instance: Instance) -> Iterator[Finding]:
    """Look at how long each certificate lives."""
    from cryptography import x509

    now = datetime.datetime.fromtimestamp(SystemClock().now_s(), datetime.UTC)
    for path in sorted(instance.pki.glob("*.crt")):
        left = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc - now
        good = left > datetime.timedelta(0)
        yield Finding(f"certificate {path.stem}", good, f"{left.days} days left", "knarr down; knarr up makes it anew")


def _repair(folder: Path) -> None:
    from knarr.assembly import repair

    instance = load(folder)
    if instance is None:
        raise Failure(f"there is no Knarr in {folder}", "name its data directory: --data-dir DIR")
    click.echo(repair.repair(instance))
