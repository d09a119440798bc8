"""Say what one Knarr on this machine is called, where it lives and which addresses are its own.

Everything that could collide with another Knarr (interface, table, cgroup, networks) is derived from the data
directory, so that several run side by side. What was chosen at the first start is written to `config.json` and stays.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import re
import shutil
import socket
import subprocess
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from knarr.assembly.failure import Failure

ROOT_DATA_DIR = Path("/var/lib/knarr")
PORT = 6443
AGENT_PORT = 10250
VERSION = "v1.36.2+knarr.0.1.0"
CLUSTER_DOMAIN = "cluster.local"
RESOLV_CONF = "/etc/resolv.conf"
# Second bytes of pods' networks 10.N.0.0/16; services have 10.N+64.0.0/16. 88 is podman's, 96 Kubernetes' own default.
LOTS = tuple(number for number in range(64, 124) if number not in (88, 96))
BRIDGE_NOTE = Path("/run/knarr-bridge-nf-call-iptables")  # one for the machine; the last instance removes it


def default_data_dir() -> Path:
    """Return where data lies when nobody says: `/var/lib/knarr` as root, else below the user's data home."""
    if os.geteuid() == 0:
        return ROOT_DATA_DIR
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(home) / "knarr"


@dataclass(frozen=True, slots=True)
class Config:
    """What the first start chose; later starts keep it.

    port: of the API. agent_port: of the node's HTTPS port.
    runtime_endpoint: a CRI endpoint someone else runs; empty: our own containerd.
    resolv_conf: names the resolvers for names outside the cluster.
    authentication_config: an AuthenticationConfiguration file; empty: no outside issuers.
    admission_control_config_file: an AdmissionConfiguration; empty: nothing but namespaces' own labels counts.
    image_credential_provider_config: names plugins that know logins for registries, programs in
    image_credential_provider_bin_dir; empty: none.
    audit_policy_file: an audit policy; empty: no request is written down. audit_log_path: empty: below the data
    directory. audit_log_maxage: days, audit_log_maxbackup: files (both 0: no bound), audit_log_maxsize: megabytes.
    kubelet_config: a KubeletConfiguration, of which the node follows what is about resources; empty: kubelet's own
    defaults. node_options: kubelet's options by name, which win over the file.
    """

    node_name: str
    node_ip: str
    port: int = PORT
    agent_port: int = AGENT_PORT
    pod_cidr: str = "10.244.0.0/16"
    service_cidr: str = "10.96.0.0/16"
    runtime_endpoint: str = ""
    resolv_conf: str = RESOLV_CONF
    authentication_config: str = ""
    admission_control_config_file: str = ""
    image_credential_provider_config: str = ""
    image_credential_provider_bin_dir: str = ""
    audit_policy_file: str = ""
    audit_log_path: str = ""
    audit_log_maxage: int = 0
    audit_log_maxbackup: int = 0
    audit_log_maxsize: int = 100
    kubelet_config: str = ""
    node_options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Instance:
    """One Knarr: its data directory and what was chosen for it."""

    data_dir: Path
    config: Config

    @property
    def pki(self) -> Path:
        return self.data_dir / "pki"

    @property
    def kubeconfig(self) -> Path:
        return self.data_dir / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.data_dir / "log"

    @property
    def run_dir(self) -> Path:
        return self.data_dir / "run"

    @property
    def database(self) -> Path:
        return self.data_dir / "state.db"

    @property
    def server_url(self) -> str:
        return f"https://127.0.0.1:{self.config.port}"

    @property
    def tag(self) -> str:
        """Return a short name no other data directory has; the default one's is the shortest."""
        return "" if self.data_dir == ROOT_DATA_DIR else hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:8]

    @property
    def nft_table(self) -> str:
        return f"knarr_{self.tag}" if self.tag else "knarr"

    @property
    def api_address(self) -> str:
        """Return the first address of the service network: the Service `kubernetes`."""
        return str(ipaddress.ip_network(self.config.service_cidr)[1])

    @property
    def dns_address(self) -> str:
        """Return the tenth address of the service network: the Service `kube-dns`."""
        return str(ipaddress.ip_network(self.config.service_cidr)[10])

    @property
    def node_pod_cidr(self) -> str:
        """Return this node's share of the pod network: its first /24."""
        network = ipaddress.ip_network(self.config.pod_cidr)
        return str(next(network.subnets(new_prefix=max(24, network.prefixlen))))

    @property
    def node_gateway(self) -> str:
        """Return the bridge's own address, where pods meet this node."""
        return str(ipaddress.ip_network(self.node_pod_cidr)[1])


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for on the command line; None leaves the choice to us."""

    port: int | None = None
    agent_port: int | None = None
    node_name: str | None = None
    pod_cidr: str | None = None
    service_cidr: str | None = None
    runtime_endpoint: str | None = None
    resolv_conf: str | None = None
    authentication_config: str | None = None
    admission_control_config_file: str | None = None
    image_credential_provider_config: str | None = None
    image_credential_provider_bin_dir: str | None = None
    audit_policy_file: str | None = None
    audit_log_path: str | None = None
    audit_log_maxage: int | None = None
    audit_log_maxbackup: int | None = None
    audit_log_maxsize: int | None = None
    kubelet_config: str | None = None
    node_options: dict[str, str] | None = None


def load(data_dir: Path) -> Instance | None:
    """Read what an earlier start chose; None where there was none."""
    path = data_dir / "config.json"
    if not path.exists():
        return None
    try:
        return Instance(data_dir, Config(**json.loads(path.read_text())))
    except (ValueError, TypeError) as error:
        raise Failure(
            f"{path} cannot be read: {error}", f"mend it, or start anew with: knarr down --purge --data-dir {data_dir}"
        ) from error


def existing(data_dir: Path | None) -> Instance:
    """Return the instance of `data_dir` (None: the user's own); Failure when none was ever started there."""
    folder = (data_dir or default_data_dir()).absolute()
    instance = load(folder)
    if instance is None:
        again = "knarr up" if data_dir is None else f"knarr up --data-dir {folder}"
        raise Failure(f"there is no Knarr in {folder}", again)
    return instance


def choose(data_dir: Path, wishes: Wishes) -> Instance:
    """Return the instance of `data_dir`: as chosen before, or chosen now and written down."""
    instance = propose(data_dir, wishes)
    save(instance)
    return instance


def propose(data_dir: Path, wishes: Wishes) -> Instance:
    """Return the instance of `data_dir` as `choose` does, without writing anything."""
    data_dir = data_dir.absolute()
    known = load(data_dir)
    wanted = {key: value for key, value in asdict(wishes).items() if value is not None}
    if known is None:
        instance = Instance(data_dir, replace(_fresh(data_dir), **wanted))
    else:
        options = {**known.config.node_options, **(wishes.node_options or {})}
        wanted["node_options"] = {name: text for name, text in options.items() if text}
        instance = Instance(data_dir, replace(known.config, **wanted))
        _refuse_moves(known.config, instance.config)
    _check_networks(instance.config)
    return instance


def save(instance: Instance) -> None:
    """Write the configuration in one step, so that no half of it is ever read. Raises Failure where that cannot be."""
    path = instance.data_dir / "config.json"
    draft = path.with_suffix(".new")
    try:
        instance.data_dir.mkdir(parents=True, exist_ok=True, mode=0o755)
        draft.write_text(json.dumps(asdict(instance.config), indent=2) + "\n")
        draft.replace(path)
    except OSError as error:
        why = f"cannot write to {instance.data_dir}: {error.strerror}"
        raise Failure(why, "choose another place with --data-dir, or make room") from error


def _fresh(data_dir: Path) -> Config:
    name, address = socket.gethostname().lower(), machine_address()
    if data_dir == ROOT_DATA_DIR:
        return Config(name, address)
    digest = hashlib.sha256(str(data_dir).encode()).digest()
    pods, services = _networks(int.from_bytes(digest[:2], "big"), pod_networks())
    return Config(
        name,
        address,
        agent_port=20_000 + int.from_bytes(digest[2:4], "big") % 10_000,
        pod_cidr=pods,
        service_cidr=services,
    )


def _networks(lot: int, taken: set[str]) -> tuple[str, str]:
    """Return networks for pods and services: the lot's, or the next that no instance of this machine has."""
    lots = [LOTS[(lot + step) % len(LOTS)] for step in range(len(LOTS))]
    free = [pair for pair in ((f"10.{lot}.0.0/16", f"10.{lot + 64}.0.0/16") for lot in lots) if pair[0] not in taken]
    if not free:
        raise Failure("every network for pods is taken on this machine", "choose with --pod-cidr and --service-cidr")
    return free[0]


def pod_networks() -> set[str]:
    """Return the networks of this machine's instances, as each wrote it into its own nftables table `knarr…_pods`."""
    program = shutil.which("nft", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None:
        return set()
    tables = subprocess.run([program, "list", "tables", "ip"], capture_output=True, text=True, check=False).stdout
    found = set()
    for name in re.findall(r"^table ip (knarr\w*_pods)$", tables, re.MULTILINE):
        rules = subprocess.run([program, "list", "table", "ip", name], capture_output=True, text=True, check=False)
        network = re.search(r"ip saddr (\d+\.\d+)\.", rules.stdout)
        if network:
            found.add(f"{network[1]}.0.0/16")
    return found


def _refuse_moves(was: Config, now: Config) -> None:
    for name in ("node_name", "pod_cidr", "service_cidr"):
        if getattr(was, name) != getattr(now, name):
            raise Failure(
                f"--{name.replace('_', '-')} cannot change after the first start: expected {getattr(was, name)}, "
                f"got {getattr(now, name)}",
                "leave the option out, or start anew after: knarr down --purge",
            )


def _check_networks(config: Config) -> None:
    try:
        pods, services = ipaddress.IPv4Network(config.pod_cidr), ipaddress.IPv4Network(config.service_cidr)
    except ValueError as error:
        raise Failure(
            f"a network must look like 10.244.0.0/16: {error}", "mend --pod-cidr or --service-cidr"
        ) from error
    if pods.overlaps(services):
        raise Failure(f"pods and services need networks apart: {pods} and {services} overlap", "choose others")
    if services.prefixlen > 28 or pods.prefixlen > 24:
        raise Failure(
            f"too few addresses: pods {pods} (at least a /24), services {services} (at least a /28)",
            "choose larger networks",
        )


def machine_address() -> str:
    """Return the address this machine would use to reach others; loopback where it has none.

    Connecting a datagram socket sends nothing: it only asks the kernel for the route. 192.0.2.1 is for documentation
    (RFC 5737).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
