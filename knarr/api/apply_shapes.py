"""Say of each part of an object how two writers share it: whole, field by field, or item by item.

    scalar, atomic     one owner
    struct, map        each field, each entry
    keyed, set         each item, told by its keys or by itself
    any                free-form: maps are shared by entry, all else has one owner

Source: sigs.k8s.io/structured-merge-diff schema/elements.go; the list and map types of the OpenAPI definitions.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Literal, TypeAlias

from knarr.api import schema
from knarr.api.apply_sets import item_key, value_key
from knarr.api.schema import Field
from knarr.api.schema_scalars import RULES

Sort: TypeAlias = Literal["scalar", "atomic", "struct", "map", "keyed", "set", "any"]

KEY_DEFAULTS: Final = {  # Source: the OpenAPI defaults of list-map keys
    "core_v1.ContainerPort": {"protocol": "TCP"},
    "core_v1.ServicePort": {"protocol": "TCP"},
}
ALWAYS: Final[dict[str, frozenset[str]]] = {
    name: frozenset(fields.split())
    for name, fields in {  # fields that are never absent, for Go holds them by value. Source: kube staging api types.go
        "apiextensions_v1.CustomResourceDefinitionSpec": "names versions",
        "apps_v1.DaemonSetSpec": "template updateStrategy",
        "apps_v1.DeploymentSpec": "strategy template",
        "apps_v1.ReplicaSetSpec": "template",
        "apps_v1.StatefulSetSpec": "template updateStrategy",
        "autoscaling_v1.HorizontalPodAutoscalerSpec": "scaleTargetRef",
        "autoscaling_v2.HorizontalPodAutoscalerSpec": "scaleTargetRef",
        "batch_v1.CronJobSpec": "jobTemplate",
        "batch_v1.JobSpec": "template",
        "batch_v1.JobTemplateSpec": "metadata spec",
        "core_v1.Container": "resources",
        "core_v1.EphemeralContainer": "resources",
        "core_v1.Event": "eventTime firstTimestamp involvedObject lastTimestamp reportingComponent reportingInstance "
                         "source",
        "core_v1.PersistentVolumeClaimSpec": "resources",
        "core_v1.PersistentVolumeClaimTemplate": "metadata spec",
        "core_v1.PodSpec": "containers",
        "core_v1.PodTemplate": "template",
        "core_v1.PodTemplateSpec": "metadata spec",
        "events_v1.Event": "deprecatedFirstTimestamp deprecatedLastTimestamp deprecatedSource eventTime regarding",
        "flowcontrol_v1.FlowSchemaSpec": "priorityLevelConfiguration",
        "networking_v1.NetworkPolicySpec": "podSelector",
        "resource_v1.ResourceClaimSpec": "devices",
        "resource_v1.ResourceClaimTemplateSpec": "metadata spec",
        "resource_v1.ResourceSliceSpec": "pool",
        "storage_v1.VolumeAttachmentSpec": "source",
    }.items()
}
ROOT_ALWAYS: Final = frozenset({"metadata", "spec", "status"})
NUMBERS: Final = frozenset({"int32", "int64", "float", "double", "number"})
NEVER: Final = object()  # a key without a default


class Unkeyed(ValueError):
    """A list's item lacks what tells it from the others. The text is Kubernetes'."""


class Shape:
    """How one part is shared.

    of: the scalar's type (`string`, `int32`, `boolean`, …). definition: of a struct. item: of maps and lists.
    keys: of a keyed list, with their defaults, in order. always: a struct's fields that are never absent.
    """

    __slots__ = ("_fields", "_item", "always", "definition", "item_type", "keys", "leaf", "of", "sort")

    def __init__(self, sort: Sort, *, of: str = "", item: str = "", keys: tuple[str, ...] = ()) -> None:
        self.sort, self.of, self.item_type, self.definition = sort, of, item, of if sort == "struct" else ""
        self.leaf = sort in ("scalar", "atomic")  # it has one owner
        defaults = KEY_DEFAULTS.get(item, {})
        self.keys: dict[str, Any] = {name: defaults.get(name, NEVER) for name in sorted(keys)}
        self.always = _always(self.definition)
        self._fields: dict[str, Shape] | None = None
        self._item: Shape | None = None

    @property
    def fields(self) -> dict[str, Shape]:
        """Return a struct's fields; compiled on first use, for definitions that hold themselves."""
        if self._fields is None:
            rows = schema.fields_of(self.definition)
            self._fields = {name: _of_field(row) for name, row in rows.items()}
        return self._fields

    @property
    def item(self) -> Shape:
        """Return the shape of a list's items or a map's values."""
        if self._item is None:
            self._item = of_type(self.item_type) if self.item_type else ANY
        return self._item

    def element(self, item: Any) -> str:
        """Return the key of a list's item in a set of fields; Unkeyed if it has none."""
        if self.sort == "set":
            return value_key(item)
        if not isinstance(item, dict):
            raise Unkeyed("associative list with keys may not have non-map elements")
        found = {}
        for name, default in self.keys.items():
            value = item.get(name, default)
            if value == "" and name in KEY_DEFAULTS.get(self.item_type, ()):
                value = default  # as it will be stored: else each apply would add the item once more
            if value is NEVER:
                raise Unkeyed(f'associative list with keys has an element that omits key field "{name}" '
                              "(and doesn't have default value)")
            found[name] = value
        return item_key(found)


@cache
def of_definition(name: str) -> Shape:
    """Return the shape of a definition, `apps_v1.Deployment`."""
    row = schema.definition(name)
    if row.get("map") == "atomic" or row.get("type") == "object":
        return ATOMIC
    if "fields" in row:
        return Shape("struct", of=name)
    return ANY if row["type"] == "any" else Shape("scalar", of="untyped" if name in UNTYPED else "string")


@cache
def of_type(name: str) -> Shape:
    """Return the shape of a type as the field table writes it: `string`, `[]core_v1.Container`, `{}string`."""
    if name.startswith("{}"):
        return Shape("map", item=name[2:])
    if name.startswith("[]"):
        return ATOMIC
    if name in ("object", "any"):
        return ANY
    known = schema.table()["definitions"].get(name)
    if known is None:
        assert name in RULES, name
        return Shape("scalar", of=name)
    return of_definition(name)


def _of_field(row: Field) -> Shape:
    if row.map == "atomic" or row.list == "atomic":
        return ATOMIC
    if row.list == "map":
        return Shape("keyed", item=row.item, keys=row.keys)
    if row.list == "set":
        return Shape("set", item=row.item)
    return of_type(row.type)


def _always(definition: str) -> frozenset[str]:
    rows = schema.fields_of(definition) if definition else {}
    whole = ROOT_ALWAYS & rows.keys() if rows.keys() >= {"apiVersion", "kind", "metadata"} else frozenset()
    return ALWAYS.get(definition, frozenset()) | whole


UNTYPED = frozenset({"resource.Quantity", "intstr.IntOrString"})
ATOMIC, ANY = Shape("atomic"), Shape("any")
