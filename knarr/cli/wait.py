"""`knarr wait`: wait for a condition, or for an object to be gone."""

from __future__ import annotations

import time
from typing import Any

import click

from knarr.base.clock import SystemClock
from knarr.cli.connect import Server, server_options
from knarr.cli.delete import until_gone
from knarr.cli.failure import RequestFailed
from knarr.cli.output import OUTPUT, Report
from knarr.cli.resources import find, named_targets

LOOK_EVERY_S = 0.1


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="TYPE/NAME…")
@click.option("--for", "goal", required=True, metavar="GOAL", help="condition=Ready, condition=Ready=False, or delete.")
@click.option("--timeout", "timeout_s", type=float, default=30.0, show_default=True, metavar="SECONDS",
              help="How long to wait.")  # fmt: skip
@OUTPUT
@server_options
def command(server: Server, what: tuple[str, ...], goal: str, timeout_s: float, output: str) -> None:
    """Wait for a condition, or for an object to be gone; exit code 1 when the time is up."""
    if goal != "delete" and not goal.startswith("condition="):
        raise click.UsageError(f"--for must be delete or condition=TYPE[=STATUS] (got {goal!r})")
    report = Report(output)
    for word, name in named_targets(what, "wait"):
        resource = find(server, word)
        path = resource.path(server.namespace, name)
        if goal == "delete":
            until_gone(server, name, path, patience_s=timeout_s)
        else:
            kind, _, wanted = goal.removeprefix("condition=").partition("=")
            until_condition(server, path, (kind, wanted or "True"), timeout_s)
        report.done(f"{resource.qualified}/{name}", "deleted" if goal == "delete" else "condition met")
    report.end()


def until_condition(server: Server, path: str, goal: tuple[str, str], patience_s: float) -> None:
    """Wait until a condition has a status. Raises RequestFailed, with how it stands, when the time is up."""
    clock = SystemClock()
    deadline_s = clock.monotonic_s() + patience_s
    while not (state := _state(server.ask("GET", path), goal[0])) or state["status"].lower() != goal[1].lower():
        if clock.monotonic_s() > deadline_s:
            now = f"{state['status']} ({state.get('reason', '')} {state.get('message', '')})" if state else "not set"
            plural, name = path.split("/")[-2:]
            raise RequestFailed(
                f"timed out waiting for {goal[0]}={goal[1]} on {plural}/{name}: it is {now}",
                hint=f"more: knarr describe {plural}/{name}",
            )
        time.sleep(LOOK_EVERY_S)


def _state(body: dict[str, Any], kind: str) -> dict[str, Any] | None:
    conditions = body.get("status", {}).get("conditions") or []
    return next((c for c in conditions if c["type"].lower() == kind.lower()), None)
