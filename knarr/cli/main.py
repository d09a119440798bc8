"""Parse the command line and print; every command lives in a file of its own, imported only when it is called."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any, NoReturn

import click

from knarr.assembly.failure import Failure
from knarr.cli.failure import RequestFailed

# name → (module below knarr.cli, one line for --help); the order is the order of --help
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("updown", "Start Knarr: control plane, and this machine as a node."),
    "down": ("updown", "Stop Knarr; --purge leaves the machine as it was."),
    "status": ("updown", "Tell what runs here."),
    "doctor": ("doctor", "Check this machine and this instance, and say what to mend."),
    "apply": ("apply", "Create or change objects from files, and wait for them."),
    "get": ("get", "List objects, or show one."),
    "describe": ("describe", "Show an object as a person wants it, with its events."),
    "logs": ("logs", "Print a container's output."),
    "exec": ("execute", "Run a command in a container."),
    "scale": ("workloads", "Set how many replicas a workload has."),
    "rollout": ("rollout", "Follow, undo or restart a rollout."),
    "delete": ("delete", "Delete objects and wait until they are gone."),
    "wait": ("wait", "Wait for a condition."),
    "image": ("image", "Build images and load them into the runtime."),
    "backup": ("backup", "Save the cluster's state to a file, or put it back."),
    "token": ("token", "Make tokens by which machines join, and tokens of service accounts."),
    "secrets": ("secrets", "Change the key that seals Secrets on disk."),
    "sim": ("sim", "Run the whole assembly on virtual time, with faults, and see that it keeps its promises."),
    "kubeconfig": ("updown", "Print the administrator's kubeconfig."),
    "server": ("parts", "Run the control plane in the foreground."),
    "agent": ("parts", "Run the node agent in the foreground."),
}


class Commands(click.Group):
    """A group that imports a command's module when it is asked for, not before: start-up time is felt."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"knarr.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name.replace("-", "_") + "_command", None) or module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the table without importing a single command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Name the nearest command when the word is unknown."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean: knarr {near[0]}" if near else ""
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="knarr", message="knarr %(version)s")
def cli() -> None:
    """A whole container orchestrator that speaks the Kubernetes API.

    \b
    knarr up                      start; then kubectl, Helm and any Kubernetes client work
    knarr apply -f shop.yaml      deploy, and wait until it runs
    knarr get pods -A             look
    """


def main() -> None:
    """Run the command line; whatever goes wrong ends in one message that starts `knarr:`, and a code that is not 0."""
    try:
        code = cli(prog_name="knarr", standalone_mode=False)  # click returns the code of an Exit, and None otherwise
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        fail(usage(error), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except (Failure, RequestFailed) as error:
        fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `knarr get … | head` is no error
        sys.exit(0)
    except OSError as error:
        fail(f"{error.filename or 'the system'}: {error.strerror or error}\n  → {remedy(error)}")
    except Exception as error:
        if TRACE in os.environ or set(sys.argv[1:2]) & {"server", "agent"}:  # their logs are read by developers
            raise
        fail(f"a fault in knarr itself: {type(error).__name__}: {error}\n  → where it is: {TRACE}=1 knarr …; report it")


TRACE = "KNARR_TRACE"


def fail(message: str, code: int = 1) -> NoReturn:
    """Print one message the way all of them start, and leave."""
    click.echo(f"knarr: {message}", err=True)
    sys.exit(code)


def usage(error: click.ClickException) -> str:
    """Word what is wrong with the command line, and where its help is."""
    said = error.format_message()
    text = (said[:1].lower() + said[1:]).removesuffix(".")
    context = getattr(error, "ctx", None)
    return f"{text}\n  → {context.command_path if context else 'knarr'} --help"


def remedy(error: OSError) -> str:
    """Name the next step for what the system refused."""
    if isinstance(error, PermissionError):
        return "it is not yours: run the command with sudo"
    if error.errno == errno.ENOSPC:
        return "the disk is full: free some space"
    return "check the path; this machine and its Knarr: knarr doctor"


if __name__ == "__main__":
    main()
