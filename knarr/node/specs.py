"""Work out what the runtime is to make of a pod: its sandbox and its containers. Pure.

Source: kube kuberuntime_sandbox.go, kuberuntime_container_linux.go, cm/helpers_linux.go, securitycontext/util.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from knarr.api.types.core_v1 import (
    Container,
    Pod,
    PodSecurityContext,
    SeccompProfile,
    SecurityContext,
    SELinuxOptions,
)
from knarr.node import containerlimits, podcontainers, podnames, sysctls
from knarr.node.containerlimits import NO_GROUND, Ground
from knarr.node.cri.face import NO_PIN, ContainerSpec, Namespaces, Pin, PortMapping, SandboxSpec, Security, Span
from knarr.node.faces import ConfigError, Device, DnsConfig, Mount

MASKED_PATHS = (
    "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
    "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
)                                          # Source: kube securitycontext/util.go
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
STRICT = "Strict"                          # supplementalGroupsPolicy: none but the groups the pod names
TERMINATION_LOG = "/dev/termination-log"     # Source: kube core/v1 defaults
BACKOFF_NOTE = "knarr.dev/backoff"         # "<wait in s>:<since, wall s>": survives the agent
SIGNAL_NOTE = "knarr.dev/stop-signal"     # for who stops a container whose pod nobody has any more
IMAGE_NOTE = "knarr.dev/image"             # the image as the spec names it
APPARMOR_NOTE = "container.apparmor.security.beta.kubernetes.io/"    # and the container's name: what fields say now
APPARMOR_TYPES = {"RuntimeDefault": "runtime/default", "Unconfined": "unconfined"}


@dataclass(frozen=True, slots=True)
class Profiles:
    """Which seccomp profiles this machine has. folder: of its own; default: of who asks for none."""

    folder: str = ""
    default: str = "Unconfined"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was gathered for one run of a container.

    uid, username: the image's user; ground: the machine; pid_target: the running container whose processes an
    ephemeral one asks to see.
    """

    attempt: int
    image_ref: str
    uid: int | None
    username: str
    env: tuple[tuple[str, str], ...]
    command: tuple[str, ...]
    args: tuple[str, ...]
    mounts: tuple[Mount, ...]
    notes: Mapping[str, str]
    ground: Ground = NO_GROUND
    pid_target: str = ""
    devices: tuple[Device, ...] = ()
    cdi_devices: tuple[str, ...] = ()
    pin: Pin = NO_PIN
    users: Span | None = None
    profiles: Profiles = Profiles()


def sandbox_spec(
    pod: Pod, *, attempt: int, log_dir: str, cgroup_parent: str, dns: DnsConfig | None, seccomp: str,
) -> SandboxSpec:
    """Return what the pod's sandbox needs. cgroup_parent: the pod's own. dns: None: the host's.

    seccomp: the profile of the sandbox's own process, as CRI names it; that of the containers is their own.
    """
    meta, spec = pod.metadata, pod.spec
    context = spec.securityContext or PodSecurityContext()
    return SandboxSpec(
        name=meta.name or "", namespace=meta.namespace or "", uid=meta.uid or "", attempt=attempt,
        hostname="" if spec.hostNetwork else podnames.hostname(pod), log_dir=log_dir, dns=dns,
        cgroup_parent=cgroup_parent,
        ports=() if spec.hostNetwork else port_mappings(pod), namespaces=namespaces(pod),
        security=Security(
            run_as_user=context.runAsUser, run_as_group=context.runAsGroup,
            supplemental_groups=groups(context), only_these_groups=context.supplementalGroupsPolicy == STRICT,
            seccomp=seccomp, selinux=selinux(context.seLinuxOptions),
            privileged=any(c.securityContext and c.securityContext.privileged for c in podcontainers.every(pod)),
        ),
        sysctls={sysctls.dotted(each.name): each.value for each in context.sysctls},
        resources=containerlimits.of_sandbox(pod), overhead=containerlimits.overhead(pod),
        labels={**meta.labels, **pod_labels(pod)},
        annotations=dict(meta.annotations),
    )


def container_spec(pod: Pod, container: Container, prepared: Prepared) -> ContainerSpec:
    """Return what one run of a container needs. Raises ConfigError where it may not run as its image wants."""
    verify_non_root(pod, container, uid=prepared.uid, username=prepared.username)
    privileged = bool(container.securityContext and container.securityContext.privileged)
    grace_s, signal = pod.spec.terminationGracePeriodSeconds, podcontainers.stop_signal(container)
    message_path = container.terminationMessagePath or TERMINATION_LOG
    return ContainerSpec(
        name=container.name, attempt=prepared.attempt, image=container.image or "", image_ref=prepared.image_ref,
        command=prepared.command, args=prepared.args, working_dir=container.workingDir or "", env=prepared.env,
        mounts=prepared.mounts, devices=prepared.devices, cdi_devices=prepared.cdi_devices,
        log_path=f"{container.name}/{prepared.attempt}.log",
        stdin=bool(container.stdin), stdin_once=bool(container.stdinOnce), tty=bool(container.tty), stop_signal=signal,
        namespaces=container_namespaces(pod, prepared.pid_target, prepared.users),
        security=security(pod, container, privileged=privileged, profiles=prepared.profiles),
        resources=replace(containerlimits.resources(pod, container, prepared.ground), pin=prepared.pin),
        labels={**pod_labels(pod), "io.kubernetes.container.name": container.name},
        annotations={
            "io.kubernetes.container.restartCount": str(prepared.attempt),
            "io.kubernetes.container.terminationMessagePath": message_path,
            "io.kubernetes.container.terminationMessagePolicy": container.terminationMessagePolicy or "File",
            "io.kubernetes.pod.terminationGracePeriod": str(30 if grace_s is None else grace_s),
            "io.kubernetes.container.ports": json.dumps([port.containerPort for port in container.ports]),
            IMAGE_NOTE: container.image or "",
            **({SIGNAL_NOTE: signal} if signal else {}),
            **prepared.notes,
        },
    )


