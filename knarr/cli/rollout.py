"""`knarr rollout`: follow a rollout, see its revisions, undo or restart it."""

from __future__ import annotations

import time
from typing import Any

import click

from knarr.base.clock import SystemClock
from knarr.cli.connect import Server, server_options
from knarr.cli.failure import RequestFailed
from knarr.cli.resources import Resource, find, split_targets
from knarr.cli.steps import Progress, tick

WAITABLE = frozenset({"deployments", "statefulsets", "daemonsets"})
LOOK_EVERY_S = 0.2
REVISION = "deployment.kubernetes.io/revision"


@click.group()
def command() -> None:
    """Follow, undo or restart a rollout."""


@command.command()
@click.argument("what", nargs=-1, required=True, metavar="TYPE/NAME…")
@click.option("--timeout", "timeout_s", type=float, default=600.0, show_default=True, metavar="SECONDS")
@server_options
def status(server: Server, what: tuple[str, ...], timeout_s: float) -> None:
    """Wait until the rollout is done; exit code 1 when it fails."""
    for word, name in split_targets(what):
        follow(server, find(server, word), name, namespace=server.namespace, patience_s=timeout_s)


@command.command()
@click.argument("what", metavar="deployment/NAME")
@server_options
def history(server: Server, what: str) -> None:
    """List the revisions that can be returned to."""
    _, _, sets = _deployment(server, what)
    click.echo("REVISION   IMAGES")
    for one in sets:
        images = ", ".join(c["image"] for c in one["spec"]["template"]["spec"]["containers"])
        click.echo(f"{one['metadata']['annotations'][REVISION]:<10} {images}")


@command.command()
@click.argument("what", metavar="deployment/NAME")
@click.option("--to-revision", type=click.IntRange(1), metavar="N", help="Default: the one before the current.")
@click.option("--detach", is_flag=True, help="Do not wait.")
@server_options
def undo(server: Server, what: str, to_revision: int | None, detach: bool) -> None:
    """Return to an earlier revision."""
    resource, name, sets = _deployment(server, what)
    numbered = {int(one["metadata"]["annotations"][REVISION]): one for one in sets}
    if to_revision is None and len(numbered) < 2:
        raise RequestFailed(f"{what} has no earlier revision", hint=f"see: knarr rollout history {what}")
    wanted = to_revision or sorted(numbered)[-2]
    if wanted not in numbered:
        raise RequestFailed(f"{what} has no revision {wanted}", hint=f"there are {sorted(numbered)}")
    template = numbered[wanted]["spec"]["template"]
    template["metadata"].get("labels", {}).pop("pod-template-hash", None)
    patch = [{"op": "replace", "path": "/spec/template", "value": template}]
    server.ask("PATCH", resource.path(server.namespace, name), patch, content_type="application/json-patch+json")
    click.echo(f"{resource.qualified}/{name} rolled back to revision {wanted}")
    if not detach:
        follow(server, resource, name, namespace=server.namespace, patience_s=600.0)


