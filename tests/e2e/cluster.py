"""Start, drive and end a real Knarr of one's own, and make the objects that tests put into it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knarr.node import oci

KNARR = [sys.executable, "-m", "knarr.cli.main"]
PODS_TASKS = 600     # that one pod may have here: few, so that forks without end come to their end soon
BUSYBOX = "localhost/busybox:test"
APPLETS = (
    "sh",
    "cat",
    "echo",
    "env",
    "false",
    "grep",
    "hostname",
    "httpd",
    "id",
    "ls",
    "mkdir",
    "nc",
    "nslookup",
    "ping",
    "printf",
    "ps",
    "rm",
    "seq",
    "sleep",
    "sort",
    "stty",
    "tail",
    "tar",
    "test",
    "touch",
    "true",
    "wc",
    "wget",
    "kill",
    "date",
    "tr",
    "cut",
    "awk",
    "sed",
    "head",
    "tee",
    "expr",
    "trap",
    "cp",
    "mv",
    "chmod",
    "dd",
    "usleep",
    "whoami",
    "timeout",
)


@dataclass(frozen=True)
class Cluster:
    """A running Knarr and how to talk to it."""

    data_dir: Path
    port: int

    @property
    def kubeconfig(self) -> Path:
        return self.data_dir / "kubeconfig"

    def knarr(
        self, *words: str, check: bool = True, stdin: str | None = None, timeout_s: float = 180
    ) -> subprocess.CompletedProcess[str]:
        """Run `knarr`; the data directory is put behind the (sub)command's words."""
        head, rest = list(words), []
        if "--" in head:
            at = head.index("--")
            head, rest = head[:at], head[at:]
        done = subprocess.run(
            [*KNARR, *head, "--data-dir", str(self.data_dir), *rest],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=timeout_s,
            check=False,
        )
        assert not check or done.returncode == 0, f"knarr {' '.join(words)}: {done.stdout}\n{done.stderr}"
        return done

    def kubectl(
        self,
        *words: str,
        check: bool = True,
        stdin: str | None = None,
        timeout_s: float = 120,
        binary: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl (the newest found, or `binary`)."""
        program = binary or kubectls()[-1]
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.data_dir)}
        done = subprocess.run(
            [program, *words],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=timeout_s,
            env=environment,
            check=False,
        )
        assert not check or done.returncode == 0, f"kubectl {' '.join(words)}: {done.stdout}\n{done.stderr}"
        return done

    def get(self, *words: str, namespace: str = "default") -> Any:
        """Return `knarr get … -o json`."""
        return json.loads(self.knarr("get", *words, "-n", namespace, "-o", "json").stdout)

    def apply(self, *objects: dict[str, Any], namespace: str = "default", wait: bool = True) -> None:
        """Apply objects, and wait until their workloads run."""
        text = "\n---\n".join(json.dumps(one) for one in objects)
        self.knarr("apply", "-f", "-", "-n", namespace, *([] if wait else ["--detach"]), stdin=text)

    def exec(self, pod: str, *command: str, namespace: str = "default", check: bool = True) -> str:
        """Run a command in a pod's first container and return what it printed; with check, once that runs."""
        if check:
            until(lambda: self._runs(pod, namespace), f"pod {pod} runs")
        return self.knarr("exec", pod, "-n", namespace, "--", *command, check=check).stdout

    def _runs(self, pod: str, namespace: str) -> bool:
        containers = self.get(f"pod/{pod}", namespace=namespace)["status"].get("containerStatuses", ())
        return any("running" in one["state"] for one in containers)

    def log(self, part: str) -> str:
        return (self.data_dir / "log" / f"{part}.log").read_text(errors="replace")


def kubectls() -> list[str]:
    """Return every kubectl found, oldest first; empty where there is none."""
    plain = shutil.which("kubectl")
    if plain is None:
        return []
    folder = Path(plain).resolve().parent
    versioned = sorted(str(path) for path in folder.glob("kubectl.1.*"))
    return versioned or [plain]


def until(true: Callable[[], Any], what: str, patience_s: float = 30.0) -> Any:
    """Wait until something holds and return it."""
    deadline_s = time.monotonic() + patience_s
    while True:
        found = true()
        if found:
            return found
        assert time.monotonic() < deadline_s, f"{what}: not within {patience_s} s"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def busybox_archive(target: Path) -> Path:
    """Write a small image with a shell, a web server and name look-ups, from the system's own static busybox."""
    busybox = Path("/bin/busybox").read_bytes()
    links = {f"bin/{name}": "busybox" for name in APPLETS}
    files = {
        "bin/busybox": busybox,
        "tmp/.keep": b"",
        "etc/passwd": b"root:x:0:0:root:/:/bin/sh\n",
        "etc/group": b"root:x:0:\n",
    }
    oci.write_archive(
        target,
        name=BUSYBOX,
        layers=[oci.layer(files, links=links)],
        config={"Cmd": ["sleep", "inf"], "Env": ["PATH=/bin"]},
    )
    return target


def new_cluster(port: int | None = None) -> Cluster:
    """Return a cluster that is not up yet. The path is short: unix sockets lie below it."""
    return Cluster(Path(f"/tmp/kn-{uuid.uuid4().hex[:8]}"), port or free_port())


def pod(name: str, script: str = "sleep inf", **spec: Any) -> dict[str, Any]:
    """Return a busybox pod that runs a script."""
    labels = spec.pop("labels", {"app": name})
    container = {
        "name": "main",
        "image": BUSYBOX,
        "imagePullPolicy": "Never",
        "command": ["sh", "-c", script],
        **spec.pop("container", {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container], **spec},
    }


def deployment(name: str, replicas: int, script: str, **container: Any) -> dict[str, Any]:
    """Return a busybox Deployment that runs a script."""
    template = pod(name, script, container=container)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": template["spec"]},
        },
    }


def service(name: str, port: int = 80, *, target: int | str = 8080, **spec: Any) -> dict[str, Any]:
    """Return a Service for the app of the same name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": port, "targetPort": target}], **spec},
    }


# A web server that says who answered; it leaves well when told to.
WEB = "mkdir -p /tmp/w; hostname > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"
