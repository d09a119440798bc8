"""Say what the node asks of a container runtime, in plain words that know no protobuf.

`cri.runtime` answers over gRPC; the tests' fake answers from memory; one conformance suite runs over both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeAlias

from knarr.node.faces import CONTAINERD, Device, DnsConfig, ExecResult, Identity, Layers, Mount

NamespaceMode: TypeAlias = Literal["pod", "container", "node"]
ContainerState: TypeAlias = Literal["created", "running", "exited", "unknown"]

AWAY = "UNAVAILABLE"       # the code of a RuntimeFault where nobody answers, or not yet


class RuntimeFault(Exception):
    """The runtime refused or failed. code: the gRPC status' name (`NOT_FOUND`, `UNAVAILABLE`, …); text: its details.

    Callers retry with backoff and show the text.
    """

    def __init__(self, code: str, details: str) -> None:
        super().__init__(f"rpc error: code = {_go_code(code)} desc = {details}")
        self.code = code
        self.details = details


def _go_code(code: str) -> str:
    """Spell a status as Go does, which is how users know these messages: NOT_FOUND -> NotFound."""
    return "".join(part.capitalize() for part in code.split("_"))


@dataclass(frozen=True, slots=True)
class PortMapping:
    """One hostPort. protocol: TCP, UDP or SCTP."""

    container_port: int
    host_port: int
    protocol: str = "TCP"
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Users and groups of the machine that a pod's own, counted from 0, are. first: a uid and gid; size: count."""

    first: int
    size: int


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Which Linux namespaces a pod shares with whom. pid_target: the container whose processes this one sees.

    users: those of a pod with a user namespace of its own; None: the machine's.
    """

    network: NamespaceMode = "pod"
    pid: NamespaceMode = "container"
    ipc: NamespaceMode = "pod"
    pid_target: str = ""
    users: Span | None = None


@dataclass(frozen=True, slots=True)
class Security:
    """Who a container runs as and what it may do. None: the image's or the runtime's default.

    seccomp: `RuntimeDefault`, `Unconfined`, or a profile's path. selinux: user, role, type and level, those that are
    asked for; a machine without SELinux leaves them.
    """

    run_as_user: int | None = None
    run_as_group: int | None = None
    supplemental_groups: tuple[int, ...] = ()
    only_these_groups: bool = False     # not those that the image's own list of users gives beside them
    privileged: bool = False
    read_only_root: bool = False
    no_new_privileges: bool = False
    add_capabilities: tuple[str, ...] = ()
    drop_capabilities: tuple[str, ...] = ()
    seccomp: str = "Unconfined"
    apparmor: str = ""
    selinux: Mapping[str, str] = field(default_factory=dict)
    masked_paths: tuple[str, ...] = ()
    readonly_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pin:
    """Where a container may run and have its memory: lists of processors and of NUMA nodes, as the kernel writes them.

    Empty: anywhere; of a container that runs: where it may already.
    """

    cpus: str = ""
    nodes: str = ""


NO_PIN: Final = Pin()


@dataclass(frozen=True, slots=True)
class Resources:
    """Linux limits of a container. 0: not limited (shares: the least).

    hugepages: size of one -> most of that size, bytes. unified: files of control groups of version 2.
    """

    cpu_shares: int = 2
    cpu_quota_us: int = 0
    cpu_period_us: int = 100_000
    memory_limit_bytes: int = 0
    oom_score_adj: int = 1000
    hugepages: Mapping[int, int] = field(default_factory=dict)
    unified: Mapping[str, str] = field(default_factory=dict)
    pin: Pin = NO_PIN


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """What a pod's sandbox needs. handler: which of the runtime's handlers makes it; empty: its default one.

    resources: what its containers may use, all together; overhead: what the sandbox itself may, beside them. A runtime
    that makes machines of sandboxes sizes them so.
    """

    name: str
    namespace: str
    uid: str
    attempt: int
    hostname: str
    log_dir: str
    cgroup_parent: str
    dns: DnsConfig | None = None
    ports: tuple[PortMapping, ...] = ()
    handler: str = ""
    namespaces: Namespaces = Namespaces()
    security: Security = Security()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    resources: Resources | None = None
    overhead: Resources | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """What one run of a container needs. log_path: relative to the sandbox's log_dir.

    stop_signal: what it is stopped with, as the API spells it; empty: what its image or the runtime says.
    """

    name: str
    attempt: int
    image: str
    image_ref: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    devices: tuple[Device, ...] = ()
    cdi_devices: tuple[str, ...] = ()
    log_path: str = ""
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    stop_signal: str = ""
    namespaces: Namespaces = Namespaces()
    security: Security = Security()
    resources: Resources = Resources()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One line of the runtime's list of sandboxes."""

    id: str
    name: str
    namespace: str
    uid: str
    attempt: int
    ready: bool
    created_s: float
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerLine:
    """One line of the runtime's list of containers."""

    id: str
    sandbox_id: str
    name: str
    attempt: int
    state: ContainerState
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerReport:
    """All that the runtime knows of one container. Times: wall seconds, 0 where it has not come to that.

    runtime: by what name it speaks of itself. read_only_below: paths of mounts that are read-only all the way down.
    identity: None where the runtime does not tell.
    """

    id: str
    name: str
    attempt: int
    state: ContainerState
    image: str
    image_ref: str
    started_s: float
    finished_s: float
    exit_code: int
    reason: str
    message: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    runtime: str = CONTAINERD
    read_only_below: frozenset[str] = frozenset()
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class ImageLine:
    """One image on this machine. user: what the image says, a number or a name, empty where it says nothing."""

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    size_bytes: int
    uid: int | None = None
    username: str = ""
    pinned: bool = False        # the runtime wants it kept


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull has come: bytes of the image's layers, packed as the registry has them."""

    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container has used. cpu_ns: since its start."""

    container_id: str
    name: str
    pod_uid: str
    pod_name: str
    pod_namespace: str
    cpu_ns: int
    memory_working_set_bytes: int
    sampled_s: float
    layer_bytes: int = 0        # of the writable layer
    layer_inodes: int = 0


@dataclass(frozen=True, slots=True)
class RuntimeEvent:
    """A process that a container (or sandbox) stands for has ended, or was out of memory."""

    kind: Literal["exited", "oom"]
    container_id: str
    exit_code: int = 0
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Handler:
    """What one of a runtime's handlers can do that not all can."""

    user_namespaces: bool = False
    read_only_below: bool = False


