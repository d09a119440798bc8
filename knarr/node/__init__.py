"""Run this machine's pods: watch them in the API, drive the container runtime, write back what is.

    API ──informer──▶ agent ──Event──▶ podmachine (pure) ──Instruction──▶ act ──▶ CRI, volumes, probes
     ▲                                      │
     └──────────── status (pure) ◀──────────┘

Owns: sandboxes, containers, volumes, probes, logs, the node object and its lease. Refuses: scheduling, service rules,
names. Containers outlive the agent: everything it must know again after `kill -9` stands in CRI labels and annotations.

Who does what:

`settings.Settings`          where everything of this instance lives, and its numbers
`faces`                      the words the parts below share (frozen dataclasses and Protocols)
`cri.face.Runtime`           Protocol of the container runtime; `cri.runtime.CriRuntime` is the only gRPC
`env`                        pure: a container's environment and arguments from gathered references
`volumes.Volumes`            sets up, refreshes and tears down a pod's volumes; reads config maps and secrets
`probes.Prober`              runs probes and reports verdicts
`staticpods.statics`         runs the pods whose manifests lie on this machine, and shows them in the API
`shutdown.Shutdown`          ends pods by priority before the machine goes down
`logs`, `logrotate`          reading logs, keeping them bounded
`resolv`, `podnames`, `server`   hosts and resolv.conf; the HTTPS port for logs, exec, attach, port-forward
`rules`, `kubeletfile`       what the owner says of resources, and how it is read; `allocatable`: what is left
`alignment`, `keeper`        who has processors, memory and devices for itself, and how close to each other
`admission`, `containerlimits`   pure: whether a pod is taken; what the kernel is told of a container
`sysctls`                    pure: which kernel parameters pods may set
`podmachine`, `act`, `status`, `agent`, `nodestatus`, `heartbeat`, `containerd`, `images`, `cni`, `cgroups`

Faces between the core and the input/output parts
-------------------------------------------------
env (pure)::

    container_env(pod: Pod, container: Container, references: References, *, services: Iterable[Service],
                  node: NodeFacts, pod_ip: str) -> tuple[tuple[str, str], ...]
        raises faces.ConfigError (text as kubelet)
    expand(words: Iterable[str], env: Mapping[str, str]) -> tuple[str, ...]          $(VAR) in command and args

`NodeFacts(name, ip, allocatable_cpu_milli, allocatable_memory_bytes)` and `References(config_maps, secrets)` (name ->
object or None where the API said 404) stand in `faces`.

volumes::

    Volumes(settings: Settings, client: Client, clock: Clock)
    async run() -> None                          refreshes contents until cancelled; the agent's TaskGroup owns it
    async references(pod: Pod) -> References     what env and envFrom name; a pod that names nothing costs no request
    async set_up(pod: Pod) -> None               idempotent; raises faces.MountError (FailedMount text as kubelet)
    async mounts(pod: Pod, container: Container, *, env: Mapping[str, str]) -> tuple[faces.Mount, ...]
                                                 after set_up; volumeMounts with subPath; raises faces.ConfigError
    async tear_down(pod_uid: str) -> None        unmount and remove; needs no Pod object
    known() -> tuple[str, ...]                   pod uids that have a directory, for orphans

resolv (pure)::

    hosts_file(pod: Pod, pod_ip: str, cluster_domain: str) -> str
    dns_config(pod: Pod, *, cluster_dns: tuple[str, ...], cluster_domain: str, host_resolv: str) -> faces.DnsConfig

The core writes /etc/hosts and the termination log file and mounts both.

probes::

    Prober(clock: Clock, exec_sync: ExecSync, *, sink: Callable[[faces.Verdict], None],
           event: Callable[[faces.ProbeEvent], None])
    async run() -> None                          owns the probe tasks (TaskGroup) until cancelled
    watch(pod: Pod, container: Container, *, container_id: str, pod_ip: str, started_s: float) -> None
                                                 all its probes; idempotent by container_id; started_s: wall seconds
    stop(container_id: str) -> None              idempotent
    stop_pod(pod_uid: str) -> None

A Verdict is sent when a threshold is crossed (and at the first success of startup and readiness); before the
first one a container with a readiness or startup probe is not ready, and with a startup probe not started.
`ExecSync = Callable[[str, tuple[str, ...], float], Awaitable[faces.ExecResult]]` (container id, argv, timeout_s).

server::

    Server(settings, runtime: cri.face.Runtime, *, lookup: faces.Lookup, tls: ssl.SSLContext, clock: Clock)
    async run() -> None                          serves until cancelled

logs read `Settings.log_file(pod_namespace, pod_name, pod_uid, container, attempt)`; `faces.Lookup` tells the attempt.
"""
