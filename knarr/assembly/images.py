"""Build container images from Debian's own packages, and load image archives into the runtime.

No registry is needed: a Containerfile may start `FROM localhost/debian:bookworm`, which is made here, once, from the
package sources of this machine. buildah, mmdebstrap and ctr do the work, each as a process.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from knarr.assembly import preflight
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Instance
from knarr.node.settings import Settings

BASE_IMAGE = "localhost/debian:bookworm"
RUNTIME_NAMESPACE = "k8s.io"  # where CRI looks for images in containerd

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where images are built: a storage of our own, so that no other buildah on the machine is touched."""

    folder: Path

    def buildah(self, *words: str) -> list[str]:
        """Return a buildah command that works in this storage alone."""
        storage = ["--root", str(self.folder / "storage"), "--runroot", str(self.folder / "run")]
        return ["buildah", *storage, "--storage-driver", "overlay", *words]


def build(instance: Instance, source: Path, *, tag: str, tell: Tell) -> Path:
    """Build `source`/Containerfile and return an OCI archive that carries `tag`. The same source builds once.

    Raises Failure with the builder's own last lines.
    """
    recipe = next((source / name for name in ("Containerfile", "Dockerfile") if (source / name).exists()), None)
    if recipe is None:
        raise Failure(f"{source} holds no Containerfile", "write one; it may start: FROM localhost/debian:bookworm")
    workshop = Workshop(instance.data_dir / "images")
    archive = workshop.folder / "archives" / f"{fingerprint(source, tag)}.tar"
    if archive.exists():
        return archive
    _need("buildah")
    archive.parent.mkdir(parents=True, exist_ok=True)
    if BASE_IMAGE in recipe.read_text():
        _ensure_base(workshop, tell)
    draft = archive.with_suffix(".new")
    draft.unlink(missing_ok=True)
    words = (
        "bud",
        "--isolation",
        "chroot",
        "--network",
        "host",
        "--layers",
        "--tag",
        tag,
        "--file",
        str(recipe),
        str(source),
    )
    run(workshop.buildah(*words), f"building {tag}")
    run(workshop.buildah("push", tag, f"oci-archive:{draft}:{tag}"), f"packing {tag}")
    draft.replace(archive)
    return archive


def load(settings: Settings, archive: Path) -> list[str]:
    """Import an OCI or Docker archive into the runtime's store. Returns the names it brought.

    Raises Failure when the file is no archive or no runtime answers.
    """
    if not archive.exists():
        raise Failure(f"there is no file {archive}", "see what is there: ls " + str(archive.parent))
    _need("ctr", "containerd")
    said = run([*_ctr(settings), "images", "import", "--all-platforms", str(archive)], f"loading {archive.name}")
    return [line.split()[1] for line in said.splitlines() if line.startswith("unpacking ")]


def provide(instance: Instance, settings: Settings, source: Path, *, tag: str, tell: Tell) -> bool:
    """Build and load an image unless the runtime has it, from this very source. Tells whether work was done."""
    archive = build(instance, source, tag=tag, tell=tell)
    marker = archive.with_suffix(".loaded")
    if marker.exists() and tag in names(settings):
        return False
    load(settings, archive)
    marker.touch()
    return True


def names(settings: Settings) -> frozenset[str]:
    """Return the names of all images the runtime has."""
    listed = run([*_ctr(settings), "images", "list", "--quiet"], "listing images")
    return frozenset(listed.split())


def _ctr(settings: Settings) -> list[str]:
    return ["ctr", "--address", settings.endpoint.removeprefix("unix://"), "--namespace", RUNTIME_NAMESPACE]


def fingerprint(source: Path, tag: str) -> str:
    """Return a name for what would be built: it changes with any file, mode or tag."""
    digest = hashlib.sha256(tag.encode())
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        digest.update(f"\0{path.relative_to(source)}\0{path.stat().st_mode}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def _ensure_base(workshop: Workshop, tell: Tell) -> None:
    """Make the Debian base image if this workshop has none yet."""
    present = subprocess.run(
        workshop.buildah("inspect", "--type", "image", BASE_IMAGE), capture_output=True, check=False
    )
    if present.returncode == 0:
        return
    _need("mmdebstrap")
    tell("Making a Debian base image from this machine's package sources")
    root = workshop.folder / "base.tar"
    bare = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "locale", "man")]
    run(
        ["mmdebstrap", "--quiet", "--variant=apt", "--mode=root", *bare, "bookworm", str(root)], "making the base image"
    )
    container = run(workshop.buildah("from", "scratch"), "making the base image").strip()
    run(workshop.buildah("add", container, str(root), "/"), "making the base image")
    run(workshop.buildah("commit", "--rm", container, BASE_IMAGE), "making the base image")
    root.unlink()


def _need(program: str, package: str = "") -> None:
    if preflight.find(program) is None:
        raise Failure(f"{program} is not installed", f"knarr up --install, or: apt-get install {package or program}")


def run(command: list[str], doing: str) -> str:
    """Run a program to its end and return what it printed; a Failure carries its last words."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        words = "\n".join(f"    {line}" for line in (done.stderr or done.stdout).strip().splitlines()[-8:])
        raise Failure(f"{doing} failed:\n{words}", f"try by hand: {' '.join(command)}")
    return done.stdout
