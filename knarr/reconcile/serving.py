"""Say which pods serve a Service, and at which ports. Pure.

Source: kube endpoint/endpoints_controller.go, pkg/api/v1/endpoints and endpointslice/utils.go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from knarr.api.types.core_v1 import Pod, Service, ServicePort
from knarr.reconcile.pods import is_finished, is_ready

P = TypeVar("P", covariant=True)
BY_LABEL = "label"          # index of pods: `namespace/key=value`, for each label
BY_NAMESPACE = "namespace"
TRIGGERED = "endpoints.kubernetes.io/last-change-trigger-time"     # annotation of what says which pods serve


def by_label(pod: Pod) -> Iterator[str]:
    """Give a pod's values in the index BY_LABEL."""
    for key, value in pod.metadata.labels.items():
        yield f"{pod.metadata.namespace}/{key}={value}"


def by_namespace(obj: Any) -> tuple[str, ...]:
    """Give an object's value in the index BY_NAMESPACE."""
    return (obj.metadata.namespace or "",)


class Indexed(Protocol[P]):
    """Whatever finds objects by an index."""

    def by(self, name: str, value: str) -> Collection[P]:
        """Return the objects an index holds under a value."""
        ...


def selected(service: Service, pods: Indexed[Pod]) -> list[Pod]:
    """Return the pods a Service selects, in order of their names; none without a selector."""
    wanted = service.spec.selector.items()
    if not wanted:
        return []
    namespace = service.metadata.namespace or ""
    narrowest = min((pods.by(BY_LABEL, f"{namespace}/{key}={value}") for key, value in wanted), key=len)
    found = [pod for pod in narrowest if wanted <= pod.metadata.labels.items()]
    return sorted(found, key=lambda pod: pod.metadata.name or "")


def selecting(pod: Pod, services: Indexed[Service]) -> Iterator[Service]:
    """Yield the Services that select a pod."""
    labels = pod.metadata.labels.items()
    for service in services.by(BY_NAMESPACE, pod.metadata.namespace or ""):
        if service.spec.selector and service.spec.selector.items() <= labels:
            yield service


def matters(old: Pod | None, new: Pod | None) -> bool:
    """Tell whether a pod's change can change any endpoint."""
    if old is None or new is None:
        return True
    return old.metadata.labels != new.metadata.labels or _served(old) != _served(new)


def _served(pod: Pod) -> tuple[Any, ...]:
    status = pod.status
    return (
        status.podIP, status.podIPs, is_ready(pod), is_finished(pod), pod.metadata.deletionTimestamp is None,
        pod.spec.nodeName, pod.spec.hostname, pod.spec.subdomain,
    )


def triggered(pods: Iterable[Pod], *, made: str | None = None) -> str:
    """Return when a change that is about to be told came to be; empty where nothing tells.

    pods: those that it tells of. made: when the Service was made, where it is told of for the first time. The earliest
    counts, so that who measures how long a change takes to reach the network measures its slowest part.
    Source: kube staging endpointslice/trigger_time_tracker.go.
    """
    times = [one.lastTransitionTime or "" for pod in pods for one in pod.status.conditions
             if one.type == "Ready" and one.status == "True"]
    return min((one for one in (*times, made or "") if one), default="")


def dated(notes: Mapping[str, str], at: str) -> dict[str, str]:
    """Return annotations that say when the change came to be, or nothing of that."""
    kept = {name: text for name, text in notes.items() if name != TRIGGERED}
    return {**kept, TRIGGERED: at} if at else kept


def is_headless(service: Service) -> bool:
    """Tell whether a Service has no address of its own."""
    return service.spec.clusterIP == "None"


def address(pod: Pod, family: str) -> str | None:
    """Return the pod's address of a family (IPv4 or IPv6), or None."""
    known = [held.ip for held in pod.status.podIPs] or [pod.status.podIP or ""]
    return next((ip for ip in known if ip and family_of(ip) == family), None)


def family_of(ip: str) -> str:
    """Return the family of an address."""
    return "IPv6" if ":" in ip else "IPv4"


def hostname(pod: Pod, service: Service) -> str | None:
    """Return the name under which DNS shall know the pod, where it has one within the Service."""
    spec = pod.spec
    return spec.hostname if spec.hostname and spec.subdomain == service.metadata.name else None


def target_port(port: ServicePort, pod: Pod) -> int | None:
    """Return the pod's port behind a Service's, or None where the pod names none such."""
    wanted = port.targetPort
    if wanted is None or wanted == 0 or wanted == "":
        return port.port
    if isinstance(wanted, int):
        return wanted
    sidecars = [one for one in pod.spec.initContainers if one.restartPolicy == "Always"]
    for container in (*pod.spec.containers, *sidecars):
        for held in container.ports:
            if held.name == wanted and (held.protocol or "TCP") == (port.protocol or "TCP"):
                return held.containerPort
    return None
