"""`knarr logs`: print a container's output."""

from __future__ import annotations

import sys
from typing import Any

import click

from knarr.base.times import rfc3339
from knarr.cli.connect import Server, server_options
from knarr.cli.failure import RequestFailed
from knarr.cli.pods import pods_of


@click.command()
@click.argument("what", metavar="POD | TYPE/NAME", default="")
@click.option("-c", "--container", metavar="NAME", help="Which container; needed where a pod has several.")
@click.option("-f", "--follow", is_flag=True, help="Go on printing as lines come.")
@click.option("-p", "--previous", is_flag=True, help="Of the run before the last restart.")
@click.option("--tail", type=int, metavar="N", help="Only the last N lines.")
@click.option("--since", "since_s", type=int, metavar="SECONDS", help="Only newer lines.")
@click.option("--timestamps", is_flag=True, help="With times.")
@click.option("--dead", is_flag=True, help="How containers ended within the last day, also of pods that are gone.")
@server_options
def command(server: Server, what: str, **wanted: Any) -> None:
    """Print a container's output. Of a workload: of one of its pods.

    With --dead: how containers ended and what they said last; POD may be the beginning of a name, or be left out.
    """
    if wanted["dead"]:
        show_dead(server, what, container=wanted["container"] or "", tail=wanted["tail"])
        return
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


def show_dead(server: Server, pod: str, *, container: str, tail: int | None) -> None:
    """Print how containers ended on every node, and their last lines."""
    query = {"namespace": server.namespace, "pod": pod.rpartition("/")[2], "container": container}
    found: list[dict[str, Any]] = []
    for node in server.ask("GET", "/api/v1/nodes")["items"]:
        try:
            found += server.ask("GET", f"/api/v1/nodes/{node['metadata']['name']}/proxy/deadLogs", query=query)
        except RequestFailed as fault:
            click.echo(f"{node['metadata']['name']}: {fault}", err=True)
    if not found:
        raise RequestFailed(f"no container of {pod or 'namespace ' + server.namespace} ended within the last day")
    for death in sorted(found, key=lambda each: each["finished_s"]):
        lines = death["lines"] if tail is None else death["lines"][-tail:] if tail > 0 else []
        click.echo("\n".join([heading(death), *(f"  {line}" for line in lines)]))


def heading(death: dict[str, Any]) -> str:
    """Return how one run ended, in a line."""
    words = [rfc3339(death["finished_s"]), f"{death['pod']}/{death['container']}", f"run {death['attempt']}",
             f"exit code {death['exit_code']}", death["reason"]]
    said = death["message"].strip().splitlines()
    return "  ".join(words) + (f": {said[-1]}" if said and said[-1] not in death["lines"] else "")
