"""Put a probe's question to a container, by whichever of the four ways it names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from knarr.api.types.core_v1 import Container, ExecAction, HTTPGetAction, Pod, Probe
from knarr.node.cri.face import RuntimeFault
from knarr.node.env import expand
from knarr.node.faces import ExecSync, ExecTimeout
from knarr.node.probes import grpc_health, http, tcp
from knarr.node.probes.tally import Outcome

OUTPUT_BYTES_MAX: Final = 10 * 1024     # of a command's output in a message. Source: kube pkg/probe/exec, maxReadLength
TIMEOUT_S: Final = 1                    # Source: kube defaulting of timeoutSeconds


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom to ask: one run of a container. started_s: wall time."""

    pod: Pod
    container: Container
    container_id: str
    pod_ip: str
    started_s: float


Ask: TypeAlias = Callable[[Subject, Probe], Awaitable[Outcome]]


class Asker:
    """Puts questions over the network, or through the container runtime."""

    def __init__(self, exec_sync: ExecSync) -> None:
        self._exec_sync = exec_sync

    async def __call__(self, subject: Subject, probe: Probe) -> Outcome:
        """Ask once. Never raises for what a container does or does not do."""
        timeout_s = float(probe.timeoutSeconds or TIMEOUT_S)
        try:
            if probe.exec is not None:
                return await self._run(subject, probe.exec, timeout_s)
            if probe.httpGet is not None:
                return await http.probe(http_target(subject, probe.httpGet), timeout_s=timeout_s)
            if probe.tcpSocket is not None:
                host = probe.tcpSocket.host or subject.pod_ip
                return await tcp.probe(host, port_number(subject, probe.tcpSocket.port), timeout_s=timeout_s)
            if probe.grpc is not None:
                return await grpc_health.probe(
                    subject.pod_ip, probe.grpc.port, service=probe.grpc.service or "", timeout_s=timeout_s)
        except PortUnknown as error:
            return Outcome("error", str(error))
        return Outcome("error", f"missing probe handler for {subject.pod.metadata.name}:{subject.container.name}")

    async def _run(self, subject: Subject, action: ExecAction, timeout_s: float) -> Outcome:
        static = {entry.name: entry.value for entry in subject.container.env if entry.value}
        try:
            result = await self._exec_sync(subject.container_id, expand(action.command, static), timeout_s)
        except ExecTimeout as error:
            return Outcome("failure", f"command timed out: {error}")
        except (RuntimeFault, OSError) as error:
            return Outcome("error", str(error))
        output = (result.stdout + result.stderr)[:OUTPUT_BYTES_MAX].decode("utf-8", "replace")
        return Outcome("success" if result.exit_code == 0 else "failure", output)


def http_target(subject: Subject, action: HTTPGetAction) -> http.Target:
    """Return where an httpGet points: by default the pod, the scheme in lower case, the path with its slash."""
    path = action.path or "/"
    return http.Target(
        host=action.host or subject.pod_ip, port=port_number(subject, action.port),
        path=path if path.startswith("/") else f"/{path}", scheme=(action.scheme or "HTTP").lower(),
        headers=tuple((header.name, header.value) for header in action.httpHeaders),
    )


class PortUnknown(Exception):
    """The probe names a port that the container does not have."""


def port_number(subject: Subject, port: int | str | None) -> int:
    """Return a port by number, by a container port's name, or by a number in text. Raises PortUnknown.

    Source: kube pkg/probe/util.go, ResolveContainerPort.
    """
    if isinstance(port, int):
        number = port
    else:
        named = (entry.containerPort for entry in subject.container.ports if entry.name == port)
        number = next(named, int(port) if port and port.isdigit() else 0)
    if not 0 < number < 65536:
        raise PortUnknown(f"couldn't find port: {port}" if isinstance(port, str) else f"invalid port number: {port}")
    return number
