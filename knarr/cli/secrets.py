"""`knarr secrets`: the key that seals Secrets on disk."""

from __future__ import annotations

import click

from knarr.cli.connect import Server, server_options
from knarr.cli.output import OUTPUT, print_json
from knarr.cli.steps import tick

PATH = "/knarr/secrets/rotation"


@click.group()
def command() -> None:
    """Look after the key that seals Secrets on disk."""


@command.command()
@OUTPUT
@server_options
def rotate(server: Server, output: str) -> None:
    """Make a new key and seal every Secret with it, while everything runs.

    The old key is kept until the last Secret is sealed anew, so that a crash loses nothing; after that it lies in
    pki/secrets.key.before, for backups that were made with it. Delete that file when there are none.
    """
    found = server.ask("POST", PATH, {})
    if output == "json":
        print_json(found)
        return
    tick(f"A new key seals all Secrets ({found['sealed']} sealed anew)")
