"""Answer `/containerLogs/{namespace}/{pod}/{container}`. Source: kube kubelet/server/server.go, kubelet_pods.go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Final, cast

from knarr.node import logs
from knarr.node.faces import ContainerRef, Lookup
from knarr.node.logs import LogOptions, Stream
from knarr.node.server.refusal import Refusal
from knarr.node.settings import Settings

STREAMS: Final = ("All", "Stdout", "Stderr")


def open_log(
    settings: Settings, lookup: Lookup, query: Mapping[str, str], *, where: tuple[str, str, str], now_s: float,
) -> AsyncIterator[bytes]:
    """Find the log that is asked for. where: namespace, pod, container. Raises Refusal before the first byte."""
    options = log_options(query, now_s)
    found = find(lookup, where, previous=_flag(query, "previous"))
    meta = found.pod.metadata
    path = settings.log_file(
        meta.namespace or "", meta.name or "", meta.uid or "", found.name, found.attempt)
    if not path.exists():
        raise Refusal(500, f"failed to open log file {path}: no such file")
    return logs.read(path, options, ended=lambda: has_ended(lookup, where, found.container_id))


def find(lookup: Lookup, where: tuple[str, str, str], *, previous: bool) -> ContainerRef:
    """Find the run whose log is meant. Raises Refusal with kubelet's text."""
    namespace, pod, container = where
    if lookup.pod(namespace, pod) is None:
        raise Refusal(404, f'pod "{pod}" not found in namespace "{namespace}"')
    found = lookup.container(namespace, pod, container, previous=previous)
    if previous and (found is None or not found.container_id):
        raise Refusal(400, f'previous terminated container "{container}" in pod "{pod}" not found')
    if found is None:
        raise Refusal(404, f'container "{container}" not found in pod "{pod}"')
    if not found.container_id:
        why = found.waiting_reason or "ContainerCreating"
        raise Refusal(400, f'container "{container}" in pod "{pod}" is waiting to start: {why}')
    return found


def has_ended(lookup: Lookup, where: tuple[str, str, str], container_id: str) -> bool:
    """Tell whether this run is over: the newest run is another, or it has stopped, or the pod is gone."""
    found = lookup.container(*where)
    return found is None or found.container_id != container_id or not found.running


def log_options(query: Mapping[str, str], now_s: float) -> LogOptions:
    """Read what part of the log is asked for. Raises Refusal for what is no number or time."""
    since_s = None
    if query.get("sinceSeconds"):
        since_s = now_s - (_number(query, "sinceSeconds") or 0)
    elif query.get("sinceTime"):
        since_s = _time_s(query["sinceTime"])
    stream = query.get("stream") or "All"
    if stream not in STREAMS:
        raise Refusal(400, f"invalid log stream {stream}, must be one of {', '.join(STREAMS)}")
    return LogOptions(
        follow=_flag(query, "follow"), tail_lines=_number(query, "tailLines"), since_s=since_s,
        timestamps=_flag(query, "timestamps"), limit_bytes=_number(query, "limitBytes"), stream=cast("Stream", stream))


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() in ("1", "t", "true")


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    if not text.isdigit():
        raise Refusal(422, f"{name} must be a whole number >= 0 (got {text})")
    return int(text)


def _time_s(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise Refusal(422, f"sinceTime must be RFC 3339 (got {text})") from error
