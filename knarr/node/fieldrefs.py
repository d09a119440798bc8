"""Read what fieldRef and resourceFieldRef point at, for environments and downwardAPI files. Pure.

    FieldError   the path or resource does not exist; the text is kubelet's

Source: kube pkg/fieldpath/fieldpath.go; pkg/api/v1/resource/helpers.go, ExtractContainerResourceValue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from knarr.api import quantity
from knarr.api.types.core_v1 import Container, Pod, ResourceFieldSelector
from knarr.node.faces import NodeFacts


class FieldError(Exception):
    """The pod has no such field, or the container no such resource."""


def pod_field(pod: Pod, path: str, *, node: NodeFacts, pod_ip: str) -> str:
    """Return the text at `path`. Raises FieldError.

    pod_ip: may be newer than the status.
    """
    name, bracket, key = path.partition("['")
    if bracket and name in _MAPS and key.endswith("']"):
        return _MAPS[name](pod).get(key[:-2], "")
    if name in _MAPS and not bracket:
        return format_map(_MAPS[name](pod))
    if path in _NETWORK:
        return _NETWORK[path](pod, node, pod_ip)
    if path in _PLAIN:
        return _PLAIN[path](pod) or ""
    raise FieldError(f"unsupported fieldPath: {path}")


def container_resource(
    pod: Pod, selector: ResourceFieldSelector, *, node: NodeFacts, default_container: str = "",
) -> str:
    """Return a limit or request in units of the divisor, rounded up. A missing limit is what the node can give.

    >>> from knarr.api.types.core_v1 import PodSpec, ResourceRequirements
    >>> small = Container(name="c", resources=ResourceRequirements(limits={"cpu": "250m", "memory": "1Gi"}))
    >>> pod, node = Pod(spec=PodSpec(containers=(small,))), NodeFacts("n", "", 4000, 2**33)
    >>> asked = (("limits.cpu", "1m"), ("limits.cpu", None), ("limits.memory", "1Mi"), ("requests.cpu", "1"))
    >>> [container_resource(pod, ResourceFieldSelector(containerName="c", resource=what, divisor=unit), node=node)
    ...  for what, unit in asked]
    ['250', '1', '1024', '0']
    """
    container = _container(pod, selector.containerName or default_container)
    side, _, resource = selector.resource.partition(".")
    resources = container.resources
    amounts = {} if resources is None else resources.limits if side == "limits" else resources.requests
    if side not in ("limits", "requests") or not _is_known(resource):
        raise FieldError(f"unsupported container resource : {selector.resource}")
    amount = quantity.parse(amounts.get(resource) or _absent(side, resource, node))
    divisor = quantity.parse(selector.divisor or "0")
    if resource == "cpu":
        return str(-(-amount.milli // (divisor.milli or 1000)))
    return str(-(-amount.value // (divisor.value or 1)))


def format_map(values: Mapping[str, str]) -> str:
    r"""Return `key="value"` lines in order of keys, without a last newline.

    >>> print(format_map({"b": 'say "hi"', "a": "1"}))
    a="1"
    b="say \"hi\""
    """
    return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted(values.items()))


def _quoted(text: str) -> str:
    escaped = (_ESCAPES.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 32 else char) for char in text)
    return f'"{"".join(escaped)}"'


def _container(pod: Pod, name: str) -> Container:
    for container in (*pod.spec.containers, *pod.spec.initContainers):
        if container.name == name:
            return container
    raise FieldError(f"container {name} not found")


def _is_known(resource: str) -> bool:
    return resource in ("cpu", "memory", "ephemeral-storage") or resource.startswith("hugepages-")


def _absent(side: str, resource: str, node: NodeFacts) -> str:
    if side == "requests":
        return "0"
    allocatable = {
        "cpu": f"{node.allocatable_cpu_milli}m", "memory": str(node.allocatable_memory_bytes),
        "ephemeral-storage": str(node.allocatable_storage_bytes),
    }
    return allocatable.get(resource, "0")


_ESCAPES: Final = {
    "\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v",
    "\x7f": "\\x7f",
}
_MAPS: Final[dict[str, Callable[[Pod], Mapping[str, str]]]] = {
    "metadata.labels": lambda pod: pod.metadata.labels,
    "metadata.annotations": lambda pod: pod.metadata.annotations,
}
_PLAIN: Final[dict[str, Callable[[Pod], str | None]]] = {
    "metadata.name": lambda pod: pod.metadata.name,
    "metadata.namespace": lambda pod: pod.metadata.namespace,
    "metadata.uid": lambda pod: pod.metadata.uid,
    "spec.serviceAccountName": lambda pod: pod.spec.serviceAccountName,
}
_NETWORK: Final[dict[str, Callable[[Pod, NodeFacts, str], str]]] = {
    "spec.nodeName": lambda pod, node, _ip: pod.spec.nodeName or node.name,
    "status.hostIP": lambda _pod, node, _ip: node.ip,
    "status.hostIPs": lambda _pod, node, _ip: node.ip,
    "status.podIP": lambda _pod, _node, ip: ip,
    "status.podIPs": lambda _pod, _node, ip: ip,
}
