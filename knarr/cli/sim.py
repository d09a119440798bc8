"""`knarr sim`: play seeds of the simulation; a seed that fails prints its story."""

from __future__ import annotations

import os
import sys

import click

from knarr.sim.run import NODES, TURMOIL_S, Course, Verdict, play

HASHES = "PYTHONHASHSEED"      # sets of texts are walked in an order that hangs on it


@click.command()
@click.option("--seed", default=1, show_default=True, metavar="N", help="The first seed.")
@click.option("--rounds", default=1, show_default=True, metavar="COUNT", help="How many seeds, one after the other.")
@click.option("--nodes", default=NODES, show_default=True, metavar="COUNT", help="How many machines there are.")
@click.option("--time", "turmoil_s", default=TURMOIL_S, show_default=True, metavar="SECONDS",
              help="How long users and faults go on, in virtual time.")
@click.option("--story", is_flag=True, help="Print what happened, one line an event, also where nothing went wrong.")
def command(seed: int, rounds: int, nodes: int, turmoil_s: float, story: bool) -> None:
    """Run server, controllers, scheduler and node agents on virtual time, with users and with faults: parts that crash,
    requests and answers that get lost, watches that lag and break, slow and full disks, nodes that die or are cut off.
    After every write the laws are checked; once the faults are over, all must come to rest as declared. A seed always
    goes the same way. Exit code 1 when one fails; it prints its story and the command that plays it again.
    """
    if os.environ.get(HASHES) != "0":
        os.execve(sys.executable, [sys.executable, "-m", "knarr.cli.main", *sys.argv[1:]], {**os.environ, HASHES: "0"})
    course = Course(nodes=nodes, turmoil_s=turmoil_s)
    failed = 0
    for number in range(seed, seed + rounds):
        failed += not _told(play(number, course), course, story=story)
    if failed:
        raise click.exceptions.Exit(1)


def _told(verdict: Verdict, course: Course, *, story: bool) -> bool:
    """Print how a seed went; tell whether it went well."""
    if story or verdict.broken:
        click.echo("\n".join(verdict.story))
    for line in verdict.broken:
        click.echo(f"seed {verdict.seed}: BROKEN: {line}")
    if verdict.broken:
        click.echo(f"seed {verdict.seed}: play it again: knarr sim --seed {verdict.seed} --nodes {course.nodes} "
                   f"--time {course.turmoil_s:g}")
    else:
        click.echo(f"seed {verdict.seed}: at rest after {verdict.passed_s:.0f} s, {verdict.writes} writes")
    return not verdict.broken
