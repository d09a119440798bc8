"""`knarr get`: print the server's own tables, or objects as they are."""

from __future__ import annotations

import json
from typing import Any

import click
import yaml

from knarr.cli.connect import TABLE, Server, server_options
from knarr.cli.failure import RequestFailed
from knarr.cli.resources import Resource, find_all, split_targets


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="TYPE [NAME…] | TYPE/NAME…")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "wide", "json", "yaml", "name"]),
    default="text",
    show_default=True,
    help="How to print it.",
)
@click.option("-A", "--all-namespaces", is_flag=True, help="Of all namespaces.")
@click.option("-l", "--selector", metavar="LABELS", help="Only objects with these labels, like app=web.")
@click.option("--field-selector", metavar="FIELDS", help="Only objects with these fields, like status.phase=Running.")
@click.option("-w", "--watch", is_flag=True, help="Then print every change.")
@server_options
def command(server: Server, what: tuple[str, ...], output: str, all_namespaces: bool, selector: str | None,
            **rest: Any) -> None:  # fmt: skip
    """List objects, or show one."""
    query = {"labelSelector": selector, "fieldSelector": rest["field_selector"]}
    wanted = {key: value for key, value in query.items() if value}
    namespace = None if all_namespaces else server.namespace
    found = []
    accept = TABLE if output in ("text", "wide") else "application/json"
    for resource, name in ((one, name) for word, name in split_targets(what) for one in find_all(server, word)):
        if name and all_namespaces and resource.namespaced:
            raise RequestFailed("one object lies in one namespace: -A does not go with a name", hint="use -n NAMESPACE")
        if rest["watch"]:
            watch(server, resource, name=name, namespace=namespace, query=wanted, output=output)
            return
        found.append((resource, server.ask("GET", resource.path(namespace, name), query=wanted, accept=accept)))
    if output in ("text", "wide"):
        several = len(found) > 1
        shown = [one for one in found if one[1].get("rows")] or found[:1]
        for number, (resource, table) in enumerate(shown):
            click.echo("" if not number else "\n", nl=False)
            prefix = f"{resource.qualified}/" if several else ""
            place = "" if all_namespaces else server.namespace
            print_table(resource, table, wide=output == "wide", where=place, prefix=prefix)
    else:
        print_objects(found, output)


def print_objects(found: list[tuple[Resource, Any]], output: str) -> None:
    """Print whole objects as JSON or YAML, or their names."""
    if output == "name":
        for resource, body in found:
            for item in body.get("items", [body]):
                click.echo(f"{resource.qualified}/{item['metadata']['name']}")
        return
    bodies = [body for _, body in found]
    whole = bodies[0] if len(bodies) == 1 else {"apiVersion": "v1", "kind": "List", "items": bodies}
    text = (
        yaml.safe_dump(whole, sort_keys=False, width=1000) if output == "yaml" else json.dumps(whole, indent=4) + "\n"
    )
    click.echo(text, nl=False)


def print_table(resource: Resource, table: dict[str, Any], *, wide: bool, where: str, prefix: str = "") -> None:
    """Print a `meta.k8s.io/v1 Table` in columns. where: the namespace asked for, empty for all of them."""
    if not table.get("rows"):
        place = f" in {where} namespace" if resource.namespaced and where else ""
        click.echo(f"No resources found{place}.", err=True)
        return
    for line in layout(table, wide=wide, namespaced=not where and resource.namespaced, prefix=prefix):
        click.echo(line)


def layout(table: dict[str, Any], *, wide: bool, namespaced: bool, prefix: str = "") -> list[str]:
    """Return the lines of a table: a heading, then a row an object, columns three spaces apart.

    prefix: stands before each name, so that tables of several kinds can be told apart.
    """
    columns = table["columnDefinitions"]
    shown = [i for i, column in enumerate(columns) if wide or not column.get("priority")]
    lines = [["NAMESPACE"] * namespaced + [columns[i]["name"].upper() for i in shown]]
    for row in table.get("rows") or ():
        place = [(row.get("object") or {}).get("metadata", {}).get("namespace", "")] * namespaced
        lines.append(place + [(prefix if columns[i]["name"] == "Name" else "") + _cell(row["cells"][i]) for i in shown])
    return aligned(lines)


def aligned(lines: list[list[str]]) -> list[str]:
    """Return rows of cells as lines whose columns stand three spaces apart."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _cell(value: Any) -> str:
    return "<none>" if value in (None, "") else str(value)


def watch(server: Server, resource: Resource, *, name: str, namespace: str | None, query: dict[str, str],
          output: str) -> None:  # fmt: skip
    """Print every object now and at every change, until interrupted."""
    narrowed = dict(query, watch="true")
    if name:
        narrowed["fieldSelector"] = f"metadata.name={name}"
    headed = False
    accept = "application/json" if output in ("json", "yaml", "name") else TABLE
    with server.open(
        "GET", resource.path(namespace), query=narrowed, headers={"Accept": accept}, wait_s=None
    ) as stream:
        for line in stream:
            event = json.loads(line)
            body = event["object"]
            if event["type"] == "BOOKMARK":
                continue
            if accept != TABLE:
                print_objects([(resource, body)], output)
                continue
            lines = layout(body, wide=output == "wide", namespaced=namespace is None and resource.namespaced)
            click.echo("\n".join(lines[1:] if headed else lines))
            headed = True
