"""A runtime whose news come late, twice or never, and an agent that may die at any moment: one pod between them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from knarr.api.types.core_v1 import Pod, PodStatus
from knarr.node.adopt import UID_LABEL, Remains, machine_of
from knarr.node.cri.face import ContainerLine, ContainerReport, Sandbox
from knarr.node.podmachine import state as words
from knarr.node.podmachine.state import Instruction, Run
from knarr.node.podmachine.table import LIVE, Phase, Stage
from knarr.node.specs import BACKOFF_NOTE
from knarr.node.status import pod_status
from knarr.node.worker import PodWorker

SILENT = (words.Tell, words.StartProbes, words.StopProbes, words.Abandon, words.Discard, words.Fit, words.Resize)
SETTLED_STEPS_MAX = 2000


@dataclass
class Process:
    """One run as the runtime knows it."""

    run: Run
    container: str
    sandbox_id: str
    note: str

    @property
    def alive(self) -> bool:
        return not self.run.ended


@dataclass(frozen=True)
class Launched:
    """The runtime has started a container; its launcher has yet to say so."""

    container: str
    run: Run


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at_s = 1000.0

    def now_s(self) -> float:
        return self.at_s


@dataclass
class World:
    """What is true on the machine, what the agent was told of it, and what is on its way."""

    pod: Pod
    clock: Any = field(default_factory=Clock)
    sandboxes: dict[str, bool] = field(default_factory=dict)  # id -> whether it runs; the newest is the last
    processes: dict[str, Process] = field(default_factory=dict)
    asked: list[Instruction | Launched] = field(default_factory=list)  # and not yet answered
    timers: list[tuple[float, words.Rang]] = field(default_factory=list)
    news: list[Any] = field(default_factory=list)  # ends of processes (their ids) and of sandboxes, untold
    old_news: list[Any] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        self.restart()

    # What happens to it.

    def restart(self) -> None:
        """The agent dies with all it has under way; the next one adopts what runs."""
        if hasattr(self, "worker"):
            shown = pod_status(self.worker.machine, host_ip="h", now_s=self.clock.now_s())
            self.pod = msgspec.structs.replace(self.pod, status=msgspec.convert(shown, PodStatus))
        self.asked, self.timers, self.news, self.old_news = [], [], [], []
        ips = ("10.0.0.7",) if any(self.sandboxes.values()) else ()
        machine = machine_of(self.pod, self.remains(), reports=self.reports(), ips=ips, now_s=self.clock.now_s())
        self.worker = PodWorker(machine, self.clock, perform=self.perform, changed=lambda worker: None)
        self.worker.created = {key: (each.container, each.run.attempt) for key, each in self.processes.items()}
        self.worker.post(words.Begin())

    def perform(self, worker: PodWorker, asked: Instruction) -> None:
        """Note what is asked."""
        if isinstance(asked, words.After):
            self.timers.append((self.clock.at_s + asked.delay_s, words.Rang(asked.key, asked.number)))
        elif not isinstance(asked, SILENT):
            self.asked.append(asked)

    def answer(self, which: int, *, well: bool = True) -> None:
        """Do one of the things asked for, or fail to."""
        if self.asked:
            asked = self.asked.pop(which % len(self.asked))
            (self.do if well else self.fail)(asked)

    def do(self, asked: Instruction | Launched) -> None:
        """Do what is asked, as a good runtime does."""
        match asked:
            case words.Mount():
                self.worker.post(words.Mounted())
            case words.RunSandbox(attempt=attempt):
                self.stop_sandboxes()
                self.sandboxes[f"sandbox-{attempt}"] = True
                self.worker.post(words.SandboxUp(f"sandbox-{attempt}", ("10.0.0.7",)))
            case words.Start():
                self.launch(asked)
            case Launched(container=name, run=run):
                self.worker.started(name, run)
            case words.Kill(container=name, container_id=which):
                self.end(which, 137)
                if self.worker.machine.box(name).stage is Stage.STOPPING:
                    self.tell_end(which)
            case words.StopSandbox():
                self.stop_sandboxes()
                self.worker.post(words.SandboxStopped())
            case words.Remove():
                self.sandboxes.clear()
                self.processes.clear()
                self.worker.post(words.Removed())

    def fail(self, asked: Instruction | Launched) -> None:
        """Fail where failing is an answer of its own; the rest is tried until it succeeds."""
        match asked:
            case words.Mount():
                self.worker.post(words.MountFailed("no such volume"))
            case words.RunSandbox():
                self.worker.post(words.SandboxFailed("no address left"))
            case words.Start(container=name):
                self.worker.post(words.PullFailed(name, "ErrImagePull", "no such host"))
            case _:
                self.asked.append(asked)

    def launch(self, asked: words.Start) -> None:
        """Start a process, if its sandbox lives; the launcher's word of it comes later."""
        sandbox_id = self.worker.machine.sandbox_id
        if not self.sandboxes.get(sandbox_id):
            self.worker.post(words.Held(asked.container, "CreateContainerError", "sandbox container is not running"))
            return
        self.runs += 1
        run = Run(f"run-{self.runs}", asked.attempt, "app:1", "sha256:1", started_s=self.clock.at_s)
        note = f"{asked.backoff_s}:{asked.backoff_at_s}"
        self.processes[run.id] = Process(run, asked.container, sandbox_id, note)
        self.worker.created[run.id] = (asked.container, asked.attempt)
        self.asked.append(Launched(asked.container, run))

    def end(self, which: str, code: int) -> None:
        """A process ends, if it has not already."""
        process = self.processes.get(which)
        if process is not None and process.alive:
            reason = "Error" if code else "Completed"
            process.run = replace(process.run, finished_s=self.clock.at_s, exit_code=code, reason=reason)
            self.news.append(which)

    def crash(self, which: int, code: int) -> None:
        """One of the running processes ends by itself."""
        alive = [key for key, each in self.processes.items() if each.alive]
        if alive:
            self.end(alive[which % len(alive)], code)

    def stop_sandboxes(self) -> None:
        """Every sandbox and all in it ends."""
        for which in [key for key, runs in self.sandboxes.items() if runs]:
            self.sandboxes[which] = False
            self.news.append(words.SandboxLost(which))
            for key, process in self.processes.items():
                if process.sandbox_id == which:
                    self.end(key, 137)

    def hear(self, which: int) -> None:
        """One of the untold ends is told."""
        if self.news:
            told = self.news.pop(which % len(self.news))
            self.old_news.append(told)
            self.tell(told)

    def hear_again(self, which: int) -> None:
        """An end is told once more."""
        if self.old_news:
            self.tell(self.old_news[which % len(self.old_news)])

    def miss(self, which: int) -> None:
        """One of the untold ends will never be told."""
        if self.news:
            self.news.pop(which % len(self.news))

    def tell(self, told: Any) -> None:
        """Tell of an end, as the agent does."""
        if self.worker.gone:
            return
        if isinstance(told, words.SandboxLost):
            self.worker.post(told)
        elif told in self.processes:
            self.tell_end(told)

    def tell_end(self, which: str) -> None:
        """Read how a run ended, and tell the pod."""
        self.worker.exited(self.processes[which].container, self.processes[which].run)

    def probe(self, which: int, kind: Any, ok: bool) -> None:
        """A probe of some run, new or old, gives its verdict."""
        if self.processes and not self.worker.gone:
            process = list(self.processes.values())[which % len(self.processes)]
            self.worker.post(words.Probed(process.container, process.run.id, kind, ok))

    def pass_time(self, seconds_s: float) -> None:
        """Time passes, and timers ring."""
        until_s = self.clock.at_s + seconds_s
        while due := sorted((each for each in self.timers if each[0] <= until_s), key=lambda each: each[0]):
            self.timers.remove(due[0])
            self.clock.at_s = max(self.clock.at_s, due[0][0])
            if not self.worker.gone:
                self.worker.post(due[0][1])
        self.clock.at_s = until_s

    def see(self, pod: Pod) -> None:
        """The API shows the pod anew."""
        self.pod = msgspec.structs.replace(pod, status=self.pod.status)
        if not self.worker.gone:
            self.worker.post(words.PodChanged(self.pod))

    # How it is looked at.

    def relist(self) -> None:
        """Compare what the worker thinks runs with what does, as the agent does now and then."""
        machine = self.worker.machine
        for box in machine.boxes:
            run = box.run
            if box.stage in LIVE and run is not None and not self.processes[run.id].alive:
                self.tell_end(run.id)
        if machine.phase is Phase.UP and not self.sandboxes.get(machine.sandbox_id):
            self.worker.post(words.SandboxLost(machine.sandbox_id))

    def settle(self) -> None:
        """From now on all goes well: what is asked is done, what was missed is found by relisting, timers ring."""
        for _ in range(SETTLED_STEPS_MAX):
            if self.asked:
                self.answer(0)
            elif self.timers:
                self.pass_time(max(0.0, min(each[0] for each in self.timers) - self.clock.at_s))
                self.relist()
            else:
                before = self.worker.machine
                self.relist()
                if self.worker.machine is before:
                    return
        raise AssertionError(f"never at rest: {self.worker.machine}")

    def remains(self) -> Remains:
        """Return what the runtime lists."""
        labels = {UID_LABEL: self.pod.metadata.uid or ""}
        return Remains(
            tuple(Sandbox(key, "web", "shop", labels[UID_LABEL], int(key.rpartition("-")[2]), runs, 1.0, labels)
                  for key, runs in self.sandboxes.items()),
            tuple(ContainerLine(key, each.sandbox_id, each.container, each.run.attempt,
                                "running" if each.alive else "exited", labels)
                  for key, each in self.processes.items()))

    def reports(self) -> dict[str, ContainerReport]:
        """Return what the runtime tells of each container."""
        return {key: ContainerReport(
            key, each.container, each.run.attempt, "running" if each.alive else "exited", each.run.image,
            each.run.image_ref, each.run.started_s, each.run.finished_s, each.run.exit_code, each.run.reason, "",
            {BACKOFF_NOTE: each.note}) for key, each in self.processes.items()}

    def alive(self) -> list[str]:
        """Return the runs that live."""
        return sorted(key for key, each in self.processes.items() if each.alive)

    def believed(self) -> dict[str, tuple[str, str]]:
        """Return stage and run of each container, as the machine has them."""
        boxes = self.worker.machine.boxes
        return {box.name: (box.stage.name, box.run.id if box.run and box.stage in LIVE else "") for box in boxes}
