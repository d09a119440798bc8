"""Hold the words that the node's parts share. Pure data: nothing here acts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from knarr.api.types.core_v1 import ConfigMap, Container, Pod, Secret

Propagation: TypeAlias = Literal["private", "host_to_container", "bidirectional"]
ProbeKind: TypeAlias = Literal["startup", "readiness", "liveness"]

CONTAINERD: Final = "containerd"      # as it names itself, and its containers in the API


@dataclass(frozen=True, slots=True)
class Mount:
    """One bind mount into a container; paths are absolute."""

    container_path: str
    host_path: str
    read_only: bool = False
    propagation: Propagation = "private"
    read_only_below: bool = False       # also what is mounted within it


@dataclass(frozen=True, slots=True)
class Device:
    """One device of the machine that a container may use; paths are absolute. permissions: some of `rwm`."""

    container_path: str
    host_path: str
    permissions: str = "rwm"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a container's first process runs as, in its own user namespace."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Layers:
    """What is to be mounted to see an image. kind: `overlay` or `bind`. options: of mount(8)."""

    kind: str
    source: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DnsConfig:
    """What the runtime writes to a pod's resolv.conf. All empty: the runtime copies the host's."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a command in a container ended."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class ExecTimeout(Exception):
    """The command did not end in time. The text is the runtime's."""


ExecSync: TypeAlias = Callable[[str, tuple[str, ...], float], Awaitable[ExecResult]]
"""container id, argv, timeout_s -> result; raises ExecTimeout."""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What fieldRef and resourceFieldRef may read of the node."""

    name: str
    ip: str
    allocatable_cpu_milli: int
    allocatable_memory_bytes: int
    allocatable_storage_bytes: int = 0


@dataclass(frozen=True, slots=True)
class References:
    """Config maps and secrets that a pod's environment names; None where the API said 404."""

    config_maps: Mapping[str, ConfigMap | None] = field(default_factory=dict)
    secrets: Mapping[str, Secret | None] = field(default_factory=dict)


class ConfigError(Exception):
    """A container cannot be configured: waiting reason CreateContainerConfigError, the text as kubelet's."""


class MountError(Exception):
    """A volume cannot be set up: event FailedMount, the text as kubelet's."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A probe has crossed a threshold. message: the failing probe's output, empty when ok."""

    pod_uid: str
    container: str
    container_id: str
    kind: ProbeKind
    ok: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class ProbeEvent:
    """One thing `kubectl describe` should show of a probe: every failure is an `Unhealthy` warning."""

    pod_uid: str
    container: str
    reason: str          # Unhealthy, ProbeWarning
    message: str         # Readiness probe failed: HTTP probe failed with statuscode: 503


@dataclass(frozen=True, slots=True)
class ContainerRef:
    """Where a container of a known pod is. container_id is empty where it was never created."""

    pod: Pod
    name: str
    container_id: str
    sandbox_id: str
    attempt: int
    running: bool
    tty: bool
    stdin: bool
    waiting_reason: str = ""   # ContainerCreating…, for `container "c" in pod "p" is waiting to start: …`


@dataclass(slots=True)
class ProbeCount:
    """What became of one probe of one run. results: word -> count; took: answers up to each bound, not summed up."""

    kind: ProbeKind
    pod: Pod
    container: str
    took: list[int]
    results: dict[str, int] = field(default_factory=dict)
    total_s: float = 0.0


class Lookup(Protocol):
    """What the node's HTTPS port may ask of the agent."""

    def pods(self) -> tuple[Pod, ...]:
        """Return this node's pods with the newest status."""
        ...

    def pod(self, namespace: str, name: str) -> Pod | None:
        """Return one pod, or None."""
        ...

    def container(self, namespace: str, name: str, container: str, *, previous: bool = False) -> ContainerRef | None:
        """Find a container's newest (or the one before) run; None where pod or container do not exist."""
        ...

    def sandbox_id(self, namespace: str, name: str) -> str:
        """Return the running sandbox, empty where there is none."""
        ...

    def probes(self) -> Iterable[ProbeCount]:
        """Return what became of the probes of the runs that are probed now."""
        ...


class PodVolumes(Protocol):
    """What the core asks of `volumes.Volumes`."""

    async def references(self, pod: Pod) -> References:
        """Read what the pod's environment names."""
        ...

    async def set_up(self, pod: Pod) -> None:
        """Make all volumes stand. Raises MountError."""
        ...

    def see(self, pod: Pod) -> None:
        """Take a newer object of a pod: what its files tell of it follows."""
        ...

    async def show(self, pod: Pod, volume: str, layers: Layers) -> None:
        """Let an image volume show its image. Idempotent. Raises OSError."""
        ...

    async def mounts(self, pod: Pod, container: Container, *, env: Mapping[str, str]) -> tuple[Mount, ...]:
        """Return a container's mounts. Raises ConfigError."""
        ...

    async def devices(self, pod: Pod, container: Container) -> tuple[Device, ...]:
        """Return a container's raw devices. Raises ConfigError."""
        ...

    async def tear_down(self, pod_uid: str) -> None:
        """Unmount and remove all volumes of a pod."""
        ...
