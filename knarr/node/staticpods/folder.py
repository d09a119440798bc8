"""Read the directory of manifests: one pod a file. A file that breaks leaves its last good pod running.

Hidden files are passed over, as are directories: editors write both. Source: kube kubelet/config/file.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from knarr.api.types.core_v1 import Pod
from knarr.node.staticpods.manifest import BadManifest, pod_of

FILE_BYTES_MAX: Final = 10 << 20      # Source: kube kubelet/config/file.go, maxConfigLength
FILES_MAX: Final = 500                # more manifests than any machine has pods

Stamp = tuple[int, int, int]          # inode, time of change in ns, bytes


@dataclass(slots=True)
class Folder:
    """The files and what they said last. faults: file name -> why it is no pod."""

    path: Path
    node_name: str
    faults: dict[str, str] = field(default_factory=dict)
    _stamps: dict[str, Stamp] = field(default_factory=dict)
    _pods: dict[str, Pod] = field(default_factory=dict)

    def read(self) -> list[Pod]:
        """Return the pods of all files, by file name; of two with one name the first counts. Raises OSError."""
        names = sorted(each.name for each in self.path.iterdir() if not each.name.startswith(".") and each.is_file())
        for gone in self._stamps.keys() - set(names):
            del self._stamps[gone]
            self._pods.pop(gone, None)
            self.faults.pop(gone, None)
        for name in names[:FILES_MAX]:
            self._look(name)
        found: dict[tuple[str, str], Pod] = {}
        for name, pod in sorted(self._pods.items()):
            ref = pod.metadata.namespace or "", pod.metadata.name or ""
            if found.setdefault(ref, pod) is not pod:
                self.faults[name] = f"another file describes the pod {ref[0]}/{ref[1]} already"
        return list(found.values())

    def _look(self, name: str) -> None:
        """Read a file if it has changed since the last time."""
        path = self.path / name
        try:
            status = path.stat()
            stamp = status.st_ino, status.st_mtime_ns, status.st_size
            if self._stamps.get(name) == stamp:
                return
            if status.st_size > FILE_BYTES_MAX:
                raise BadManifest(f"the file has {status.st_size} bytes, the most is {FILE_BYTES_MAX}")
            self._pods[name] = pod_of(path.read_bytes(), file=str(path), node_name=self.node_name)
            self.faults.pop(name, None)
        except FileNotFoundError:
            return                    # the next look will not find it
        except (BadManifest, OSError) as fault:
            self.faults[name] = str(fault)
        self._stamps[name] = stamp
