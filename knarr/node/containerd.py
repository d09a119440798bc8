"""Run our own containerd: write its configuration, start or adopt it, start it again when it dies, remove every trace.

It lives in a session of its own, so that it outlives the agent; its shims outlive it. Whether it lives is learnt from a
pidfd, which tells of adopted processes as of our own. Refuses to touch any containerd that another data dir owns.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.node import cgroups, cni, handlers
from knarr.node.settings import Settings
from knarr.node.volumes import mounts

RESTART = Backoff(first_s=0.2, factor=2, cap_s=5)      # nothing goes without it
STEADY_S = 5.0          # a run this long forgets earlier failures
STOP_S = 10.0           # containerd's own graceful stop takes well under a second
PROGRAM = "containerd"
RUNTIME_LOG = "containerd.log"      # in the runtime's directory; kept bounded by `logrotate`


class NoContainerd(Exception):
    """containerd is not installed; the text names the package."""


class Containerd:
    """The managed containerd of one data dir."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        """Adopt the running containerd of this data dir, or start one; return its pid."""
        settings = self._settings
        running = self.pid()
        if running:
            return running
        program = shutil.which(PROGRAM, path=search_path())
        if program is None:
            raise NoContainerd("containerd is not installed; on Debian: apt-get install containerd")
        write_config(settings)
        state_in_memory(settings)
        cni.forget_torn(settings)
        with open(settings.runtime_dir / RUNTIME_LOG, "ab") as log:
            self._child = subprocess.Popen(
                [program, "--config", str(config_file(settings))], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env={**os.environ, "PATH": search_path()},
            )
        draft = pid_file(settings).with_suffix(".tmp")
        draft.write_text(f"{self._child.pid}\n")
        draft.replace(pid_file(settings))       # whoever reads it meanwhile must not find it empty
        return self._child.pid

    async def renew(self) -> None:
        """Stop a containerd that runs by another configuration, an older Knarr's; containers go on."""
        if self.pid() and config_file(self._settings).read_text() != own_config(self._settings):
            await self.stop()

    def pid(self) -> int:
        """Return the pid of this data dir's containerd, 0 where none runs (a stale pid file names somebody else)."""
        if self._child is not None and self._child.poll() is None:
            return self._child.pid      # its command line is not there yet in the first moment of its life
        self._child = None
        try:
            pid = int(pid_file(self._settings).read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return 0
        return pid if str(config_file(self._settings)).encode() in words else 0

    async def run(self) -> None:
        """Keep it running until cancelled; being cancelled leaves it running."""
        failures = 0
        while True:
            began_s = self._clock.monotonic_s()
            await ended(self.start())
            if self._child is not None:
                self._child.wait()
                self._child = None
            failures = 0 if self._clock.monotonic_s() - began_s > STEADY_S else failures + 1
            await self._clock.sleep(RESTART.delay_s(failures))

    async def stop(self) -> None:
        """Stop containerd; containers go on. Nothing happens where none runs."""
        pid = self.pid()
        if not pid:
            return
        os.kill(pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(ended(pid), STOP_S)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            await ended(pid)
        if self._child is not None:
            self._child.wait()
            self._child = None
        pid_file(self._settings).unlink(missing_ok=True)

    async def purge(self) -> None:
        """Stop it and remove what it has left: shims and containers, mounts, cgroups, files.

        Call it after the sandboxes were stopped through CRI, which gives networks back.
        """
        await self.stop()
        for pid in shims(self._settings):
            os.kill(pid, signal.SIGKILL)
        await asyncio.gather(*(ended(pid) for pid in cgroups.kill(self._settings.cgroup_parent)))
        unmount_below(self._settings.runtime_dir)
        cgroups.remove(self._settings.cgroup_parent)
        shutil.rmtree(self._settings.runtime_dir, ignore_errors=True)


def config_file(settings: Settings) -> Path:
    """Return where the configuration stands: its path on the command line is how we know our own again."""
    return settings.runtime_dir / "config.toml"


def pid_file(settings: Settings) -> Path:
    """Return where the pid stands."""
    return settings.runtime_dir / "containerd.pid"


def search_path() -> str:
    """Return a PATH that finds runc and the network tools also where ours lacks sbin."""
    return os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def write_config(settings: Settings) -> None:
    """Write config.toml and the directories it names."""
    settings.runtime_dir.mkdir(parents=True, exist_ok=True)
    for folder in (settings.cni_conf_dir, settings.cni_ports_dir):
        folder.mkdir(parents=True, exist_ok=True)
    config_file(settings).write_text(own_config(settings))


def state_dir(settings: Settings) -> Path:
    """Return where containerd and runc keep what is void once the machine restarts: bundles, sockets, pids."""
    return settings.runtime_dir / "state"


def state_in_memory(settings: Settings) -> None:
    """Mount memory there, as /run is elsewhere, unless something lies there already (an older Knarr's containers)."""
    state = state_dir(settings)
    state.mkdir(parents=True, exist_ok=True)
    if any(state.iterdir()) or mounts.is_mounted(state):
        return
    mounts.tmpfs(state, mode=0o711)


def own_config(settings: Settings) -> str:
    """Render config.toml for what this process may do and this machine has."""
    return config(settings, restrict_oom=not may_lower_oom_score(), ways=handlers.installed(search_path()))


def may_lower_oom_score() -> bool:
    """Tell whether processes may be protected from the OOM killer (CAP_SYS_RESOURCE); without it sandboxes fail."""
    CAP_SYS_RESOURCE = 24   # noqa: N806  Source: linux/capability.h
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> CAP_SYS_RESOURCE & 1)
    return False


def config(settings: Settings, *, restrict_oom: bool, ways: Iterable[handlers.Way] = ()) -> str:
    """Render config.toml. restrict_oom: never ask for a lower OOM score than we have ourselves. ways: beside runc."""
    home = settings.runtime_dir
    return CONFIG.format(
        home=home, socket=settings.containerd_socket, image=settings.sandbox_image,
        restrict=str(restrict_oom).lower(), bin=settings.cni_plugins_dir, conf=settings.cni_conf_dir,
        registries=settings.registries_dir,
    ) + "".join(_handler(settings, way) for way in (handlers.Way(handlers.RUNC), *ways))


def _handler(settings: Settings, way: handlers.Way) -> str:
    """Render a handler and its twin for host ports."""
    options = ""
    if way.shim == handlers.RUNC_SHIM:
        options = OPTIONS.format(home=settings.runtime_dir, program=way.program or handlers.RUNC)
        options += f'        BinaryName = "{way.program}"\n' if way.program else ""
    network = NETWORK.format(conf=settings.cni_ports_dir)
    return "".join(
        HANDLER.format(name=name, shim=way.shim, network=more)
        + (f"      {HANDLERS}.{name}.options]\n{options}" if options else "")
        for name, more in ((way.name, ""), (handlers.with_ports(way.name), network)))


CONFIG = """\
version = 2
root = "{home}/root"
state = "{home}/state"
disabled_plugins = ["io.containerd.internal.v1.tracing", "io.containerd.snapshotter.v1.aufs", \
"io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
  address = "{socket}"

[debug]
  level = "warn"

[plugins."io.containerd.internal.v1.opt"]
  path = "{home}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{image}"
  restrict_oom_score_adj = {restrict}
  netns_mounts_under_state_dir = true
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{bin}"
    conf_dir = "{conf}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{registries}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
"""

HANDLERS = '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes'
HANDLER = """\
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{name}]
      runtime_type = "{shim}"
{network}"""
OPTIONS = """\
        Root = "{home}/state/{program}"
        SystemdCgroup = false
"""

# Source: containerd docs/cri/config.md, cni_conf_dir of a runtime (since 1.6): its lists instead of the default ones.
NETWORK = """\
      cni_conf_dir = "{conf}"
      cni_max_conf_num = 1
"""


async def ended(pid: int) -> None:
    """Wait for a process to end, ours or not. Source: pidfd_open(2)."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    over = loop.create_future()

    def report() -> None:
        loop.remove_reader(fd)
        over.set_result(None)

    loop.add_reader(fd, report)
    try:
        await over
    finally:
        loop.remove_reader(fd)
        os.close(fd)


def shims(settings: Settings) -> list[int]:
    """Return the pids of the shims that talk to our containerd's socket."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"containerd-shim" in words[0] and str(settings.containerd_socket).encode() in words:
            found.append(int(entry.name))
    return found


def unmount_below(home: Path) -> None:
    """Unmount everything mounted under `home`, the deepest first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].replace("\\040", " ") for line in lines]
    ours = [point for point in points if Path(point).is_relative_to(home)]
    for point in sorted(ours, key=len, reverse=True):
        subprocess.run(["umount", "--lazy", point], check=True)
