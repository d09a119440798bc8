"""Keep secrets and tokens in memory: one tmpfs for all pods of the node, with a directory for each volume.

    <data dir>/memory/<pod uid>/<volume>                    the files, never on a disk
    <pod dir>/volumes/<plugin>/<volume> -> the former       where everybody looks for them

A mount for each volume would make every start of a container dearer by each pod that runs: runtimes read the whole
mount table several times. Only root may enter; a container is shown its own directory alone. Former agents mounted
memory at the volume itself: such a volume is used as it stands until its pod is gone.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from knarr.node.settings import Settings
from knarr.node.volumes import mounts


def make(settings: Settings, where: Path, pod_uid: str) -> None:
    """Let `where` lead to a directory in memory that everyone may use. Idempotent; after a reboot it is made anew."""
    if mounts.is_mounted(where):  # through the link, too
        return
    _mount(settings.memory_dir)
    home = settings.memory_dir / pod_uid / where.name
    home.mkdir(parents=True, exist_ok=True)
    os.chmod(home, 0o1777)
    if where.is_symlink():
        return
    if where.is_dir():
        where.rmdir()  # a former agent's mount point: the machine was restarted since
    where.parent.mkdir(parents=True, exist_ok=True)
    where.symlink_to(home)


def remove(settings: Settings, pod_uid: str) -> None:
    """Forget what a pod had in memory. Idempotent."""
    with suppress(FileNotFoundError):
        shutil.rmtree(settings.memory_dir / pod_uid)


def _mount(memory: Path) -> None:
    if not mounts.is_mounted(memory):
        memory.mkdir(parents=True, exist_ok=True, mode=0o700)
        mounts.tmpfs(memory, mode=0o700)
