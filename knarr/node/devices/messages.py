"""The messages of device plugins. Source: kube kubelet/pkg/apis/deviceplugin/v1beta1/api.proto."""

from __future__ import annotations

from typing import Final

from knarr.node.plugins.messages import Messages

REGISTER, PLUGIN, VERSION = "/v1beta1.Registration/Register", "/v1beta1.DevicePlugin/", "v1beta1"
_TABLE: Final = {
    "Empty": "",
    "DevicePluginOptions": "pre_start_required=1:flag get_preferred_allocation_available=2:flag",
    "RegisterRequest": "version=1:text endpoint=2:text resource_name=3:text options=4:DevicePluginOptions",
    "NUMANode": "ID=1:int",
    "TopologyInfo": "nodes=1:NUMANode[]",
    "Device": "ID=1:text health=2:text topology=3:TopologyInfo",
    "ListAndWatchResponse": "devices=1:Device[]",
    "ContainerPreferredAllocationRequest": "available_deviceIDs=1:text[] must_include_deviceIDs=2:text[] "
                                           "allocation_size=3:enum",
    "PreferredAllocationRequest": "container_requests=1:ContainerPreferredAllocationRequest[]",
    "ContainerPreferredAllocationResponse": "deviceIDs=1:text[]",
    "PreferredAllocationResponse": "container_responses=1:ContainerPreferredAllocationResponse[]",
    "ContainerAllocateRequest": "devices_ids=1:text[]",
    "AllocateRequest": "container_requests=1:ContainerAllocateRequest[]",
    "Mount": "container_path=1:text host_path=2:text read_only=3:flag",
    "DeviceSpec": "container_path=1:text host_path=2:text permissions=3:text",
    "CDIDevice": "name=1:text",
    "ContainerAllocateResponse": "envs=1:map mounts=2:Mount[] devices=3:DeviceSpec[] annotations=4:map "
                                 "cdi_devices=5:CDIDevice[]",
    "AllocateResponse": "container_responses=1:ContainerAllocateResponse[]",
    "PreStartContainerRequest": "devices_ids=1:text[]",
    "PreStartContainerResponse": "",
}
message: Final = Messages("knarr.devices", _TABLE).named
