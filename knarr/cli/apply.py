"""`knarr apply`: create or change objects from files, then wait until workloads run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from knarr.api.yamldoc import YamlError, read_documents
from knarr.cli.connect import Server, server_options
from knarr.cli.failure import RequestFailed
from knarr.cli.output import OUTPUT, Report
from knarr.cli.resources import Resource, all_resources, find_kind
from knarr.cli.rollout import WAITABLE, follow

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
SUFFIXES = (".yaml", ".yml", ".json")
WANTED = "each object needs apiVersion, kind and metadata.name"
STRICT = {"fieldValidation": "Strict"}  # a misspelt field is an error, as with kubectl


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object as its author wrote it, and where it goes."""

    resource: Resource
    namespace: str | None
    body: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def path(self) -> str:
        return self.resource.path(self.namespace, self.name)


@click.command()
@click.option(
    "-f",
    "--filename",
    "files",
    multiple=True,
    required=True,
    metavar="FILE",
    help="A file, a folder, or - for standard input.",
)
@click.option("--detach", is_flag=True, help="Do not wait for workloads to run.")
@click.option(
    "--timeout", "timeout_s", type=float, default=300.0, show_default=True, metavar="SECONDS", help="How long to wait."
)
@OUTPUT
@server_options
def command(server: Server, files: tuple[str, ...], detach: bool, timeout_s: float, output: str) -> None:
    """Create or change objects from files, and wait until their workloads run.

    All files are read and checked before the first object is sent.
    """
    bodies = [body for file in files for body in read(file)]
    if not bodies:
        raise RequestFailed("the files hold no objects", hint=WANTED)
    resources, report = all_resources(server), Report(output)
    manifests = [_manifest(server, resources, body) for body in bodies]
    for manifest in manifests:
        verb, stored = apply(server, manifest)
        version = stored["metadata"]["resourceVersion"]
        report.done(
            f"{manifest.resource.qualified}/{manifest.name}", verb, namespace=manifest.namespace, version=version
        )
    report.end()
    if not detach:
        for manifest in manifests:
            if manifest.resource.plural in WAITABLE:
                follow(
                    server,
                    manifest.resource,
                    manifest.name,
                    namespace=manifest.namespace,
                    patience_s=timeout_s,
                    quiet=report.quiet,
                )


def read(file: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file, of every file in a folder, or of standard input."""
    if file == "-":
        yield from parse(sys.stdin.read(), "standard input")
        return
    path = Path(file)
    if not path.exists():
        raise RequestFailed(f"there is no file {file}", hint=f"see what is there: ls {path.parent}")
    for one in sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES) if path.is_dir() else [path]:
        try:
            text = one.read_text()
        except UnicodeDecodeError as error:
            raise RequestFailed(f"{one} is no text (UTF-8 expected): {error.reason}", hint=WANTED) from error
        yield from parse(text, str(one))


def parse(text: str, origin: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of YAML or JSON text; lists are opened up."""
    try:
        documents = read_documents(text)
    except YamlError as error:
        raise RequestFailed(
            f"{origin} is no YAML: {_where(error)}", hint="mend that line, then run it again"
        ) from error
    for number, body in enumerate(documents, 1):
        if body is None:
            continue
        if not isinstance(body, dict) or not body.get("kind") or not body.get("apiVersion"):
            raise RequestFailed(f"{origin}, document {number}: apiVersion and kind must be set", hint=WANTED)
        for one in body.get("items") or () if str(body["kind"]).endswith("List") else (body,):
            if not isinstance(one, dict) or not isinstance(one.get("metadata") or {}, dict):
                raise RequestFailed(
                    f"{origin}, document {number}: an object and its metadata must be maps", hint=WANTED
                )
            yield one



def _manifest(server: Server, resources: list[Resource], body: dict[str, Any]) -> Manifest:
    resource = find_kind(resources, body)
    metadata = body.get("metadata") or {}
    if not metadata.get("name"):
        raise RequestFailed(f"{resource.kind}: metadata.name must be set", hint=WANTED)
    return Manifest(resource, namespace_of(server, metadata) if resource.namespaced else None, body)


def namespace_of(server: Server, metadata: dict[str, Any]) -> str:
    """Return where an object goes: both it and the command line may say so, but not differ."""
    wanted = metadata.get("namespace") or server.namespace
    if server.namespace_named and wanted != server.namespace:
        raise RequestFailed(
            f'the namespace from the provided object "{wanted}" does not match the namespace "{server.namespace}"',
            hint=f"run it again with -n {wanted}, or without -n",
        )
    return str(wanted)


def apply(server: Server, manifest: Manifest) -> tuple[str, dict[str, Any]]:
    """Create the object, or patch it by the difference to what was applied before. Returns what was done, and it."""
    wanted = json.loads(json.dumps(manifest.body, default=str))
    collection = manifest.resource.path(manifest.namespace)
    marked = with_mark(wanted)
    try:
        present = server.ask("GET", manifest.path)
    except RequestFailed as failure:
        if failure.code != 404:
            raise
        return "created", server.ask("POST", collection, marked, query=STRICT)
    before = json.loads((present["metadata"].get("annotations") or {}).get(LAST_APPLIED, "{}"))
    patch = merge_difference(before, marked, present)
    if not patch:
        return "unchanged", present
    stored = server.ask("PATCH", manifest.path, patch, query=STRICT, content_type="application/merge-patch+json")
    same = stored["metadata"]["resourceVersion"] == present["metadata"]["resourceVersion"]
    return ("unchanged" if same else "configured"), stored


def with_mark(body: dict[str, Any]) -> dict[str, Any]:
    """Return the object with the annotation that remembers what was applied, as kubectl writes it."""
    mark = json.dumps(body, separators=(",", ":"), sort_keys=True) + "\n"
    metadata = body.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), LAST_APPLIED: mark}
    return {**body, "metadata": {**metadata, "annotations": annotations}}


def merge_difference(before: dict[str, Any], wanted: dict[str, Any], present: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch from `present` to `wanted`; what `before` had and `wanted` has not goes.

    Lists are replaced whole (RFC 7396). `stringData` is write-only and always sent.
    """
    patch: dict[str, Any] = {key: None for key in before if key not in wanted and key in present}
    for key, value in wanted.items():
        there = present.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            inner = before.get(key)
            deeper = merge_difference(inner if isinstance(inner, dict) else {}, value, there)
            if deeper:
                patch[key] = deeper
        elif value != there and value is not None:
            patch[key] = value
    return patch


def _where(error: YamlError) -> str:
    """Say line and column, where the parser knows them."""
    mark = getattr(error.__cause__, "problem_mark", None)
    if mark is None:
        return str(error).removeprefix("yaml: ")
    return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error.__cause__, 'problem', '')}"
