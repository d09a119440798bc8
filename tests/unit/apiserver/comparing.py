"""Send everything that was recorded of a real API server to a whole server here, and name each answer that differs.

A difference is a line `file | case | what`; docs/reference/differences.md lists those there are, each with its reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import groupby
from typing import Any

import orjson
from multidict import CIMultiDict

from knarr.api.http import Answer, Call
from knarr.apiserver.secured import Entrances, secured
from knarr.apiserver.settings import Settings
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.store.memory import open_memory
from tests.unit.apiserver.asking import AGENT, Asker
from tests.unit.apiserver.oracle import plain, recorded, replay
from tests.unit.apiserver.test_authn import KEY, MASTER, NOW
from tests.unit.apiserver.test_wire_sequences import ask_for_security, at_home, masked

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
STORIES = ("sequences/writes.json", "sequences/reads-and-policies.json")
NAMESPACES = ("rec", "rec2", "rec4-85", "rec5-85", "rec6-85", "rec7-85")


class Whole(Asker):
    """A server with every lock, default role and default object in place."""

    def __init__(self) -> None:  # the locks are the point: nothing of Asker's is left out
        self.clock, self.store = ManualClock(), open_memory()
        self.clock.advance(NOW.timestamp() + 3600 - self.clock.now_s())  # when the callers' certificates hold
        self.whole = secured(self.store, Settings(), Entrances(KEY), clock=self.clock, rng=Rng(7))
        self.server = self.whole.server



@asynccontextmanager
async def whole() -> AsyncIterator[Whole]:
    """Start such a server as the process does, make the recorded namespaces, and stop it in the end."""
    api = Whole()
    await api.whole.start()
    aggregation = asyncio.ensure_future(api.server.aggregator.run())
    for namespace in ("default", *NAMESPACES):  # as controllers would
        if namespace != "default":
            await api.make("/api/v1/namespaces", {"metadata": {"name": namespace}})
        await api.make(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "default"}})
    try:
        yield api
    finally:
        aggregation.cancel()
        await api.server.stop()


async def differences() -> AsyncIterator[str]:
    """Yield every difference, file by file."""
    async with whole() as api:
        for compare in (groups, resources, operations, documents, others, bootstrap, columns, created, refusals):
            async for line in compare(api):
                yield line
    for name in STORIES:
        async for line in stories(name):
            yield line


async def fetched(api: Asker, path: str, *, accept: str = "application/json") -> dict[str, Any]:
    """Return what lies at a path; nothing where nothing does."""
    answer = await api.call("GET", path, accept=accept)
    return dict(orjson.loads(answer.body)) if answer.status == 200 else {}


async def groups(api: Asker) -> AsyncIterator[str]:
    """Compare the lists of groups, in both forms."""
    for path, forms in recorded("discovery/groups.json").items():
        for form, theirs in forms.items():
            ours = await fetched(api, path, accept=AGGREGATED if "aggregated" in form else "application/json")
            for line in unlike(by_name(theirs), by_name(ours)):
                yield f"discovery/groups.json | {path} {form} | {line}"


def by_name(listing: dict[str, Any]) -> dict[str, Any]:
    rows = listing.get("groups") or listing.get("items") or [listing]
    return {row.get("name") or row.get("metadata", {}).get("name", "core"): plain(row) for row in rows}


async def resources(api: Asker) -> AsyncIterator[str]:
    """Compare every group version's resources: verbs, names, categories, hashes."""
    for path, theirs in recorded("discovery/resources.json").items():
        ours = await fetched(api, path)
        rows = {row["name"]: row for row in ours.get("resources", ())}
        for line in unlike({row["name"]: row for row in theirs["resources"]}, rows):
            yield f"discovery/resources.json | {path} | {line}"


async def operations(api: Asker) -> AsyncIterator[str]:
    """Compare the operations that OpenAPI tells of: paths, methods, ids."""
    document = await fetched(api, "/openapi/v2")
    for path, theirs in recorded("discovery/openapi-paths.json").items():
        ours = document["paths"].get(path) or document["paths"].get(path.rstrip("/")) or {}
        mine = {method: row.get("operationId") for method, row in ours.items() if method != "parameters"}
        for line in unlike({method: row["operationId"] for method, row in theirs.items()}, mine):
            yield f"discovery/openapi-paths.json | {path} | {line}"


async def documents(api: Asker) -> AsyncIterator[str]:
    """Compare the index of OpenAPI v3."""
    ours = await fetched(api, "/openapi/v3")
    for name in sorted(set(recorded("discovery/openapi-v3-paths.json")) ^ set(ours["paths"])):
        yield f"discovery/openapi-v3-paths.json | {name} | {'more here' if name in ours['paths'] else 'missing'}"


async def others(api: Asker) -> AsyncIterator[str]:
    """Compare what is no resource: version, health, unknown paths."""
    for path, theirs in recorded("discovery/nonresource.json").items():
        answer = await api.call("GET", path)
        if theirs["code"] != answer.status:
            yield f"discovery/nonresource.json | {path} | code {answer.status} for {theirs['code']}"
        elif theirs["type"] != answer.content_type:
            yield f"discovery/nonresource.json | {path} | type {answer.content_type}"
        elif theirs["body"] is not None and theirs["body"] != read(answer):
            yield f"discovery/nonresource.json | {path} | body"
        elif "families" in theirs:
            lacking = set(theirs["families"]) - {line.removeprefix("# TYPE ") for line in read(answer).splitlines()}
            for family in sorted(lacking):
                yield f"discovery/nonresource.json | {path} | {family} missing"


