"""Write docs/reference/cli.md and kinds.md from the command line and the kind registry.

Run it after adding a command, an option or a kind; `--check` only says whether the pages are current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from knarr.api.kinds import KINDS, Kind
from knarr.cli.main import COMMANDS, cli

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
MADE = "Made by `scripts/generate_reference.py`; do not edit."

# (group, kind) → what acts on it, and what it lacks yet
ACTS: dict[tuple[str, str], tuple[str, str]] = {
    ("", "Binding"): ("API server: places a pod", ""),
    ("", "ComponentStatus"): ("API server answers from its own checks", ""),
    ("", "ConfigMap"): ("node agent: volumes and environment; `rootca` keeps `kube-root-ca.crt`", ""),
    ("", "Endpoints"): ("`endpoints` writes them, `endpointslicemirroring` reads what others write", ""),
    ("", "Event"): ("written by every component, forgotten after an hour", ""),
    ("", "LimitRange"): ("admission: defaults, bounds and ratios", ""),
    ("", "Namespace"): (
        "`namespace` empties one that goes; admission: Pod Security by its labels", ""),
    ("", "Node"): ("node agent registers; `nodelifecycle` taints; `ttl`; scheduler", "more than one machine"),
    ("", "PersistentVolumeClaim"): (
        "`volumebinder`, `pvcprotection`, `localpath`, `ephemeralvolume`; node agent grows CSI volumes",
        ""),
    ("", "PersistentVolume"): (
        "`volumebinder`, `pvprotection`, `localpath`, `attachdetach`; node agent: CSI, hostPath, local, NFS",
        "the other in-tree network volumes"),
    ("", "Pod"): (
        "scheduler, node agent, `podgc`, `garbagecollector`",
        "user namespaces; static policies for processors and memory"),
    ("", "PodTemplate"): ("nothing: a template at rest", ""),
    ("", "ReplicationController"): ("`replicaset`", ""),
    ("", "ResourceQuota"): ("admission charges it, `resourcequota` counts", ""),
    ("", "Secret"): (
        "node agent: volumes, environment, image pulls; sealed on disk; "
        "`accounttokens`, `bootstrapsigner`, `tokencleaner`", ""),
    ("", "ServiceAccount"): ("`serviceaccounts` makes `default`; tokens are bound and rotated", ""),
    ("", "Service"): ("proxy (nftables), cluster DNS, `endpointslices`", "LoadBalancer addresses, IPv6"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (
        "API server: serves its kind, clears up when it goes",
        ""),
    ("apiregistration.k8s.io", "APIService"): (
        "API server: passes a group's requests on to an extension server; the core group stays its own", ""),
    ("apps", "ControllerRevision"): ("`statefulset` and `daemonset` write them", ""),
    ("apps", "DaemonSet"): ("`daemonset`", ""),
    ("apps", "Deployment"): ("`deployment`", ""),
    ("apps", "ReplicaSet"): ("`replicaset`", ""),
    ("apps", "StatefulSet"): ("`statefulset`", ""),
    ("authentication.k8s.io", "SelfSubjectReview"): ("API server answers", ""),
    ("authentication.k8s.io", "TokenReview"): ("API server answers", ""),
    ("authorization.k8s.io", "LocalSubjectAccessReview"): ("API server answers", ""),
    ("authorization.k8s.io", "SelfSubjectAccessReview"): ("API server answers", ""),
    ("authorization.k8s.io", "SelfSubjectRulesReview"): ("API server answers", ""),
    ("authorization.k8s.io", "SubjectAccessReview"): ("API server answers", ""),
    ("autoscaling", "HorizontalPodAutoscaler"): ("nothing yet", "its controller, and metrics"),
    ("batch", "CronJob"): ("`cronjob`", ""),
    ("batch", "Job"): ("`job`", ""),
    ("certificates.k8s.io", "CertificateSigningRequest"): (
        "`certificates` approves agents' own and signs for the built-in signers", ""),
    ("coordination.k8s.io", "Lease"): ("node agent renews its own; `nodelifecycle` watches it", ""),
    ("discovery.k8s.io", "EndpointSlice"): ("`endpointslices` writes, proxy and DNS read", "IPv6, topology hints"),
    ("events.k8s.io", "Event"): ("the same objects as in v1", ""),
    ("networking.k8s.io", "IngressClass"): ("admission: the default class", "the ingress component"),
    ("networking.k8s.io", "Ingress"): ("nothing yet", "the ingress component"),
    ("networking.k8s.io", "IPAddress"): ("`ipaddresses` makes one for each ClusterIP", ""),
    ("networking.k8s.io", "ServiceCIDR"): ("`servicecidrs`; the API server gives addresses of Ready ones", ""),
    ("networking.k8s.io", "NetworkPolicy"): ("nothing yet", "enforcement: all traffic passes"),
    ("node.k8s.io", "RuntimeClass"): (
        "admission: overhead and scheduling; nodes take its handler", ""),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): (
        "admission asks them in turn", ""),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): ("admission: CEL, objects laid over and patches", ""),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): ("admission", ""),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): (
        "admission: CEL; its status says what cannot be", ""),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): ("admission: deny, warn, audit", ""),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): (
        "admission asks them side by side", ""),
    ("policy", "PodDisruptionBudget"): ("`disruption` counts, evictions and preemption heed it", ""),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("API server decides by it", ""),
    ("rbac.authorization.k8s.io", "ClusterRole"): ("API server decides by it; `clusterroles` aggregates", ""),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("API server decides by it", ""),
    ("rbac.authorization.k8s.io", "Role"): ("API server decides by it", ""),
    ("scheduling.k8s.io", "PriorityClass"): ("admission resolves it; scheduler preempts by it", ""),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): ("API server: sorts requests into flows", ""),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): ("API server: shares its seats", ""),
    ("resource.k8s.io", "DeviceClass"): ("nothing yet", "allocation of devices"),
    ("resource.k8s.io", "ResourceClaim"): (
        "`resourceclaims` ends reservations; scheduler: holds its pods back", "devices"),
    ("resource.k8s.io", "ResourceClaimTemplate"): ("`resourceclaims` makes its pods' claims", ""),
    ("resource.k8s.io", "ResourceSlice"): ("drivers write them", "allocation of devices"),
    ("storage.k8s.io", "CSIDriver"): ("node agent, `attachdetach`", "SELinux mounts"),
    ("storage.k8s.io", "CSINode"): ("node agent writes it, scheduler heeds its limits", ""),
    ("storage.k8s.io", "CSIStorageCapacity"): (
        "scheduler: where a volume can be made; `localpath` tells each node's room", ""),
    ("storage.k8s.io", "VolumeAttachment"): ("`attachdetach` makes them, a driver's attacher acts on them", ""),
    ("storage.k8s.io", "VolumeAttributesClass"): (
        "`vacprotection`, `volumebinder`; quotas by their scope; a driver's resizer changes volumes by it", ""),
    ("storage.k8s.io", "StorageClass"): ("`volumebinder`; `localpath` provisions `local-path`", "other provisioners"),
}


def pages() -> dict[str, str]:
    """Return each page's text by its file name."""
    return {"cli.md": "\n".join(cli_page()) + "\n", "kinds.md": "\n".join(kinds_page()) + "\n"}


