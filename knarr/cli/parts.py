"""`knarr server` and `knarr agent`: the parts in the foreground, for a supervisor or systemd."""

from __future__ import annotations

from pathlib import Path

import click

from knarr.assembly.instance import existing
from knarr.cli.updown import DATA_DIR


@click.command()
@DATA_DIR
def server_command(data_dir: Path | None) -> None:
    """Run the control plane in the foreground: API server, store, controllers, scheduler."""
    from knarr.assembly import control_plane

    control_plane.main(existing(data_dir))


@click.command()
@DATA_DIR
def agent_command(data_dir: Path | None) -> None:
    """Run the node agent in the foreground: containers, service rules, cluster DNS."""
    from knarr.assembly import worker

    worker.main(existing(data_dir))
