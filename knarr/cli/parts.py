"""`knarr server` and `knarr agent`: the parts in the foreground, for a supervisor or systemd."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from knarr.assembly.instance import existing
from knarr.assembly.lean import lean
from knarr.cli.updown import ADMISSION, AUTHENTICATION, DATA_DIR, audit_options


@click.command()
@DATA_DIR
@AUTHENTICATION
@ADMISSION
@audit_options
def server_command(data_dir: Path | None, **wishes: Any) -> None:
    """Run the control plane in the foreground: API server, store, controllers, scheduler."""
    with lean():
        from knarr.assembly import control_plane

    instance = existing(data_dir)
    wanted = {key: value for key, value in wishes.items() if value is not None}
    instance = replace(instance, config=replace(instance.config, **wanted))
    control_plane.main(instance)


@click.command()
@DATA_DIR
def agent_command(data_dir: Path | None) -> None:
    """Run the node agent in the foreground: containers, service rules, cluster DNS."""
    with lean():
        from knarr.assembly import worker

    worker.main(existing(data_dir))
