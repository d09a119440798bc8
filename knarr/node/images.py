"""Name, find and load images. Archives are loaded by `ctr`, which is driven as a program; `registries` pulls."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path

from knarr.node import oci
from knarr.node.cri.face import ImageLine, Runtime
from knarr.node.settings import Settings

IMPORT_S = 600.0       # a large archive on a slow disk
# Source: distribution/reference regexp.go.
DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?"
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REFERENCE = re.compile(rf"(?:(?P<domain>{DOMAIN})/)?(?P<path>{COMPONENT}(?:/{COMPONENT})*)"
                       r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>[A-Za-z0-9_+.-]+:[0-9a-fA-F]{32,}))?", re.ASCII)


class ImageFault(Exception):
    """An image cannot be had. reason: the waiting reason (ErrImagePull, …); the text is what users see."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def normalize(image: str) -> str:
    """Return the whole reference: registry, repository, tag. Raises ImageFault InvalidImageName, worded as kube.

    >>> normalize("nginx")
    'docker.io/library/nginx:latest'
    """
    head, _, rest = image.partition("/")
    # Source: distribution/reference normalize.go, splitDockerDomain.
    named = bool(rest) and ("." in head or ":" in head or head == "localhost" or head.lower() != head)
    remainder = rest if named else image if rest else f"library/{image}"
    repository = re.split(r"[:@]", remainder, maxsplit=1)[0]
    whole = f"{head if named else 'docker.io'}/{remainder}"
    if repository.lower() != repository:
        raise invalid_name(image, f": repository name ({repository}) must be lowercase")
    if not REFERENCE.fullmatch(whole):
        raise invalid_name(image, "")
    return whole if re.search(r"[:@]", remainder) else f"{whole}:latest"


def invalid_name(image: str, why: str) -> ImageFault:
    """Say that a reference is malformed, in kube's words."""
    return ImageFault("InvalidImageName", f'Failed to apply default image tag "{image}": '
                      f'couldn\'t parse image name "{image}": invalid reference format{why}')


class Images:
    """The images of one runtime."""

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        self._settings = settings
        self._runtime = runtime

    async def find(self, image: str) -> ImageLine | None:
        """Find an image on this machine. Raises ImageFault InvalidImageName."""
        return await self._runtime.image(normalize(image))

    async def import_archive(self, path: Path) -> None:
        """Load an OCI or docker archive into the runtime. Raises ImageFault with ctr's words."""
        program = shutil.which("ctr", path=os.environ.get("PATH", "") + ":/usr/bin:/usr/local/bin")
        if program is None:
            raise ImageFault("ErrImageImport", "ctr is not installed; on Debian: apt-get install containerd")
        address = self._settings.endpoint.removeprefix("unix://")
        done = await asyncio.to_thread(
            subprocess.run, [program, "-a", address, "-n", "k8s.io", "images", "import", str(path)],
            capture_output=True, timeout=IMPORT_S, check=False,
        )
        if done.returncode:
            raise ImageFault("ErrImageImport", done.stderr.decode(errors="replace").strip())

    async def ensure_sandbox_image(self) -> None:
        """Make the sandbox image where it is ours and missing."""
        name = self._settings.sandbox_image
        if not name.startswith("knarr.local/") or await self._runtime.image(name) is not None:
            return
        layer, entrypoint = oci.pause_layer()
        archive = self._settings.data_dir / "pause.tar"
        await asyncio.to_thread(oci.write_archive, archive, name=name, layers=[layer],
                                config={"Entrypoint": entrypoint})
        await self.import_archive(archive)
        archive.unlink()
