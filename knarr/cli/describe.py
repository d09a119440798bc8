"""`knarr describe`: an object for human eyes, with the events about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from knarr.cli.connect import Server, server_options
from knarr.cli.resources import Resource, find, split_targets

HIDDEN = {"managedFields", "uid", "resourceVersion", "generation", "selfLink"}


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="TYPE [NAME…] | TYPE/NAME…")
@server_options
def command(server: Server, what: tuple[str, ...]) -> None:
    """Show everything about an object, with its events."""
    for word, name in split_targets(what):
        resource = find(server, word)
        answer = server.ask("GET", resource.path(server.namespace, name))
        for body in answer.get("items", [answer]) if not name else [answer]:
            click.echo("\n".join(describe(resource, body, events(server, resource, body))) + "\n")


def events(server: Server, resource: Resource, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events about an object, oldest first."""
    about = body["metadata"]
    place = f"/namespaces/{about['namespace']}" if about.get("namespace") else ""
    fields = f"involvedObject.name={about['name']},involvedObject.kind={resource.kind}"
    found = server.ask("GET", f"/api/v1{place}/events", query={"fieldSelector": fields})["items"]
    return sorted(found, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")


def describe(resource: Resource, body: dict[str, Any], about: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines: metadata, spec, status, events."""
    metadata = body["metadata"]
    yield f"Name:         {metadata['name']}"
    if resource.namespaced:
        yield f"Namespace:    {metadata['namespace']}"
    yield from outline({key: value for key, value in metadata.items() if key not in {"name", "namespace", *HIDDEN}})
    rest = {key: value for key, value in body.items() if key not in ("metadata", "kind", "apiVersion")}
    secret = resource.kind == "Secret"
    yield from outline({key: _sizes(value) if secret and key == "data" else value for key, value in rest.items()})
    yield "Events:" if about else "Events:       <none>"
    for event in about:
        times = f" (x{event['count']})" if event.get("count", 1) > 1 else ""
        yield f"  {event.get('type', ''):8} {event.get('reason', ''):20} {event.get('message', '').strip()}{times}"


def _sizes(data: dict[str, str]) -> dict[str, str]:
    return {key: f"{len(value) * 3 // 4} bytes" for key, value in data.items()}


def outline(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield nested maps and lists as indented lines, names with spaces and capitals."""
    pad = "  " * depth
    if isinstance(value, list):
        for item in value:
            lines = list(outline(item, depth + 1)) if isinstance(item, dict | list) else [f"{pad}  {item}"]
            yield f"{pad}- {lines[0].strip()}"
            yield from lines[1:]
        return
    for key, inner in value.items():
        title = key[:1].upper() + key[1:]
        if isinstance(inner, dict | list) and inner:
            yield f"{pad}{title}:"
            yield from outline(inner, depth + 1)
        else:
            yield f"{pad}{title + ':':13} {inner if inner not in ({}, [], None, '') else '<none>'}"
