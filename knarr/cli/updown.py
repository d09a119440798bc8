"""`knarr up`, `down`, `status`, `kubeconfig`: this machine's instance."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from knarr.assembly.failure import Failure
from knarr.assembly.instance import Wishes, default_data_dir, load
from knarr.cli.nodeoptions import node_options
from knarr.cli.output import OUTPUT, print_json
from knarr.cli.steps import tick

DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where everything of this instance lives. Default: /var/lib/knarr as root.",
)



def _file_or_none(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return the whole path of a file that is there; an empty word, which takes an earlier choice back, as it is."""
    if not value:
        return value
    if not Path(value).is_file():
        raise click.BadParameter(f"there is no file {value}", context, parameter)
    return str(Path(value).resolve())


AUTHENTICATION = click.option(
    "--authentication-config",
    callback=_file_or_none,
    metavar="FILE",
    help='An AuthenticationConfiguration: OIDC issuers, and what strangers may ask; "" for none again.',
)

ADMISSION = click.option(
    "--admission-control-config-file",
    callback=_file_or_none,
    metavar="FILE",
    help='An AdmissionConfiguration: Pod Security\'s defaults and exemptions; "" for none again.',
)


def registry_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of credential provider plugins, under kubelet's own names."""
    folder = click.Path(exists=True, file_okay=False, resolve_path=True)
    for option in (
        click.option("--image-credential-provider-bin-dir", type=folder, metavar="DIR",
                     help="Where the programs of credential providers lie."),
        click.option("--image-credential-provider-config", callback=_file_or_none, metavar="FILE",
                     help='A CredentialProviderConfig: programs that know logins for registries; "" for none again.'),
    ):  # fmt: skip
        command = option(command)
    return command


def audit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the audit log, under Kubernetes' own names."""
    some, more = click.IntRange(min=0), click.IntRange(min=1)
    for option in (
        click.option("--audit-log-maxsize", type=more, metavar="MB", help="When a new log begins. Default: 100."),
        click.option("--audit-log-maxbackup", type=some, metavar="N", help="Old logs to keep. Default: 0, all."),
        click.option("--audit-log-maxage", type=some, metavar="DAYS", help="Days to keep old logs. Default: 0, all."),
        click.option("--audit-log-path", type=click.Path(dir_okay=False, resolve_path=True), metavar="FILE",
                     help="Where audit events go. Default: log/audit.log in the data directory."),
        click.option("--audit-policy-file", callback=_file_or_none, metavar="FILE",
                     help='An audit policy: which requests are written down, how much of them; "" for none again.'),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command()
@DATA_DIR
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="The API's port. Default: 6443.")
@click.option("--agent-port", type=click.IntRange(1, 65535), metavar="N", help="The node's HTTPS port. Default: 10250.")
@click.option("--node-name", metavar="NAME", help="Default: this machine's host name.")
@click.option("--pod-cidr", metavar="NET", help="Addresses for pods. Default: 10.244.0.0/16.")
@click.option("--service-cidr", metavar="NET", help="Addresses for Services. Default: 10.96.0.0/16.")
@click.option("--runtime-endpoint", metavar="URL", help="A CRI runtime someone else runs. Default: our own containerd.")
@click.option(
    "--resolv-conf",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    metavar="FILE",
    help="Resolvers for names outside. Default: /etc/resolv.conf.",
)
@AUTHENTICATION
@ADMISSION
@registry_options
@audit_options
@click.option("--kubelet-config", callback=_file_or_none, metavar="FILE",
              help='A KubeletConfiguration: what it says of resources counts; "" for none again.')  # fmt: skip
@node_options
@click.option("--install", is_flag=True, help="Install the system packages that are missing, first.")
@OUTPUT
def up_command(data_dir: Path | None, install: bool, output: str, **wishes: Any) -> None:
    """Start Knarr: control plane, and this machine as a node.

    Returns when the API answers and the node is Ready. Safe to repeat: what runs already is left alone.
    """
    from knarr.assembly import up
    from knarr.base.clock import SystemClock

    tell = telling(output)
    if install:
        up.install(tell)
    instance = asyncio.run(up.up(data_dir or default_data_dir(), Wishes(**wishes), SystemClock(), tell))
    if output == "json":
        print_json({"dataDir": str(instance.data_dir), "server": instance.server_url,
                    "kubeconfig": str(instance.kubeconfig), "node": instance.config.node_name})  # fmt: skip
        return
    here = "" if data_dir is None else f" --data-dir {instance.data_dir}"  # absolute: the next shell may be elsewhere
    click.echo(
        "\nKnarr is up. Next:\n"
        f"  export KUBECONFIG={instance.kubeconfig}\n"
        f"  knarr get nodes{here}\n"
        f"  knarr apply -f FILE{here}"
    )


@click.command()
@DATA_DIR
@click.option("--purge", is_flag=True, help="Also remove containers, network rules, mounts and all data.")
@OUTPUT
def down_command(data_dir: Path | None, purge: bool, output: str) -> None:
    """Stop Knarr and its containers; data stays, and `knarr up` brings everything back.

    With --purge nothing stays: no process, mount, network rule, interface, cgroup or file.
    """
    from knarr.assembly import down
    from knarr.base.clock import SystemClock

    folder = (data_dir or default_data_dir()).absolute()
    asyncio.run(down.down(folder, SystemClock(), telling(output), purge=purge))
    if output == "json":
        print_json({"dataDir": str(folder), "stopped": True, "purged": purge})


@click.command()
@DATA_DIR
@OUTPUT
def status_command(data_dir: Path | None, output: str) -> None:
    """Tell what runs here. Exit code 1 when something that should run does not."""
    from knarr.assembly import processes, up

    instance = load(data_dir or default_data_dir())
    if instance is None:
        raise Failure(f"there is no Knarr in {data_dir or default_data_dir()}", f"knarr up{_option(data_dir)}")
    if not os.access(instance.pki, os.R_OK):
        raise Failure(f"{instance.pki} is not yours to read", "sudo knarr status")
    pids = {part: processes.alive(instance, part) for part in processes.PARTS}
    ready = {"api": up.ready(instance), "node": up.node_ready(instance)}
    if output == "json":
        print_json({"dataDir": str(instance.data_dir), "server": instance.server_url, "pids": pids, "ready": ready})
    else:
        for part, pid in pids.items():
            click.echo(f"{part:12} {f'runs (pid {pid})' if pid else 'does not run'}")
        for part, good in ready.items():
            click.echo(f"{part:12} {'ready' if good else 'NOT ready'}")
    if not (all(pids.values()) and all(ready.values())):
        if output == "text":
            click.echo(f"  → knarr up{_option(data_dir)}; or look closer: knarr doctor{_option(data_dir)}")
        raise click.exceptions.Exit(1)


@click.command()
@DATA_DIR
@OUTPUT
def kubeconfig_command(data_dir: Path | None, output: str) -> None:
    """Print the administrator's kubeconfig."""
    path = (data_dir or default_data_dir()) / "kubeconfig"
    if not path.exists():
        raise Failure(f"there is no kubeconfig at {path}", f"knarr up{_option(data_dir)}")
    text = path.read_text()
    if output == "json":
        import yaml

        print_json(yaml.safe_load(text))
    else:
        click.echo(text, nl=False)


def telling(output: str) -> Callable[[str], None]:
    """Return what to do with each step that is done: a tick for people, nothing for programs."""
    return tick if output == "text" else lambda _: None


def _option(data_dir: Path | None) -> str:
    return f" --data-dir {data_dir}" if data_dir else ""
