"""`knarr scale`: set how many replicas a workload has, and wait until it has them."""

from __future__ import annotations

from typing import Any

import click

from knarr.cli.connect import Server, server_options
from knarr.cli.failure import RequestFailed
from knarr.cli.output import OUTPUT, Report
from knarr.cli.resources import find, named_targets
from knarr.cli.rollout import WAITABLE, follow


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="TYPE/NAME…")
@click.option("--replicas", type=click.IntRange(0), required=True, metavar="N", help="How many.")
@click.option("--detach", is_flag=True, help="Do not wait.")
@click.option("--timeout", "timeout_s", type=float, default=300.0, show_default=True, metavar="SECONDS",
              help="How long to wait.")  # fmt: skip
@OUTPUT
@server_options
def scale_command(server: Server, what: tuple[str, ...], replicas: int, **wishes: Any) -> None:
    """Set how many replicas a workload has, and wait until it has them."""
    report = Report(wishes["output"])
    for word, name in named_targets(what, "scale"):
        resource = find(server, word)
        if "scale" not in resource.subresources:
            raise RequestFailed(f"{resource.plural} have no replicas to set", hint="like: knarr scale deployment/web …")
        path = resource.path(server.namespace, name, "scale")
        server.ask("PATCH", path, {"spec": {"replicas": replicas}}, content_type="application/merge-patch+json")
        report.done(f"{resource.qualified}/{name}", f"scaled to {replicas}", replicas=replicas)
        if not wishes["detach"] and resource.plural in WAITABLE:
            follow(
                server, resource, name, namespace=server.namespace, patience_s=wishes["timeout_s"], quiet=report.quiet
            )
    report.end()
