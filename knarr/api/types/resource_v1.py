"""Read-only resource/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from knarr.api.types import core_v1, meta_v1


class AllocatedDeviceStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 AllocatedDeviceStatus."""

    conditions: tuple[meta_v1.Condition, ...] = ()
    data: Any = None
    device: str = field(default_factory=str)
    driver: str = field(default_factory=str)
    networkData: NetworkDeviceData | None = None
    pool: str = field(default_factory=str)
    shareID: str | None = None


class AllocationResult(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 AllocationResult."""

    allocationTimestamp: str | None = None
    devices: DeviceAllocationResult | None = None
    nodeSelector: core_v1.NodeSelector | None = None


class CELDeviceSelector(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 CELDeviceSelector."""

    expression: str = field(default_factory=str)


class CapacityRequestPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 CapacityRequestPolicy."""

    default: str | None = None
    validRange: CapacityRequestPolicyRange | None = None
    validValues: tuple[str, ...] = ()


class CapacityRequestPolicyRange(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 CapacityRequestPolicyRange."""

    max: str | None = None
    min: str | None = None
    step: str | None = None


class CapacityRequirements(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 CapacityRequirements."""

    requests: dict[str, str] = {}


class Counter(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 Counter."""

    value: str | None = None


class CounterSet(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 CounterSet."""

    counters: dict[str, Counter] = {}
    name: str = field(default_factory=str)


class Device(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 Device."""

    allNodes: bool | None = None
    allowMultipleAllocations: bool | None = None
    attributes: dict[str, DeviceAttribute] = {}
    bindingConditions: tuple[str, ...] = ()
    bindingFailureConditions: tuple[str, ...] = ()
    bindsToNode: bool | None = None
    capacity: dict[str, DeviceCapacity] = {}
    consumesCounters: tuple[DeviceCounterConsumption, ...] = ()
    name: str = field(default_factory=str)
    nodeAllocatableResourceMappings: dict[str, NodeAllocatableResourceMapping] = {}
    nodeName: str | None = None
    nodeSelector: core_v1.NodeSelector | None = None
    taints: tuple[DeviceTaint, ...] = ()


class DeviceAllocationConfiguration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceAllocationConfiguration."""

    opaque: OpaqueDeviceConfiguration | None = None
    requests: tuple[str, ...] = ()
    source: str = field(default_factory=str)


class DeviceAllocationResult(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceAllocationResult."""

    config: tuple[DeviceAllocationConfiguration, ...] = ()
    results: tuple[DeviceRequestAllocationResult, ...] = ()


class DeviceAttribute(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceAttribute."""

    bool_: bool | None = field(default=None, name="bool")
    bools: tuple[bool, ...] = ()
    int_: int | None = field(default=None, name="int")
    ints: tuple[int, ...] = ()
    string: str | None = None
    strings: tuple[str, ...] = ()
    version: str | None = None
    versions: tuple[str, ...] = ()


class DeviceCapacity(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceCapacity."""

    requestPolicy: CapacityRequestPolicy | None = None
    value: str | None = None


class DeviceClaim(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceClaim."""

    config: tuple[DeviceClaimConfiguration, ...] = ()
    constraints: tuple[DeviceConstraint, ...] = ()
    requests: tuple[DeviceRequest, ...] = ()


class DeviceClaimConfiguration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceClaimConfiguration."""

    opaque: OpaqueDeviceConfiguration | None = None
    requests: tuple[str, ...] = ()


class DeviceClass(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceClass."""

    apiVersion: str = field(default_factory=lambda: "resource.k8s.io/v1")
    kind: str = field(default_factory=lambda: "DeviceClass")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: DeviceClassSpec = field(default_factory=lambda: DeviceClassSpec())


class DeviceClassConfiguration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceClassConfiguration."""

    opaque: OpaqueDeviceConfiguration | None = None


class DeviceClassList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceClassList."""

    apiVersion: str = field(default_factory=lambda: "resource.k8s.io/v1")
    items: tuple[DeviceClass, ...] = ()
    kind: str = field(default_factory=lambda: "DeviceClassList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class DeviceClassSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceClassSpec."""

    config: tuple[DeviceClassConfiguration, ...] = ()
    extendedResourceName: str | None = None
    selectors: tuple[DeviceSelector, ...] = ()


class DeviceConstraint(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceConstraint."""

    distinctAttribute: str | None = None
    matchAttribute: str | None = None
    requests: tuple[str, ...] = ()


class DeviceCounterConsumption(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceCounterConsumption."""

    counterSet: str = field(default_factory=str)
    counters: dict[str, Counter] = {}


class DeviceRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceRequest."""

    exactly: ExactDeviceRequest | None = None
    firstAvailable: tuple[DeviceSubRequest, ...] = ()
    name: str = field(default_factory=str)


class DeviceRequestAllocationResult(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceRequestAllocationResult."""

    adminAccess: bool | None = None
    bindingConditions: tuple[str, ...] = ()
    bindingFailureConditions: tuple[str, ...] = ()
    consumedCapacity: dict[str, str] = {}
    device: str = field(default_factory=str)
    driver: str = field(default_factory=str)
    pool: str = field(default_factory=str)
    request: str = field(default_factory=str)
    shareID: str | None = None
    tolerations: tuple[DeviceToleration, ...] = ()


class DeviceSelector(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceSelector."""

    cel: CELDeviceSelector | None = None


class DeviceSubRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceSubRequest."""

    allocationMode: str | None = None
    capacity: CapacityRequirements | None = None
    count: int | None = None
    deviceClassName: str = field(default_factory=str)
    name: str = field(default_factory=str)
    selectors: tuple[DeviceSelector, ...] = ()
    tolerations: tuple[DeviceToleration, ...] = ()


class DeviceTaint(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceTaint."""

    effect: str = field(default_factory=str)
    key: str = field(default_factory=str)
    timeAdded: str | None = None
    value: str | None = None


class DeviceToleration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 DeviceToleration."""

    effect: str | None = None
    key: str | None = None
    operator: str | None = None
    tolerationSeconds: int | None = None
    value: str | None = None


class ExactDeviceRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ExactDeviceRequest."""

    adminAccess: bool | None = None
    allocationMode: str | None = None
    capacity: CapacityRequirements | None = None
    count: int | None = None
    deviceClassName: str = field(default_factory=str)
    selectors: tuple[DeviceSelector, ...] = ()
    tolerations: tuple[DeviceToleration, ...] = ()


class NetworkDeviceData(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 NetworkDeviceData."""

    hardwareAddress: str | None = None
    interfaceName: str | None = None
    ips: tuple[str, ...] = ()


class NodeAllocatableResourceMapping(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 NodeAllocatableResourceMapping."""

    allocationMultiplier: str | None = None
    capacityKey: str | None = None


class OpaqueDeviceConfiguration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 OpaqueDeviceConfiguration."""

    driver: str = field(default_factory=str)
    parameters: Any = None


class ResourceClaim(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ResourceClaim."""

    apiVersion: str = field(default_factory=lambda: "resource.k8s.io/v1")
    kind: str = field(default_factory=lambda: "ResourceClaim")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: ResourceClaimSpec = field(default_factory=lambda: ResourceClaimSpec())
    status: ResourceClaimStatus = field(default_factory=lambda: ResourceClaimStatus())


class ResourceClaimConsumerReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ResourceClaimConsumerReference."""

    apiGroup: str | None = None
    name: str = field(default_factory=str)
    resource: str = field(default_factory=str)
    uid: str = field(default_factory=str)


class ResourceClaimList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ResourceClaimList."""

    apiVersion: str = field(default_factory=lambda: "resource.k8s.io/v1")
    items: tuple[ResourceClaim, ...] = ()
    kind: str = field(default_factory=lambda: "ResourceClaimList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ResourceClaimSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ResourceClaimSpec."""

    devices: DeviceClaim | None = None


class ResourceClaimStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ResourceClaimStatus."""

    allocation: AllocationResult | None = None
    devices: tuple[AllocatedDeviceStatus, ...] = ()
    reservedFor: tuple[ResourceClaimConsumerReference, ...] = ()


class ResourceClaimTemplate(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ResourceClaimTemplate."""

    apiVersion: str = field(default_factory=lambda: "resource.k8s.io/v1")
    kind: str = field(default_factory=lambda: "ResourceClaimTemplate")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: ResourceClaimTemplateSpec = field(default_factory=lambda: ResourceClaimTemplateSpec())


class ResourceClaimTemplateList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ResourceClaimTemplateList."""

    apiVersion: str = field(default_factory=lambda: "resource.k8s.io/v1")
    items: tuple[ResourceClaimTemplate, ...] = ()
    kind: str = field(default_factory=lambda: "ResourceClaimTemplateList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ResourceClaimTemplateSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ResourceClaimTemplateSpec."""

    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: ResourceClaimSpec = field(default_factory=lambda: ResourceClaimSpec())


class ResourcePool(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ResourcePool."""

    generation: int = field(default_factory=int)
    name: str = field(default_factory=str)
    resourceSliceCount: int = field(default_factory=int)


class ResourceSlice(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ResourceSlice."""

    apiVersion: str = field(default_factory=lambda: "resource.k8s.io/v1")
    kind: str = field(default_factory=lambda: "ResourceSlice")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: ResourceSliceSpec = field(default_factory=lambda: ResourceSliceSpec())


class ResourceSliceList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ResourceSliceList."""

    apiVersion: str = field(default_factory=lambda: "resource.k8s.io/v1")
    items: tuple[ResourceSlice, ...] = ()
    kind: str = field(default_factory=lambda: "ResourceSliceList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ResourceSliceSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """resource/v1 ResourceSliceSpec."""

    allNodes: bool | None = None
    devices: tuple[Device, ...] = ()
    driver: str = field(default_factory=str)
    nodeName: str | None = None
    nodeSelector: core_v1.NodeSelector | None = None
    perDeviceNodeSelection: bool | None = None
    pool: ResourcePool = field(default_factory=lambda: ResourcePool())
    sharedCounters: tuple[CounterSet, ...] = ()
