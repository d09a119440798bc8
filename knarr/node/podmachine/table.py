"""Hold the lifecycles of a pod and of a container as tables. What is in no table is either late, or impossible.

Late events are echoes: a timer that was overtaken, an exit told twice, a kill of the dead. They change nothing.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class Stage(Enum):
    """Where a container is."""

    WAITING = auto()        # its turn has not come
    PREPARING = auto()      # its image is sought, it is created and started
    ABANDONED = auto()      # as PREPARING, but no longer wanted
    PULL_FAILED = auto()    # shown as ErrImagePull
    PULL_BACKOFF = auto()   # shown as ImagePullBackOff
    HELD = auto()           # cannot be configured; tried again
    RUNNING = auto()
    STOPPING = auto()
    EXITED = auto()         # just ended; whether it runs again is decided at once while the pod lives
    COOLING = auto()        # ended and to run again later; still shown as ended
    BACKOFF = auto()        # shown as CrashLoopBackOff
    DONE = auto()           # ended for good, or never to run


class Cue(Enum):
    """What happens to a container."""

    GO = auto()
    PULL_FAILED = auto()
    HELD = auto()
    STARTED = auto()
    EXITED = auto()
    AGAIN = auto()
    LATER = auto()
    ENOUGH = auto()
    TIMER = auto()
    KILL = auto()
    RESET = auto()


CONTAINER: Final = {
    (Stage.WAITING, Cue.GO): Stage.PREPARING,
    (Stage.WAITING, Cue.KILL): Stage.DONE,
    (Stage.WAITING, Cue.RESET): Stage.WAITING,
    (Stage.PREPARING, Cue.PULL_FAILED): Stage.PULL_FAILED,
    (Stage.PREPARING, Cue.HELD): Stage.HELD,
    (Stage.PREPARING, Cue.STARTED): Stage.RUNNING,
    (Stage.PREPARING, Cue.EXITED): Stage.EXITED,
    (Stage.PREPARING, Cue.KILL): Stage.ABANDONED,
    (Stage.ABANDONED, Cue.PULL_FAILED): Stage.DONE,
    (Stage.ABANDONED, Cue.HELD): Stage.DONE,
    (Stage.ABANDONED, Cue.STARTED): Stage.STOPPING,
    (Stage.ABANDONED, Cue.EXITED): Stage.EXITED,
    (Stage.PULL_FAILED, Cue.TIMER): Stage.PULL_BACKOFF,
    (Stage.PULL_FAILED, Cue.KILL): Stage.DONE,
    (Stage.PULL_FAILED, Cue.RESET): Stage.WAITING,
    (Stage.PULL_BACKOFF, Cue.TIMER): Stage.PREPARING,
    (Stage.PULL_BACKOFF, Cue.KILL): Stage.DONE,
    (Stage.PULL_BACKOFF, Cue.RESET): Stage.WAITING,
    (Stage.HELD, Cue.TIMER): Stage.PREPARING,
    (Stage.HELD, Cue.KILL): Stage.DONE,
    (Stage.HELD, Cue.RESET): Stage.WAITING,
    (Stage.RUNNING, Cue.KILL): Stage.STOPPING,
    (Stage.RUNNING, Cue.EXITED): Stage.EXITED,
    (Stage.STOPPING, Cue.EXITED): Stage.EXITED,
    (Stage.EXITED, Cue.AGAIN): Stage.PREPARING,
    (Stage.EXITED, Cue.ENOUGH): Stage.DONE,
    (Stage.EXITED, Cue.LATER): Stage.COOLING,
    (Stage.EXITED, Cue.KILL): Stage.DONE,
    (Stage.EXITED, Cue.RESET): Stage.WAITING,
    (Stage.COOLING, Cue.TIMER): Stage.BACKOFF,
    (Stage.COOLING, Cue.KILL): Stage.DONE,
    (Stage.COOLING, Cue.RESET): Stage.WAITING,
    (Stage.BACKOFF, Cue.TIMER): Stage.PREPARING,
    (Stage.BACKOFF, Cue.KILL): Stage.DONE,
    (Stage.BACKOFF, Cue.RESET): Stage.WAITING,
    (Stage.DONE, Cue.RESET): Stage.WAITING,
}
LATE_CUES: Final = frozenset({Cue.TIMER, Cue.EXITED, Cue.KILL})
LIVE: Final = frozenset({Stage.RUNNING, Stage.STOPPING})
BUSY: Final = LIVE | {Stage.PREPARING, Stage.ABANDONED}


class Phase(Enum):
    """Where a pod is on this node. Not the API's phase, which `status` derives."""

    NEW = auto()
    MOUNTING = auto()
    MOUNT_FAILED = auto()
    SANDBOXING = auto()
    SANDBOX_FAILED = auto()
    UP = auto()             # its containers run, or are about to
    RESETTING = auto()      # its sandbox died: the rest is stopped, then all begins again
    ENDING = auto()         # its containers are being stopped, for good
    CLOSING = auto()        # its sandbox is being stopped
    ENDED = auto()          # nothing runs any more
    REMOVING = auto()       # the API and the machine are being told to forget it
    GONE = auto()


