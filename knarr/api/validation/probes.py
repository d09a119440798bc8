"""Check probes and lifecycle hooks.

Source: kube pkg/apis/core/validation/validation.go (validateProbe, validateHandler).
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api import stopsignals
from knarr.api.validation import formats
from knarr.api.validation.spot import Spot

PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
COUNTS: Final = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
PROBE_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
HOOK_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "sleep")
SCHEMES: Final = ("HTTP", "HTTPS")


def probe(spot: Spot, item: dict[str, Any], *, once: bool) -> None:
    """Check a probe. once: one success is enough and no other count is allowed (liveness, startup)."""
    handler(spot, item, PROBE_HANDLERS)
    for name in COUNTS:
        if item.get(name, 0) < 0:
            spot.at(name).not_negative(item[name])
    seconds = item.get("terminationGracePeriodSeconds")
    if seconds is not None and seconds <= 0:
        spot.at("terminationGracePeriodSeconds").invalid(seconds, "must be greater than 0")
    if not once and seconds is not None:
        spot.at("terminationGracePeriodSeconds").invalid(seconds, "must not be set for readinessProbes")
    if once and item.get("successThreshold", 1) != 1:
        spot.at("successThreshold").invalid(item["successThreshold"], "must be 1")


def lifecycle(spot: Spot, item: dict[str, Any], *, grace_s: int, system: str) -> None:
    """Check the hooks and the signal. grace_s: a preStop sleep must fit into it, seconds. system: the pod's own."""
    if item.get("stopSignal") is not None:
        _stop_signal(spot.at("stopSignal"), item["stopSignal"], system)
    for name in ("postStart", "preStop"):
        hook = item.get(name)
        if hook is None:
            continue
        handler(spot.at(name), hook, HOOK_HANDLERS)
        seconds = (hook.get("sleep") or {}).get("seconds", 0)
        if not 0 <= seconds <= grace_s:
            spot.at(name).at("sleep").invalid(
                seconds, f"must be non-negative and less than terminationGracePeriodSeconds ({grace_s})")


def _stop_signal(spot: Spot, name: str, system: str) -> None:
    known = {"linux": stopsignals.LINUX, "windows": stopsignals.WINDOWS}.get(system)
    if not system:
        spot.forbidden("may not be set for containers with empty `spec.os.name`")
    elif known is not None and name not in known:
        spot.unsupported(name, sorted(known))


def handler(spot: Spot, item: dict[str, Any], kinds: tuple[str, ...]) -> None:
    """Check that exactly one of the handlers is given, and that one."""
    found = False
    for name in kinds:
        action = item.get(name)
        if action is None:
            continue
        if found:
            spot.at(name).forbidden("may not specify more than 1 handler type")
            continue
        found = True
        check = ACTIONS.get(name)
        if check is not None:
            check(spot.at(name), action)
    if not found:
        spot.required("must specify a handler type")


def _exec(spot: Spot, action: dict[str, Any]) -> None:
    if not action.get("command"):
        spot.at("command").required()


def _http(spot: Spot, action: dict[str, Any]) -> None:
    if not action.get("path"):
        spot.at("path").required()
    port(spot.at("port"), action.get("port", 0))
    if action.get("scheme") not in SCHEMES:
        spot.at("scheme").unsupported(action.get("scheme") or "", SCHEMES)
    for number, header in enumerate(action.get("httpHeaders") or ()):
        name = header.get("name") or ""
        spot.at("httpHeaders").index(number).at("name").each(name, formats.http_header(name))


def _tcp(spot: Spot, action: dict[str, Any]) -> None:
    port(spot.at("port"), action.get("port", 0))


def _grpc(spot: Spot, action: dict[str, Any]) -> None:
    spot.at("port").each(action.get("port", 0), formats.port_number(action.get("port", 0)))


def port(spot: Spot, value: int | str) -> None:
    """Check a port given by number or name."""
    faults = formats.port_name(value) if isinstance(value, str) else formats.port_number(value)
    if faults:
        spot.each(value, faults)


ACTIONS: Final = {"exec": _exec, "httpGet": _http, "tcpSocket": _tcp, "grpc": _grpc}
