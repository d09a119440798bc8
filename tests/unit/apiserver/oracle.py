"""Replay recorded requests against a server, and compare with what a real one answered."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest

from knarr.api.http import Answer, Call
from tests.unit.apiserver.asking import ADMIN, AGENT, Asker

WIRE = Path(__file__).parents[4] / "shared/wire"
DRAWN = frozenset({  # drawn or told by a clock: only their presence is compared
    "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "continue", "lastTransitionTime", "clusterIP",
    "nodePort", "healthCheckNodePort", "eventTime", "lastPhaseTransitionTime",
    "batch.kubernetes.io/controller-uid", "controller-uid",
})
OTHERS = frozenset({  # written by controllers, which do not run here
    "deployment.kubernetes.io/revision", "description", "conditions", "observedGeneration",
    "terminatingReplicas", "currentRevision", "updateRevision", "collisionCount",
})
CONTROLLERS = frozenset({"kube-controller-manager", "kube-apiserver", "validatingadmissionpolicy-status", "knarr"})
TOKEN_VOLUME = re.compile(r"kube-api-access-\w{5}")
FOREIGN_SOURCE = "openshift-service-ca.crt"  # the recorded server had been patched to mount it; Kubernetes does not


def recorded(name: str) -> Any:
    """Read one file of recordings; skip the test where there are none."""
    path = WIRE / name
    if not path.exists():
        pytest.skip(f"no recordings at {path}")
    return json.loads(path.read_text())


async def replay(api: Asker, request: dict[str, Any], *, last: dict[str, str] | None = None) -> Answer:
    """Send a recorded request. last: what earlier answers said, for the places where tokens were masked."""
    path, _, raw_query = request["path"].partition("?")
    query = dict(parse_qsl(raw_query, keep_blank_values=True))
    for name in ("continue", "resourceVersion"):
        if query.get(name, "").startswith("<"):
            query[name] = (last or {}).get(name, "")
    body = request.get("body")
    if isinstance(body, dict) and request.get("method") == "PUT":
        body = await as_stored_here(api, path, body)
    raw = b"" if body is None else body.encode() if isinstance(body, str) else orjson.dumps(body)
    headers = {
        "content-type": request.get("content-type") or "application/json", "accept": request.get("accept") or "",
        "user-agent": AGENT,
    }
    return await api.server.handle(Call(request.get("method", "POST"), path, query, headers, raw, ADMIN))


async def as_stored_here(api: Asker, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Put this server's uid, revision, addresses and volume names where the recording has the other server's."""
    found = await api.server.handle(Call("GET", re.sub("/(status|scale)$", "", path), user=ADMIN))
    if found.status != 200:
        return body
    stored = orjson.loads(found.body)
    here = TOKEN_VOLUME.search(found.body.decode())
    body = json.loads(TOKEN_VOLUME.sub(here[0], json.dumps(body))) if here else copy.deepcopy(body)
    for name in ("uid", "resourceVersion", "creationTimestamp"):
        value = str(body["metadata"].get(name, ""))
        if len(value) > 3 and not value.startswith("00000000"):
            body["metadata"][name] = stored["metadata"].get(name)
    spec = body.get("spec", {})
    if body.get("kind") == "Service" and str(spec.get("clusterIP", "")).startswith("10.96.2"):
        spec["clusterIP"], spec["clusterIPs"] = stored["spec"].get("clusterIP"), stored["spec"].get("clusterIPs")
    if body.get("kind") == "CustomResourceDefinition":  # times in it are masked
        body["metadata"].pop("managedFields", None)
        body["status"] = stored["status"]
    if body.get("kind") == "Job":  # defaulting wrote the other server's uid into selector and template
        body["spec"]["selector"] = stored["spec"].get("selector")
        body["spec"]["template"]["metadata"] = stored["spec"]["template"].get("metadata", {})
    if body.get("kind") == "Pod":
        for volume in spec.get("volumes", ()):
            if "projected" in volume:
                volume["projected"]["sources"] = [one for one in volume["projected"]["sources"] if not is_foreign(one)]
    return body


def plain(value: Any) -> Any:
    """Mask what is drawn, and leave out what others write."""
    if isinstance(value, dict):
        kept = {key: "<drawn>" if key in DRAWN else plain(item) for key, item in value.items() if key not in OTHERS}
        if "managedFields" in value:
            kept["managedFields"] = plain_owners(value["managedFields"])
            if not kept["managedFields"]:
                del kept["managedFields"]
        if "generateName" in kept:
            kept["name"] = "<drawn>"
        if "clusterIPs" in kept and kept["clusterIPs"] != ["None"]:
            kept["clusterIPs"] = ["<drawn>"]
        return {key: item for key, item in kept.items() if not (key == "annotations" and item == {})}
    if isinstance(value, list):
        return [plain(item) for item in value if not is_foreign(item)]
    return TOKEN_VOLUME.sub("kube-api-access-<drawn>", value) if isinstance(value, str) else value


def plain_owners(entries: list[dict[str, Any]]) -> list[Any]:
    """Keep the owners that clients are, with the presence of their times; controllers do not run here."""
    ours = [entry for entry in entries if entry["manager"] not in CONTROLLERS]
    masked = [{**entry, "time": "<time>"} if "time" in entry else entry for entry in ours]
    return sorted(masked, key=lambda entry: (entry["operation"], entry["manager"], entry.get("subresource", "")))


def is_foreign(item: Any) -> bool:
    return isinstance(item, dict) and (item.get("configMap") or {}).get("name") == FOREIGN_SOURCE
