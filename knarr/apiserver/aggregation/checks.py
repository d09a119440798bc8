"""Find out whether an extension server is there: its Service, an endpoint, and its own discovery.

Source: kube-aggregator pkg/controllers/status/remote/remote_available_controller.go.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import orjson

from knarr.api.http import Answer, Broken, User
from knarr.apiserver.aggregation.identity import BadBundle
from knarr.apiserver.aggregation.passing import SERVICE, Passer, Unresolved
from knarr.apiserver.aggregation.registered import Remote
from knarr.apiserver.core import Core
from knarr.apiserver.proxying.faults import Unreached
from knarr.apiserver.proxying.places import endpoints, slices

Obj = dict[str, Any]
ATTEMPTS: Final = 5
ATTEMPTS_S: Final = 6.0  # for all of them
FETCH_S: Final = 5.0  # for one document
RESOURCES_MAX: Final = 1000  # of a group and version
BODY_BYTES_MAX: Final = 8 << 20  # of a document that an extension server serves
WORDS: Final = ("name", "singularName", "kind", "group", "version")  # members of a resource in discovery
LISTS: Final = ("verbs", "shortNames", "categories")
ASKER: Final = User("system:kube-aggregator", groups=("system:masters",))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an APIService's condition is to say. resources: what its discovery lists, None if it was not read."""

    status: str
    reason: str
    message: str
    resources: tuple[Obj, ...] | None = None


class NotThere(Exception):
    """An extension server gave no answer that counts; the text says which."""


async def check(core: Core, passer: Passer, remote: Remote) -> Verdict:
    """Return what to say of a remote."""
    missing = _missing(core, remote)
    if missing is not None:
        return missing
    why = ""
    try:
        async with asyncio.timeout(ATTEMPTS_S):
            for _ in range(ATTEMPTS):
                try:
                    body = await document(passer, remote, remote.path)
                    return Verdict("True", "Passed", "all checks passed", _resources(body))
                except NotThere as fault:
                    why = str(fault)
    except TimeoutError:
        why = why or f"timed out waiting for {shown(remote)}"
    return Verdict("False", "FailedDiscoveryCheck", why)


async def document(passer: Passer, remote: Remote, path: str) -> bytes:
    """Return what an extension server serves at a path, as JSON. Raises NotThere."""
    shown_url = f"https://{remote.server_name}:{remote.port}{path}"
    try:
        shown_url = passer.backend(remote, path).url
        async with asyncio.timeout(FETCH_S):
            status, _, answer = await passer.fetch(remote, path, user=ASKER, headers=[("Accept", "application/json")])
            body = await whole(answer)
    except TimeoutError as fault:
        raise NotThere(f"timed out waiting for {shown_url}") from fault
    except (Unresolved, BadBundle) as fault:
        raise NotThere(str(fault)) from fault
    except (Unreached, Broken) as fault:
        raise NotThere(f'failing or missing response from {shown_url}: Get "{shown_url}": {fault}') from fault
    if not 200 <= status < 300:
        raise NotThere(f"failing or missing response from {shown_url}: bad status from {shown_url}: {status}")
    return body


async def whole(answer: Answer) -> bytes:
    """Read an answer to its end. Raises Broken, also for one that is too long."""
    assert answer.stream is not None, "an extension server's answer is a stream"
    read = bytearray()
    async for chunk in answer.stream:
        read += chunk
        if len(read) > BODY_BYTES_MAX:
            raise Broken(f"the answer is longer than {BODY_BYTES_MAX} bytes")
    return bytes(read)


def shown(remote: Remote) -> str:
    """Return the URL of a remote's discovery, for people."""
    return f"https://{remote.server_name}:{remote.port}{remote.path}"


def _missing(core: Core, remote: Remote) -> Verdict | None:
    """Return what is missing before anything can be asked; None if nothing is."""
    where = f'service/{remote.service} in "{remote.namespace}"'
    entry = core.store.get(SERVICE.key(remote.namespace, remote.service))
    if entry is None:
        return Verdict("False", "ServiceNotFound", f"{where} is not present")
    spec = entry.obj.get("spec") or {}
    if spec.get("type") != "ClusterIP":
        return None
    port = next((one for one in spec.get("ports") or () if one.get("port") == remote.port), None)
    if port is None:
        return Verdict("False", "ServicePortError", f"{where} is not listening on port {remote.port}")
    if next(slices(core, remote.namespace, remote.service), None) is None:
        return Verdict("False", "EndpointsNotFound", f"cannot find endpointslices for {where}")
    name = port.get("name") or ""
    if next(endpoints(core, remote.namespace, remote.service, port=name), None) is None:
        words = f'endpointslices for {where} have no addresses with port name "{name}"'
        return Verdict("False", "MissingEndpoints", words)
    return None


def _resources(body: bytes) -> tuple[Obj, ...] | None:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    rows = found.get("resources") if isinstance(found, dict) else None
    if not isinstance(rows, list):
        return None
    return tuple(_resource(row) for row in rows[:RESOURCES_MAX] if isinstance(row, dict) and _is_named(row))


def _is_named(row: Obj) -> bool:
    return all(isinstance(row.get(part), str) and row[part] for part in ("name", "kind"))


def _resource(row: Obj) -> Obj:
    """Keep what a row of discovery has, as far as it has the right form: it will stand among those of others."""
    kept: Obj = {part: row[part] for part in WORDS if isinstance(row.get(part), str)}
    kept["namespaced"] = row.get("namespaced") is True
    for part in LISTS:
        values = row.get(part)
        kept[part] = [one for one in values if isinstance(one, str)] if isinstance(values, list) else []
    return kept