class Turn(Enum):
    """What happens to a pod."""

    GO = auto()
    MOUNTED = auto()
    MOUNT_FAILED = auto()
    SANDBOXED = auto()
    SANDBOX_FAILED = auto()
    SANDBOX_LOST = auto()
    TIMER = auto()
    END = auto()
    CALM = auto()           # no container is busy
    SANDBOX_STOPPED = auto()
    REMOVE = auto()
    REMOVED = auto()


POD: Final = {
    (Phase.NEW, Turn.GO): Phase.MOUNTING,
    (Phase.NEW, Turn.END): Phase.ENDING,
    (Phase.MOUNTING, Turn.MOUNTED): Phase.SANDBOXING,
    (Phase.MOUNTING, Turn.SANDBOXED): Phase.UP,             # it was adopted with its sandbox
    (Phase.MOUNTING, Turn.MOUNT_FAILED): Phase.MOUNT_FAILED,
    (Phase.MOUNT_FAILED, Turn.TIMER): Phase.MOUNTING,
    (Phase.MOUNT_FAILED, Turn.END): Phase.ENDING,
    (Phase.SANDBOXING, Turn.SANDBOXED): Phase.UP,
    (Phase.SANDBOXING, Turn.SANDBOX_FAILED): Phase.SANDBOX_FAILED,
    (Phase.SANDBOX_FAILED, Turn.TIMER): Phase.SANDBOXING,
    (Phase.SANDBOX_FAILED, Turn.END): Phase.ENDING,
    (Phase.UP, Turn.SANDBOX_LOST): Phase.RESETTING,
    (Phase.UP, Turn.END): Phase.ENDING,
    (Phase.RESETTING, Turn.CALM): Phase.SANDBOXING,
    (Phase.RESETTING, Turn.END): Phase.ENDING,
    (Phase.ENDING, Turn.CALM): Phase.CLOSING,
    (Phase.CLOSING, Turn.SANDBOX_STOPPED): Phase.ENDED,
    (Phase.ENDED, Turn.REMOVE): Phase.REMOVING,
    (Phase.REMOVING, Turn.REMOVED): Phase.GONE,
}
LATE_TURNS: Final = frozenset({Turn.TIMER, Turn.SANDBOX_LOST})


def next_stage(stage: Stage, cue: Cue) -> Stage:
    """Return where a container goes; a late cue leaves it where it is."""
    if (stage, cue) in CONTAINER:
        return CONTAINER[stage, cue]
    assert cue in LATE_CUES, f"{cue.name} is impossible in {stage.name}"
    return stage


def next_phase(phase: Phase, turn: Turn) -> Phase:
    """Return where a pod goes; a late turn leaves it where it is."""
    if (phase, turn) in POD:
        return POD[phase, turn]
    assert turn in LATE_TURNS, f"{turn.name} is impossible in {phase.name}"
    return phase
