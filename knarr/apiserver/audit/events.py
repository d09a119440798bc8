"""Word audit events as Kubernetes does: one JSON object, members in its order. Pure.

Source: kube apiserver apis/audit/v1/types.go, audit/request.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from knarr.api.http import Answer, Call, User
from knarr.api.yamldoc import YamlError, read_yaml
from knarr.apiserver.security import Attributes

Obj = dict[str, Any]
AGENT_CHARS_MAX = 1024  # Source: audit/request.go, maxUserAgentLength
TRUNCATED = "...TRUNCATED"
ADDRESSES_MAX = 16  # of X-Forwarded-For; arbitrary, no chain of proxies is longer
PATH_SAFE = "/:@!$&'()*+,;=~"
PLAIN = re.compile(r"[\w/:@!$&'()*+,;=~.-]*", re.ASCII)
WRITTEN = frozenset({"create", "update"})
STATUS = b'{"kind":"Status",'


def event(audit_id: str, level: str, call: Call, wanted: Attributes) -> Obj:
    """Return what all stages of one request have in common."""
    user = wanted.user
    asker = call.asker
    found: Obj = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": level,
        "auditID": audit_id,
        "stage": "",
        "requestURI": uri(call),
        "verb": wanted.verb,
        "user": person(asker or user),
    }
    if asker is not None and asker is not user:
        found["impersonatedUser"] = person(user)
    addresses = sources(call)
    if addresses:
        found["sourceIPs"] = addresses
    agent = call.headers.get("user-agent", "")
    if agent:
        found["userAgent"] = agent if len(agent) <= AGENT_CHARS_MAX else agent[:AGENT_CHARS_MAX] + TRUNCATED
    if wanted.resource:
        found["objectRef"] = reference(wanted)
    return found


def finished(common: Obj, stage: str, times: tuple[str, str], parts: Mapping[str, Any]) -> bytes:
    """Return one line. times: when the request came and when this stage was reached. parts: what else there is."""
    whole = {**common, "stage": stage}
    for key in ("responseStatus", "requestObject", "responseObject"):
        if parts.get(key) is not None:
            whole[key] = parts[key]
    whole["requestReceivedTimestamp"], whole["stageTimestamp"] = times
    if parts.get("annotations"):
        whole["annotations"] = parts["annotations"]
    return orjson.dumps(whole) + b"\n"


def uri(call: Call) -> str:
    """Return path and query as they were asked for."""
    path = call.path if PLAIN.fullmatch(call.path) else quote(call.path, safe=PATH_SAFE)
    query = call.raw_query or (urlencode(call.query) if call.query else "")
    return f"{path}?{query}" if query else path


def person(user: User) -> Obj:
    """Return a user's name, uid, groups and extra."""
    found: Obj = {"username": user.name}
    if user.uid:
        found["uid"] = user.uid
    if user.groups:
        found["groups"] = list(user.groups)
    if user.extra:
        found["extra"] = {key: list(values) for key, values in user.extra.items()}
    return found if user.name else {}


def sources(call: Call) -> list[str]:
    """Return the addresses a request came by, the client first. Source: util/net/http.go, SourceIPs."""
    forwarded = [part.strip() for part in call.headers.get("x-forwarded-for", "").split(",")[:ADDRESSES_MAX]]
    named = [part for part in forwarded if part]
    real = call.headers.get("x-real-ip", "").strip()
    if real and real not in named:
        named.append(real)
    if call.remote and call.remote != (named[-1] if named else ""):
        named.append(call.remote)
    return named


def reference(wanted: Attributes) -> Obj:
    """Return which object is meant."""
    parts = {"resource": wanted.resource, "namespace": wanted.namespace, "name": wanted.name, "uid": "",
             "apiGroup": wanted.group, "apiVersion": wanted.version, "resourceVersion": "",
             "subresource": wanted.subresource}  # fmt: skip
    return {key: value for key, value in parts.items() if value}


REFERENCE = ("resource", "namespace", "name", "uid", "apiGroup", "apiVersion", "resourceVersion", "subresource")


def completed(ref: Obj, sent: Any) -> Obj:
    """Fill in what the object that was sent says of itself. Source: audit/request.go, LogRequestObject."""
    meta = sent.get("metadata") if isinstance(sent, dict) else None
    if not isinstance(meta, dict):
        return ref
    filled = dict(ref)
    for key in ("namespace", "name", "uid", "resourceVersion"):
        value = meta.get(key)
        if value and isinstance(value, str):
            filled.setdefault(key, value)
    return {key: filled[key] for key in REFERENCE if key in filled}


def sent_object(call: Call) -> Any:
    """Return the object in a request's body; None where there is none that can be read."""
    return _parsed(call.body, call.headers.get("content-type", ""))


def answered_object(answer: Answer) -> Any:
    """Return the object in an answer's body."""
    return _parsed(answer.body, answer.content_type) if answer.stream is None else None


def _parsed(body: bytes, media: str) -> Any:
    if not body or "protobuf" in media or media.startswith("text/"):
        return None
    try:
        return read_yaml(body)[0] if "yaml" in media else orjson.loads(body)
    except (YamlError, ValueError):
        return None


def is_status(answer: Answer) -> bool:
    """Say whether an answer looks like a Status, whose words are told whatever the level."""
    return answer.status >= 400 or answer.body.startswith(STATUS)


def status(answer: Answer, found: Any) -> Obj:
    """Return what an answer's status is; its own words where it is a Status."""
    said: Obj = {"metadata": {}}
    if isinstance(found, dict) and found.get("kind") == "Status":
        said |= {key: found[key] for key in ("status", "message", "reason", "details") if found.get(key)}
    return {**said, "code": answer.status}


def unmanaged(found: Any) -> Any:
    """Return an object, or a list of them, without managedFields."""
    if not isinstance(found, dict):
        return found
    if isinstance(found.get("items"), list):
        return {**found, "items": [unmanaged(item) for item in found["items"]]}
    meta = found.get("metadata")
    if not isinstance(meta, dict) or "managedFields" not in meta:
        return found
    return {**found, "metadata": {key: value for key, value in meta.items() if key != "managedFields"}}
