"""Turn our specs into CRI v1 messages. Nothing is decided here."""

from __future__ import annotations

from typing import Any

from cri_api.v1 import api_pb2 as pb

from knarr.node.cri.face import ContainerSpec, Namespaces, PortMapping, Resources, SandboxSpec, Security, Span
from knarr.node.faces import Mount
from knarr.node.hugepages import page_size

MODES = {"pod": pb.POD, "container": pb.CONTAINER, "node": pb.NODE}
GROUPS = {only: pb.SupplementalGroupsPolicy.Value("Strict" if only else "Merge") for only in (False, True)}
PROTOCOLS = {"TCP": pb.TCP, "UDP": pb.UDP, "SCTP": pb.SCTP}
PROPAGATIONS = {
    "private": pb.PROPAGATION_PRIVATE,
    "host_to_container": pb.PROPAGATION_HOST_TO_CONTAINER,
    "bidirectional": pb.PROPAGATION_BIDIRECTIONAL,
}


def sandbox_config(spec: SandboxSpec) -> Any:
    """Return a PodSandboxConfig."""
    config = pb.PodSandboxConfig(
        metadata=pb.PodSandboxMetadata(name=spec.name, namespace=spec.namespace, uid=spec.uid, attempt=spec.attempt),
        hostname=spec.hostname,
        log_directory=spec.log_dir,
        port_mappings=[port_mapping(port) for port in spec.ports],
        labels=spec.labels,
        annotations=spec.annotations,
        linux=pb.LinuxPodSandboxConfig(
            cgroup_parent=spec.cgroup_parent,
            security_context=sandbox_security(spec),
            sysctls=spec.sysctls,
            resources=resources(spec.resources) if spec.resources else None,
            overhead=resources(spec.overhead) if spec.overhead else None,
        ),
    )
    if spec.dns is not None:
        config.dns_config.CopyFrom(pb.DNSConfig(
            servers=spec.dns.servers, searches=spec.dns.searches, options=spec.dns.options,
        ))
    return config


def container_config(spec: ContainerSpec) -> Any:
    """Return a ContainerConfig."""
    return pb.ContainerConfig(
        metadata=pb.ContainerMetadata(name=spec.name, attempt=spec.attempt),
        image=pb.ImageSpec(image=spec.image_ref, user_specified_image=spec.image),
        command=spec.command,
        args=spec.args,
        working_dir=spec.working_dir,
        envs=[pb.KeyValue(key=key, value=value) for key, value in spec.env],
        mounts=[mount(each, spec.namespaces.users) for each in spec.mounts],
        devices=[pb.Device(container_path=each.container_path, host_path=each.host_path, permissions=each.permissions)
                 for each in spec.devices],
        CDI_devices=[pb.CDIDevice(name=each) for each in spec.cdi_devices],
        labels=spec.labels,
        annotations=spec.annotations,
        log_path=spec.log_path,
        stdin=spec.stdin,
        stdin_once=spec.stdin_once,
        tty=spec.tty,
        stop_signal=stop_signal(spec.stop_signal),
        linux=pb.LinuxContainerConfig(
            resources=resources(spec.resources),
            security_context=container_security(spec.security, spec.namespaces),
        ),
    )


def stop_signal(name: str) -> Any:
    """Return a Signal, which the API spells with signs."""
    return pb.Signal.Value(name.replace("+", "PLUS").replace("-", "MINUS")) if name else pb.RUNTIME_DEFAULT


def port_mapping(port: PortMapping) -> Any:
    """Return a PortMapping."""
    return pb.PortMapping(
        protocol=PROTOCOLS[port.protocol], container_port=port.container_port,
        host_port=port.host_port, host_ip=port.host_ip,
    )


def mount(each: Mount, users: Span | None = None) -> Any:
    """Return a Mount. users: those of the pod, to whom the files are to look like their own."""
    return pb.Mount(
        container_path=each.container_path, host_path=each.host_path, readonly=each.read_only,
        propagation=PROPAGATIONS[each.propagation], recursive_read_only=each.read_only_below,
        uidMappings=mapping(users), gidMappings=mapping(users),
    )


