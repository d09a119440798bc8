"""The messages of CSI v1 and of kubelet's plugin registration, built from a table of names and numbers.

Only what a node calls is here. Nothing is generated and no stubs are needed: names and numbers are all that the wire
knows, nested messages stand beside their parents, and enumerations are the integers that they are sent as.
Source: CSI specification 1.11 (csi.proto); kube kubelet/pkg/apis/pluginregistration/v1.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE: Final = "knarr.csi"
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final = {
    "text": _Field.TYPE_STRING, "flag": _Field.TYPE_BOOL, "int": _Field.TYPE_INT64, "enum": _Field.TYPE_INT32,
}
# message: fields as `name=number:type`; `type[]` is a list, `map` a map of texts, other types stand in this table
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


def _described() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="knarr/csi", package=_PACKAGE, syntax="proto3")
    for name, fields in _TABLE.items():
        message = file.message_type.add(name=name)
        for field in fields.split():
            _add(message, field)
    return file


def _add(message: Any, field: str) -> None:
    name, _, rest = field.partition("=")
    number, _, kind = rest.partition(":")
    added = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
    if kind.endswith("[]") or kind == "map":
        added.label = _Field.LABEL_REPEATED
    kind = kind.removesuffix("[]")
    if kind in _SCALARS:
        added.type = _SCALARS[kind]
        return
    added.type = _Field.TYPE_MESSAGE
    added.type_name = f".{_PACKAGE}.{message.name}.{_entry(message, name)}" if kind == "map" else f".{_PACKAGE}.{kind}"


def _entry(message: Any, field: str) -> str:
    """Add the pair that a map is a list of; return its name, which protobuf derives from the field's."""
    name = "".join(part.capitalize() for part in field.split("_")) + "Entry"
    entry = message.nested_type.add(name=name)
    entry.options.map_entry = True
    for number, part in ((1, "key"), (2, "value")):
        entry.field.add(name=part, number=number, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL)
    return name


_POOL: Final = descriptor_pool.DescriptorPool()
_POOL.Add(_described())


def message(name: str) -> Any:
    """Return the class of a message of the table."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
