"""`knarr describe`: an object for human eyes, with the events about it.

What only machines read, and what everybody has by default, is left out; `knarr get … -o yaml` shows it all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from knarr.base.clock import SystemClock
from knarr.base.text import human_duration
from knarr.base.times import seconds
from knarr.cli.connect import Server, server_options
from knarr.cli.get import aligned
from knarr.cli.outline import field, outline, without_noise
from knarr.cli.output import print_json
from knarr.cli.resources import Resource, find, split_targets

EVENT_ORDER = ("lastTimestamp", "eventTime", "firstTimestamp")


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="TYPE [NAME…] | TYPE/NAME…")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="text for people; json: the object and its events, whole.")  # fmt: skip
@server_options
def command(server: Server, what: tuple[str, ...], output: str) -> None:
    """Show an object as a person wants it, with its events."""
    found: list[tuple[Resource, dict[str, Any]]] = []
    for word, name in split_targets(what):
        resource = find(server, word)
        answer = server.ask("GET", resource.path(server.namespace, name))
        found += [(resource, body) for body in ([answer] if name else answer.get("items", ()))]
    told = [(resource, body, events(server, resource, body)) for resource, body in found]
    if output == "json":
        print_json([{"object": body, "events": about} for _, body, about in told])
        return
    if not told:
        click.echo("No resources found.", err=True)
    now_s = SystemClock().now_s()
    click.echo("\n\n".join("\n".join(describe(*one, now_s=now_s)) for one in told), nl=bool(told))


def events(server: Server, resource: Resource, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events about an object, oldest first."""
    about = body["metadata"]
    place = f"/namespaces/{about['namespace']}" if about.get("namespace") else ""
    fields = f"involvedObject.name={about['name']},involvedObject.kind={resource.kind}"
    if resource.kind != "Node":  # agents tell of nodes by name alone
        fields += f",involvedObject.uid={about['uid']}"
    found = server.ask("GET", f"/api/v1{place}/events", query={"fieldSelector": fields})["items"]
    return sorted(found, key=last_seen)


def last_seen(event: dict[str, Any]) -> str:
    """Return when an event happened last, as the API says times; empty where it does not say."""
    return next((str(event[key]) for key in EVENT_ORDER if event.get(key)), "")


def describe(resource: Resource, body: dict[str, Any], about: list[dict[str, Any]], *, now_s: float) -> Iterator[str]:
    """Yield the lines: who it is, what is wanted, how it stands, what happened."""
    yield from head(resource, body["metadata"], now_s)
    rest = {key: value for key, value in body.items() if key not in ("metadata", "kind", "apiVersion", "status")}
    status = dict(body.get("status") or {})
    if resource.kind == "Secret":
        rest["data"] = {key: f"{len(value) * 3 // 4} bytes" for key, value in (rest.get("data") or {}).items()}
    if resource.kind == "Pod":
        yield from containers(rest.get("spec") or {}, status, now_s)
        rest["spec"] = {key: value for key, value in (rest.get("spec") or {}).items() if not key.endswith("ontainers")}
        status = {key: value for key, value in status.items() if not key.endswith("ontainerStatuses")}
    yield from outline(without_noise(rest))
    conditions = status.pop("conditions", None) or []
    left = without_noise(status)
    if left:
        yield "Status:"
        yield from outline(left, 1)
    if conditions:
        yield "Conditions:"
        yield from table(("type", "status", "since", "reason", "message"), [_condition(c, now_s) for c in conditions])
    yield "Events:" if about else field("Events:", "<none>")
    if about:
        yield from table(("last seen", "type", "reason", "message"), [_event(event, now_s) for event in about])


def head(resource: Resource, metadata: dict[str, Any], now_s: float) -> Iterator[str]:
    """Yield the lines that say which object this is."""
    yield field("Name:", metadata["name"])
    if resource.namespaced:
        yield field("Namespace:", metadata["namespace"])
    yield field("Kind:", f"{resource.kind} ({resource.group}/{resource.version})".replace("(/", "("))
    yield field("Age:", ago(metadata.get("creationTimestamp"), now_s))
    if metadata.get("deletionTimestamp"):
        held = ", ".join(metadata.get("finalizers") or ()) or "nothing"
        yield field("Deleted:", f"{ago(metadata['deletionTimestamp'], now_s)} ago; held by {held}")
    owners = metadata.get("ownerReferences") or ()
    if owners:
        yield field("Owned by:", ", ".join(f"{owner['kind']}/{owner['name']}" for owner in owners))
    hidden = "kubectl.kubernetes.io/last-applied-configuration"
    for title, pairs in (("Labels:", metadata.get("labels")), ("Annotations:", metadata.get("annotations"))):
        shown = [f"{key}={value}" for key, value in (pairs or {}).items() if key != hidden]
        for number, line in enumerate(shown or ["<none>"]):
            yield field(title if not number else "", line)


def containers(spec: dict[str, Any], status: dict[str, Any], now_s: float) -> Iterator[str]:
    """Yield each container: how it stands, then what was asked of it."""
    for key, title in (("initContainers", "Init containers:"), ("containers", "Containers:")):
        if spec.get(key):
            yield title
        states: dict[str, dict[str, Any]] = {
            one["name"]: one for one in status.get(f"{key.removesuffix('s')}Statuses") or ()
        }
        for one in spec.get(key) or ():
            yield f"  {one['name']}:"
            known = states.get(one["name"]) or {}
            lines = {
                "state": run_state(known.get("state"), now_s),
                "last run": run_state(known.get("lastState"), now_s),
            }
            shown: dict[str, Any] = {key: value for key, value in lines.items() if value}
            if known:
                shown |= {"ready": known.get("ready"), "restarts": known.get("restartCount")}
            asked = {field: value for field, value in without_noise(one).items() if field != "name"}
            yield from outline({**shown, **asked}, 2)


def run_state(state: dict[str, Any] | None, now_s: float) -> str:
    """Word one run of a container; empty where there was none."""
    for kind, said in (state or {}).items():
        when = ago(said.get("finishedAt") or said.get("startedAt"), now_s)
        code = f" with exit code {said['exitCode']}" if "exitCode" in said else ""
        why = ": ".join(part for part in (said.get("reason"), said.get("message")) if part)
        return f"{kind}{code}{f' for {when}' if kind == 'running' else f' {when} ago' if when else ''}" + (
            f" ({why.strip()})" if why else ""
        )
    return ""


def ago(moment: str | None, now_s: float) -> str:
    """Return how long ago a time was; empty where there is none."""
    return human_duration(now_s - seconds(moment)) if moment else ""


def table(titles: tuple[str, ...], rows: list[list[str]]) -> Iterator[str]:
    """Yield indented lines in columns; a column without a single value is left out."""
    kept = [index for index in range(len(titles)) if any(row[index] for row in rows)]
    lines = [[titles[index].upper() for index in kept]] + [[row[index] for index in kept] for row in rows]
    return (f"  {line}" for line in aligned(lines))


def _condition(one: dict[str, Any], now_s: float) -> list[str]:
    since = ago(one.get("lastTransitionTime"), now_s)
    return [one["type"], one["status"], since, one.get("reason", ""), " ".join(one.get("message", "").split())]


def _event(one: dict[str, Any], now_s: float) -> list[str]:
    times = f" (x{one['count']})" if (one.get("count") or 1) > 1 else ""
    text = " ".join((one.get("message") or "").split())
    return [ago(last_seen(one), now_s), one.get("type") or "", one.get("reason") or "", text + times]
