"""Check CustomResourceDefinitions; their schemas in `structural`.

Faults of schemas are told under `spec.validation`, where Kubernetes' own form keeps what all versions share.
Source: kube apiextensions pkg/apis/apiextensions/validation/validation.go.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.custom import jsonpath
from knarr.api.custom.rows import established
from knarr.api.validation import formats, structural
from knarr.api.validation.spot import Raw, Spot, compact

Obj = dict[str, Any]
COLUMN_TYPES: Final = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS: Final = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
APPROVAL: Final = "api-approved.kubernetes.io"
PROTECTED: Final = (".k8s.io", ".kubernetes.io")
SELECTABLE_MAX: Final = 8
ONE_STORAGE: Final = "must have exactly one version marked as storage version"
MIXED_CASE: Final = "may have mixed case, but should otherwise match: "


def create(root: Spot, obj: Obj) -> None:
    """Check a new definition."""
    spec = obj["spec"]
    names = spec.get("names") or {}
    if obj["metadata"].get("name") != f"{names.get('plural', '')}.{spec.get('group', '')}":
        root.at("metadata").at("name").invalid(obj["metadata"].get("name", ""),
                                               'must be spec.names.plural+"."+spec.group')
    _spec(root.at("spec"), spec)
    _stored(root.at("status").at("storedVersions"), obj)
    _approved(root, obj)


def update(root: Spot, new: Obj, old: Obj) -> None:
    """Check a changed definition: what objects live by stays."""
    spot, spec, was = root.at("spec"), new["spec"], old["spec"]
    _spec(spot, spec, old=was)
    if established(old):
        spot.at("scope").unchanged(spec.get("scope"), was.get("scope"))
        spot.at("names").at("kind").unchanged(spec["names"].get("kind"), was["names"].get("kind"))
    spot.at("group").unchanged(spec.get("group"), was.get("group"))
    spot.at("names").at("plural").unchanged(spec["names"].get("plural"), was["names"].get("plural"))
    _stored(root.at("status").at("storedVersions"), new)
    if APPROVAL in (old["metadata"].get("annotations") or {}):
        _approved(root, new)


def _spec(spot: Spot, spec: Obj, old: Obj | None = None) -> None:
    _group(spot.at("group"), str(spec.get("group", "")))
    spot.at("scope").choice(spec.get("scope"), ("Cluster", "Namespaced"))
    if spec.get("preserveUnknownFields"):
        spot.at("preserveUnknownFields").invalid(
            True, "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema "
                  "instead")
    _versions(spot, spec.get("versions") or [])
    _names(spot.at("names"), spec.get("names") or {})
    _schemas(spot, spec.get("versions") or [], (old or {}).get("versions") or [])
    _conversion(spot.at("conversion"), spec.get("conversion") or {})


def _group(spot: Spot, group: str) -> None:
    faults = formats.dns_subdomain(group)
    if not group:
        spot.required()
    elif faults:
        spot.each(group, faults)
    elif "." not in group:
        spot.invalid(group, "should be a domain with at least one dot")


def _versions(spot: Spot, versions: list[Obj]) -> None:
    where = spot.at("versions")
    names = [str(version.get("name", "")) for version in versions]
    for number, (version, name) in enumerate(zip(versions, names, strict=True)):
        here = where.index(number)
        here.at("name").each(name, formats.dns_1035_label(name))
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            here.at("schema").at("openAPIV3Schema").required()
        if version.get("deprecationWarning") and not version.get("deprecated"):
            here.at("deprecationWarning").invalid(
                version["deprecationWarning"], "can only be set for deprecated versions")
        _columns(here.at("additionalPrinterColumns"), version.get("additionalPrinterColumns") or [])
        _subresources(here.at("subresources"), version.get("subresources") or {})
        _selectable(here.at("selectableFields"), version)
    if len(set(names)) != len(names):
        where.invalid(Raw(_as_go(versions)), "must contain unique version names")
    if sum(bool(version.get("storage")) for version in versions) != 1:
        where.invalid(Raw(_as_go(versions)), ONE_STORAGE)


def _as_go(versions: list[Obj]) -> str:
    """Write versions as Kubernetes' internal form shows them; what they share stands elsewhere there."""
    rows = [{"Name": one.get("name", ""), "Served": bool(one.get("served")), "Storage": bool(one.get("storage")),
             "Deprecated": bool(one.get("deprecated")), "DeprecationWarning": one.get("deprecationWarning"),
             "Schema": None, "Subresources": None, "AdditionalPrinterColumns": None, "SelectableFields": None}
            for one in versions]
    return compact(rows)


def _names(spot: Spot, names: Obj) -> None:
    for name in ("plural", "singular"):
        value = str(names.get(name, ""))
        if name == "plural" and not value:
            spot.at(name).required()
        elif value:
            spot.at(name).each(value, formats.dns_1035_label(value))
    for name in ("kind", "listKind"):
        value = str(names.get(name, ""))
        if not value:
            spot.at(name).required()
        else:
            spot.at(name).each(value, [MIXED_CASE + fault for fault in formats.dns_1035_label(value.lower())])
    for name in ("shortNames", "categories"):
        for number, value in enumerate(names.get(name) or ()):
            spot.at(name).index(number).each(value, formats.dns_1035_label(value))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        spot.at("listKind").invalid(names["listKind"], "kind and listKind may not be the same")


