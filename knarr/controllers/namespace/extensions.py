"""Find out which kinds extension servers have in namespaces: what they list can be deleted there like all else.

A server that cannot be asked may still hold something, so a namespace waits for it, as it does in Kubernetes.
"""

from __future__ import annotations

import asyncio

import msgspec

from knarr.api.errors import ApiError
from knarr.api.kinds import Kind
from knarr.api.types.apiregistration_v1 import APIService
from knarr.client.client import Client

DISCOVERY_S = 10.0  # for one server
NEEDED = {"list", "delete"}


class Resource(msgspec.Struct, frozen=True, gc=False):
    """A row of discovery."""

    name: str = ""
    kind: str = ""
    namespaced: bool = False
    verbs: tuple[str, ...] = ()


class ResourceList(msgspec.Struct, frozen=True, gc=False):
    """What an extension server lists of a group and version."""

    resources: tuple[Resource, ...] = ()


async def extension_kinds(client: Client) -> tuple[list[Kind], list[str]]:
    """Return the kinds, and what went wrong, by group and version."""
    found: list[Kind] = []
    failures: list[str] = []
    for one in (await client.list(APIService)).items:
        spec = one.spec
        if spec.service is None or not spec.group or not spec.version:
            continue
        try:
            async with asyncio.timeout(DISCOVERY_S):
                body = await client.call("GET", f"/apis/{spec.group}/{spec.version}")
            found += _kinds(spec.group, spec.version, body)
        except (ApiError, OSError, msgspec.DecodeError) as fault:  # a timeout is an OSError
            failures.append(f"{spec.group}/{spec.version}: {fault or 'it does not answer'}")
    return found, failures


def _kinds(group: str, version: str, body: bytes) -> list[Kind]:
    rows = msgspec.json.decode(body, type=ResourceList).resources
    return [
        Kind(group, version, row.kind, row.name, verbs=row.verbs)
        for row in rows
        if row.namespaced and row.name and row.kind and "/" not in row.name and set(row.verbs) >= NEEDED
    ]
