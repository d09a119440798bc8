"""Reach the agents of the nodes: which agent has a pod, which container is meant, what to ask it.

Source: kube registry/core/pod/strategy.go, LogLocation, streamLocation, PortForwardLocation; kubelet/server/server.go
for the paths.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from knarr.api import kinds
from knarr.api.errors import BadRequest, Cause, Internal, invalid, not_found
from knarr.api.kinds import Kind
from knarr.apiserver.core import Core, Request
from knarr.apiserver.options import boolean

Obj = dict[str, Any]
FIELDS_MAX = 1024  # of an exec's query: each word of the command is one
LOG_FLAGS = ("follow", "previous", "timestamps")
LOG_NUMBERS = {"sinceSeconds": 1, "tailLines": 0, "limitBytes": 1}  # name -> least value
STREAMS = {"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where to send a request: an agent, and the path and query that it understands."""

    host: str
    port: int
    path: str
    query: str

    @property
    def target(self) -> str:
        """Return path and query, as they stand in a request's first line."""
        return f"{self.path}?{self.query}" if self.query else self.path


def log_place(core: Core, request: Request) -> Place:
    """Return where a container's log is; BadRequest, Invalid or NotFound."""
    query = request.call.query
    pod = find_pod(core, request)
    container = choose_container(pod, query.get("container", ""))
    wanted = {name: "true" for name in LOG_FLAGS if boolean(query, name)}
    causes = []
    for name, least in LOG_NUMBERS.items():
        if name in query:
            number = _whole(query[name])
            if number < least:
                why = "must be greater than or equal to 0" if least == 0 else "must be greater than 0"
                causes.append(Cause("FieldValueInvalid", name, f"Invalid value: {number}: {why}"))
            wanted[name] = str(number)
    if "sinceSeconds" in query and "sinceTime" in query:
        causes.append(
            Cause("FieldValueForbidden", "", "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified")
        )
    if causes:
        raise invalid("PodLogOptions", "", request.target.name, causes)
    if query.get("sinceTime"):
        wanted["sinceTime"] = query["sinceTime"]
    if query.get("stream"):
        wanted["stream"] = query["stream"]
    return agent_place(core, pod, f"/containerLogs/{_pod_path(pod)}/{quote(container)}", urlencode(wanted))


def stream_place(core: Core, request: Request, raw_query: str) -> Place:
    """Return where exec, attach or portforward goes; BadRequest or NotFound."""
    pod = find_pod(core, request)
    if request.target.subresource == "portforward":
        ports = [("port", value) for key, value in _fields(raw_query) if key == "ports" and value]
        return agent_place(core, pod, f"/portForward/{_pod_path(pod)}", urlencode(ports))
    fields = _fields(raw_query)
    named = dict(fields)
    container = choose_container(pod, named.get("container", ""))
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise BadRequest(
            f"cannot {request.target.subresource} a container in a completed pod; current phase is {phase}"
        )
    wanted = [(theirs, "1") for ours, theirs in STREAMS.items() if boolean(named, ours)]
    wanted += [("command", value) for key, value in fields if key == "command"]
    path = f"/{request.target.subresource}/{_pod_path(pod)}/{quote(container)}"
    return agent_place(core, pod, path, urlencode(wanted))


def find_pod(core: Core, request: Request) -> Obj:
    """Return the pod of the request; else NotFound."""
    entry = core.store.get(request.target.key)
    if entry is None:
        raise not_found("pods", "", request.target.name)
    return entry.obj


def choose_container(pod: Obj, wanted: str) -> str:
    """Return the container that is meant; BadRequest names the choices."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    ordinary, first = _names(spec.get("containers")), _names(spec.get("initContainers"))
    if wanted:
        if wanted not in (*ordinary, *first, *_names(spec.get("ephemeralContainers"))):
            raise BadRequest(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(ordinary) == 1:
        return ordinary[0]
    choices = f"choose one of: [{' '.join(ordinary)}]"
    if first:
        choices += f" or one of the init containers: [{' '.join(first)}]"
    raise BadRequest(f"a container name must be specified for pod {name}, {choices}")


def agent_place(core: Core, pod: Obj, path: str, query: str) -> Place:
    """Return where the pod's agent listens; BadRequest before the pod has a node."""
    node = (pod.get("spec") or {}).get("nodeName")
    if not node:
        raise BadRequest(f"pod {pod['metadata']['name']} does not have a host assigned")
    host, port = agent_address(core, node)
    return Place(host, port, path, query)


def agent_address(core: Core, node: str) -> tuple[str, int]:
    """Return an agent's address and port from its Node; NotFound or Internal."""
    entry = core.store.get(NODE.key("", node))
    if entry is None:
        raise not_found("nodes", "", node)
    status = entry.obj.get("status") or {}
    addresses = {one.get("type"): one.get("address") for one in status.get("addresses") or ()}
    host = addresses.get("InternalIP") or addresses.get("ExternalIP") or addresses.get("Hostname")
    port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port")
    if not host or not port:
        raise Internal(f"node {node} does not say where its agent listens")
    return str(host), int(port)


def _names(containers: Iterable[Obj] | None) -> list[str]:
    return [one["name"] for one in containers or ()]


def _pod_path(pod: Obj) -> str:
    return f"{quote(pod['metadata']['namespace'])}/{quote(pod['metadata']['name'])}"


def _fields(raw_query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw_query, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError as fault:
        raise BadRequest(f"the query cannot be read: {fault}") from fault


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as fault:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax') from fault


def _node_kind() -> Kind:
    found = kinds.by_resource("", "v1", "nodes")
    assert found is not None
    return found


NODE = _node_kind()
