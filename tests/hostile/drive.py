"""Send hostile requests to a server in this process, and say what it should not have answered."""

from __future__ import annotations

import asyncio
import re
import traceback
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from knarr.api.http import Answer, Call
from knarr.apiserver.secured import Entrances, Secured, secured
from knarr.apiserver.server import ApiServer
from knarr.apiserver.settings import Settings
from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.store.memory import open_memory
from tests.hostile import framing
from tests.hostile.doors import ADMIN, request

ANEW_EVERY = 20_000  # requests to one store; after that it is mostly full of what got through
ANSWER_S_MAX = 20.0  # one that takes longer hangs
KEPT_MAX = 50  # findings told in full
FRAMED_OF = 50  # one request of so many is sent as bytes, to the socket
LOGGED: list[str] = []  # errors that the server wrote to its log
LEADS_ON = re.compile(r"/(?:proxy|log|exec|attach|portforward)(?:/|$)")  # to servers of which there are none here


@dataclass
class Found:
    """What came of it. bad: number, method, path, status and body of answers that are the server's fault.

    codes: how often each was answered; 0 counts connections that sent bytes. logged: what the server says went wrong.
    """

    codes: Counter[int] = field(default_factory=Counter)
    bad: list[tuple[int, str, str, int, str]] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: int = -1


async def drive(seed: int, first: int, count: int) -> Found:
    """Send requests `first` and following; each twenty thousand meet a fresh server."""
    found = Found()
    for start in range(first, first + count, ANEW_EVERY):
        numbers = range(start, min(start + ANEW_EVERY, first + count))
        whole = secured(open_memory(), Settings(), Entrances(signing_key()), clock=SystemClock(), rng=Rng(1))
        async with asyncio.TaskGroup() as group:
            await fill(whole)
            following = [group.create_task(run()) for run in (whole.access.run, whole.server.run)]
            await send(whole.server, seed, numbers, found)
            await still_sound(whole.server)
            assert not any(task.done() for task in following), "what follows the store has stopped"
            for task in following:
                task.cancel()
        await whole.server.stop()
    found.logged += LOGGED
    LOGGED.clear()
    return found


async def send(server: ApiServer, seed: int, numbers: range, found: Found) -> None:
    """Send these requests one by one, and one in fifty as bytes."""
    framed = numbers[:: FRAMED_OF]
    for number in numbers:
        if number not in framed:
            await one(server, seed, number, found)
    for number, sent, answered, wrong in await framing.knock(server, seed, framed):
        found.bad.append((number, "bytes", repr(sent), 0, f"{wrong}: {answered!r}"))
    found.codes[0] += len(framed)


def signing_key() -> bytes:
    """Make the key of service accounts' tokens."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


async def fill(whole: Secured) -> None:
    """Start a server and give it something to lose."""
    await whole.start()
    server = whole.server
    for path, body in KEPT.items():
        answer = await server.handle(Call("POST", path, headers={"content-type": "application/json"}, body=orjson.dumps(body), user=ADMIN))
        assert answer.status == 201, answer.body


async def still_sound(server: ApiServer) -> None:
    """The server lives, and nothing of it is stuck."""
    ready = await server.handle(Call("GET", "/readyz"))
    listed = await server.handle(Call("GET", "/api/v1/namespaces", user=ADMIN))
    assert (200, 200) == (ready.status, listed.status)
    assert [0, 0] == server.gate.underway
    for level in server.gate.flows.turns.levels.values():
        assert 0 == level.waiting


async def one(server: ApiServer, seed: int, number: int, found: Found) -> None:
    """Send one request and judge the answer."""
    call = request(seed, number)
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            answer = await server.handle(call)
            await drain(answer)
    except TimeoutError:
        answer = Answer(599, b"hangs")
    took_s = loop.time() - started_s
    if took_s > found.slowest_s:
        found.slowest_s, found.slowest = took_s, number
    found.codes[answer.status] += 1
    if fault_of(call, answer) and len(found.bad) < KEPT_MAX:
        found.bad.append((number, call.method, call.path[:200], answer.status, answer.body[:300].decode("utf-8", "replace")))


def fault_of(call: Call, answer: Answer) -> str:
    """Say why an answer is the server's fault; empty if it is not."""
    excused = LEADS_ON.search(call.path) or b"Too large resource version" in answer.body or b"failed calling webhook" in answer.body
    if answer.status >= 500 and (b"met a bug" in answer.body or not excused):
        return "5xx"
    if "json" not in answer.content_type or not answer.body or answer.stream is not None:
        return ""
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return "no JSON"
    refused = answer.status >= 400
    return "no Status" if refused and (said.get("kind"), said.get("code")) != ("Status", answer.status) else ""


async def drain(answer: Answer) -> None:
    """Read the beginning of a stream, and leave."""
    if answer.stream is None:
        return
    async with aclosing(answer.stream) as chunks:  # type: ignore[type-var]
        try:
            async with asyncio.timeout(0.0005):
                async for _ in chunks:
                    pass
        except TimeoutError:
            return


def resident_mb() -> float:
    """Return this process's resident memory."""
    found = re.search(r"VmRSS:\s+([0-9]+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


def quiet() -> None:
    """Keep of the log what speaks of bugs, and print nothing."""

    def keep(_: Any, __: str, event: Any) -> Any:
        if len(LOGGED) < KEPT_MAX:
            LOGGED.append("".join(traceback.format_exception(event.pop("exc_info"))) if isinstance(event.get("exc_info"), Exception) else repr(event))
        raise structlog.DropEvent

    structlog.configure(processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(40))


META = {"labels": {"a": "b"}}
TEMPLATE = {"metadata": META, "spec": {"containers": [{"name": "c", "image": "i"}]}}
KEPT: dict[str, dict[str, object]] = {
    "/api/v1/namespaces/default/serviceaccounts": {"metadata": {"name": "default"}},
    "/api/v1/nodes": {"metadata": {"name": "n1"}},
    "/api/v1/namespaces/default/pods": {"metadata": {"name": "n1", "finalizers": ["a/b"]}, "spec": TEMPLATE["spec"]},
    "/api/v1/namespaces/default/configmaps": {"metadata": {"name": "n1"}, "data": {"a": "b"}},
    "/api/v1/namespaces/default/secrets": {"metadata": {"name": "n1"}, "stringData": {"a": "b"}},
    "/api/v1/namespaces/default/services": {"metadata": {"name": "n1"}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}},
    "/apis/apps/v1/namespaces/default/deployments": {"metadata": {"name": "n1"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}},
    "/apis/apps/v1/namespaces/default/statefulsets": {"metadata": {"name": "n1"}, "spec": {"serviceName": "x", "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}},
    "/apis/batch/v1/namespaces/default/jobs": {"metadata": {"name": "n1"}, "spec": {"template": {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}}},
    "/api/v1/namespaces/default/persistentvolumeclaims": {"metadata": {"name": "n1"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
}  # fmt: skip