@dataclass(frozen=True, slots=True)
class Features:
    """What a runtime can do that not all can. handlers: by name, its default one as "".

    only_these_groups: it can keep the groups of an image's own list of users away.
    """

    handlers: Mapping[str, Handler] = field(default_factory=dict)
    only_these_groups: bool = False

    def of(self, handler: str) -> Handler:
        """Return what a handler can do; one that the runtime does not tell of can do nothing special."""
        return self.handlers.get(handler, Handler())


@dataclass(frozen=True, slots=True)
class RuntimeVersion:
    """Who answers. name: `containerd`, `cri-o`."""

    name: str
    version: str
    features: Features = Features()


class Runtime(Protocol):
    """A CRI runtime. Every method may raise RuntimeFault."""

    async def version(self) -> RuntimeVersion: ...
    async def network_ready(self) -> str:
        """Return "" when pods can be networked, else the runtime's reason."""
        ...

    async def features(self) -> Features: ...

    async def run_sandbox(self, spec: SandboxSpec) -> str:
        """Make a sandbox and its network; return its id."""
        ...

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Kill everything in it and give its network back. Idempotent."""
        ...

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Forget it and its containers. Idempotent."""
        ...

    async def sandbox_ips(self, sandbox_id: str) -> tuple[str, ...]:
        """Return its addresses; empty in the host's network."""
        ...

    async def list_sandboxes(self) -> tuple[Sandbox, ...]: ...

    async def create_container(self, sandbox_id: str, spec: ContainerSpec, *, sandbox: SandboxSpec) -> str:
        """Make a container; return its id. sandbox: the spec the sandbox was made from."""
        ...

    async def start_container(self, container_id: str) -> None: ...
    async def stop_container(self, container_id: str, *, grace_s: float, signal: str = "") -> None:
        """Send the stop signal, then KILL after grace_s. Returns when it is dead. Idempotent.

        signal: the one its spec names, as the API spells it; empty: the image's or the runtime's own.
        """
        ...

    async def update_pin(self, container_id: str, pin: Pin) -> None:
        """Change where a running container may run and have its memory."""
        ...

    async def update_resources(self, container_id: str, resources: Resources) -> None:
        """Change a running container's limits."""
        ...

    async def remove_container(self, container_id: str) -> None:
        """Forget it. Idempotent."""
        ...

    async def container_report(self, container_id: str) -> ContainerReport: ...
    async def list_containers(self) -> tuple[ContainerLine, ...]: ...

    async def exec_sync(self, container_id: str, argv: tuple[str, ...], timeout_s: float) -> ExecResult:
        """Run a command in a container. Raises faces.ExecTimeout."""
        ...

    async def exec_url(self, container_id: str, argv: tuple[str, ...], *, tty: bool, stdin: bool,
                       stdout: bool, stderr: bool) -> str:
        """Prepare an exec; return where to stream it."""
        ...

    async def attach_url(self, container_id: str, *, tty: bool, stdin: bool, stdout: bool, stderr: bool) -> str:
        """Prepare an attach; return where to stream it."""
        ...

    async def port_forward_url(self, sandbox_id: str, ports: tuple[int, ...]) -> str:
        """Prepare a port-forward; return where to stream it."""
        ...

    async def reopen_log(self, container_id: str) -> None:
        """Have the runtime open the log file anew, after a rotation."""
        ...

    async def image(self, reference: str) -> ImageLine | None:
        """Find an image on this machine by name or id."""
        ...

    async def image_layers(self, image_id: str) -> Layers:
        """Return what is to be mounted to see an image's files."""
        ...

    async def list_images(self) -> tuple[ImageLine, ...]: ...
    async def pull_image(self, reference: str, *, username: str = "", password: str = "") -> str:
        """Fetch an image; return its reference."""
        ...

    async def pull_progress(self, reference: str) -> PullProgress | None:
        """Return how far a pull that goes on has come; None: nobody knows. Raises RuntimeFault."""
        ...

    async def remove_image(self, reference: str) -> None: ...
    async def usage(self) -> tuple[Usage, ...]:
        """Return what every container uses now."""
        ...

    def events(self) -> AsyncIterator[RuntimeEvent]:
        """Yield ends of containers as they happen; ends (or faults) when the connection is lost: relist, call again."""
        ...
