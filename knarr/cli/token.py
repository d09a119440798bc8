"""`knarr token`: words by which new machines join, and tokens of service accounts."""

from __future__ import annotations

import base64
import hashlib
import secrets
import string
from datetime import UTC, datetime
from typing import Any

import click

from knarr.base.clock import SystemClock
from knarr.cli.connect import Server, server_options
from knarr.cli.failure import RequestFailed
from knarr.cli.output import OUTPUT, print_json

SECRETS = "/api/v1/namespaces/kube-system/secrets"
TYPE, PREFIX = "bootstrap.kubernetes.io/token", "bootstrap-token-"
ALPHABET = string.ascii_lowercase + string.digits
ID_CHARS, SECRET_CHARS = 6, 16
JOINERS = "system:bootstrappers:knarr:nodes"
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LIFETIME = "24h"


@click.group()
def command() -> None:
    """Make, list and withdraw the tokens by which new machines join; make tokens of service accounts."""


@command.command()
@click.option("--ttl", default=LIFETIME, show_default=True, metavar="TIME", help="How long it is good: 30m, 24h, 7d.")
@click.option("--description", default="", metavar="TEXT", help="What it is for.")
@click.option("--account", metavar="NAME", help="Make a token of this service account instead, in the namespace.")
@OUTPUT
@server_options
def create(server: Server, ttl: str, description: str, account: str | None, output: str) -> None:
    """Make a token and print it. It cannot be shown again where the Secret is not yours to read.

    A joining token carries the hash of the cluster's CA behind its last colon: who joins knows by it whom to believe.
    """
    lifetime_s = seconds_of(ttl)
    if account is not None:
        token = account_token(server, account, lifetime_s)
    else:
        token = f"{joining_token(server, description, lifetime_s)}:{ca_hash(server)}"
    if output == "json":
        print_json({"token": token, "server": server.url, "expires": moment(lifetime_s)})
    else:
        click.echo(token)


@command.command("list")
@OUTPUT
@server_options
def list_command(server: Server, output: str) -> None:
    """List the tokens by which machines may join; their secret halves are not shown."""
    found = server.ask("GET", SECRETS, query={"fieldSelector": f"type={TYPE}"})["items"]
    rows = [row_of(secret) for secret in found]
    if output == "json":
        print_json(rows)
        return
    click.echo(f"{'ID':8} {'EXPIRES':22} DESCRIPTION")
    for row in rows:
        click.echo(f"{row['id']:8} {row['expires'] or 'never':22} {row['description']}".rstrip())


@command.command()
@click.argument("token", metavar="ID")
@OUTPUT
@server_options
def delete(server: Server, token: str, output: str) -> None:
    """Withdraw a joining token: machines that joined with it stay."""
    name = PREFIX + token.partition(".")[0]
    server.ask("DELETE", f"{SECRETS}/{name}")
    if output == "json":
        print_json({"id": token.partition(".")[0], "deleted": True})
    else:
        click.echo(f"token {token.partition('.')[0]} withdrawn")


def joining_token(server: Server, description: str, lifetime_s: int) -> str:
    """Store a new bootstrap token and return it, `id.secret`."""
    token_id, secret = ("".join(secrets.choice(ALPHABET) for _ in range(size)) for size in (ID_CHARS, SECRET_CHARS))
    data = {
        "token-id": token_id, "token-secret": secret, "expiration": moment(lifetime_s), "description": description,
        "usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "true", "auth-extra-groups": JOINERS,
    }  # fmt: skip
    server.ask("POST", SECRETS, {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": PREFIX + token_id}, "type": TYPE,
        "stringData": {key: value for key, value in data.items() if value},
    })  # fmt: skip
    return f"{token_id}.{secret}"


def account_token(server: Server, account: str, lifetime_s: int) -> str:
    """Return a token of a service account; the server bounds how long it lives."""
    path = f"/api/v1/namespaces/{server.namespace}/serviceaccounts/{account}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": lifetime_s}}
    return str(server.ask("POST", path, body)["status"]["token"])


def ca_hash(server: Server) -> str:
    """Return the SHA-256 of the CA certificate that pods trust, hex."""
    found = server.ask("GET", "/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt")
    lines = [line for line in found["data"]["ca.crt"].split("\n") if line and not line.startswith("-")]
    return hashlib.sha256(base64.b64decode("".join(lines))).hexdigest()


def row_of(secret: dict[str, Any]) -> dict[str, str]:
    """Return what a list shows of a token."""
    data = {key: base64.b64decode(value).decode(errors="replace") for key, value in (secret.get("data") or {}).items()}
    return {
        "id": data.get("token-id", ""),
        "expires": data.get("expiration", ""),
        "description": data.get("description", ""),
    }


def seconds_of(text: str) -> int:
    """Read `30m`, `24h`, `7d`. Raises RequestFailed, which says what is expected."""
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in UNITS_S or int(number) == 0:
        raise RequestFailed(f"--ttl must be a number and one of s, m, h, d (got {text})", hint="for example: --ttl 24h")
    return int(number) * UNITS_S[unit]


def moment(lifetime_s: int) -> str:
    """Return the moment that is so far off, RFC 3339."""
    return datetime.fromtimestamp(int(SystemClock().now_s()) + lifetime_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
