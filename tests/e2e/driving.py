"""Drive a cluster through one kubectl, as scripts do and as people at a terminal do."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.cluster import Cluster

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Kubectl:
    """One kubectl binary and a namespace of its own."""

    cluster: Cluster
    binary: str
    namespace: str

    def __call__(
        self, *words: str, stdin: str | None = None, check: bool = True, timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return self.cluster.kubectl(
            "-n", self.namespace, *words, stdin=stdin, check=check, timeout_s=timeout_s, binary=self.binary
        )

    def out(self, *words: str, stdin: str | None = None) -> str:
        """Run a command that must succeed and return what it printed."""
        return self(*words, stdin=stdin).stdout.strip()

    def refused(self, *words: str, stdin: str | None = None) -> str:
        """Run a command that must fail and return what it said."""
        done = self(*words, stdin=stdin, check=False)
        assert done.returncode != 0, f"{words} was not refused: {done.stdout}"
        return done.stderr

    @property
    def minor(self) -> int:
        """Its minor version; newer than all where the file's name does not tell."""
        tail = Path(self.binary).name.rpartition(".")[2]
        return int(tail) if tail.isdigit() else 999

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "HOME": str(self.cluster.data_dir),
            "TERM": "xterm",
        }

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command beside the test, and end it afterwards."""
        argv = [self.binary, "-n", self.namespace, *words]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=self.environment)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(10)

    def on_terminal(self, *words: str, talk: Sequence[tuple[str, str]]) -> tuple[str, int]:
        """Run a command on a terminal. talk: what to wait for, then what to type. Return all that was seen and the code."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(self.binary, [self.binary, "-n", self.namespace, *words], self.environment)
        seen = ""
        try:
            for awaited, typed in talk:
                seen += read_until(terminal, awaited)
                os.write(terminal, typed.encode())
            seen += read_until(terminal, None)
        finally:
            os.close(terminal)
            _, status = os.waitpid(pid, 0)
        return seen, os.waitstatus_to_exitcode(status)


def read_until(descriptor: Any, words: str | None, patience_s: float = PATIENCE_S) -> str:
    """Read until the words have come (None: until the end) or patience ends; return what was read."""
    text, deadline_s = "", time.monotonic() + patience_s
    while (words is None or words not in text) and time.monotonic() < deadline_s:
        if not select.select([descriptor], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(descriptor if isinstance(descriptor, int) else descriptor.fileno(), 65536)
        except OSError:
            break  # so a terminal tells that the other side has gone
        if not data:
            break
        text += data.decode(errors="replace")
    return text
