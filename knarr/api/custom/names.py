"""Read of CustomResourceDefinitions only which kinds they bring: for who follows objects of all kinds.

Schemas are skipped, not decoded.
"""

from __future__ import annotations

from msgspec import Struct

from knarr.api import kinds
from knarr.api.custom.rows import VERBS
from knarr.api.kinds import Kind
from knarr.api.types.meta_v1 import ObjectMeta


class Names(Struct, frozen=True, gc=False):
    """What a kind is called."""

    plural: str = ""
    kind: str = ""


class Version(Struct, frozen=True, gc=False):
    """One version of it."""

    name: str
    served: bool = False
    storage: bool = False


class Spec(Struct, frozen=True, gc=False):
    """The part of a definition's spec that names things."""

    group: str = ""
    scope: str = ""
    names: Names = Names()
    versions: tuple[Version, ...] = ()


class Condition(Struct, frozen=True, gc=False):
    """One condition."""

    type: str
    status: str


class Status(Struct, frozen=True, gc=False):
    """How far the definition is."""

    conditions: tuple[Condition, ...] | None = ()


class Definition(Struct, frozen=True, gc=False):
    """A CustomResourceDefinition, as far as it names a kind."""

    metadata: ObjectMeta
    spec: Spec = Spec()
    status: Status = Status()


def kind_of(definition: Definition) -> Kind | None:
    """Return a row with the names alone, in the version that is stored if it is served; None if nothing is served."""
    established = any(one.type == "Established" and one.status == "True" for one in definition.status.conditions or ())
    served = sorted((one for one in definition.spec.versions if one.served), key=lambda one: not one.storage)
    if not established or not served:
        return None
    spec = definition.spec
    return Kind(spec.group, served[0].name, spec.names.kind, spec.names.plural,
                namespaced=spec.scope == "Namespaced", verbs=VERBS)


def _row() -> Kind:
    found = kinds.by_resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    assert found is not None
    return found


ROW = _row()
