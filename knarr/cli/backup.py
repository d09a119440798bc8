"""`knarr backup`: copy everything the cluster knows, and put it back."""

from __future__ import annotations

from pathlib import Path

import click

from knarr.assembly.instance import existing
from knarr.cli.output import OUTPUT, print_json
from knarr.cli.steps import tick
from knarr.cli.updown import DATA_DIR


@click.group()
def command() -> None:
    """Save the cluster's state to a file, or put it back.

    Secrets stay sealed in it: to restore elsewhere, keep the folder `pki` of the data directory too, apart from it.
    """


@command.command()
@click.argument("file", type=click.Path(path_type=Path, resolve_path=True), metavar="FILE")
@DATA_DIR
@OUTPUT
def save(file: Path, data_dir: Path | None, output: str) -> None:
    """Write the state to FILE, which must not exist. Knarr may run: FILE shows one moment, whole."""
    from knarr.assembly import backup

    size = backup.save(existing(data_dir), file)
    if output == "json":
        print_json({"file": str(file), "bytes": size})
        return
    tick(f"Saved to {file} ({size} bytes)")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, resolve_path=True, exists=True, dir_okay=False), metavar="FILE")
@DATA_DIR
@OUTPUT
def restore(file: Path, data_dir: Path | None, output: str) -> None:
    """Put FILE in the place of the state. Knarr must be stopped; what was there is kept as state.db.before.

    Pods are then started or stopped until they are those of the backup; volumes keep their newest content.
    """
    from knarr.assembly import backup

    instance = existing(data_dir)
    count = backup.restore(instance, file)
    if output == "json":
        print_json({"file": str(file), "objects": count, "before": f"{instance.database}.before"})
        return
    tick(f"Restored {count} objects from {file}; what was there: {instance.database}.before")
    click.echo("\nNext:\n  knarr up" + ("" if data_dir is None else f" --data-dir {instance.data_dir}"))