def mapping(users: Span | None) -> list[Any]:
    """Return IDMappings: a pod's user and group 0 is the first of its span."""
    return [] if users is None else [pb.IDMapping(host_id=users.first, container_id=0, length=users.size)]


def resources(limits: Resources) -> Any:
    """Return LinuxContainerResources."""
    return pb.LinuxContainerResources(
        cpu_shares=limits.cpu_shares, cpu_quota=limits.cpu_quota_us, cpu_period=limits.cpu_period_us,
        memory_limit_in_bytes=limits.memory_limit_bytes, oom_score_adj=limits.oom_score_adj, unified=limits.unified,
        hugepage_limits=[pb.HugepageLimit(page_size=page_size(size), limit=most)
                         for size, most in limits.hugepages.items()],
        cpuset_cpus=limits.pin.cpus, cpuset_mems=limits.pin.nodes,
    )


def sandbox_security(spec: SandboxSpec) -> Any:
    """Return a LinuxSandboxSecurityContext."""
    security = spec.security
    context = pb.LinuxSandboxSecurityContext(
        namespace_options=namespace_options(spec.namespaces),
        supplemental_groups=security.supplemental_groups,
        supplemental_groups_policy=GROUPS[security.only_these_groups],
        privileged=security.privileged,
        seccomp=seccomp(security.seccomp),
    )
    if security.run_as_user is not None:
        context.run_as_user.value = security.run_as_user
    if security.run_as_group is not None:
        context.run_as_group.value = security.run_as_group
    if security.selinux:
        context.selinux_options.CopyFrom(pb.SELinuxOption(**security.selinux))
    return context


def container_security(security: Security, namespaces: Namespaces) -> Any:
    """Return a LinuxContainerSecurityContext."""
    context = pb.LinuxContainerSecurityContext(
        capabilities=pb.Capability(
            add_capabilities=security.add_capabilities, drop_capabilities=security.drop_capabilities,
        ),
        privileged=security.privileged,
        namespace_options=namespace_options(namespaces),
        readonly_rootfs=security.read_only_root,
        supplemental_groups=security.supplemental_groups,
        supplemental_groups_policy=GROUPS[security.only_these_groups],
        no_new_privs=security.no_new_privileges,
        masked_paths=security.masked_paths,
        readonly_paths=security.readonly_paths,
        seccomp=seccomp(security.seccomp),
    )
    if security.run_as_user is not None:
        context.run_as_user.value = security.run_as_user
    if security.run_as_group is not None:
        context.run_as_group.value = security.run_as_group
    if security.apparmor:
        context.apparmor_profile = security.apparmor
    if security.selinux:
        context.selinux_options.CopyFrom(pb.SELinuxOption(**security.selinux))
    return context


def namespace_options(namespaces: Namespaces) -> Any:
    """Return NamespaceOptions."""
    options = pb.NamespaceOption(
        network=MODES[namespaces.network], ipc=MODES[namespaces.ipc],
        pid=pb.TARGET if namespaces.pid_target else MODES[namespaces.pid], target_id=namespaces.pid_target,
    )
    if namespaces.users is not None:
        ids = mapping(namespaces.users)
        options.userns_options.CopyFrom(pb.UserNamespace(mode=pb.POD, uids=ids, gids=ids))
    return options


def seccomp(profile: str) -> Any:
    """Return a SecurityProfile."""
    if profile == "RuntimeDefault":
        return pb.SecurityProfile(profile_type=pb.SecurityProfile.RuntimeDefault)
    if profile == "Unconfined":
        return pb.SecurityProfile(profile_type=pb.SecurityProfile.Unconfined)
    return pb.SecurityProfile(profile_type=pb.SecurityProfile.Localhost, localhost_ref=profile)
