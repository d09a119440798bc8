"""Bring an instance up: look, prepare, start, wait. Every step is told to the caller as it is done."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from knarr.assembly import preflight, processes
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Instance, Wishes, load, propose, save
from knarr.base.clock import Clock

API_PATIENCE_S = 60.0
NODE_PATIENCE_S = 90.0
LOOK_EVERY_S = 0.02
PACKAGES = (
    "containerd",
    "runc",
    "containernetworking-plugins",
    "nftables",
    "iproute2",
    "busybox-static",
    "buildah",
    "mmdebstrap",
)

Tell = Callable[[str], None]


async def up(data_dir: Path, wishes: Wishes, clock: Clock, tell: Tell) -> Instance:
    """Start everything that does not run yet and return once the API answers and this node is Ready."""
    instance = propose(data_dir, wishes)
    preflight.check(instance)
    if instance.config.kubelet_config or instance.config.node_options:
        from knarr.assembly.noderules import node_rules  # who sets nothing does not wait for its import

        node_rules(instance.config)
    if processes.alive(instance, "supervisor"):
        _refuse_change(instance)
        tell("Knarr runs already")
    else:
        preflight.check_port(instance.config.port)
        preflight.check_port(instance.config.agent_port, option="--agent-port")
        save(instance)
        processes.start(instance)
        _certify(instance, clock)  # while the parts are being imported
        tell(f"Certificates and kubeconfig in {instance.data_dir}")
    await until(lambda: ready(instance), clock, patience_s=API_PATIENCE_S, failure=lambda: _silent(instance, "server"))
    tell(f"API server answers at {instance.server_url}")
    await until(
        lambda: node_ready(instance), clock, patience_s=NODE_PATIENCE_S, failure=lambda: _silent(instance, "agent")
    )
    tell(f"Node {instance.config.node_name} is Ready")
    return instance


def _certify(instance: Instance, clock: Clock) -> None:
    from knarr.assembly import pki  # here, because it takes longer to import than to start the parts

    pki.ensure(instance, clock.now_s())


def _refuse_change(instance: Instance) -> None:
    was = load(instance.data_dir)
    if was is not None and was != instance:
        before, now = asdict(was.config), asdict(instance.config)
        changed = ", ".join(f"{key} {before[key]} to {now[key]}" for key in now if before[key] != now[key])
        raise Failure(
            f"it runs already, and only a stopped one can change {changed}",
            f"knarr down --data-dir {instance.data_dir}; then this command again",
        )


def install(tell: Tell) -> None:
    """Install the system packages a node needs (Debian and its kin)."""
    missing = [name for name in PACKAGES if not _installed(name)]
    if not missing:
        return
    apt = preflight.find("apt-get")
    if apt is None:
        raise Failure(
            "this machine has no apt-get", f"install what corresponds to: {' '.join(missing)}; then: knarr up"
        )
    tell(f"Installing {', '.join(missing)}")
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
    for command in ([apt, "update", "-qq"], [apt, "install", "-y", "-qq", "--no-install-recommends", *missing]):
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise Failure(
            f"apt-get could not install {' '.join(missing)}: {done.stderr.strip()}",
            "mend the package sources, then: knarr up --install",
        )


def _installed(package: str) -> bool:
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status}", package], capture_output=True, text=True, check=False
    )
    return done.stdout == "installed"


async def until(true: Callable[[], bool], clock: Clock, *, patience_s: float, failure: Callable[[], Failure]) -> None:
    """Wait until something holds; raise `failure()` when patience ends."""
    deadline_s = clock.monotonic_s() + patience_s
    while not true():
        if clock.monotonic_s() > deadline_s:
            raise failure()
        await clock.sleep(LOOK_EVERY_S)


def ready(instance: Instance) -> bool:
    """Tell whether the API server says it is ready."""
    return ask(instance, "/readyz") is not None


def node_ready(instance: Instance) -> bool:
    """Tell whether this machine's node says Ready and its agent answers: what it said outlives it for a while."""
    path = f"/api/v1/nodes/{instance.config.node_name}"
    body = ask(instance, path)
    if body is None:
        return False
    conditions: list[dict[str, Any]] = json.loads(body).get("status", {}).get("conditions") or []
    said = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return said and ask(instance, f"{path}/proxy/healthz") is not None


def ask(instance: Instance, path: str, wait_s: float = 2.0) -> bytes | None:
    """GET a path as the administrator; None when the server does not answer with 200, or has no certificate yet."""
    import ssl  # here, for the same reason
    import urllib.request

    try:
        context = ssl.create_default_context(cafile=str(instance.pki / "ca.crt"))
        context.load_cert_chain(instance.pki / "admin.crt", instance.pki / "admin.key")
        with urllib.request.urlopen(instance.server_url + path, context=context, timeout=wait_s) as answer:
            return bytes(answer.read())
    except OSError:  # ssl.SSLError and urllib.error.URLError are such too
        return None


def _silent(instance: Instance, part: str) -> Failure:
    log = instance.logs / f"{part}.log"
    return Failure(
        f"the {part} does not get ready; its last words:\n{processes.last_words(log)}", f"read {log}, or: knarr doctor"
    )
