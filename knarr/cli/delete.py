"""`knarr delete`: delete objects and wait until they are gone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import click

from knarr.base.clock import SystemClock
from knarr.cli.apply import WANTED, namespace_of, read
from knarr.cli.connect import Server, server_options
from knarr.cli.failure import RequestFailed
from knarr.cli.output import OUTPUT, Report
from knarr.cli.resources import Resource, all_resources, find, find_kind, named_targets, split_targets

LOOK_EVERY_S = 0.1


@click.command()
@click.argument("what", nargs=-1, metavar="TYPE NAME… | TYPE/NAME…")
@click.option("-f", "--filename", "files", multiple=True, metavar="FILE", help="The objects of a file or folder.")
@click.option("-l", "--selector", default="", metavar="LABELS", help="All of a type with these labels, like app=web.")
@click.option("--all", "everything", is_flag=True, help="All of a type.")
@click.option(
    "--grace", "grace_s", type=click.IntRange(0), metavar="SECONDS", help="Time to end well. Default: the object's own."
)
@click.option(
    "--cascade",
    type=click.Choice(["background", "foreground", "orphan"]),
    default="background",
    show_default=True,
    help="What becomes of what the object owns.",
)
@click.option("--ignore-not-found", is_flag=True, help="What is gone already is no error.")
@click.option("--detach", is_flag=True, help="Do not wait until they are gone.")
@OUTPUT
@server_options
def command(server: Server, what: tuple[str, ...], files: tuple[str, ...], detach: bool, **wishes: Any) -> None:
    """Delete objects and wait until they are gone."""
    options: dict[str, Any] = {"propagationPolicy": wishes["cascade"].capitalize()}
    if wishes["grace_s"] is not None:
        options["gracePeriodSeconds"] = wishes["grace_s"]
    report, gone, missing = Report(wishes["output"]), [], None
    for resource, path in targets(server, what, files, chosen=Chosen(wishes["selector"], wishes["everything"])):
        try:
            answer = server.ask("DELETE", path, {"apiVersion": "v1", "kind": "DeleteOptions", **options})
        except RequestFailed as failure:
            if failure.code != 404:
                raise
            missing = missing or failure  # the others are deleted all the same
            continue
        name = unquote(path.rpartition("/")[2])
        report.done(f"{resource.qualified}/{name}", "deleted")
        gone.append((name, path, uid_of(answer)))
    if not detach:
        for name, path, uid in gone:
            until_gone(server, name, path, uid=uid)
    report.end()
    if missing and not wishes["ignore_not_found"]:
        raise missing


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which objects of a type without names are meant: those with the labels, or all; else none."""

    selector: str
    everything: bool

    def __bool__(self) -> bool:
        return bool(self.selector or self.everything)


def targets(
    server: Server, what: tuple[str, ...], files: tuple[str, ...], *, chosen: Chosen
) -> list[tuple[Resource, str]]:
    """Return what to delete: the named or chosen objects, or a file's in reverse, so that namespaces go last."""
    if chosen and (files or any(name for _, name in split_targets(what))):
        raise RequestFailed("--selector and --all choose among a type's objects; names and files choose by themselves",
                            hint="like: knarr delete pods --all")
    if chosen.selector and chosen.everything:
        raise RequestFailed("--selector and --all exclude each other", hint="leave one out")
    if chosen:
        return [one for word, _ in split_targets(what) for one in among(server, word, chosen.selector)]
    if files:
        resources = all_resources(server)
        bodies = [body for file in files for body in read(file)]
        rows = [(find_kind(resources, body), body.get("metadata") or {}) for body in reversed(bodies)]
        if any(not metadata.get("name") for _, metadata in rows):
            raise RequestFailed("an object in the files has no name", hint=WANTED)
        return [(r, r.path(namespace_of(server, m) if r.namespaced else None, m["name"])) for r, m in rows]
    found = []
    for word, name in named_targets(what, "delete"):
        resource = find(server, word)
        found.append((resource, resource.path(server.namespace, name)))
    return found


def among(server: Server, word: str, selector: str) -> list[tuple[Resource, str]]:
    """Return a type's objects in the namespace that have the labels."""
    resource = find(server, word)
    query = {"labelSelector": selector} if selector else {}
    found = server.ask("GET", resource.path(server.namespace), query=query)["items"]
    names = [one["metadata"]["name"] for one in found]
    return [(resource, resource.path(server.namespace, name)) for name in names]


def uid_of(answer: dict[str, Any]) -> str:
    """Return the uid of what a DELETE was about: it answers with the object, or with a Status that names it."""
    about = (answer.get("details") or {}) if answer.get("kind") == "Status" else answer.get("metadata") or {}
    return str(about.get("uid") or "")


def until_gone(server: Server, name: str, path: str, *, uid: str = "", patience_s: float = 300.0) -> None:
    """Wait until an object cannot be found. Raises RequestFailed when patience ends, naming what holds it.

    uid: another object that has taken the name (a StatefulSet's next pod) means that this one is gone; empty: any.
    """
    clock = SystemClock()
    deadline_s = clock.monotonic_s() + patience_s
    while True:
        try:
            body = server.ask("GET", path)
        except RequestFailed as failure:
            if failure.code == 404:
                return
            raise
        if uid and body["metadata"]["uid"] != uid:
            return
        if clock.monotonic_s() > deadline_s:
            held = ", ".join(body["metadata"].get("finalizers") or ()) or "nothing we can see"
            raise RequestFailed(
                f"{name} is still there after {patience_s:g} s; finalizers: {held}",
                hint="what holds it: knarr get … -o yaml",
            )
        time.sleep(LOOK_EVERY_S)
