"""Print steps as they are done, and waiting as it goes on: ticks on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys

import click


def tick(text: str) -> None:
    """Say that a step is done."""
    click.echo(f" {click.style('✓', fg='green') if sys.stdout.isatty() else '✓'} {text}")


class Progress:
    """One line that says what is waited for; on a terminal it is rewritten, elsewhere each change is a line."""

    def __init__(self) -> None:
        self._last = ""
        self._terminal = sys.stdout.isatty()

    def show(self, text: str) -> None:
        """Show a state; the same state twice is shown once."""
        if text == self._last:
            return
        self._last = text
        if self._terminal:
            click.echo(f"\r\x1b[K   {text}", nl=False)
        else:
            click.echo(f"   {text}")

    def done(self) -> None:
        """Clear the line."""
        if self._terminal and self._last:
            click.echo("\r\x1b[K", nl=False)
