"""Find the ways in which our own containerd can run containers: runc, and whatever else is installed on this machine.

Each is a handler that RuntimeClasses may name. Pods with host ports take its twin, whose network list knows them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Final

RUNC: Final = "runc"
RUNC_SHIM: Final = "io.containerd.runc.v2"
PORTS: Final = "host-ports"     # the twin of runc; of any other: its name, `-`, and this


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run containers. shim: the type of its shim. program: what a runc-like shim calls; empty: runc."""

    name: str
    shim: str = RUNC_SHIM
    program: str = ""


WAYS: Final = (         # (what must be installed, the handler)
    ("crun", Way("crun", program="crun")),
    ("nvidia-container-runtime", Way("nvidia", program="nvidia-container-runtime")),
    ("containerd-shim-runsc-v1", Way("runsc", "io.containerd.runsc.v1")),
    ("containerd-shim-kata-v2", Way("kata", "io.containerd.kata.v2")),
    ("containerd-shim-spin-v2", Way("spin", "io.containerd.spin.v2")),
    ("containerd-shim-wasmtime-v1", Way("wasmtime", "io.containerd.wasmtime.v1")),
    ("containerd-shim-wasmedge-v1", Way("wasmedge", "io.containerd.wasmedge.v1")),
)


def installed(path: str) -> tuple[Way, ...]:
    """Return what this machine has beside runc. path: where programs are looked for, as PATH."""
    return tuple(way for program, way in WAYS if shutil.which(program, path=path) is not None)


def with_ports(handler: str) -> str:
    """Return the twin of a handler that binds host ports. handler: empty for the default one."""
    return PORTS if handler in ("", RUNC) else f"{handler}-{PORTS}"
