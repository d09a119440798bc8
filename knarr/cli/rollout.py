"""`knarr rollout`: follow a rollout, see its revisions, undo or restart it."""

from __future__ import annotations

import time
from typing import Any

import click

from knarr.base.clock import SystemClock
from knarr.base.times import rfc3339
from knarr.cli.connect import Server, server_options
from knarr.cli.failure import RequestFailed
from knarr.cli.output import OUTPUT, Report, print_json
from knarr.cli.resources import Resource, find, named_targets
from knarr.cli.steps import Progress, tick

WAITABLE = frozenset({"deployments", "statefulsets", "daemonsets"})
LOOK_EVERY_S = 0.2
REVISION = "deployment.kubernetes.io/revision"


@click.group()
def command() -> None:
    """Follow, undo or restart a rollout."""


@command.command()
@click.argument("what", nargs=-1, required=True, metavar="TYPE/NAME…")
@click.option("--timeout", "timeout_s", type=float, default=600.0, show_default=True, metavar="SECONDS",
              help="How long to wait.")  # fmt: skip
@OUTPUT
@server_options
def status(server: Server, what: tuple[str, ...], timeout_s: float, output: str) -> None:
    """Wait until the rollout is done; exit code 1 when it fails."""
    report = Report(output)
    for resource, name in _workloads(server, what, "status"):
        follow(server, resource, name, namespace=server.namespace, patience_s=timeout_s, quiet=report.quiet)
        if report.quiet:
            report.done(f"{resource.qualified}/{name}", "rolled out")
    report.end()


@command.command()
@click.argument("what", metavar="deployment/NAME")
@OUTPUT
@server_options
def history(server: Server, what: str, output: str) -> None:
    """List the revisions that can be returned to."""
    _, _, sets = _deployment(server, what)
    rows: list[dict[str, Any]] = [
        {"revision": revision(one), "images": [c["image"] for c in one["spec"]["template"]["spec"]["containers"]]}
        for one in sets
    ]
    if output == "json":
        print_json(rows)
        return
    click.echo("REVISION   IMAGES")
    for row in rows:
        click.echo(f"{row['revision']:<10} {', '.join(row['images'])}")


@command.command()
@click.argument("what", metavar="deployment/NAME")
@click.option("--to-revision", type=click.IntRange(1), metavar="N", help="Default: the one before the current.")
@click.option("--detach", is_flag=True, help="Do not wait.")
@OUTPUT
@server_options
def undo(server: Server, what: str, to_revision: int | None, detach: bool, output: str) -> None:
    """Return to an earlier revision."""
    resource, name, sets = _deployment(server, what)
    report, numbered = Report(output), {revision(one): one for one in sets}
    if to_revision is None and len(numbered) < 2:
        raise RequestFailed(f"{what} has no earlier revision", hint=f"see: knarr rollout history {what}")
    wanted = to_revision or sorted(numbered)[-2]
    if wanted not in numbered:
        raise RequestFailed(f"{what} has no revision {wanted}", hint=f"see: knarr rollout history {what}")
    template = numbered[wanted]["spec"]["template"]
    template["metadata"].get("labels", {}).pop("pod-template-hash", None)
    patch = [{"op": "replace", "path": "/spec/template", "value": template}]
    server.ask("PATCH", resource.path(server.namespace, name), patch, content_type="application/json-patch+json")
    report.done(f"{resource.qualified}/{name}", f"rolled back to revision {wanted}", revision=wanted)
    if not detach:
        follow(server, resource, name, namespace=server.namespace, patience_s=600.0, quiet=report.quiet)
    report.end()


@command.command()
@click.argument("what", nargs=-1, required=True, metavar="TYPE/NAME…")
@click.option("--detach", is_flag=True, help="Do not wait.")
@OUTPUT
@server_options
def restart(server: Server, what: tuple[str, ...], detach: bool, output: str) -> None:
    """Replace all pods, a few at a time."""
    report, stamp = Report(output), rfc3339(SystemClock().now_s())
    patch = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": stamp}}}}}
    for resource, name in _workloads(server, what, "restart"):
        server.ask("PATCH", resource.path(server.namespace, name), patch, content_type="application/merge-patch+json")
        report.done(f"{resource.qualified}/{name}", "restarted")
        if not detach:
            follow(server, resource, name, namespace=server.namespace, patience_s=600.0, quiet=report.quiet)
    report.end()


def revision(replicaset: dict[str, Any]) -> int:
    """Return the number of the rollout a ReplicaSet belongs to."""
    return int(replicaset["metadata"]["annotations"][REVISION])


def _workloads(server: Server, what: tuple[str, ...], verb: str) -> list[tuple[Resource, str]]:
    found = [(find(server, word), name) for word, name in named_targets(what, f"rollout {verb}")]
    wrong = next((resource for resource, _ in found if resource.plural not in WAITABLE), None)
    if wrong:
        raise RequestFailed(
            f"{wrong.plural} are not rolled out: {', '.join(sorted(WAITABLE))} are",
            hint=f"like: knarr rollout {verb} deployment/web",
        )
    return found


def _deployment(server: Server, what: str) -> tuple[Resource, str, list[dict[str, Any]]]:
    ((word, name),) = named_targets((what,), "rollout undo")
    resource = find(server, word)
    if resource.plural != "deployments":
        raise RequestFailed(
            f"{what} is no deployment, and only those keep revisions here",
            hint="like: knarr rollout undo deployment/web",
        )
    body = server.ask("GET", resource.path(server.namespace, name))
    owned = server.ask("GET", f"/apis/apps/v1/namespaces/{server.namespace}/replicasets")["items"]
    uid = body["metadata"]["uid"]
    mine = [rs for rs in owned if any(owner["uid"] == uid for owner in rs["metadata"].get("ownerReferences", ()))]
    revised = [rs for rs in mine if REVISION in rs["metadata"].get("annotations", {})]
    return resource, name, sorted(revised, key=revision)


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
        failed = _failed(body)
        if done and not failed:
            break
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
    back = next((c for c in conditions if c["type"] == "RolledBack" and c["status"] == "True"), None)
    return str((late or back or {}).get("message", ""))


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
