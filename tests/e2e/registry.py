"""Run a real image registry with TLS and passwords, Debian's docker-registry, and push images to it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
import subprocess
import tarfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster import free_port, until
from tests.wire.certificates import Pki, make_pki

USER, PASSWORD = "anna", "secret"
LOGIN = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
HASHED = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"  # bcrypt of the password
CONFIG = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/blobs}}}}
http: {{addr: "{host}", tls: {{certificate: {certificate}, key: {key}}}}}
auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}
"""


@dataclass(frozen=True)
class Registry:
    """A registry that runs. host: with port, as image names begin."""

    host: str
    pki: Pki

    def push(self, archive: Path, name: str, tag: str) -> str:
        """Push an OCI archive's only image; return its digest."""
        with tarfile.open(archive) as blobs:
            def blob(digest: str) -> bytes:
                return blobs.extractfile("blobs/" + digest.replace(":", "/")).read()

            index = json.load(blobs.extractfile("index.json"))
            described = index["manifests"][0]
            manifest = json.loads(blob(described["digest"]))
            for part in (manifest["config"], *manifest["layers"]):
                self._upload(name, part["digest"], blob(part["digest"]))
            self._ask("PUT", f"/v2/{name}/manifests/{tag}", blob(described["digest"]), described["mediaType"])
        return str(described["digest"])

    def _upload(self, name: str, digest: str, content: bytes) -> None:
        place = self._ask("POST", f"/v2/{name}/blobs/uploads/", b"", "application/octet-stream")
        assert digest == "sha256:" + hashlib.sha256(content).hexdigest()
        path = place.removeprefix(f"https://{self.host}")
        self._ask("PUT", f"{path}&digest={digest}", content, "application/octet-stream")

    def _ask(self, method: str, path: str, body: bytes, media_type: str) -> str:
        """Send one request; return where it leads to."""
        request = urllib.request.Request(f"https://{self.host}{path}", body or None, method=method)
        request.add_header("Authorization", f"Basic {LOGIN}")
        request.add_header("Content-Type", media_type)
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=self.pki.ca)) as answer:
            return str(answer.headers.get("Location", ""))

    def up(self) -> bool:
        """Say whether it answers: 401, as nobody is known to it."""
        try:
            urllib.request.urlopen(f"https://{self.host}/v2/", context=ssl.create_default_context(cafile=self.pki.ca))
        except urllib.error.HTTPError as refusal:
            return refusal.code == 401
        except OSError:
            return False
        return True


@contextmanager
def slowly(host: str, bytes_per_s: int) -> Iterator[str]:
    """Pass connections on to a server, its answers no faster than this each; yield the address to connect to."""
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name, _, port = host.partition(":")
        answers, asking = await asyncio.open_connection(name, int(port))
        await asyncio.gather(carry(reader, asking, 0.0), carry(answers, writer, 1 / bytes_per_s))

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, pause_s: float) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(1 << 14):
                target.write(piece)
                await target.drain()
                await asyncio.sleep(pause_s * len(piece))
        target.close()

    address, over = f"127.0.0.1:{free_port()}", threading.Event()

    async def run() -> None:
        async with await asyncio.start_server(serve, *address.split(":")):
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        yield address
    finally:
        over.set()
        thread.join()


@contextmanager
def running(folder: Path) -> Iterator[Registry]:
    """Run a registry whose files lie in a folder."""
    registry = Registry(f"127.0.0.1:{free_port()}", make_pki(folder))
    certificate, key = registry.pki.files("server")
    (folder / "htpasswd").write_text(f"{USER}:{HASHED}\n")
    (folder / "config.yml").write_text(CONFIG.format(folder=folder, host=registry.host, certificate=certificate, key=key))
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log)
        try:
            until(registry.up, "the registry answers")
            yield registry
        finally:
            process.terminate()
            process.wait()