def pod_labels(pod: Pod) -> dict[str, str]:
    """Return the labels by which the agent knows its own again. Source: kube kubelet/types/labels.go."""
    meta = pod.metadata
    return {
        "io.kubernetes.pod.name": meta.name or "",
        "io.kubernetes.pod.namespace": meta.namespace or "",
        "io.kubernetes.pod.uid": meta.uid or "",
    }


def port_mappings(pod: Pod) -> tuple[PortMapping, ...]:
    """Return the pod's host ports."""
    return tuple(
        PortMapping(port.containerPort, port.hostPort, port.protocol or "TCP", port.hostIP or "")
        for container in podcontainers.every(pod) for port in container.ports if port.hostPort
    )


def namespaces(pod: Pod, users: Span | None = None) -> Namespaces:
    """Return which namespaces the pod shares."""
    spec = pod.spec
    return Namespaces(
        network="node" if spec.hostNetwork else "pod",
        pid="node" if spec.hostPID else "pod" if spec.shareProcessNamespace else "container",
        ipc="node" if spec.hostIPC else "pod", users=users,
    )


def container_namespaces(pod: Pod, pid_target: str, users: Span | None) -> Namespaces:
    """Return which namespaces a container shares: its target's processes, unless it sees all of the pod's anyway."""
    shared = namespaces(pod, users)
    return replace(shared, pid_target=pid_target) if shared.pid == "container" else shared


def security(pod: Pod, container: Container, *, privileged: bool, profiles: Profiles) -> Security:
    """Return who the container runs as: its own words win over the pod's."""
    own = container.securityContext or SecurityContext()
    shared = pod.spec.securityContext or PodSecurityContext()
    unmasked = privileged or own.procMount == "Unmasked"
    capabilities = own.capabilities
    return Security(
        run_as_user=own.runAsUser if own.runAsUser is not None else shared.runAsUser,
        run_as_group=own.runAsGroup if own.runAsGroup is not None else shared.runAsGroup,
        supplemental_groups=groups(shared),
        only_these_groups=shared.supplementalGroupsPolicy == STRICT,
        privileged=privileged,
        read_only_root=bool(own.readOnlyRootFilesystem),
        no_new_privileges=own.allowPrivilegeEscalation is False and not privileged,
        add_capabilities=capabilities.add if capabilities else (),
        drop_capabilities=capabilities.drop if capabilities else (),
        seccomp=seccomp(own.seccompProfile or shared.seccompProfile, profiles),
        apparmor=apparmor(pod, container),
        selinux=selinux(own.seLinuxOptions or shared.seLinuxOptions),
        masked_paths=() if unmasked else MASKED_PATHS,
        readonly_paths=() if unmasked else READONLY_PATHS,
    )


def apparmor(pod: Pod, container: Container) -> str:
    """Return the profile as CRI names it; empty: whatever the runtime does by itself.

    Source: kube apis/core/v1/helper/apparmor (annotations), security/apparmor/helpers.go (GetProfile).
    """
    own = container.securityContext.appArmorProfile if container.securityContext else None
    noted = pod.metadata.annotations.get(APPARMOR_NOTE + container.name, "")
    shared = pod.spec.securityContext.appArmorProfile if pod.spec.securityContext else None
    profile = own or (None if noted else shared)
    if profile is None:
        return noted
    return f"localhost/{profile.localhostProfile}" if profile.type == "Localhost" else APPARMOR_TYPES[profile.type]


def groups(context: PodSecurityContext) -> tuple[int, ...]:
    """Return the further groups of every process: fsGroup and those asked for."""
    own = () if context.fsGroup is None else (context.fsGroup,)
    return (*own, *context.supplementalGroups)


def selinux(options: SELinuxOptions | None) -> dict[str, str]:
    """Return what is asked for of a process's SELinux label."""
    options = options or SELinuxOptions()
    asked = {"user": options.user, "role": options.role, "type": options.type, "level": options.level}
    return {name: value for name, value in asked.items() if value}


def seccomp(profile: SeccompProfile | None, profiles: Profiles) -> str:
    """Return the profile's name, or the path of one of this machine. Source: kube kuberuntime/helpers.go."""
    if profile is None:
        return profiles.default
    return f"{profiles.folder}/{profile.localhostProfile}" if profile.type == "Localhost" else profile.type


def verify_non_root(pod: Pod, container: Container, *, uid: int | None, username: str) -> None:
    """Refuse to run as root what asked not to. Source: kube kuberuntime/security_context_others.go."""
    own = container.securityContext or SecurityContext()
    shared = pod.spec.securityContext or PodSecurityContext()
    asked = own.runAsNonRoot if own.runAsNonRoot is not None else shared.runAsNonRoot
    user = own.runAsUser if own.runAsUser is not None else shared.runAsUser
    if not asked or (user is not None and user != 0):
        return
    meta = pod.metadata
    where = f'(pod: "{meta.name}_{meta.namespace}({meta.uid})", container: {container.name})'
    if user == 0:
        raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
    if username:
        raise ConfigError(f"container has runAsNonRoot and image has non-numeric user ({username}), "
                          f"cannot verify user is non-root {where}")
    if not uid:
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
