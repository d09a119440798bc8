"""`knarr scale`: set how many replicas a workload has, and wait until it has them."""

from __future__ import annotations

import click

from knarr.cli.connect import Server, server_options
from knarr.cli.resources import find, split_targets
from knarr.cli.rollout import WAITABLE, follow


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="TYPE/NAME…")
@click.option("--replicas", type=click.IntRange(0), required=True, metavar="N")
@click.option("--detach", is_flag=True, help="Do not wait.")
@click.option("--timeout", "timeout_s", type=float, default=300.0, show_default=True, metavar="SECONDS")
@server_options
def scale_command(server: Server, what: tuple[str, ...], replicas: int, detach: bool, timeout_s: float) -> None:
    """Set how many replicas a workload has, and wait until it has them."""
    for word, name in split_targets(what):
        resource = find(server, word)
        path = resource.path(server.namespace, name, "scale")
        server.ask("PATCH", path, {"spec": {"replicas": replicas}}, content_type="application/merge-patch+json")
        click.echo(f"{resource.qualified}/{name} scaled to {replicas}")
        if not detach and resource.plural in WAITABLE:
            follow(server, resource, name, namespace=server.namespace, patience_s=timeout_s)
