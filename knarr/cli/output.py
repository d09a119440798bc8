"""Say what a command did: a line for each object as it is done, or one JSON document at the end."""

from __future__ import annotations

import json
from typing import Any

import click

OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text for people, json for programs.",
)


class Report:
    """What was done, object by object. Close it with `end`, which prints the JSON where that was asked for."""

    def __init__(self, output: str) -> None:
        self.quiet = output == "json"
        self._rows: list[dict[str, Any]] = []

    def done(self, what: str, words: str, **more: Any) -> None:
        """Note that `what`, like `deployment.apps/web`, was treated; more: fields for programs alone."""
        self._rows.append({"object": what, "done": words, **more})
        if not self.quiet:
            click.echo(f"{what} {words}")

    def end(self) -> None:
        """Print the document, a list with a row for each object."""
        if self.quiet:
            print_json(self._rows)


def print_json(body: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(body, indent=2, ensure_ascii=False))
