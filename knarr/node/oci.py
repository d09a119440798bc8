"""Write container images as OCI archives, with no other tool. Same content, same bytes.

Source: OCI image specification 1.0, image-layout.md.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import struct
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def architecture() -> str:
    """Name this machine's architecture as images do."""
    machine = platform.machine()
    return ARCHITECTURES.get(machine, machine)


def write_archive(target: Path, *, name: str, layers: Sequence[bytes], config: Mapping[str, Any]) -> str:
    """Write an archive that `ctr images import` takes; return the image's id.

    name: whole reference with tag. layers: uncompressed tars. config: the `config` part (Entrypoint, Env, User, …).
    """
    blobs: dict[str, bytes] = {}

    def put(content: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    described = [put(layer, LAYER) for layer in layers]
    image = put(encode({
        "architecture": architecture(), "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in described]},
    }), CONFIG)
    manifest = put(encode({"schemaVersion": 2, "mediaType": MANIFEST, "config": image, "layers": described}), MANIFEST)
    manifest["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    index = encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]})
    entries = {"oci-layout": encode({"imageLayoutVersion": "1.0.0"}), "index.json": index}
    entries.update({f"blobs/sha256/{digest}": content for digest, content in blobs.items()})
    with tarfile.open(target, "w") as archive:
        for path, content in entries.items():
            add(archive, path, content, mode=0o644)
    return str(image["digest"])


def layer(files: Mapping[str, bytes], *, links: Mapping[str, str] | None = None, mode: int = 0o755) -> bytes:
    """Return a layer: files by path (no leading slash), symbolic links by path, and the folders they need."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        paths = [*files, *(links or {})]
        folders = {str(parent) for path in paths for parent in Path(path).parents} - {"."}
        for folder in sorted(folders):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            archive.addfile(entry)
        for path, content in files.items():
            add(archive, path, content, mode=mode)
        for path, to in (links or {}).items():
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, to
            archive.addfile(entry)
    return buffer.getvalue()


def add(archive: tarfile.TarFile, path: str, content: bytes, *, mode: int) -> None:
    """Add one file, owned by root, with no time."""
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def encode(document: Mapping[str, Any]) -> bytes:
    """Return JSON with sorted keys."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def pause_layer() -> tuple[bytes, list[str]]:
    """Return the layer and entrypoint of a sandbox image: a process that reaps orphans and waits for ever.

    On x86-64 it is 200 bytes of machine code, elsewhere busybox, which must be a static one.
    """
    if platform.machine() == "x86_64":
        return layer({"pause": pause_program()}), ["/pause"]
    busybox = Path("/bin/busybox").read_bytes()
    return layer({"bin/busybox": busybox}), ["/bin/busybox", "sleep", "inf"]


def pause_program() -> bytes:
    """Assemble the program: ignore SIGCHLD so that the kernel reaps, then pause(2) for ever.

    Source: System V ABI for x86-64, ELF-64 object file format; linux rt_sigaction = 13, pause = 34, SIGCHLD = 17.
    """
    base, header_bytes = 0x400000, 64 + 56
    code = bytes.fromhex(
        "b80d000000"        # mov eax, 13        rt_sigaction(
        "bf11000000"        # mov edi, 17          SIGCHLD,
        "488d35{rel}"       # lea rsi, [rip+rel]   &action,
        "31d2"              # xor edx, edx         NULL,
        "41ba08000000"      # mov r10d, 8          8)
        "0f05"              # syscall
        "b822000000"        # mov eax, 34        pause()
        "0f05"              # syscall
        "ebf7"              # jmp back to the pause
        .format(rel=struct.pack("<i", 17).hex())
    )
    action = struct.pack("<4Q", 1, 0, 0, 0)      # handler SIG_IGN, no flags, no restorer, no mask
    content = code + action
    size = header_bytes + len(content)
    elf = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, base + header_bytes, 64, 0, 0, 64, 56, 1,
                      0, 0, 0)
    program = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return elf + program + content
