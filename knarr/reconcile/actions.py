"""Say what a plan may ask for. Pure: values only; `reconcile.act` carries them out.

Creates of one kind that stand together are sent together, and so are deletes, and patches that say so; everything else
is done in order, and the first refusal ends the pass. Every write names what it was decided on: a uid, or the
resourceVersion within the object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

MERGE = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Told:
    """The events that tell how a write went. Texts may hold {name} (what was written) and {error}.

    about: the object whose event it is. done, failed: (reason, message); failures are Warnings.
    """

    about: Any
    done: tuple[str, str] = ("", "")
    failed: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Create:
    """Store a new object; the server picks the name where there is only a generateName."""

    obj: Any
    told: Told | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Replace an object as it was read: its resourceVersion is the precondition. subresource: `status`, or nothing."""

    obj: Any
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    """Change part of `obj`; put a uid or resourceVersion into the patch's metadata as precondition.

    spacing_s: it can wait until the last such patch of its key lies so far back; the pass is made anew then.
    together: its order among its neighbours of this sort does not matter, so they are sent side by side.
    """

    obj: Any
    patch: Any
    content_type: str = MERGE
    subresource: str = ""
    spacing_s: float = 0.0
    together: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete this very object: its uid is the precondition. options: fields of `meta/v1.DeleteOptions`."""

    obj: Any
    told: Told | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Tell something about an object. type: Normal or Warning."""

    about: Any
    reason: str
    message: str
    type: str = "Normal"


@dataclass(frozen=True, slots=True)
class After:
    """Look at the key again once `delay_s` has passed, even if nothing happens."""

    delay_s: float


Action: TypeAlias = Create | Update | Patch | Delete | Event | After


@dataclass(frozen=True, slots=True)
class Failure:
    """A write that was refused in the last pass: what it was, and the server's words."""

    action: Action
    error: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What `observe` is told beside the cache.

    now_s: wall time, seconds. failures: what was refused in the key's last pass, told once, to controllers that
    report failures.
    """

    now_s: float
    failures: tuple[Failure, ...] = ()