def cli_page() -> Iterator[str]:
    """Yield the lines of the command line's page: every command with its arguments and options."""
    yield from ("# Command line", "", MADE, "")
    yield from (
        "Every message of a failed command starts with `knarr:` and names the next step. Exit codes: 0 done, 1 refused",
        "or failed, 2 the command line itself is wrong, 130 interrupted; `knarr exec` passes on that of what it ran.",
        "With `-o json` a command prints one JSON document and nothing else on standard output. `KNARR_TRACE=1` shows",
        "where a fault in Knarr itself happened.",
    )
    context = click.Context(cli, info_name="knarr")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None, name
        yield from command_lines(command, click.Context(command, parent=context, info_name=name))


def command_lines(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield one command's lines, then those of the commands below it."""
    usage = " ".join(command.collect_usage_pieces(context))
    yield from ("", f"## `{context.command_path}`", "", f"`{context.command_path} {usage}`", "")
    yield " ".join((command.help or "").split())
    options = [one for one in command.params if isinstance(one, click.Option)]
    if options:
        yield from ("", "| option | meaning |", "| --- | --- |")
        yield from (option_row(option, context) for option in options)
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from command_lines(below, click.Context(below, parent=context, info_name=name))


def option_row(option: click.Option, context: click.Context) -> str:
    """Return an option's row: all its spellings, its help and default."""
    found = option.get_help_record(context)
    assert found is not None, option.opts
    spelling, meaning = (cell.replace("|", "\\|") for cell in found)
    return f"| `{spelling}` | {meaning} |"


def kinds_page() -> Iterator[str]:
    """Yield the lines of the kinds' page."""
    yield from ("# Kinds", "", MADE, "")
    yield "Names and verbs are those of Kubernetes 1.36. A controller is named as its folder in `knarr/controllers`."
    yield from ("", "| kind | resource | scope | subresources | verbs | what acts on it | lacks yet |")
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    yield from (
        kind_row(kind) for kind in sorted(KINDS, key=lambda one: (one.group, one.version, one.kind)) if kind.served
    )


def kind_row(kind: Kind) -> str:
    """Return one kind's row. Raises KeyError for a kind that nobody described in ACTS."""
    names = ", ".join(f"`{name}`" for name in (kind.plural, *kind.short_names))
    below = ", ".join(sub.name for sub in kind.subresources)
    verbs = (
        "all" if len(kind.verbs) == 8 else "all but deletecollection" if len(kind.verbs) == 7 else ", ".join(kind.verbs)
    )
    acts, lacks = ACTS[kind.group, kind.kind]
    scope = "namespace" if kind.namespaced else "cluster"
    return f"| {kind.api_version} {kind.kind} | {names} | {scope} | {below} | {verbs} | {acts} | {lacks} |"


def main() -> int:
    """Write the pages, or with `--check` say which are not current."""
    check, stale = "--check" in sys.argv[1:], []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        path = FOLDER / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text)
    print(f"{'stale' if check else 'written'}: {', '.join(stale) or 'none'}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
