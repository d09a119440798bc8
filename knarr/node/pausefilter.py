"""Say which system calls a sandbox's own process may make: a list of our own, far shorter than the runtime's.

kubelet asks for the runtime's default profile on every sandbox. Ours allows a subset of it: what runc's last steps need
between the filter's loading and the start of the process (a Go runtime with its threads), and what the pause program
does (rt_sigaction, pause). It is the stricter of the two, and the cheaper one: libseccomp needs 12 ms of CPU to compile
the default's 400 calls for three architectures to 1,000 instructions at every start.

Only for the pause program that we assemble (x86-64) and a containerd of our own; anything else keeps RuntimeDefault.
Source: runc libcontainer/standard_init_linux.go (with no_new_privs the filter is loaded last);
containerd contrib/seccomp/seccomp_default.go (clone's mask, clone3 answered ENOSYS).
"""

from __future__ import annotations

import json
import platform
from functools import cache
from pathlib import Path
from typing import Any

from knarr.node.settings import SANDBOX_IMAGE, Settings

RUNTIME_DEFAULT = "RuntimeDefault"
NAMESPACES = 0x7E020000     # clone's flags that make namespaces. Source: linux/sched.h, CLONE_NEW*
ENOSYS = 38                 # Source: asm-generic/errno.h; glibc takes clone instead of clone3 at this answer
CALLS = (
    "access", "arch_prctl", "brk", "capget", "capset", "chdir", "clock_gettime", "clock_nanosleep", "close",
    "close_range", "dup", "dup2", "dup3", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2",
    "execve", "execveat", "exit", "exit_group", "faccessat", "faccessat2", "fchdir", "fcntl", "fstat", "fstatfs",
    "futex", "getcwd", "getdents64", "getegid", "geteuid", "getgid", "getpid", "getppid", "getrandom", "getrlimit",
    "gettid", "gettimeofday", "getuid", "kill", "lseek", "lstat", "madvise", "membarrier", "mincore", "mmap",
    "mprotect", "mremap", "munmap", "nanosleep", "newfstatat", "open", "openat", "openat2", "pause", "pipe2", "poll",
    "ppoll", "prctl", "pread64", "prlimit64", "read", "readlink", "readlinkat", "restart_syscall", "rseq",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "sched_yield", "set_robust_list",
    "set_tid_address", "setgid", "setgroups", "setuid", "sigaltstack", "stat", "statfs", "statx", "tgkill", "umask",
    "uname", "wait4", "write", "writev",
)


def for_sandbox(settings: Settings) -> str:
    """Return the profile's name for CRI: the path of ours where it serves, else RuntimeDefault."""
    ours = settings.managed and settings.sandbox_image == SANDBOX_IMAGE and platform.machine() == "x86_64"
    return str(file(settings)) if ours and kernel_filters() else RUNTIME_DEFAULT


@cache
def kernel_filters() -> bool:
    """Tell whether this kernel has seccomp; without it containerd refuses any profile but its default."""
    return "Seccomp:" in Path("/proc/self/status").read_text()


def file(settings: Settings) -> Path:
    """Return where the profile stands."""
    return settings.runtime_dir / "pause-seccomp.json"


def write(settings: Settings) -> None:
    """Write the profile; containerd reads it anew for every sandbox, so it must never see half of it."""
    target = file(settings)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".tmp")
    draft.write_text(json.dumps(profile(), indent=1) + "\n")
    draft.replace(target)


def profile() -> dict[str, Any]:
    """Return the profile; without architectures: the machine's own alone, calls of all others kill."""
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [
            {"names": list(CALLS), "action": "SCMP_ACT_ALLOW"},
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS},
        ],
    }
