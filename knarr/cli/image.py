"""`knarr image`: build images and load them into this machine's runtime."""

from __future__ import annotations

from pathlib import Path

import click

from knarr.assembly import processes
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Instance, existing
from knarr.cli.output import OUTPUT, print_json
from knarr.cli.steps import tick
from knarr.cli.updown import DATA_DIR, telling


@click.group()
def command() -> None:
    """Build images and load them into the runtime."""


@command.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR")
@click.option("-t", "--tag", metavar="NAME", help="The image's name. Default: localhost/<folder>:latest.")
@OUTPUT
@DATA_DIR
def build(source: Path, tag: str | None, data_dir: Path | None, output: str) -> None:
    """Build DIR/Containerfile and load the image.

    No registry is needed: FROM localhost/debian:bookworm is made here from this machine's package sources.
    """
    from knarr.assembly import images
    from knarr.assembly.worker import node_settings

    instance = _running(data_dir)
    name = tag or f"localhost/{source.resolve().name}:latest"
    worked = images.provide(instance, node_settings(instance), source, tag=name, tell=telling(output))
    told = f"Image {name}" if worked else f"Image {name} is here already"
    if output == "json":
        print_json([{"image": name, "built": worked}])
    else:
        tick(told)


@command.command(name="load")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@OUTPUT
@DATA_DIR
def load_command(file: Path, data_dir: Path | None, output: str) -> None:
    """Load an OCI or Docker archive into the runtime."""
    from knarr.assembly import images
    from knarr.assembly.worker import node_settings

    names = images.load(node_settings(_running(data_dir)), file)
    if output == "json":
        print_json([{"image": name} for name in names])
        return
    for name in names:
        tick(f"Image {name}")


def _running(data_dir: Path | None) -> Instance:
    instance = existing(data_dir)
    if not instance.config.runtime_endpoint and not processes.alive(instance, "supervisor"):
        again = "knarr up" if data_dir is None else f"knarr up --data-dir {instance.data_dir}"
        raise Failure("images go into the running runtime, and it does not run", again)
    return instance
