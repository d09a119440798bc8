"""Read-only core/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class AWSElasticBlockStoreVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 AWSElasticBlockStoreVolumeSource."""

    fsType: str | None = None
    partition: int | None = None
    readOnly: bool | None = None
    volumeID: str = field(default_factory=str)


class Affinity(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Affinity."""

    nodeAffinity: NodeAffinity | None = None
    podAffinity: PodAffinity | None = None
    podAntiAffinity: PodAntiAffinity | None = None


class AppArmorProfile(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 AppArmorProfile."""

    localhostProfile: str | None = None
    type: str = field(default_factory=str)


class AttachedVolume(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 AttachedVolume."""

    devicePath: str = field(default_factory=str)
    name: str = field(default_factory=str)


class AzureDiskVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 AzureDiskVolumeSource."""

    cachingMode: str | None = None
    diskName: str = field(default_factory=str)
    diskURI: str = field(default_factory=str)
    fsType: str | None = None
    kind: str | None = None
    readOnly: bool | None = None


class AzureFilePersistentVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 AzureFilePersistentVolumeSource."""

    readOnly: bool | None = None
    secretName: str = field(default_factory=str)
    secretNamespace: str | None = None
    shareName: str = field(default_factory=str)


class AzureFileVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 AzureFileVolumeSource."""

    readOnly: bool | None = None
    secretName: str = field(default_factory=str)
    shareName: str = field(default_factory=str)


class Binding(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Binding."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "Binding")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    target: ObjectReference = field(default_factory=lambda: ObjectReference())


class CSIPersistentVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 CSIPersistentVolumeSource."""

    controllerExpandSecretRef: SecretReference | None = None
    controllerPublishSecretRef: SecretReference | None = None
    driver: str = field(default_factory=str)
    fsType: str | None = None
    nodeExpandSecretRef: SecretReference | None = None
    nodePublishSecretRef: SecretReference | None = None
    nodeStageSecretRef: SecretReference | None = None
    readOnly: bool | None = None
    volumeAttributes: dict[str, str] = {}
    volumeHandle: str = field(default_factory=str)


class CSIVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 CSIVolumeSource."""

    driver: str = field(default_factory=str)
    fsType: str | None = None
    nodePublishSecretRef: LocalObjectReference | None = None
    readOnly: bool | None = None
    volumeAttributes: dict[str, str] = {}


class Capabilities(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Capabilities."""

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class CephFSPersistentVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 CephFSPersistentVolumeSource."""

    monitors: tuple[str, ...] = ()
    path: str | None = None
    readOnly: bool | None = None
    secretFile: str | None = None
    secretRef: SecretReference | None = None
    user: str | None = None


class CephFSVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 CephFSVolumeSource."""

    monitors: tuple[str, ...] = ()
    path: str | None = None
    readOnly: bool | None = None
    secretFile: str | None = None
    secretRef: LocalObjectReference | None = None
    user: str | None = None


class CinderPersistentVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 CinderPersistentVolumeSource."""

    fsType: str | None = None
    readOnly: bool | None = None
    secretRef: SecretReference | None = None
    volumeID: str = field(default_factory=str)


class CinderVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 CinderVolumeSource."""

    fsType: str | None = None
    readOnly: bool | None = None
    secretRef: LocalObjectReference | None = None
    volumeID: str = field(default_factory=str)


class ClientIPConfig(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ClientIPConfig."""

    timeoutSeconds: int | None = None


class ClusterTrustBundleProjection(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ClusterTrustBundleProjection."""

    labelSelector: meta_v1.LabelSelector | None = None
    name: str | None = None
    optional: bool | None = None
    path: str = field(default_factory=str)
    signerName: str | None = None


class ComponentCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ComponentCondition."""

    error: str | None = None
    message: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class ComponentStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ComponentStatus."""

    apiVersion: str = field(default_factory=lambda: "v1")
    conditions: tuple[ComponentCondition, ...] = ()
    kind: str = field(default_factory=lambda: "ComponentStatus")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())


class ComponentStatusList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ComponentStatusList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[ComponentStatus, ...] = ()
    kind: str = field(default_factory=lambda: "ComponentStatusList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ConfigMap(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ConfigMap."""

    apiVersion: str = field(default_factory=lambda: "v1")
    binaryData: dict[str, str] = {}
    data: dict[str, str] = {}
    immutable: bool | None = None
    kind: str = field(default_factory=lambda: "ConfigMap")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())


class ConfigMapEnvSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ConfigMapEnvSource."""

    name: str | None = None
    optional: bool | None = None


class ConfigMapKeySelector(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ConfigMapKeySelector."""

    key: str = field(default_factory=str)
    name: str | None = None
    optional: bool | None = None


class ConfigMapList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ConfigMapList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[ConfigMap, ...] = ()
    kind: str = field(default_factory=lambda: "ConfigMapList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ConfigMapNodeConfigSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ConfigMapNodeConfigSource."""

    kubeletConfigKey: str = field(default_factory=str)
    name: str = field(default_factory=str)
    namespace: str = field(default_factory=str)
    resourceVersion: str | None = None
    uid: str | None = None


class ConfigMapProjection(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ConfigMapProjection."""

    items: tuple[KeyToPath, ...] = ()
    name: str | None = None
    optional: bool | None = None


class ConfigMapVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ConfigMapVolumeSource."""

    defaultMode: int | None = None
    items: tuple[KeyToPath, ...] = ()
    name: str | None = None
    optional: bool | None = None


class Container(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Container."""

    args: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    envFrom: tuple[EnvFromSource, ...] = ()
    image: str | None = None
    imagePullPolicy: str | None = None
    lifecycle: Lifecycle | None = None
    livenessProbe: Probe | None = None
    name: str = field(default_factory=str)
    ports: tuple[ContainerPort, ...] = ()
    readinessProbe: Probe | None = None
    resizePolicy: tuple[ContainerResizePolicy, ...] = ()
    resources: ResourceRequirements | None = None
    restartPolicy: str | None = None
    restartPolicyRules: tuple[ContainerRestartRule, ...] = ()
    securityContext: SecurityContext | None = None
    startupProbe: Probe | None = None
    stdin: bool | None = None
    stdinOnce: bool | None = None
    terminationMessagePath: str | None = None
    terminationMessagePolicy: str | None = None
    tty: bool | None = None
    volumeDevices: tuple[VolumeDevice, ...] = ()
    volumeMounts: tuple[VolumeMount, ...] = ()
    workingDir: str | None = None


class ContainerExtendedResourceRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ContainerExtendedResourceRequest."""

    containerName: str = field(default_factory=str)
    requestName: str = field(default_factory=str)
    resourceName: str = field(default_factory=str)


class ContainerImage(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ContainerImage."""

    names: tuple[str, ...] = ()
    sizeBytes: int | None = None


class ContainerPort(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ContainerPort."""

    containerPort: int = field(default_factory=int)
    hostIP: str | None = None
    hostPort: int | None = None
    name: str | None = None
    protocol: str | None = None


class ContainerResizePolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ContainerResizePolicy."""

    resourceName: str = field(default_factory=str)
    restartPolicy: str = field(default_factory=str)


class ContainerRestartRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ContainerRestartRule."""

    action: str = field(default_factory=str)
    exitCodes: ContainerRestartRuleOnExitCodes | None = None


class ContainerRestartRuleOnExitCodes(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ContainerRestartRuleOnExitCodes."""

    operator: str = field(default_factory=str)
    values: tuple[int, ...] = ()


class ContainerState(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ContainerState."""

    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None
    waiting: ContainerStateWaiting | None = None


class ContainerStateRunning(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ContainerStateRunning."""

    startedAt: str | None = None


class ContainerStateTerminated(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ContainerStateTerminated."""

    containerID: str | None = None
    exitCode: int = field(default_factory=int)
    finishedAt: str | None = None
    message: str | None = None
    reason: str | None = None
    signal: int | None = None
    startedAt: str | None = None


class ContainerStateWaiting(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ContainerStateWaiting."""

    message: str | None = None
    reason: str | None = None


class ContainerStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ContainerStatus."""

    allocatedResources: dict[str, str] = {}
    allocatedResourcesStatus: tuple[ResourceStatus, ...] = ()
    containerID: str | None = None
    image: str = field(default_factory=str)
    imageID: str = field(default_factory=str)
    lastState: ContainerState | None = None
    name: str = field(default_factory=str)
    ready: bool = field(default_factory=bool)
    resources: ResourceRequirements | None = None
    restartCount: int = field(default_factory=int)
    started: bool | None = None
    state: ContainerState | None = None
    stopSignal: str | None = None
    user: ContainerUser | None = None
    volumeMounts: tuple[VolumeMountStatus, ...] = ()


class ContainerUser(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ContainerUser."""

    linux: LinuxContainerUser | None = None


class DaemonEndpoint(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 DaemonEndpoint."""

    Port: int = field(default_factory=int)


class DownwardAPIProjection(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 DownwardAPIProjection."""

    items: tuple[DownwardAPIVolumeFile, ...] = ()


class DownwardAPIVolumeFile(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 DownwardAPIVolumeFile."""

    fieldRef: ObjectFieldSelector | None = None
    mode: int | None = None
    path: str = field(default_factory=str)
    resourceFieldRef: ResourceFieldSelector | None = None


class DownwardAPIVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 DownwardAPIVolumeSource."""

    defaultMode: int | None = None
    items: tuple[DownwardAPIVolumeFile, ...] = ()


class EmptyDirVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EmptyDirVolumeSource."""

    medium: str | None = None
    sizeLimit: str | None = None


class EndpointAddress(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EndpointAddress."""

    hostname: str | None = None
    ip: str = field(default_factory=str)
    nodeName: str | None = None
    targetRef: ObjectReference | None = None


class EndpointPort(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EndpointPort."""

    appProtocol: str | None = None
    name: str | None = None
    port: int = field(default_factory=int)
    protocol: str | None = None


class EndpointSubset(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EndpointSubset."""

    addresses: tuple[EndpointAddress, ...] = ()
    notReadyAddresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Endpoints."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "Endpoints")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    subsets: tuple[EndpointSubset, ...] = ()


class EndpointsList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EndpointsList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[Endpoints, ...] = ()
    kind: str = field(default_factory=lambda: "EndpointsList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class EnvFromSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EnvFromSource."""

    configMapRef: ConfigMapEnvSource | None = None
    prefix: str | None = None
    secretRef: SecretEnvSource | None = None


class EnvVar(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EnvVar."""

    name: str = field(default_factory=str)
    value: str | None = None
    valueFrom: EnvVarSource | None = None


class EnvVarSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EnvVarSource."""

    configMapKeyRef: ConfigMapKeySelector | None = None
    fieldRef: ObjectFieldSelector | None = None
    fileKeyRef: FileKeySelector | None = None
    resourceFieldRef: ResourceFieldSelector | None = None
    secretKeyRef: SecretKeySelector | None = None


class EphemeralContainer(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EphemeralContainer."""

    args: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    envFrom: tuple[EnvFromSource, ...] = ()
    image: str | None = None
    imagePullPolicy: str | None = None
    lifecycle: Lifecycle | None = None
    livenessProbe: Probe | None = None
    name: str = field(default_factory=str)
    ports: tuple[ContainerPort, ...] = ()
    readinessProbe: Probe | None = None
    resizePolicy: tuple[ContainerResizePolicy, ...] = ()
    resources: ResourceRequirements | None = None
    restartPolicy: str | None = None
    restartPolicyRules: tuple[ContainerRestartRule, ...] = ()
    securityContext: SecurityContext | None = None
    startupProbe: Probe | None = None
    stdin: bool | None = None
    stdinOnce: bool | None = None
    targetContainerName: str | None = None
    terminationMessagePath: str | None = None
    terminationMessagePolicy: str | None = None
    tty: bool | None = None
    volumeDevices: tuple[VolumeDevice, ...] = ()
    volumeMounts: tuple[VolumeMount, ...] = ()
    workingDir: str | None = None


class EphemeralVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EphemeralVolumeSource."""

    volumeClaimTemplate: PersistentVolumeClaimTemplate | None = None


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Event."""

    action: str | None = None
    apiVersion: str = field(default_factory=lambda: "v1")
    count: int | None = None
    eventTime: str | None = None
    firstTimestamp: str | None = None
    involvedObject: ObjectReference = field(default_factory=lambda: ObjectReference())
    kind: str = field(default_factory=lambda: "Event")
    lastTimestamp: str | None = None
    message: str | None = None
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    reason: str | None = None
    related: ObjectReference | None = None
    reportingComponent: str | None = None
    reportingInstance: str | None = None
    series: EventSeries | None = None
    source: EventSource | None = None
    type: str | None = None


class EventList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EventList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[Event, ...] = ()
    kind: str = field(default_factory=lambda: "EventList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class EventSeries(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EventSeries."""

    count: int | None = None
    lastObservedTime: str | None = None


class EventSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 EventSource."""

    component: str | None = None
    host: str | None = None


class ExecAction(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ExecAction."""

    command: tuple[str, ...] = ()


class FCVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 FCVolumeSource."""

    fsType: str | None = None
    lun: int | None = None
    readOnly: bool | None = None
    targetWWNs: tuple[str, ...] = ()
    wwids: tuple[str, ...] = ()


class FileKeySelector(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 FileKeySelector."""

    key: str = field(default_factory=str)
    optional: bool | None = None
    path: str = field(default_factory=str)
    volumeName: str = field(default_factory=str)


class FlexPersistentVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 FlexPersistentVolumeSource."""

    driver: str = field(default_factory=str)
    fsType: str | None = None
    options: dict[str, str] = {}
    readOnly: bool | None = None
    secretRef: SecretReference | None = None


class FlexVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 FlexVolumeSource."""

    driver: str = field(default_factory=str)
    fsType: str | None = None
    options: dict[str, str] = {}
    readOnly: bool | None = None
    secretRef: LocalObjectReference | None = None


class FlockerVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 FlockerVolumeSource."""

    datasetName: str | None = None
    datasetUUID: str | None = None


class GCEPersistentDiskVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 GCEPersistentDiskVolumeSource."""

    fsType: str | None = None
    partition: int | None = None
    pdName: str = field(default_factory=str)
    readOnly: bool | None = None


class GRPCAction(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 GRPCAction."""

    port: int = field(default_factory=int)
    service: str | None = None


class GitRepoVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 GitRepoVolumeSource."""

    directory: str | None = None
    repository: str = field(default_factory=str)
    revision: str | None = None


class GlusterfsPersistentVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 GlusterfsPersistentVolumeSource."""

    endpoints: str = field(default_factory=str)
    endpointsNamespace: str | None = None
    path: str = field(default_factory=str)
    readOnly: bool | None = None


class GlusterfsVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 GlusterfsVolumeSource."""

    endpoints: str = field(default_factory=str)
    path: str = field(default_factory=str)
    readOnly: bool | None = None


class HTTPGetAction(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 HTTPGetAction."""

    host: str | None = None
    httpHeaders: tuple[HTTPHeader, ...] = ()
    path: str | None = None
    port: int | str | None = None
    scheme: str | None = None


class HTTPHeader(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 HTTPHeader."""

    name: str = field(default_factory=str)
    value: str = field(default_factory=str)


class HostAlias(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 HostAlias."""

    hostnames: tuple[str, ...] = ()
    ip: str = field(default_factory=str)


class HostIP(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 HostIP."""

    ip: str = field(default_factory=str)


class HostPathVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 HostPathVolumeSource."""

    path: str = field(default_factory=str)
    type: str | None = None


class ISCSIPersistentVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ISCSIPersistentVolumeSource."""

    chapAuthDiscovery: bool | None = None
    chapAuthSession: bool | None = None
    fsType: str | None = None
    initiatorName: str | None = None
    iqn: str = field(default_factory=str)
    iscsiInterface: str | None = None
    lun: int = field(default_factory=int)
    portals: tuple[str, ...] = ()
    readOnly: bool | None = None
    secretRef: SecretReference | None = None
    targetPortal: str = field(default_factory=str)


class ISCSIVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ISCSIVolumeSource."""

    chapAuthDiscovery: bool | None = None
    chapAuthSession: bool | None = None
    fsType: str | None = None
    initiatorName: str | None = None
    iqn: str = field(default_factory=str)
    iscsiInterface: str | None = None
    lun: int = field(default_factory=int)
    portals: tuple[str, ...] = ()
    readOnly: bool | None = None
    secretRef: LocalObjectReference | None = None
    targetPortal: str = field(default_factory=str)


class ImageVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ImageVolumeSource."""

    pullPolicy: str | None = None
    reference: str | None = None


class ImageVolumeStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ImageVolumeStatus."""

    imageRef: str = field(default_factory=str)


class KeyToPath(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 KeyToPath."""

    key: str = field(default_factory=str)
    mode: int | None = None
    path: str = field(default_factory=str)


class Lifecycle(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Lifecycle."""

    postStart: LifecycleHandler | None = None
    preStop: LifecycleHandler | None = None
    stopSignal: str | None = None


class LifecycleHandler(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 LifecycleHandler."""

    exec: ExecAction | None = None
    httpGet: HTTPGetAction | None = None
    sleep: SleepAction | None = None
    tcpSocket: TCPSocketAction | None = None


class LimitRange(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 LimitRange."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "LimitRange")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: LimitRangeSpec = field(default_factory=lambda: LimitRangeSpec())


class LimitRangeItem(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 LimitRangeItem."""

    default: dict[str, str] = {}
    defaultRequest: dict[str, str] = {}
    max: dict[str, str] = {}
    maxLimitRequestRatio: dict[str, str] = {}
    min: dict[str, str] = {}
    type: str = field(default_factory=str)


class LimitRangeList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 LimitRangeList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[LimitRange, ...] = ()
    kind: str = field(default_factory=lambda: "LimitRangeList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class LimitRangeSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 LimitRangeSpec."""

    limits: tuple[LimitRangeItem, ...] = ()


class LinuxContainerUser(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 LinuxContainerUser."""

    gid: int = field(default_factory=int)
    supplementalGroups: tuple[int, ...] = ()
    uid: int = field(default_factory=int)


class LoadBalancerIngress(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 LoadBalancerIngress."""

    hostname: str | None = None
    ip: str | None = None
    ipMode: str | None = None
    ports: tuple[PortStatus, ...] = ()


class LoadBalancerStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 LoadBalancerStatus."""

    ingress: tuple[LoadBalancerIngress, ...] = ()


class LocalObjectReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 LocalObjectReference."""

    name: str | None = None


class LocalVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 LocalVolumeSource."""

    fsType: str | None = None
    path: str = field(default_factory=str)


class ModifyVolumeStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ModifyVolumeStatus."""

    status: str = field(default_factory=str)
    targetVolumeAttributesClassName: str | None = None


class NFSVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NFSVolumeSource."""

    path: str = field(default_factory=str)
    readOnly: bool | None = None
    server: str = field(default_factory=str)


class Namespace(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Namespace."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "Namespace")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: NamespaceSpec = field(default_factory=lambda: NamespaceSpec())
    status: NamespaceStatus = field(default_factory=lambda: NamespaceStatus())


class NamespaceCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NamespaceCondition."""

    lastTransitionTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class NamespaceList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NamespaceList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[Namespace, ...] = ()
    kind: str = field(default_factory=lambda: "NamespaceList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class NamespaceSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NamespaceSpec."""

    finalizers: tuple[str, ...] = ()


class NamespaceStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NamespaceStatus."""

    conditions: tuple[NamespaceCondition, ...] = ()
    phase: str | None = None


class Node(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Node."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "Node")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: NodeSpec = field(default_factory=lambda: NodeSpec())
    status: NodeStatus = field(default_factory=lambda: NodeStatus())


class NodeAddress(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeAddress."""

    address: str = field(default_factory=str)
    type: str = field(default_factory=str)


class NodeAffinity(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeAffinity."""

    preferredDuringSchedulingIgnoredDuringExecution: tuple[PreferredSchedulingTerm, ...] = ()
    requiredDuringSchedulingIgnoredDuringExecution: NodeSelector | None = None


class NodeAllocatableResourceClaimStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeAllocatableResourceClaimStatus."""

    containers: tuple[str, ...] = ()
    resourceClaimName: str = field(default_factory=str)
    resources: dict[str, str] = {}


class NodeCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeCondition."""

    lastHeartbeatTime: str | None = None
    lastTransitionTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class NodeConfigSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeConfigSource."""

    configMap: ConfigMapNodeConfigSource | None = None


class NodeConfigStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeConfigStatus."""

    active: NodeConfigSource | None = None
    assigned: NodeConfigSource | None = None
    error: str | None = None
    lastKnownGood: NodeConfigSource | None = None


class NodeDaemonEndpoints(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeDaemonEndpoints."""

    kubeletEndpoint: DaemonEndpoint | None = None


class NodeFeatures(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeFeatures."""

    supplementalGroupsPolicy: bool | None = None


class NodeList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[Node, ...] = ()
    kind: str = field(default_factory=lambda: "NodeList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class NodeRuntimeHandler(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeRuntimeHandler."""

    features: NodeRuntimeHandlerFeatures | None = None
    name: str | None = None


class NodeRuntimeHandlerFeatures(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeRuntimeHandlerFeatures."""

    recursiveReadOnlyMounts: bool | None = None
    userNamespaces: bool | None = None


class NodeSelector(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeSelector."""

    nodeSelectorTerms: tuple[NodeSelectorTerm, ...] = ()


class NodeSelectorRequirement(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeSelectorRequirement."""

    key: str = field(default_factory=str)
    operator: str = field(default_factory=str)
    values: tuple[str, ...] = ()


class NodeSelectorTerm(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeSelectorTerm."""

    matchExpressions: tuple[NodeSelectorRequirement, ...] = ()
    matchFields: tuple[NodeSelectorRequirement, ...] = ()


class NodeSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeSpec."""

    configSource: NodeConfigSource | None = None
    externalID: str | None = None
    podCIDR: str | None = None
    podCIDRs: tuple[str, ...] = ()
    providerID: str | None = None
    taints: tuple[Taint, ...] = ()
    unschedulable: bool | None = None


class NodeStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeStatus."""

    addresses: tuple[NodeAddress, ...] = ()
    allocatable: dict[str, str] = {}
    capacity: dict[str, str] = {}
    conditions: tuple[NodeCondition, ...] = ()
    config: NodeConfigStatus | None = None
    daemonEndpoints: NodeDaemonEndpoints | None = None
    declaredFeatures: tuple[str, ...] = ()
    features: NodeFeatures | None = None
    images: tuple[ContainerImage, ...] = ()
    nodeInfo: NodeSystemInfo | None = None
    phase: str | None = None
    runtimeHandlers: tuple[NodeRuntimeHandler, ...] = ()
    volumesAttached: tuple[AttachedVolume, ...] = ()
    volumesInUse: tuple[str, ...] = ()


class NodeSwapStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeSwapStatus."""

    capacity: int | None = None


class NodeSystemInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 NodeSystemInfo."""

    architecture: str = field(default_factory=str)
    bootID: str = field(default_factory=str)
    containerRuntimeVersion: str = field(default_factory=str)
    kernelVersion: str = field(default_factory=str)
    kubeProxyVersion: str = field(default_factory=str)
    kubeletVersion: str = field(default_factory=str)
    machineID: str = field(default_factory=str)
    operatingSystem: str = field(default_factory=str)
    osImage: str = field(default_factory=str)
    swap: NodeSwapStatus | None = None
    systemUUID: str = field(default_factory=str)


class ObjectFieldSelector(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ObjectFieldSelector."""

    apiVersion: str | None = None
    fieldPath: str = field(default_factory=str)


class ObjectReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ObjectReference."""

    apiVersion: str | None = None
    fieldPath: str | None = None
    kind: str | None = None
    name: str | None = None
    namespace: str | None = None
    resourceVersion: str | None = None
    uid: str | None = None


class PersistentVolume(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PersistentVolume."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "PersistentVolume")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: PersistentVolumeSpec = field(default_factory=lambda: PersistentVolumeSpec())
    status: PersistentVolumeStatus = field(default_factory=lambda: PersistentVolumeStatus())


class PersistentVolumeClaim(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PersistentVolumeClaim."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "PersistentVolumeClaim")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: PersistentVolumeClaimSpec = field(default_factory=lambda: PersistentVolumeClaimSpec())
    status: PersistentVolumeClaimStatus = field(default_factory=lambda: PersistentVolumeClaimStatus())


class PersistentVolumeClaimCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PersistentVolumeClaimCondition."""

    lastProbeTime: str | None = None
    lastTransitionTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class PersistentVolumeClaimList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PersistentVolumeClaimList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[PersistentVolumeClaim, ...] = ()
    kind: str = field(default_factory=lambda: "PersistentVolumeClaimList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class PersistentVolumeClaimSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PersistentVolumeClaimSpec."""

    accessModes: tuple[str, ...] = ()
    dataSource: TypedLocalObjectReference | None = None
    dataSourceRef: TypedObjectReference | None = None
    resources: VolumeResourceRequirements | None = None
    selector: meta_v1.LabelSelector | None = None
    storageClassName: str | None = None
    volumeAttributesClassName: str | None = None
    volumeMode: str | None = None
    volumeName: str | None = None


class PersistentVolumeClaimStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PersistentVolumeClaimStatus."""

    accessModes: tuple[str, ...] = ()
    allocatedResourceStatuses: dict[str, str] = {}
    allocatedResources: dict[str, str] = {}
    capacity: dict[str, str] = {}
    conditions: tuple[PersistentVolumeClaimCondition, ...] = ()
    currentVolumeAttributesClassName: str | None = None
    modifyVolumeStatus: ModifyVolumeStatus | None = None
    phase: str | None = None


class PersistentVolumeClaimTemplate(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PersistentVolumeClaimTemplate."""

    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: PersistentVolumeClaimSpec = field(default_factory=lambda: PersistentVolumeClaimSpec())


class PersistentVolumeClaimVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PersistentVolumeClaimVolumeSource."""

    claimName: str = field(default_factory=str)
    readOnly: bool | None = None


class PersistentVolumeList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PersistentVolumeList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[PersistentVolume, ...] = ()
    kind: str = field(default_factory=lambda: "PersistentVolumeList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class PersistentVolumeSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PersistentVolumeSpec."""

    accessModes: tuple[str, ...] = ()
    awsElasticBlockStore: AWSElasticBlockStoreVolumeSource | None = None
    azureDisk: AzureDiskVolumeSource | None = None
    azureFile: AzureFilePersistentVolumeSource | None = None
    capacity: dict[str, str] = {}
    cephfs: CephFSPersistentVolumeSource | None = None
    cinder: CinderPersistentVolumeSource | None = None
    claimRef: ObjectReference | None = None
    csi: CSIPersistentVolumeSource | None = None
    fc: FCVolumeSource | None = None
    flexVolume: FlexPersistentVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    gcePersistentDisk: GCEPersistentDiskVolumeSource | None = None
    glusterfs: GlusterfsPersistentVolumeSource | None = None
    hostPath: HostPathVolumeSource | None = None
    iscsi: ISCSIPersistentVolumeSource | None = None
    local: LocalVolumeSource | None = None
    mountOptions: tuple[str, ...] = ()
    nfs: NFSVolumeSource | None = None
    nodeAffinity: VolumeNodeAffinity | None = None
    persistentVolumeReclaimPolicy: str | None = None
    photonPersistentDisk: PhotonPersistentDiskVolumeSource | None = None
    portworxVolume: PortworxVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    rbd: RBDPersistentVolumeSource | None = None
    scaleIO: ScaleIOPersistentVolumeSource | None = None
    storageClassName: str | None = None
    storageos: StorageOSPersistentVolumeSource | None = None
    volumeAttributesClassName: str | None = None
    volumeMode: str | None = None
    vsphereVolume: VsphereVirtualDiskVolumeSource | None = None


class PersistentVolumeStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PersistentVolumeStatus."""

    lastPhaseTransitionTime: str | None = None
    message: str | None = None
    phase: str | None = None
    reason: str | None = None


class PhotonPersistentDiskVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PhotonPersistentDiskVolumeSource."""

    fsType: str | None = None
    pdID: str = field(default_factory=str)


class Pod(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Pod."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "Pod")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: PodSpec = field(default_factory=lambda: PodSpec())
    status: PodStatus = field(default_factory=lambda: PodStatus())


class PodAffinity(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodAffinity."""

    preferredDuringSchedulingIgnoredDuringExecution: tuple[WeightedPodAffinityTerm, ...] = ()
    requiredDuringSchedulingIgnoredDuringExecution: tuple[PodAffinityTerm, ...] = ()


class PodAffinityTerm(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodAffinityTerm."""

    labelSelector: meta_v1.LabelSelector | None = None
    matchLabelKeys: tuple[str, ...] = ()
    mismatchLabelKeys: tuple[str, ...] = ()
    namespaceSelector: meta_v1.LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    topologyKey: str = field(default_factory=str)


class PodAntiAffinity(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodAntiAffinity."""

    preferredDuringSchedulingIgnoredDuringExecution: tuple[WeightedPodAffinityTerm, ...] = ()
    requiredDuringSchedulingIgnoredDuringExecution: tuple[PodAffinityTerm, ...] = ()


class PodCertificateProjection(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodCertificateProjection."""

    certificateChainPath: str | None = None
    credentialBundlePath: str | None = None
    keyPath: str | None = None
    keyType: str = field(default_factory=str)
    maxExpirationSeconds: int | None = None
    signerName: str = field(default_factory=str)
    userAnnotations: dict[str, str] = {}


class PodCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodCondition."""

    lastProbeTime: str | None = None
    lastTransitionTime: str | None = None
    message: str | None = None
    observedGeneration: int | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class PodDNSConfig(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodDNSConfig."""

    nameservers: tuple[str, ...] = ()
    options: tuple[PodDNSConfigOption, ...] = ()
    searches: tuple[str, ...] = ()


class PodDNSConfigOption(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodDNSConfigOption."""

    name: str | None = None
    value: str | None = None


class PodExtendedResourceClaimStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodExtendedResourceClaimStatus."""

    requestMappings: tuple[ContainerExtendedResourceRequest, ...] = ()
    resourceClaimName: str = field(default_factory=str)


class PodIP(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodIP."""

    ip: str = field(default_factory=str)


class PodList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[Pod, ...] = ()
    kind: str = field(default_factory=lambda: "PodList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class PodOS(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodOS."""

    name: str = field(default_factory=str)


class PodReadinessGate(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodReadinessGate."""

    conditionType: str = field(default_factory=str)


class PodResourceClaim(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodResourceClaim."""

    name: str = field(default_factory=str)
    resourceClaimName: str | None = None
    resourceClaimTemplateName: str | None = None


class PodResourceClaimStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodResourceClaimStatus."""

    name: str = field(default_factory=str)
    resourceClaimName: str | None = None


class PodSchedulingGate(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodSchedulingGate."""

    name: str = field(default_factory=str)


class PodSchedulingGroup(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodSchedulingGroup."""

    podGroupName: str | None = None


class PodSecurityContext(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodSecurityContext."""

    appArmorProfile: AppArmorProfile | None = None
    fsGroup: int | None = None
    fsGroupChangePolicy: str | None = None
    runAsGroup: int | None = None
    runAsNonRoot: bool | None = None
    runAsUser: int | None = None
    seLinuxChangePolicy: str | None = None
    seLinuxOptions: SELinuxOptions | None = None
    seccompProfile: SeccompProfile | None = None
    supplementalGroups: tuple[int, ...] = ()
    supplementalGroupsPolicy: str | None = None
    sysctls: tuple[Sysctl, ...] = ()
    windowsOptions: WindowsSecurityContextOptions | None = None


class PodSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodSpec."""

    activeDeadlineSeconds: int | None = None
    affinity: Affinity | None = None
    automountServiceAccountToken: bool | None = None
    containers: tuple[Container, ...] = ()
    dnsConfig: PodDNSConfig | None = None
    dnsPolicy: str | None = None
    enableServiceLinks: bool | None = None
    ephemeralContainers: tuple[EphemeralContainer, ...] = ()
    hostAliases: tuple[HostAlias, ...] = ()
    hostIPC: bool | None = None
    hostNetwork: bool | None = None
    hostPID: bool | None = None
    hostUsers: bool | None = None
    hostname: str | None = None
    hostnameOverride: str | None = None
    imagePullSecrets: tuple[LocalObjectReference, ...] = ()
    initContainers: tuple[Container, ...] = ()
    nodeName: str | None = None
    nodeSelector: dict[str, str] = {}
    os: PodOS | None = None
    overhead: dict[str, str] = {}
    preemptionPolicy: str | None = None
    priority: int | None = None
    priorityClassName: str | None = None
    readinessGates: tuple[PodReadinessGate, ...] = ()
    resourceClaims: tuple[PodResourceClaim, ...] = ()
    resources: ResourceRequirements | None = None
    restartPolicy: str | None = None
    runtimeClassName: str | None = None
    schedulerName: str | None = None
    schedulingGates: tuple[PodSchedulingGate, ...] = ()
    schedulingGroup: PodSchedulingGroup | None = None
    securityContext: PodSecurityContext | None = None
    serviceAccount: str | None = None
    serviceAccountName: str | None = None
    setHostnameAsFQDN: bool | None = None
    shareProcessNamespace: bool | None = None
    subdomain: str | None = None
    terminationGracePeriodSeconds: int | None = None
    tolerations: tuple[Toleration, ...] = ()
    topologySpreadConstraints: tuple[TopologySpreadConstraint, ...] = ()
    volumes: tuple[Volume, ...] = ()


class PodStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodStatus."""

    allocatedResources: dict[str, str] = {}
    conditions: tuple[PodCondition, ...] = ()
    containerStatuses: tuple[ContainerStatus, ...] = ()
    ephemeralContainerStatuses: tuple[ContainerStatus, ...] = ()
    extendedResourceClaimStatus: PodExtendedResourceClaimStatus | None = None
    hostIP: str | None = None
    hostIPs: tuple[HostIP, ...] = ()
    initContainerStatuses: tuple[ContainerStatus, ...] = ()
    message: str | None = None
    nodeAllocatableResourceClaimStatuses: tuple[NodeAllocatableResourceClaimStatus, ...] = ()
    nominatedNodeName: str | None = None
    observedGeneration: int | None = None
    phase: str | None = None
    podIP: str | None = None
    podIPs: tuple[PodIP, ...] = ()
    qosClass: str | None = None
    reason: str | None = None
    resize: str | None = None
    resourceClaimStatuses: tuple[PodResourceClaimStatus, ...] = ()
    resources: ResourceRequirements | None = None
    startTime: str | None = None


class PodTemplate(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodTemplate."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "PodTemplate")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    template: PodTemplateSpec | None = None


class PodTemplateList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodTemplateList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[PodTemplate, ...] = ()
    kind: str = field(default_factory=lambda: "PodTemplateList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class PodTemplateSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PodTemplateSpec."""

    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: PodSpec = field(default_factory=lambda: PodSpec())


class PortStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PortStatus."""

    error: str | None = None
    port: int = field(default_factory=int)
    protocol: str = field(default_factory=str)


class PortworxVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PortworxVolumeSource."""

    fsType: str | None = None
    readOnly: bool | None = None
    volumeID: str = field(default_factory=str)


class PreferredSchedulingTerm(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 PreferredSchedulingTerm."""

    preference: NodeSelectorTerm = field(default_factory=lambda: NodeSelectorTerm())
    weight: int = field(default_factory=int)


class Probe(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Probe."""

    exec: ExecAction | None = None
    failureThreshold: int | None = None
    grpc: GRPCAction | None = None
    httpGet: HTTPGetAction | None = None
    initialDelaySeconds: int | None = None
    periodSeconds: int | None = None
    successThreshold: int | None = None
    tcpSocket: TCPSocketAction | None = None
    terminationGracePeriodSeconds: int | None = None
    timeoutSeconds: int | None = None


class ProjectedVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ProjectedVolumeSource."""

    defaultMode: int | None = None
    sources: tuple[VolumeProjection, ...] = ()


class QuobyteVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 QuobyteVolumeSource."""

    group: str | None = None
    readOnly: bool | None = None
    registry: str = field(default_factory=str)
    tenant: str | None = None
    user: str | None = None
    volume: str = field(default_factory=str)


class RBDPersistentVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 RBDPersistentVolumeSource."""

    fsType: str | None = None
    image: str = field(default_factory=str)
    keyring: str | None = None
    monitors: tuple[str, ...] = ()
    pool: str | None = None
    readOnly: bool | None = None
    secretRef: SecretReference | None = None
    user: str | None = None


class RBDVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 RBDVolumeSource."""

    fsType: str | None = None
    image: str = field(default_factory=str)
    keyring: str | None = None
    monitors: tuple[str, ...] = ()
    pool: str | None = None
    readOnly: bool | None = None
    secretRef: LocalObjectReference | None = None
    user: str | None = None


class ReplicationController(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ReplicationController."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "ReplicationController")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: ReplicationControllerSpec = field(default_factory=lambda: ReplicationControllerSpec())
    status: ReplicationControllerStatus = field(default_factory=lambda: ReplicationControllerStatus())


class ReplicationControllerCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ReplicationControllerCondition."""

    lastTransitionTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class ReplicationControllerList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ReplicationControllerList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[ReplicationController, ...] = ()
    kind: str = field(default_factory=lambda: "ReplicationControllerList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ReplicationControllerSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ReplicationControllerSpec."""

    minReadySeconds: int | None = None
    replicas: int | None = None
    selector: dict[str, str] = {}
    template: PodTemplateSpec | None = None


class ReplicationControllerStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ReplicationControllerStatus."""

    availableReplicas: int | None = None
    conditions: tuple[ReplicationControllerCondition, ...] = ()
    fullyLabeledReplicas: int | None = None
    observedGeneration: int | None = None
    readyReplicas: int | None = None
    replicas: int = field(default_factory=int)


class ResourceClaim(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ResourceClaim."""

    name: str = field(default_factory=str)
    request: str | None = None


class ResourceFieldSelector(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ResourceFieldSelector."""

    containerName: str | None = None
    divisor: str | None = None
    resource: str = field(default_factory=str)


class ResourceHealth(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ResourceHealth."""

    health: str | None = None
    message: str | None = None
    resourceID: str = field(default_factory=str)


class ResourceQuota(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ResourceQuota."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "ResourceQuota")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: ResourceQuotaSpec = field(default_factory=lambda: ResourceQuotaSpec())
    status: ResourceQuotaStatus = field(default_factory=lambda: ResourceQuotaStatus())


class ResourceQuotaList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ResourceQuotaList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[ResourceQuota, ...] = ()
    kind: str = field(default_factory=lambda: "ResourceQuotaList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ResourceQuotaSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ResourceQuotaSpec."""

    hard: dict[str, str] = {}
    scopeSelector: ScopeSelector | None = None
    scopes: tuple[str, ...] = ()


class ResourceQuotaStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ResourceQuotaStatus."""

    hard: dict[str, str] = {}
    used: dict[str, str] = {}


class ResourceRequirements(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ResourceRequirements."""

    claims: tuple[ResourceClaim, ...] = ()
    limits: dict[str, str] = {}
    requests: dict[str, str] = {}


class ResourceStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ResourceStatus."""

    name: str = field(default_factory=str)
    resources: tuple[ResourceHealth, ...] = ()


class SELinuxOptions(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 SELinuxOptions."""

    level: str | None = None
    role: str | None = None
    type: str | None = None
    user: str | None = None


class ScaleIOPersistentVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ScaleIOPersistentVolumeSource."""

    fsType: str | None = None
    gateway: str = field(default_factory=str)
    protectionDomain: str | None = None
    readOnly: bool | None = None
    secretRef: SecretReference = field(default_factory=lambda: SecretReference())
    sslEnabled: bool | None = None
    storageMode: str | None = None
    storagePool: str | None = None
    system: str = field(default_factory=str)
    volumeName: str | None = None


class ScaleIOVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ScaleIOVolumeSource."""

    fsType: str | None = None
    gateway: str = field(default_factory=str)
    protectionDomain: str | None = None
    readOnly: bool | None = None
    secretRef: LocalObjectReference = field(default_factory=lambda: LocalObjectReference())
    sslEnabled: bool | None = None
    storageMode: str | None = None
    storagePool: str | None = None
    system: str = field(default_factory=str)
    volumeName: str | None = None


class ScopeSelector(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ScopeSelector."""

    matchExpressions: tuple[ScopedResourceSelectorRequirement, ...] = ()


class ScopedResourceSelectorRequirement(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ScopedResourceSelectorRequirement."""

    operator: str = field(default_factory=str)
    scopeName: str = field(default_factory=str)
    values: tuple[str, ...] = ()


class SeccompProfile(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 SeccompProfile."""

    localhostProfile: str | None = None
    type: str = field(default_factory=str)


class Secret(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Secret."""

    apiVersion: str = field(default_factory=lambda: "v1")
    data: dict[str, str] = {}
    immutable: bool | None = None
    kind: str = field(default_factory=lambda: "Secret")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    stringData: dict[str, str] = {}
    type: str | None = None


class SecretEnvSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 SecretEnvSource."""

    name: str | None = None
    optional: bool | None = None


class SecretKeySelector(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 SecretKeySelector."""

    key: str = field(default_factory=str)
    name: str | None = None
    optional: bool | None = None


class SecretList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 SecretList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[Secret, ...] = ()
    kind: str = field(default_factory=lambda: "SecretList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class SecretProjection(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 SecretProjection."""

    items: tuple[KeyToPath, ...] = ()
    name: str | None = None
    optional: bool | None = None


class SecretReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 SecretReference."""

    name: str | None = None
    namespace: str | None = None


class SecretVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 SecretVolumeSource."""

    defaultMode: int | None = None
    items: tuple[KeyToPath, ...] = ()
    optional: bool | None = None
    secretName: str | None = None


class SecurityContext(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 SecurityContext."""

    allowPrivilegeEscalation: bool | None = None
    appArmorProfile: AppArmorProfile | None = None
    capabilities: Capabilities | None = None
    privileged: bool | None = None
    procMount: str | None = None
    readOnlyRootFilesystem: bool | None = None
    runAsGroup: int | None = None
    runAsNonRoot: bool | None = None
    runAsUser: int | None = None
    seLinuxOptions: SELinuxOptions | None = None
    seccompProfile: SeccompProfile | None = None
    windowsOptions: WindowsSecurityContextOptions | None = None


class Service(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Service."""

    apiVersion: str = field(default_factory=lambda: "v1")
    kind: str = field(default_factory=lambda: "Service")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: ServiceSpec = field(default_factory=lambda: ServiceSpec())
    status: ServiceStatus = field(default_factory=lambda: ServiceStatus())


class ServiceAccount(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ServiceAccount."""

    apiVersion: str = field(default_factory=lambda: "v1")
    automountServiceAccountToken: bool | None = None
    imagePullSecrets: tuple[LocalObjectReference, ...] = ()
    kind: str = field(default_factory=lambda: "ServiceAccount")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    secrets: tuple[ObjectReference, ...] = ()


class ServiceAccountList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ServiceAccountList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[ServiceAccount, ...] = ()
    kind: str = field(default_factory=lambda: "ServiceAccountList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ServiceAccountTokenProjection(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ServiceAccountTokenProjection."""

    audience: str | None = None
    expirationSeconds: int | None = None
    path: str = field(default_factory=str)


class ServiceList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ServiceList."""

    apiVersion: str = field(default_factory=lambda: "v1")
    items: tuple[Service, ...] = ()
    kind: str = field(default_factory=lambda: "ServiceList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ServicePort(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ServicePort."""

    appProtocol: str | None = None
    name: str | None = None
    nodePort: int | None = None
    port: int = field(default_factory=int)
    protocol: str | None = None
    targetPort: int | str | None = None


class ServiceSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ServiceSpec."""

    allocateLoadBalancerNodePorts: bool | None = None
    clusterIP: str | None = None
    clusterIPs: tuple[str, ...] = ()
    externalIPs: tuple[str, ...] = ()
    externalName: str | None = None
    externalTrafficPolicy: str | None = None
    healthCheckNodePort: int | None = None
    internalTrafficPolicy: str | None = None
    ipFamilies: tuple[str, ...] = ()
    ipFamilyPolicy: str | None = None
    loadBalancerClass: str | None = None
    loadBalancerIP: str | None = None
    loadBalancerSourceRanges: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    publishNotReadyAddresses: bool | None = None
    selector: dict[str, str] = {}
    sessionAffinity: str | None = None
    sessionAffinityConfig: SessionAffinityConfig | None = None
    trafficDistribution: str | None = None
    type: str | None = None


class ServiceStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 ServiceStatus."""

    conditions: tuple[meta_v1.Condition, ...] = ()
    loadBalancer: LoadBalancerStatus | None = None


class SessionAffinityConfig(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 SessionAffinityConfig."""

    clientIP: ClientIPConfig | None = None


class SleepAction(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 SleepAction."""

    seconds: int = field(default_factory=int)


class StorageOSPersistentVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 StorageOSPersistentVolumeSource."""

    fsType: str | None = None
    readOnly: bool | None = None
    secretRef: ObjectReference | None = None
    volumeName: str | None = None
    volumeNamespace: str | None = None


class StorageOSVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 StorageOSVolumeSource."""

    fsType: str | None = None
    readOnly: bool | None = None
    secretRef: LocalObjectReference | None = None
    volumeName: str | None = None
    volumeNamespace: str | None = None


class Sysctl(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Sysctl."""

    name: str = field(default_factory=str)
    value: str = field(default_factory=str)


class TCPSocketAction(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 TCPSocketAction."""

    host: str | None = None
    port: int | str | None = None


class Taint(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Taint."""

    effect: str = field(default_factory=str)
    key: str = field(default_factory=str)
    timeAdded: str | None = None
    value: str | None = None


class Toleration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Toleration."""

    effect: str | None = None
    key: str | None = None
    operator: str | None = None
    tolerationSeconds: int | None = None
    value: str | None = None


class TopologySelectorLabelRequirement(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 TopologySelectorLabelRequirement."""

    key: str = field(default_factory=str)
    values: tuple[str, ...] = ()


class TopologySelectorTerm(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 TopologySelectorTerm."""

    matchLabelExpressions: tuple[TopologySelectorLabelRequirement, ...] = ()


class TopologySpreadConstraint(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 TopologySpreadConstraint."""

    labelSelector: meta_v1.LabelSelector | None = None
    matchLabelKeys: tuple[str, ...] = ()
    maxSkew: int = field(default_factory=int)
    minDomains: int | None = None
    nodeAffinityPolicy: str | None = None
    nodeTaintsPolicy: str | None = None
    topologyKey: str = field(default_factory=str)
    whenUnsatisfiable: str = field(default_factory=str)


class TypedLocalObjectReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 TypedLocalObjectReference."""

    apiGroup: str | None = None
    kind: str = field(default_factory=str)
    name: str = field(default_factory=str)


class TypedObjectReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 TypedObjectReference."""

    apiGroup: str | None = None
    kind: str = field(default_factory=str)
    name: str = field(default_factory=str)
    namespace: str | None = None


class Volume(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 Volume."""

    awsElasticBlockStore: AWSElasticBlockStoreVolumeSource | None = None
    azureDisk: AzureDiskVolumeSource | None = None
    azureFile: AzureFileVolumeSource | None = None
    cephfs: CephFSVolumeSource | None = None
    cinder: CinderVolumeSource | None = None
    configMap: ConfigMapVolumeSource | None = None
    csi: CSIVolumeSource | None = None
    downwardAPI: DownwardAPIVolumeSource | None = None
    emptyDir: EmptyDirVolumeSource | None = None
    ephemeral: EphemeralVolumeSource | None = None
    fc: FCVolumeSource | None = None
    flexVolume: FlexVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    gcePersistentDisk: GCEPersistentDiskVolumeSource | None = None
    gitRepo: GitRepoVolumeSource | None = None
    glusterfs: GlusterfsVolumeSource | None = None
    hostPath: HostPathVolumeSource | None = None
    image: ImageVolumeSource | None = None
    iscsi: ISCSIVolumeSource | None = None
    name: str = field(default_factory=str)
    nfs: NFSVolumeSource | None = None
    persistentVolumeClaim: PersistentVolumeClaimVolumeSource | None = None
    photonPersistentDisk: PhotonPersistentDiskVolumeSource | None = None
    portworxVolume: PortworxVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    rbd: RBDVolumeSource | None = None
    scaleIO: ScaleIOVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    storageos: StorageOSVolumeSource | None = None
    vsphereVolume: VsphereVirtualDiskVolumeSource | None = None


class VolumeDevice(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 VolumeDevice."""

    devicePath: str = field(default_factory=str)
    name: str = field(default_factory=str)


class VolumeMount(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 VolumeMount."""

    mountPath: str = field(default_factory=str)
    mountPropagation: str | None = None
    name: str = field(default_factory=str)
    readOnly: bool | None = None
    recursiveReadOnly: str | None = None
    subPath: str | None = None
    subPathExpr: str | None = None


class VolumeMountStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 VolumeMountStatus."""

    mountPath: str = field(default_factory=str)
    name: str = field(default_factory=str)
    readOnly: bool | None = None
    recursiveReadOnly: str | None = None
    volumeStatus: VolumeStatus | None = None


class VolumeNodeAffinity(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 VolumeNodeAffinity."""

    required: NodeSelector | None = None


class VolumeProjection(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 VolumeProjection."""

    clusterTrustBundle: ClusterTrustBundleProjection | None = None
    configMap: ConfigMapProjection | None = None
    downwardAPI: DownwardAPIProjection | None = None
    podCertificate: PodCertificateProjection | None = None
    secret: SecretProjection | None = None
    serviceAccountToken: ServiceAccountTokenProjection | None = None


class VolumeResourceRequirements(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 VolumeResourceRequirements."""

    limits: dict[str, str] = {}
    requests: dict[str, str] = {}


class VolumeStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 VolumeStatus."""

    image: ImageVolumeStatus | None = None


class VsphereVirtualDiskVolumeSource(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 VsphereVirtualDiskVolumeSource."""

    fsType: str | None = None
    storagePolicyID: str | None = None
    storagePolicyName: str | None = None
    volumePath: str = field(default_factory=str)


class WeightedPodAffinityTerm(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 WeightedPodAffinityTerm."""

    podAffinityTerm: PodAffinityTerm = field(default_factory=lambda: PodAffinityTerm())
    weight: int = field(default_factory=int)


class WindowsSecurityContextOptions(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """core/v1 WindowsSecurityContextOptions."""

    gmsaCredentialSpec: str | None = None
    gmsaCredentialSpecName: str | None = None
    hostProcess: bool | None = None
    runAsUserName: str | None = None
