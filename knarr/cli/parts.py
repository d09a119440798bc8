"""`knarr server` and `knarr agent`: the parts in the foreground, for a supervisor or systemd."""

from __future__ import annotations

from pathlib import Path

import click

from knarr.assembly.failure import Failure
from knarr.assembly.instance import Instance, default_data_dir, load
from knarr.cli.updown import DATA_DIR


@click.command()
@DATA_DIR
def server_command(data_dir: Path | None) -> None:
    """Run the control plane in the foreground: API server, store, controllers, scheduler."""
    from knarr.assembly import control_plane

    control_plane.main(_instance(data_dir))


@click.command()
@DATA_DIR
def agent_command(data_dir: Path | None) -> None:
    """Run the node agent in the foreground: containers, service rules, cluster DNS."""
    from knarr.assembly import worker

    worker.main(_instance(data_dir))


def _instance(data_dir: Path | None) -> Instance:
    folder = (data_dir or default_data_dir()).absolute()
    instance = load(folder)
    if instance is None:
        raise Failure(f"nothing is set up in {folder}", f"knarr up --data-dir {folder}")
    return instance