def _columns(spot: Spot, columns: list[Obj]) -> None:
    for number, column in enumerate(columns):
        here = spot.index(number)
        if not column.get("name"):
            here.at("name").required()
        here.at("type").choice(column.get("type"), COLUMN_TYPES)
        if column.get("format") and column["format"] not in COLUMN_FORMATS:
            here.at("format").unsupported(column["format"], COLUMN_FORMATS)
        path = column.get("jsonPath", "")
        if not path:
            here.at("jsonPath").required()
        else:
            _path(here.at("jsonPath"), path)


def _path(spot: Spot, path: str, *, under: str = "") -> None:
    try:
        steps = jsonpath.parse(path)
    except jsonpath.BadPath as fault:
        spot.invalid(path, f"is an invalid jsonpath: {fault}")
        return
    if not path.startswith("."):
        spot.invalid(path, "must be a simple json path starting with .")
    elif under and (not steps or steps[0] != under or len(steps) < 2):
        spot.invalid(path, f"should be a json path under .{under}")


def _subresources(spot: Spot, said: Obj) -> None:
    scale = said.get("scale")
    if scale is None:
        return
    for name, under in (("specReplicasPath", "spec"), ("statusReplicasPath", "status")):
        if not scale.get(name):
            spot.at("scale").at(name).required()
        else:
            _path(spot.at("scale").at(name), scale[name], under=under)
    selector = scale.get("labelSelectorPath")
    if selector and not selector.startswith((".spec.", ".status.")):
        spot.at("scale").at("labelSelectorPath").invalid(
            selector, "should be a json path under either .spec or .status")


def _selectable(spot: Spot, version: Obj) -> None:
    rows = version.get("selectableFields") or ()
    if len(rows) > SELECTABLE_MAX:
        spot.too_many(len(rows), SELECTABLE_MAX)
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    seen: set[str] = set()
    for number, row in enumerate(rows):
        here, path = spot.index(number).at("jsonPath"), str(row.get("jsonPath", ""))
        if not path:
            here.required()
        elif path in seen:
            here.duplicate(path)
        elif path.startswith(".metadata"):
            here.invalid(path, "must not point to fields in metadata")
        elif _type_at(schema, path) not in ("boolean", "integer", "string"):
            here.invalid(path, "must point to a field of type string, boolean or integer. Enum string fields and "
                               "strings with formats are allowed.")
        seen.add(path)


def _type_at(schema: Obj, path: str) -> str:
    for step in path.removeprefix(".").split("."):
        schema = (schema.get("properties") or {}).get(step) or {}
    return str(schema.get("type", ""))


def _schemas(spot: Spot, versions: list[Obj], old: list[Obj]) -> None:
    """Check the schemas; those that stood there before are taken as they are."""
    known = [version.get("schema") for version in old]
    shared = all(version.get("schema") == versions[0].get("schema") for version in versions)
    for number, version in enumerate(versions[:1] if shared else versions):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is None or version.get("schema") in known:
            continue
        where = spot.at("validation") if shared else spot.at("versions").index(number).at("schema")
        structural.check(where.at("openAPIV3Schema"), schema)


def _conversion(spot: Spot, conversion: Obj) -> None:
    strategy, webhook = conversion.get("strategy"), conversion.get("webhook")
    spot.at("strategy").choice(strategy, ("None", "Webhook"))
    if strategy == "None" and webhook:
        spot.at("webhook").forbidden("should not be set when strategy is not set to Webhook")
    if strategy != "Webhook":
        return
    config = (webhook or {}).get("clientConfig")
    if not config:
        spot.at("webhook").at("clientConfig").required("required when strategy is set to Webhook")
    elif bool(config.get("url")) == bool(config.get("service")):
        spot.at("webhook").at("clientConfig").required("exactly one of url or service is required")
    if not (webhook or {}).get("conversionReviewVersions"):
        spot.at("webhook").at("conversionReviewVersions").required("must specify at least one version")


def _stored(spot: Spot, obj: Obj) -> None:
    stored = (obj.get("status") or {}).get("storedVersions") or []
    if not stored:
        spot.invalid(Raw("null"), "must have at least one stored version")
        return
    versions = {version.get("name"): version for version in obj["spec"].get("versions") or ()}
    for number, name in enumerate(stored):
        if name not in versions:
            spot.index(number).invalid(name, (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                f"spec.versions until a storage migration ensures no data remains persisted in {name} and "
                f"removes {name} from status.storedVersions"))
    storage = next((name for name, version in versions.items() if version.get("storage")), None)
    if storage is not None and storage not in stored:
        spot.invalid(stored, f"must have the storage version {storage}")


def _approved(root: Spot, obj: Obj) -> None:
    """Keep Kubernetes' own groups to Kubernetes. Source: apihelpers.GetAPIApprovalState."""
    group = str(obj["spec"].get("group", ""))
    if not group.endswith(PROTECTED) and group not in ("k8s.io", "kubernetes.io"):
        return
    said = (obj["metadata"].get("annotations") or {}).get(APPROVAL, "")
    if not said:
        root.at("metadata").at("annotations").key(APPROVAL).required(
            f'protected groups must have approval annotation "{APPROVAL}", '
            "see https://github.com/kubernetes/enhancements/pull/1111")
    elif not said.startswith(("unapproved", "https://")):
        root.at("metadata").at("annotations").key(APPROVAL).invalid(
            said, f'protected groups must have approval annotation "{APPROVAL}" with either a URL or a reason starting '
                  'with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111')