@command.command()
@click.argument("what", nargs=-1, required=True, metavar="TYPE/NAME…")
@click.option("--detach", is_flag=True, help="Do not wait.")
@server_options
def restart(server: Server, what: tuple[str, ...], detach: bool) -> None:
    """Replace all pods, a few at a time."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(SystemClock().now_s()))
    patch = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": stamp}}}}}
    for word, name in split_targets(what):
        resource = find(server, word)
        server.ask("PATCH", resource.path(server.namespace, name), patch, content_type="application/merge-patch+json")
        click.echo(f"{resource.qualified}/{name} restarted")
        if not detach:
            follow(server, resource, name, namespace=server.namespace, patience_s=600.0)


def _deployment(server: Server, what: str) -> tuple[Resource, str, list[dict[str, Any]]]:
    ((word, name),) = split_targets((what,))
    resource = find(server, word)
    if resource.plural != "deployments":
        raise RequestFailed(f"{what} is no deployment", hint="like: knarr rollout undo deployment/web")
    body = server.ask("GET", resource.path(server.namespace, name))
    owned = server.ask("GET", f"/apis/apps/v1/namespaces/{server.namespace}/replicasets")["items"]
    uid = body["metadata"]["uid"]
    mine = [rs for rs in owned if any(owner["uid"] == uid for owner in rs["metadata"].get("ownerReferences", ()))]
    revised = [rs for rs in mine if REVISION in rs["metadata"].get("annotations", {})]
    return resource, name, sorted(revised, key=lambda rs: int(rs["metadata"]["annotations"][REVISION]))


def follow(server: Server, resource: Resource, name: str, *, namespace: str | None, patience_s: float,
           quiet: bool = False) -> None:  # fmt: skip
    """Wait until a workload is rolled out, showing how far it is.

    Raises RequestFailed when its deadline or ours passes; the message carries what its pods say.
    """
    clock, progress = SystemClock(), Progress()
    deadline_s = clock.monotonic_s() + patience_s
    while True:
        body = server.ask("GET", resource.path(namespace, name))
        done, text = verdict(body)
        if done:
            break
        failed = _failed(body)
        if failed or clock.monotonic_s() > deadline_s:
            progress.done()
            why = failed or f"not rolled out within {patience_s:g} s: {text}"
            raise RequestFailed(
                f"{resource.qualified}/{name}: {why}\n{pod_troubles(server, namespace, body)}".rstrip(),
                hint=f"more: knarr describe {resource.kind.lower()}/{name}",
            )
        if not quiet:
            progress.show(f"{resource.kind.lower()}/{name}: {text}")
        time.sleep(LOOK_EVERY_S)
    progress.done()
    if not quiet:
        tick(f"{resource.kind.lower()}/{name}: {text}")


def verdict(body: dict[str, Any]) -> tuple[bool, str]:
    """Tell whether a workload is rolled out, and how far it is.

    Source: kube kubectl/pkg/polymorphichelpers/rollout_status.go.
    """
    spec, status = body["spec"], body.get("status", {})
    if status.get("observedGeneration", 0) < body["metadata"].get("generation", 0):
        return False, "waiting for the change to be seen"
    wanted = status.get("desiredNumberScheduled", 0) if body["kind"] == "DaemonSet" else spec.get("replicas", 1)
    updated = status.get("updatedReplicas", status.get("updatedNumberScheduled", 0))
    available = status.get("availableReplicas", status.get("numberAvailable", 0))
    total = status.get("replicas", status.get("currentNumberScheduled", 0))
    if updated < wanted:
        return False, f"{updated} of {wanted} updated"
    if total > wanted:
        return False, f"{total - wanted} old replicas are going"
    if available < wanted:
        return False, f"{available} of {wanted} available"
    return True, f"{available} of {wanted} available"


def _failed(body: dict[str, Any]) -> str:
    conditions = body.get("status", {}).get("conditions") or []
    late = next(
        (c for c in conditions if c["type"] == "Progressing" and c.get("reason") == "ProgressDeadlineExceeded"), None
    )
    return str(late["message"]) if late else ""


def pod_troubles(server: Server, namespace: str | None, body: dict[str, Any]) -> str:
    """Say in a few lines what keeps a workload's pods from running."""
    labels = (body["spec"].get("selector") or {}).get("matchLabels") or {}
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}
    pods = server.ask("GET", f"/api/v1/namespaces/{namespace}/pods", query=query)["items"]
    lines = [f"    pod/{pod['metadata']['name']}: {trouble}" for pod in pods if (trouble := _trouble(pod))]
    return "\n".join(lines[:5])  # five: enough to see a pattern


def _trouble(pod: dict[str, Any]) -> str:
    status = pod.get("status", {})
    for one in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = (one.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{waiting['reason']}: {waiting.get('message', '')}"
    placed = next(
        (c for c in status.get("conditions") or () if c["type"] == "PodScheduled" and c["status"] == "False"), None
    )
    return str(placed.get("message", "")) if placed else ""
