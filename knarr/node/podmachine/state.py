"""Hold the machine's words: what it remembers, what it is told, what it asks for. All frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from knarr.api.types.core_v1 import Container, Pod, ResourceRequirements
from knarr.node import podcontainers
from knarr.node.faces import CONTAINERD, Identity, ProbeKind
from knarr.node.podmachine.table import BUSY, Phase, Stage

Kind: TypeAlias = Literal["init", "sidecar", "main", "ephemeral"]
FIRST: Final = frozenset({"init", "sidecar"})      # whom the main containers wait for
Why: TypeAlias = Literal["deleted", "gone", "deadline", "completed", "evicted", "rejected"]
DEADLINE_TIMER, RESIZE_TIMER = "/deadline", "/resize"      # no container has such a name
FORCED_GRACE_S = 1.0      # of a pod that the API has forgotten. Source: kube kuberuntime_container.go, minimum of 1 s
DEADLINE = "Pod was active on the node longer than the specified deadline"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a container. Times: wall seconds. finished_s is 0 while it runs. resources: what it runs with.

    runtime: the name of who runs it. read_only_below: paths of mounts that are read-only all the way down.
    """

    id: str
    attempt: int
    image: str
    image_ref: str
    started_s: float = 0.0
    finished_s: float = 0.0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    resources: ResourceRequirements | None = None
    runtime: str = CONTAINERD
    read_only_below: frozenset[str] = frozenset()
    identity: Identity | None = None

    @property
    def full_id(self) -> str:
        """Return its id as the API has it."""
        return f"{self.runtime}://{self.id}"

    @property
    def ended(self) -> bool:
        """Tell whether it is over."""
        return self.finished_s > 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a container does not run, as the API shows it."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """Resources that the API wants and the node has not granted. pod: as the API shows it. reason: why not, if told."""

    pod: Pod
    reason: Literal["", "Deferred", "Infeasible"] = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """A granted resize that not all runs have yet. generation: of the spec that asked; error: what hinders it.

    bounds: how far its last step is, the bounds of the pod as a whole.
    """

    generation: int
    error: str = ""
    bounds: Literal["", "asked", "refused"] = ""


@dataclass(frozen=True, slots=True)
class Resizing:
    """An update of a run that is on its way, or failed."""

    target: ResourceRequirements
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """One container of the pod.

    run: the newest run; last: the one before. backoff_s: the wait before the next restart, as of backoff_at_s.
    timer: the newest timer's number; an older one that rings is late.
    """

    name: str
    kind: Kind
    stage: Stage = Stage.WAITING
    run: Run | None = None
    last: Run | None = None
    waiting: Waiting | None = None
    ready: bool = False             # the readiness probe's verdict
    started: bool = False           # the startup probe's verdict
    backoff_s: float = 0.0
    backoff_at_s: float = 0.0
    pulls_failed: int = 0
    condemned: bool = False         # we stopped the run ourselves, to have another
    timer: int = 0
    resizing: Resizing | None = None

    @property
    def next_attempt(self) -> int:
        """Number the next run."""
        return 0 if self.run is None else self.run.attempt + 1

    @property
    def busy(self) -> bool:
        """Tell whether something of it is alive or in flight."""
        return self.stage in BUSY


@dataclass(frozen=True, slots=True)
class Ending:
    """Why and how fast a pod ends. grace_s: for each container, its preStop included."""

    why: Why
    grace_s: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a node does not take a pod: `OutOfcpu`, `Evicted`, `UnexpectedAdmissionError`, …, and in more words."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Machine:
    """All that is decided from. began_s: when the node accepted the pod, wall seconds.

    pod: as the API shows it, but for the resources, which are those that the node has allocated.
    """

    pod: Pod
    began_s: float
    boxes: tuple[Box, ...]
    phase: Phase = Phase.NEW
    sandbox_id: str = ""
    sandbox_attempt: int = 0
    ips: tuple[str, ...] = ()
    ending: Ending | None = None
    gone: bool = False              # the API no longer has it
    adopted: bool = False           # the sandbox was found running when the agent started
    failures: int = 0               # of mounting or sandboxing, in a row
    timer: int = 0
    evicted: str = ""               # why the node let it go
    evicted_for: str = ""           # the same in one word
    refusal: Refusal | None = None  # why this node never ran it
    wish: Wish | None = None
    progress: Progress | None = None
    backoff_cap_s: float = 300.0    # the longest wait between two runs of a container; the node's
    renewing: str = ""              # the container whose end makes all of them begin again, until they do
    renewal_due: bool = False       # its wait is over

    def box(self, name: str) -> Box:
        """Return a container's record."""
        return next(box for box in self.boxes if box.name == name)

    def container(self, name: str) -> Container:
        """Return a container's specification."""
        return podcontainers.named(self.pod, name)

    @property
    def calm(self) -> bool:
        """Tell whether no container is alive or in flight."""
        return not any(box.busy for box in self.boxes)

    @property
    def sandbox_up(self) -> bool:
        """Tell whether the sandbox lives, as far as we know."""
        known = self.phase in (Phase.UP, Phase.ENDING, Phase.CLOSING)
        taken_over = self.adopted and self.phase in (Phase.MOUNTING, Phase.MOUNT_FAILED)
        return bool(self.sandbox_id) and (known or taken_over)


def boxes_of(pod: Pod) -> tuple[Box, ...]:
    """Return fresh records: init containers in order, then the containers, then the ephemeral ones."""
    spec = pod.spec
    inits = [Box(each.name, "sidecar" if each.restartPolicy == "Always" else "init") for each in spec.initContainers]
    return (*inits, *(Box(each.name, "main") for each in spec.containers),
            *(Box(each.name, "ephemeral") for each in spec.ephemeralContainers))


