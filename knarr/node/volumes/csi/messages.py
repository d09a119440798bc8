"""The messages of CSI v1 and of kubelet's plugin registration that a node calls.

Source: CSI specification 1.11 (csi.proto); kube kubelet/pkg/apis/pluginregistration/v1.
"""

from __future__ import annotations

from typing import Final

from knarr.node.plugins.messages import Messages

REGISTRATION, IDENTITY, NODE = "/pluginregistration.Registration/", "/csi.v1.Identity/", "/csi.v1.Node/"
_TABLE: Final = {
    "Empty": "",
    "InfoRequest": "",
    "PluginInfo": "type=1:text name=2:text endpoint=3:text supported_versions=4:text[]",
    "RegistrationStatus": "plugin_registered=1:flag error=2:text",
    "GetPluginInfoResponse": "name=1:text vendor_version=2:text manifest=3:map",
    "Topology": "segments=1:map",
    "NodeGetInfoResponse": "node_id=1:text max_volumes_per_node=2:int accessible_topology=3:Topology",
    "Rpc": "type=1:enum",
    "NodeServiceCapability": "rpc=1:Rpc",
    "NodeGetCapabilitiesResponse": "capabilities=1:NodeServiceCapability[]",
    "BlockVolume": "",
    "MountVolume": "fs_type=1:text mount_flags=2:text[] volume_mount_group=3:text",
    "AccessMode": "mode=1:enum",
    "VolumeCapability": "block=1:BlockVolume mount=2:MountVolume access_mode=3:AccessMode",
    "CapacityRange": "required_bytes=1:int limit_bytes=2:int",
    "NodeStageVolumeRequest": "volume_id=1:text publish_context=2:map staging_target_path=3:text "
                              "volume_capability=4:VolumeCapability secrets=5:map volume_context=6:map",
    "NodeUnstageVolumeRequest": "volume_id=1:text staging_target_path=2:text",
    "NodePublishVolumeRequest": "volume_id=1:text publish_context=2:map staging_target_path=3:text target_path=4:text "
                                "volume_capability=5:VolumeCapability readonly=6:flag secrets=7:map "
                                "volume_context=8:map",
    "NodeUnpublishVolumeRequest": "volume_id=1:text target_path=2:text",
    "NodeExpandVolumeRequest": "volume_id=1:text volume_path=2:text capacity_range=3:CapacityRange "
                               "staging_target_path=4:text volume_capability=5:VolumeCapability secrets=6:map",
    "NodeExpandVolumeResponse": "capacity_bytes=1:int",
}
message: Final = Messages("knarr.csi", _TABLE).named