async def bootstrap(api: Asker) -> AsyncIterator[str]:
    """Compare the objects that stand there from the start."""
    for path, theirs in recorded("bootstrap/objects.json").items():
        found = await fetched(api, path)
        ours = {one["metadata"]["name"]: content(one) for one in found.get("items", ())}
        for line in unlike({one["metadata"]["name"]: content(one) for one in theirs}, ours):
            yield f"bootstrap/objects.json | {path.rpartition('/')[2]} | {line}"


def content(obj: dict[str, Any]) -> dict[str, Any]:
    """Return what an object says beside its metadata and status."""
    kept = {name: value for name, value in obj.items() if name not in ("metadata", "status", "kind", "apiVersion") and value}
    return {**kept, "labels": obj["metadata"].get("labels")}


async def columns(api: Asker) -> AsyncIterator[str]:
    """Compare the columns of every kind's table."""
    for path, theirs in recorded("tables/columns.json").items():
        table = await fetched(api, path, accept=TABLE)
        if [column(one) for one in theirs] != [column(one) for one in table.get("columnDefinitions", ())]:
            yield f"tables/columns.json | {path} | columns"


def column(definition: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(definition.get(name) for name in ("name", "type", "format", "priority"))


async def created(api: Asker) -> AsyncIterator[str]:
    """Compare what becomes of minimal objects."""
    for number, row in enumerate(recorded("objects/created.json")):
        answer = await replay(api, row["request"])
        what = unequal(row, answer, body=plain)
        if what:
            yield f"objects/created.json | {number} {row['request']['body']['kind']} | {what}"


async def refusals(api: Asker) -> AsyncIterator[str]:
    """Compare the refusals of bad requests: code, reason, message, causes."""
    for row in recorded("refusals/create.json"):
        answer = await replay(api, row["request"])
        what = unequal(row, answer, body=lambda one: [one.get("reason"), one.get("message"), one.get("details")])
        if what and not (row["code"] < 400 and answer.status == row["code"]):
            yield f"refusals/create.json | {row['case'][:90]} | {what}"


async def stories(name: str) -> AsyncIterator[str]:
    """Compare stories step by step."""
    async with whole() as api:
        await ask_for_security(api)
        for present in ("kube-root-ca.crt", "openshift-service-ca.crt"):  # controllers of theirs had made them
            await api.make("/api/v1/namespaces/rec4-85/configmaps", {"metadata": {"name": present}})
        last: dict[str, str] = {}
        for story in recorded(name):
            for number, step in enumerate(story["steps"]):
                what = await told(api, step, last)
                if what:
                    yield f"{name} | {story['name']} {number} | {what}"


async def told(api: Whole, step: dict[str, Any], last: dict[str, str]) -> str:
    """Take one step; return how its answer differs."""
    request = at_home(step["request"])
    answer = await (asked_as_another(api, request) if request.get("headers") else replay(api, request, last=last))
    api.whole.access.load()
    if answer.stream is not None:
        return "" if masked_all(step["response"]) == masked_all(await events(api, answer)) else "events"
    body = read(answer)
    meta = (body.get("metadata") or {}) if isinstance(body, dict) else {}
    last.update({key: meta[key] for key in ("resourceVersion", "continue") if meta.get(key)})
    if isinstance(step["response"], list) and len(step["response"]) == 1:  # a watch that was refused
        step = {**step, "response": step["response"][0]}
    return unequal(step, answer, body=masked)


async def asked_as_another(api: Whole, request: dict[str, Any]) -> Answer:
    """Send a request with its own headers, from somebody who may act as others."""
    headers = CIMultiDict({"content-type": "application/json", "user-agent": AGENT, **request["headers"]})
    body = b"" if request.get("body") is None else orjson.dumps(request["body"]).replace(b"stories", b"rec4-85")
    return await api.server.handle(Call(request["method"], request["path"], {}, headers, body, None, MASTER))


async def events(api: Whole, answer: Answer) -> list[Any]:
    """Return a watch's events until its time is up."""
    found: list[bytes] = []

    async def follow() -> None:
        assert answer.stream is not None, "a watch streams"
        async for piece in answer.stream:
            found.append(piece)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(follow())
        for _ in range(20):  # what stands there already is sent without a pause
            await asyncio.sleep(0)
        api.clock.advance(4)
    return [orjson.loads(line) for line in b"".join(found).splitlines()]


def masked_all(found: list[Any]) -> list[Any]:
    """Mask events; ages and the number of bookmarks are told by a clock."""
    shown = [masked(one) for one in found]
    for event in shown:
        for row in event["object"].get("rows", ()):
            row["cells"][-1] = "<age>"
    return [event for event, _ in groupby(shown)]


def unequal(row: dict[str, Any], answer: Answer, *, body: Callable[[Any], Any]) -> str:
    """Say how an answer differs from the recorded one; empty if it does not."""
    if row["code"] != answer.status:
        return f"code {answer.status} for {row['code']}"
    if answer.stream is not None:
        return "a stream"
    ours, theirs = read(answer), row["response"]
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return "" if body(theirs) == body(ours) else "message" if answer.status >= 400 else "body"
    return "" if theirs == ours else "body"


def read(answer: Answer) -> Any:
    """Return an answer's body: decoded where it is JSON, else as text."""
    return orjson.loads(answer.body) if answer.content_type.startswith("application/json") else answer.body.decode()


def unlike(theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    """Name the entries that are missing, more, or other."""
    for name in sorted({*theirs, *ours}, key=str):
        if name not in ours:
            yield f"{name} missing"
        elif name not in theirs:
            yield f"{name} more here"
        elif theirs[name] != ours[name]:
            yield f"{name} differs"
