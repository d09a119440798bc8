"""`knarr logs`: print a container's output."""

from __future__ import annotations

import sys
from typing import Any

import click

from knarr.cli.connect import Server, server_options
from knarr.cli.pods import pods_of


@click.command()
@click.argument("what", metavar="POD | TYPE/NAME")
@click.option("-c", "--container", metavar="NAME", help="Which container; needed where a pod has several.")
@click.option("-f", "--follow", is_flag=True, help="Go on printing as lines come.")
@click.option("-p", "--previous", is_flag=True, help="Of the run before the last restart.")
@click.option("--tail", type=int, metavar="N", help="Only the last N lines.")
@click.option("--since", "since_s", type=int, metavar="SECONDS", help="Only newer lines.")
@click.option("--timestamps", is_flag=True, help="With times.")
@server_options
def command(server: Server, what: str, **wanted: Any) -> None:
    """Print a container's output. Of a workload: of one of its pods."""
    pod = pods_of(server, what)[0]["metadata"]["name"]
    query = {
        "container": wanted["container"],
        "tailLines": wanted["tail"],
        "sinceSeconds": wanted["since_s"],
        "follow": wanted["follow"] or None,
        "previous": wanted["previous"] or None,
        "timestamps": wanted["timestamps"] or None,
    }
    said = {key: "true" if value is True else str(value) for key, value in query.items() if value is not None}
    path = f"/api/v1/namespaces/{server.namespace}/pods/{pod}/log"
    with server.open(
        "GET", path, query=said, headers={"Accept": "*/*"}, wait_s=None if wanted["follow"] else 60.0
    ) as stream:
        while chunk := stream.read1(65536):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
