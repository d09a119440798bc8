"""Let drivers that were packed for kubelet find this node's directory where they look for it: in `/var/lib/kubelet`.

A driver's pod mounts that path from the machine, and its registrar names sockets in it. So the machine's main instance
puts a link there, where nothing else is, and tells drivers paths through it. Other instances, and machines with a
kubelet, have drivers told the data directory as the kubelet directory; every chart has a value for it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

KUBELET: Final = Path("/var/lib/kubelet")
MAIN: Final = Path("/var/lib/knarr")


def claim(data_dir: Path, *, link: Path = KUBELET, main: Path = MAIN) -> None:
    """Make the link, for the main instance, where there is nothing. Raises OSError."""
    if data_dir == main and not os.path.lexists(link):
        link.symlink_to(data_dir)


def give_up(data_dir: Path, *, link: Path = KUBELET) -> None:
    """Remove the link, if it is ours."""
    if is_ours(data_dir, link=link):
        link.unlink()


def is_ours(data_dir: Path, *, link: Path = KUBELET) -> bool:
    """Tell whether the link leads to this instance."""
    return link.is_symlink() and link.readlink() == data_dir


def shown(path: str, data_dir: Path, *, link: Path = KUBELET) -> str:
    """Return a path below the data directory as drivers know it; an empty one stays empty."""
    return str(link / Path(path).relative_to(data_dir)) if path and is_ours(data_dir, link=link) else path