# What it is told.

@dataclass(frozen=True, slots=True)
class PodChanged:
    """The API shows the pod anew."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class PodGone:
    """Nobody wants the pod any more: the API has forgotten it, or its manifest is gone. grace_s: for its containers."""

    grace_s: float = FORCED_GRACE_S


@dataclass(frozen=True, slots=True)
class Evict:
    """The node lets the pod go, and the message tells why. reason: Evicted (the machine is short), or Terminated."""

    message: str
    grace_s: float
    reason: str = "Evicted"


@dataclass(frozen=True, slots=True)
class Begin:
    """Start deciding."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The node does not take the pod: nothing of it is to run."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Mounted:
    """All volumes stand."""


@dataclass(frozen=True, slots=True)
class MountFailed:
    """A volume does not."""

    message: str


@dataclass(frozen=True, slots=True)
class SandboxUp:
    """The sandbox runs."""

    sandbox_id: str
    ips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SandboxFailed:
    """The sandbox could not be made."""

    message: str


@dataclass(frozen=True, slots=True)
class SandboxLost:
    """The sandbox's process died, or the runtime does not know it."""

    sandbox_id: str


@dataclass(frozen=True, slots=True)
class SandboxStopped:
    """The sandbox is stopped and the volumes are unmounted."""


@dataclass(frozen=True, slots=True)
class PullFailed:
    """The image cannot be had. reason: ErrImagePull, ErrImageNeverPull, InvalidImageName."""

    container: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Held:
    """The container cannot be created. reason: CreateContainerConfigError, CreateContainerError."""

    container: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Started:
    """The container runs; its postStart hook is done."""

    container: str
    run: Run


@dataclass(frozen=True, slots=True)
class Exited:
    """A run is over: it ended, or (while it was being started) could not start."""

    container: str
    run: Run


@dataclass(frozen=True, slots=True)
class Probed:
    """A probe crossed its threshold."""

    container: str
    container_id: str
    kind: ProbeKind
    ok: bool


@dataclass(frozen=True, slots=True)
class Rang:
    """A timer rang. key: a container's name, "" for the pod, DEADLINE_TIMER, RESIZE_TIMER."""

    key: str
    number: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """The node has judged the pod's new resources. reason: empty when they are granted."""

    pod: Pod
    reason: Literal["", "Deferred", "Infeasible"] = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Resized:
    """A run has new resources."""

    container: str
    container_id: str
    resources: ResourceRequirements


@dataclass(frozen=True, slots=True)
class ResizeFailed:
    """A run could not be given new resources."""

    container: str
    container_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Bounded:
    """The pod as a whole has the bounds of what is allocated. error: why it has not, empty when it has."""

    error: str = ""


@dataclass(frozen=True, slots=True)
class Removed:
    """API and machine have forgotten the pod."""


Event: TypeAlias = (
    PodChanged | PodGone | Evict | Begin | Refused | Mounted | MountFailed | SandboxUp | SandboxFailed | SandboxLost
    | SandboxStopped | PullFailed | Held | Started | Exited | Probed | Rang | Removed | Fitted | Resized | ResizeFailed
    | Bounded
)


# What it asks for.

@dataclass(frozen=True, slots=True)
class Mount:
    """Set up the volumes; then Mounted or MountFailed."""


@dataclass(frozen=True, slots=True)
class RunSandbox:
    """Make a sandbox, after stopping the old one; then SandboxUp or SandboxFailed."""

    attempt: int
    old_id: str


@dataclass(frozen=True, slots=True)
class Start:
    """Get the image, create, start, run postStart; then PullFailed, Held, Started or Exited."""

    container: str
    attempt: int
    backoff_s: float
    backoff_at_s: float


@dataclass(frozen=True, slots=True)
class Abandon:
    """Give up a Start as soon as that is safe; it still answers."""

    container: str


@dataclass(frozen=True, slots=True)
class Kill:
    """Run preStop, stop the run within grace_s; its Exited follows. hook: False where the container is at fault."""

    container: str
    container_id: str
    grace_s: float
    hook: bool = True


@dataclass(frozen=True, slots=True)
class StartProbes:
    """Probe this run from now on."""

    container: str
    run: Run


@dataclass(frozen=True, slots=True)
class StopProbes:
    """Probe this run no more."""

    container_id: str


@dataclass(frozen=True, slots=True)
class Fit:
    """Judge whether the node has room for the pod's new resources; then Fitted."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class Resize:
    """Give a run new resources in place of those it has; then Resized or ResizeFailed."""

    container: str
    container_id: str
    had: ResourceRequirements
    wanted: ResourceRequirements


@dataclass(frozen=True, slots=True)
class Bound:
    """Give the pod as a whole the bounds of what is allocated; then Bounded."""


@dataclass(frozen=True, slots=True)
class Discard:
    """Remove a run that nobody can ask for any more."""

    container_id: str


@dataclass(frozen=True, slots=True)
class After:
    """Ring after delay_s."""

    key: str
    number: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class StopSandbox:
    """Stop the sandbox and tear down the volumes; then SandboxStopped."""

    sandbox_id: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Write the last status, have the API delete the pod, remove all traces of it; then Removed."""

    from_api: bool


@dataclass(frozen=True, slots=True)
class Tell:
    """Record an event. container: "" for the pod itself."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    container: str = ""


Instruction: TypeAlias = (
    Mount | RunSandbox | Start | Abandon | Kill | StartProbes | StopProbes | Discard | After | StopSandbox | Remove
    | Tell | Fit | Resize | Bound
)
