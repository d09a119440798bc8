"""Walk a pod's containers of every kind: init containers, containers, ephemeral containers. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from knarr.api.types.core_v1 import Container, ContainerStatus, EphemeralContainer, Pod


def every(pod: Pod) -> Iterator[Container]:
    """Yield all containers, the ephemeral ones last and as if they were plain ones."""
    yield from pod.spec.initContainers
    yield from pod.spec.containers
    yield from map(plain, pod.spec.ephemeralContainers)


def statuses(pod: Pod) -> Iterator[ContainerStatus]:
    """Yield what is told of all containers, the ephemeral ones last."""
    yield from pod.status.initContainerStatuses
    yield from pod.status.containerStatuses
    yield from pod.status.ephemeralContainerStatuses


def named(pod: Pod, name: str) -> Container:
    """Return the container of that name."""
    return next(each for each in every(pod) if each.name == name)


def stop_signal(container: Container) -> str:
    """Return the signal that a container is to be stopped with, empty where it names none."""
    return (container.lifecycle.stopSignal or "") if container.lifecycle else ""


def target(pod: Pod, name: str) -> str:
    """Return the container whose processes an ephemeral one asks to see, empty where it names none."""
    return next((each.targetContainerName or "" for each in pod.spec.ephemeralContainers if each.name == name), "")


def is_ephemeral(pod: Pod, name: str) -> bool:
    """Tell whether a container was added to debug."""
    return any(each.name == name for each in pod.spec.ephemeralContainers)


def field_path(pod: Pod, name: str) -> str:
    """Return where a container stands in its pod, as events say it; empty for the pod itself."""
    if not name:
        return ""
    first = any(each.name == name for each in pod.spec.initContainers)
    group = "ephemeralContainers" if is_ephemeral(pod, name) else "initContainers" if first else "containers"
    return f"spec.{group}{{{name}}}"


def plain(ephemeral: EphemeralContainer) -> Container:
    """Return an ephemeral container in the words of a plain one, which has every field but the target's name."""
    return Container(**{name: getattr(ephemeral, name) for name in Container.__struct_fields__})
