"""Say where everything of one node instance lives, and its numbers.

Names are derived from the data dir, so that two instances on one machine never meet: another data dir gives another
containerd, another bridge, other cgroups. Paths of unix sockets must stay within the kernel's 107 bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from knarr.node import cgroups
from knarr.node.rules import Rules

if TYPE_CHECKING:
    from knarr.api.types.core_v1 import Pod

SOCKET_PATH_MAX = 107       # bytes. Source: linux/un.h, sun_path[108] with its closing zero
INTERFACE_NAME_MAX = 15     # bytes. Source: linux/if.h, IFNAMSIZ 16 with its closing zero
SANDBOX_IMAGE = "knarr.local/pause:1"


@dataclass(frozen=True, slots=True)
class Settings:
    """One node's settings.

    data_dir: private to this instance. pod_cidr: this node's share of the pod network.
    runtime_endpoint: `unix:///path` of a CRI runtime that someone else runs; empty: a managed containerd of our own.
    serving_port: of the node's HTTPS port (logs, exec); 0: not served.
    """

    data_dir: Path
    node_name: str
    node_ip: str
    pod_cidr: str = "10.244.0.0/24"
    cluster_dns: tuple[str, ...] = ("10.96.0.10",)
    cluster_domain: str = "cluster.local"
    runtime_endpoint: str = ""
    sandbox_image: str = SANDBOX_IMAGE
    cgroup_parent: str = ""
    cgroup_root: Path = Path("/sys/fs/cgroup")
    bridge: str = ""
    cni_bin_dir: Path = Path("/usr/lib/cni")
    max_pods: int = 250
    serving_port: int = 10250
    labels: dict[str, str] = field(default_factory=dict)
    version: str = "v1.36.0+knarr.0.1.0"
    sandbox_parallel: int = 6           # sandboxes being made at once, count: beyond, CNI plugins wait for each other
    start_parallel: int = 4             # containers being created and started at once
    pull_parallel: int = 4              # images being pulled at once, count
    rules: Rules = field(default_factory=Rules)

    def __post_init__(self) -> None:
        assert self.data_dir.is_absolute(), f"data_dir must be absolute (got {self.data_dir})"
        if not self.cgroup_parent:
            object.__setattr__(self, "cgroup_parent", f"/knarr-{self.tag}")
        if not self.bridge:
            object.__setattr__(self, "bridge", f"knarr{self.tag}")
        assert len(self.bridge.encode()) <= INTERFACE_NAME_MAX, f"bridge name is too long (got {self.bridge})"
        path = str(self.containerd_socket)
        assert len(path.encode()) <= SOCKET_PATH_MAX, f"data_dir is too long for a unix socket (got {path})"

    @property
    def tag(self) -> str:
        """Eight hex digits that belong to this data dir alone."""
        return hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:8]

    @property
    def managed(self) -> bool:
        """Tell whether we run our own containerd."""
        return not self.runtime_endpoint

    @property
    def endpoint(self) -> str:
        """Return the CRI endpoint as gRPC wants it."""
        return self.runtime_endpoint or f"unix://{self.containerd_socket}"

    @property
    def runtime_dir(self) -> Path:
        """Return where the managed containerd keeps configuration, state, socket and pid."""
        return self.data_dir / "containerd"

    @property
    def containerd_socket(self) -> Path:
        """Return the managed containerd's socket (its debug and ttrpc siblings are longer by at most 6 bytes)."""
        return self.runtime_dir / "c.sock"

    @property
    def registries_dir(self) -> Path:
        """Return where the machine's owner says how registries are reached, in others' formats.

        `config.json`: docker's, logins. `HOST/hosts.toml`: containerd's, mirrors and certificates.
        """
        return self.data_dir / "registries"

    @property
    def seccomp_dir(self) -> Path:
        """Return where the machine's owner puts the seccomp profiles that pods name (`type: Localhost`)."""
        return self.data_dir / "seccomp"

    @property
    def cni_conf_dir(self) -> Path:
        """Return the directory that holds our network list and nothing else."""
        return self.data_dir / "cni"

    @property
    def cni_plugins_dir(self) -> Path:
        """Return the directory that holds our plugins, and links to those of others that we use."""
        return self.data_dir / "cni-bin"

    @property
    def addresses_dir(self) -> Path:
        """Return the directory that holds a file for each address that a pod has."""
        return self.data_dir / "cni-ipam" / self.bridge

    @property
    def cni_ports_dir(self) -> Path:
        """Return the directory that holds the network list of pods with host ports and nothing else."""
        return self.data_dir / "cni-ports"

    @property
    def volumes_dir(self) -> Path:
        """Return the parent of the directories that serve as volumes; the Node says it to the provisioner."""
        return self.data_dir / "volumes"

    @property
    def plugins_dir(self) -> Path:
        """Return where the registrars of plugins (CSI drivers) make their sockets."""
        return self.data_dir / "plugins_registry"

    @property
    def manifests_dir(self) -> Path:
        """Return where the manifests of static pods lie."""
        return self.data_dir / "manifests"

    @property
    def devices_dir(self) -> Path:
        """Return where device plugins find the node's socket and make their own."""
        return self.data_dir / "device-plugins"

    @property
    def alignment_file(self) -> Path:
        """Return where it stands which container has which processors and memory."""
        return self.data_dir / "alignment.json"

    @property
    def pods_dir(self) -> Path:
        """Return the parent of all pods' own directories."""
        return self.data_dir / "pods"

    @property
    def memory_dir(self) -> Path:
        """Return where what must not lie on a disk is mounted: pods' secrets and tokens."""
        return self.data_dir / "memory"

    def group_of(self, pod: Pod) -> str:
        """Return a pod's control group."""
        return cgroups.pod_parent(self.cgroup_parent, pod.status.qosClass or "BestEffort", pod.metadata.uid or "")

    def pod_dir(self, pod_uid: str) -> Path:
        """Return a pod's own directory: volumes, hosts file, termination logs."""
        assert pod_uid, "a pod needs a uid"
        assert "/" not in pod_uid, f"a uid is one path segment (got {pod_uid})"
        return self.pods_dir / pod_uid

    def log_dir(self, namespace: str, name: str, uid: str) -> Path:
        """Return a pod's log directory. Source: kube kuberuntime/helpers.go, BuildPodLogsDirectory."""
        return self.data_dir / "log" / "pods" / f"{namespace}_{name}_{uid}"

    def log_file(self, namespace: str, name: str, uid: str, container: str, attempt: int) -> Path:
        """Return one run's log file; rotated ones stand beside it with a time as suffix."""
        return self.log_dir(namespace, name, uid) / container / f"{attempt}.log"
