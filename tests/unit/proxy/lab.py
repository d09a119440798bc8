"""A node with two pods and a neighbour, in private network namespaces; threads that step into them.

    outside 192.0.2.9 ── 192.0.2.1 node 10.244.0.1 ── bridge cni0 ── pods 10.244.0.2, 10.244.0.3
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
PODS = ("10.244.0.2", "10.244.0.3")
OUTSIDE = "192.0.2.9"
NODE = "192.0.2.1"
libc = ctypes.CDLL(None, use_errno=True)


class Lab:
    """The namespaces by role: node, outside, and one per pod address."""

    def __init__(self) -> None:
        self.tag = f"kl{os.getpid()}"
        self._stack = contextlib.ExitStack()

    def name(self, role: str) -> str:
        return f"{self.tag}-{role}"

    def inside(self, role: str, what: Callable[[], T]) -> T:
        """Run in a thread that has stepped into a namespace."""
        future: Future[T] = Future()

        def body() -> None:
            try:
                with open(f"/run/netns/{self.name(role)}") as place:
                    assert libc.setns(place.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
                future.set_result(what())
            except (OSError, AssertionError, TimeoutError, asyncio.CancelledError) as error:
                future.set_exception(error)
            finally:
                future.cancel()

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        return future.result()

    def serve(self, role: str, port: int, *, kind: int = socket.SOCK_STREAM) -> None:
        """Let a pod answer every client with its own name and the client's address."""
        server = self.inside(role, lambda: listening(port, kind))
        self._stack.callback(server.close)
        worker = threading.Thread(target=answer if kind == socket.SOCK_STREAM else answer_udp, args=(server, role))
        worker.daemon = True
        worker.start()

    def ask(self, role: str, address: str, port: int) -> tuple[str, str]:
        """Connect from a namespace; return who answered and whom it saw."""
        return self.inside(role, lambda: connect(address, port))

    def __enter__(self) -> Lab:
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _build(self) -> None:
        for role in ("node", "outside", *PODS):
            run(f"ip netns add {self.name(role)}")
            self._stack.callback(run, f"ip netns del {self.name(role)}")
        lines = []
        node = f"-n {self.name('node')}"
        lines += [f"{node} link set lo up", f"{node} link add cni0 type bridge",
                  f"{node} addr add 10.244.0.1/24 dev cni0", f"{node} link set cni0 up"]
        for number, pod in enumerate(PODS):
            here = f"-n {self.name(pod)}"
            lines += [f"{node} link add p{number} type veth peer name eth0 netns {self.name(pod)}",
                      f"{node} link set p{number} master cni0",
                      f"{node} link set p{number} type bridge_slave hairpin on",
                      f"{node} link set p{number} up",
                      f"{here} link set lo up", f"{here} addr add {pod}/24 dev eth0", f"{here} link set eth0 up",
                      f"{here} route add default via 10.244.0.1"]
        out = f"-n {self.name('outside')}"
        lines += [f"{node} link add up0 type veth peer name eth0 netns {self.name('outside')}",
                  f"{node} addr add {NODE}/24 dev up0", f"{node} link set up0 up",
                  f"{node} route add default via {OUTSIDE}",
                  f"{out} addr add {OUTSIDE}/24 dev eth0", f"{out} link set eth0 up", f"{out} link set lo up",
                  f"{out} route add default via {NODE}"]
        for line in lines:
            run(f"ip {line}")
        run(f"ip netns exec {self.name('node')} sysctl -qw net.ipv4.ip_forward=1")

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def run(line: str) -> None:
    subprocess.run(line.split(), check=True)


def listening(port: int, kind: int) -> socket.socket:
    server = socket.socket(socket.AF_INET, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("0.0.0.0", port))
    if kind == socket.SOCK_STREAM:
        server.listen(64)
    return server


def answer(server: socket.socket, name: str) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, peer = server.accept()
            client.sendall(f"{name} {peer[0]}".encode())
            client.close()


def answer_udp(server: socket.socket, name: str) -> None:
    with contextlib.suppress(OSError):
        while True:
            _, peer = server.recvfrom(100)
            server.sendto(f"{name} {peer[0]}".encode(), peer)


def connect(address: str, port: int) -> tuple[str, str]:
    with socket.create_connection((address, port), timeout=1) as client:
        data = b""
        while chunk := client.recv(100):
            data += chunk
    name, _, peer = data.decode().partition(" ")
    return name, peer


@contextlib.contextmanager
def udp_client(lab: Lab, role: str) -> Iterator[Callable[[str, int], str]]:
    """A client that keeps its port: yields ask(address, port) -> who answered."""
    client = lab.inside(role, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    client.settimeout(1)
    client.bind(("0.0.0.0", 40000))

    def ask(address: str, port: int) -> str:
        client.sendto(b"who", (address, port))
        return client.recvfrom(100)[0].decode().partition(" ")[0]

    try:
        yield ask
    finally:
        client.close()
