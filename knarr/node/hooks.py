"""Run lifecycle hooks: postStart and preStop, by command, HTTP request or a pause.

Source: kube kubelet/lifecycle/handlers.go.
"""

from __future__ import annotations

from knarr.api.types.core_v1 import Container, HTTPGetAction, LifecycleHandler
from knarr.base.clock import Clock
from knarr.node.cri.face import Runtime, RuntimeFault
from knarr.node.faces import ExecTimeout
from knarr.node.probes import http
from knarr.node.probes.ask import PortUnknown

FOREVER_S = 24 * 3600.0     # a postStart hook has no limit of its own; a day is a bound, no other reason
HTTP_S = 30.0


class HookFailed(Exception):
    """The hook did not succeed; the text is for the log, users see only that it failed."""


class Hooks:
    """Runs hooks in containers of one runtime."""

    def __init__(self, runtime: Runtime, clock: Clock) -> None:
        self._runtime = runtime
        self._clock = clock

    async def run(self, hook: LifecycleHandler, container: Container, *, container_id: str, pod_ip: str,
                  limit_s: float = FOREVER_S) -> None:
        """Run one hook to its end. Raises HookFailed."""
        if hook.exec is not None:
            await self._exec(container_id, hook.exec.command, limit_s)
        elif hook.httpGet is not None:
            await self._http(hook.httpGet, container, pod_ip, limit_s=min(limit_s, HTTP_S))
        elif hook.sleep is not None:
            await self._clock.sleep(min(limit_s, float(hook.sleep.seconds)))

    async def _exec(self, container_id: str, command: tuple[str, ...], limit_s: float) -> None:
        try:
            result = await self._runtime.exec_sync(container_id, command, limit_s)
        except (RuntimeFault, ExecTimeout) as error:
            raise HookFailed(str(error)) from error
        if result.exit_code:
            raise HookFailed(f"command {' '.join(command)!r} exited with {result.exit_code}: {result.stderr[:256]!r}")

    async def _http(self, action: HTTPGetAction, container: Container, pod_ip: str, *, limit_s: float) -> None:
        path = action.path or "/"
        try:
            target = http.Target(
                host=action.host or pod_ip, port=hook_port(container, action.port),
                path=path if path.startswith("/") else f"/{path}", scheme=(action.scheme or "HTTP").lower(),
                headers=tuple((header.name, header.value) for header in action.httpHeaders),
            )
        except PortUnknown as error:
            raise HookFailed(str(error)) from error
        outcome = await http.probe(target, timeout_s=limit_s)
        if not outcome.ok:
            raise HookFailed(outcome.message)


def hook_port(container: Container, port: int | str | None) -> int:
    """Return a hook's port by number or by a container port's name; 80 where none is said. Raises PortUnknown."""
    if port is None or port == "":
        return 80
    if isinstance(port, int):
        return port
    named = [each.containerPort for each in container.ports if each.name == port]
    if not named and not port.isdigit():
        raise PortUnknown(f"couldn't find port: {port}")
    return named[0] if named else int(port)
