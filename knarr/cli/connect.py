"""Talk to the API from the command line with the standard library alone: a kubeconfig in, JSON out.

aiohttp would take longer to import than most commands take to run.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import ssl
import tempfile
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml

from knarr.assembly.instance import default_data_dir
from knarr.cli.failure import RequestFailed, refused

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
ANSWER_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where the API is, and as whom we ask. namespace_named: somebody named it on the command line."""

    url: str
    tls: ssl.SSLContext
    token: str = ""
    namespace: str = "default"
    namespace_named: bool = False

    def ask(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, str] | None = None,
        content_type: str = "application/json", accept: str = "application/json",
    ) -> Any:  # fmt: skip
        """Send one request and return the decoded answer. Raises RequestFailed with the server's own words."""
        headers = {"Accept": accept, "Content-Type": content_type}
        with self.open(method, path, body, query=query, headers=headers) as answer:
            text = answer.read()
        return json.loads(text) if "json" in (answer.headers["Content-Type"] or "") else text.decode()

    @contextmanager
    def open(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, str] | None = None,
        headers: Mapping[str, str], wait_s: float | None = ANSWER_WAIT_S,
    ) -> Iterator[http.client.HTTPResponse]:  # fmt: skip
        """Send one request and hand over the open answer: for streams. wait_s: None waits for ever."""
        connection = self.connection(wait_s)
        target = path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        try:
            connection.request(method, target, data, {**headers, **self.credentials()})
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise RequestFailed(
                f"the server at {self.url} does not answer: {error}", hint="is it up? knarr status"
            ) from error
        try:
            if answer.status >= 400:
                raise refused(answer.status, _status(answer))
            for line in warnings(answer.headers.get_all("Warning") or ()):
                click.echo(f"Warning: {line}", err=True)
            yield answer
        finally:
            connection.close()

    def connection(self, wait_s: float | None) -> http.client.HTTPSConnection:
        """Return a fresh connection, not yet opened."""
        parts = urllib.parse.urlsplit(self.url)
        return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=wait_s, context=self.tls)

    def credentials(self) -> dict[str, str]:
        """Return the headers that say who asks, beside the client certificate."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def warnings(headers: Iterable[str]) -> Iterator[str]:
    """Yield the texts of `Warning: 299 - "text"` headers. Source: RFC 7234 5.5."""
    for header in headers:
        for quoted in re.findall(r'299 - "((?:[^"\\]|\\.)*)"', header):
            yield re.sub(r"\\(.)", r"\1", quoted)


def _status(answer: http.client.HTTPResponse) -> dict[str, Any]:
    text = answer.read()
    try:
        found = json.loads(text)
    except ValueError:
        return {"message": text.decode(errors="replace").strip()}
    return found if isinstance(found, dict) else {"message": str(found)}


def connect(kubeconfig: str | None, data_dir: str | None, namespace: str | None = None) -> Server:
    """Open the kubeconfig that was named, $KUBECONFIG, or this machine's own, in this order."""
    named = kubeconfig or (None if data_dir else os.environ.get("KUBECONFIG"))
    path = Path(named) if named else Path(data_dir or default_data_dir()) / "kubeconfig"
    try:
        config = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise RequestFailed(
            f"there is no kubeconfig at {path}", hint="start Knarr first: knarr up; or name one: --kubeconfig FILE"
        ) from None
    except PermissionError:
        raise RequestFailed(
            f"{path} is not yours to read", hint="use sudo, or ask for a kubeconfig of your own"
        ) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _unusable(path, error) from error
    return _server(config, path, namespace)


def _server(config: Any, path: Path, namespace: str | None) -> Server:
    if not isinstance(config, dict):
        raise _unusable(path, ValueError("it holds no map"))
    try:
        context = _named(config, "context", config["current-context"])
        cluster, user = _named(config, "cluster", context["cluster"]), _named(config, "user", context["user"])
        tls = ssl.create_default_context(cadata=_pem(cluster, "certificate-authority").decode())
        if "client-certificate" in user or "client-certificate-data" in user:
            _load_chain(tls, _pem(user, "client-certificate") + _pem(user, "client-key"))
        where = namespace or context.get("namespace") or "default"
        return Server(cluster["server"], tls, user.get("token", ""), where, namespace_named=bool(namespace))
    except (KeyError, TypeError, ValueError, ssl.SSLError, OSError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> RequestFailed:
    what = f"it lacks {error}" if isinstance(error, KeyError) else str(error).splitlines()[0]
    return RequestFailed(f"{path} is no usable kubeconfig: {what}", hint="name another: --kubeconfig FILE")


def _named(config: Any, kind: str, name: str) -> Any:
    found = [one[kind] for one in config[f"{kind}s"] if one["name"] == name]
    if not found:
        raise KeyError(f"the {kind} {name!r}")
    return found[0]


def _pem(entry: Any, name: str) -> bytes:
    if f"{name}-data" in entry:
        return base64.b64decode(entry[f"{name}-data"])
    return Path(entry[name]).read_bytes()


def _load_chain(tls: ssl.SSLContext, pem: bytes) -> None:
    # the ssl module takes a chain from files only; this one is readable by us alone and gone at once
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem)
        file.flush()
        tls.load_cert_chain(file.name)


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which server and namespace; the command gets `server: Server`."""
    import functools

    @click.option(
        "--kubeconfig", metavar="FILE", help="Which server, and as whom. Default: $KUBECONFIG, then this machine's."
    )
    @click.option("--data-dir", metavar="DIR", help="The instance of this machine that lives there.")
    @click.option("-n", "--namespace", metavar="NAME", help="Default: the kubeconfig's, else default.")
    @functools.wraps(command)
    def wrapped(kubeconfig: str | None, data_dir: str | None, namespace: str | None, **rest: Any) -> None:
        command(server=connect(kubeconfig, data_dir, namespace), **rest)

    return wrapped
