"""Write `knarr/api/types/*.py` and `knarr/api/schema_table.json` from the OpenAPI definitions of Kubernetes.

The definitions come with the `kubernetes-validate` package, which edits them for JSON schema validators (nullable
types, `$defs`, enums of kind and apiVersion); those edits are undone here. Descriptions are left out: they are
read from that package at run time where it is installed.

Run it after raising `VERSION`:  python scripts/generate_api.py
"""

from __future__ import annotations

import json
import keyword
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

VERSION = "v1.36.0"
ROOT = Path(__file__).resolve().parent.parent
MODULES = {  # short name → prefix of the definitions it holds; GA groups only
    "meta_v1": "io.k8s.apimachinery.pkg.apis.meta.v1",
    "core_v1": "io.k8s.api.core.v1",
    "apps_v1": "io.k8s.api.apps.v1",
    "batch_v1": "io.k8s.api.batch.v1",
    "autoscaling_v1": "io.k8s.api.autoscaling.v1",
    "autoscaling_v2": "io.k8s.api.autoscaling.v2",
    "policy_v1": "io.k8s.api.policy.v1",
    "rbac_v1": "io.k8s.api.rbac.v1",
    "storage_v1": "io.k8s.api.storage.v1",
    "discovery_v1": "io.k8s.api.discovery.v1",
    "coordination_v1": "io.k8s.api.coordination.v1",
    "networking_v1": "io.k8s.api.networking.v1",
    "events_v1": "io.k8s.api.events.v1",
    "node_v1": "io.k8s.api.node.v1",
    "scheduling_v1": "io.k8s.api.scheduling.v1",
    "certificates_v1": "io.k8s.api.certificates.v1",
    "authentication_v1": "io.k8s.api.authentication.v1",
    "authorization_v1": "io.k8s.api.authorization.v1",
    "admissionregistration_v1": "io.k8s.api.admissionregistration.v1",
    "flowcontrol_v1": "io.k8s.api.flowcontrol.v1",
    "resource_v1": "io.k8s.api.resource.v1",
    "apiextensions_v1": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    "apiregistration_v1": "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1",
    "resource": "io.k8s.apimachinery.pkg.api.resource",
    "intstr": "io.k8s.apimachinery.pkg.util.intstr",
    "runtime": "io.k8s.apimachinery.pkg.runtime",
    "version": "io.k8s.apimachinery.pkg.version",
}
ALIASES = {  # definitions that are no structs
    "meta_v1.Time": "str", "meta_v1.MicroTime": "str", "resource.Quantity": "str", "intstr.IntOrString": "int | str",
    "runtime.RawExtension": "Any", "meta_v1.FieldsV1": "Any", "meta_v1.Patch": "Any",
}
EXTENSIONS = {  # x-kubernetes-… → key in the table
    "patch-merge-key": "merge_key", "patch-strategy": "strategy", "list-type": "list", "list-map-keys": "keys",
    "map-type": "map",
}
SCALARS = {"string": "str", "boolean": "bool", "integer": "int", "number": "float", "int32": "int", "int64": "int",
           "double": "float", "byte": "str", "date-time": "str", "object": "Any", "any": "Any"}
UNSEEN = {("meta_v1.ObjectMeta", "managedFields")}  # no component reads them, and they weigh more than all the rest
RESERVED = {"bool", "int", "str", "float", "dict", "tuple", "list", "object"}  # names that annotations use

Table = dict[str, dict[str, Any]]


def main() -> None:
    """Write both, and say what was written."""
    table = build_table(load_definitions())
    document = {"version": VERSION, "modules": MODULES, "definitions": table}
    target = ROOT / "knarr/api/schema_table.json"
    target.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True).replace('},"', '},\n"') + "\n")
    folder = ROOT / "knarr/api/types"
    modules = sorted({name.split(".")[0] for name in table if name not in ALIASES} - {"version", "runtime"})
    for module in modules:
        (folder / f"{module}.py").write_text(render_module(module, table))
    sys.stdout.write(f"{len(table)} definitions, {len(modules)} modules, {target.stat().st_size} bytes of table\n")


def load_definitions() -> dict[str, Any]:
    """Read the definitions that the installed package ships."""
    spec = find_spec("kubernetes_validate")
    assert spec is not None, "pip install kubernetes-validate"
    assert spec.origin is not None
    path = Path(spec.origin).parent / "kubernetes-json-schema" / f"{VERSION}-local" / "_definitions.json"
    definitions = json.loads(path.read_text())["$defs"]
    assert isinstance(definitions, dict)
    return definitions


# The table


def build_table(definitions: dict[str, Any]) -> Table:
    """Return short name → compact definition, for the modules named above."""
    table: Table = {}
    for full, schema in sorted(definitions.items()):
        short = short_name(full)
        if short is not None:
            table[short] = compact_definition(schema)
    table["intstr.IntOrString"] = {"type": "int-or-string"}
    table["resource.Quantity"] = {"type": "quantity"}
    return table


def short_name(full: str) -> str | None:
    """Return `core_v1.Pod` for `io.k8s.api.core.v1.Pod`; None for groups that are left out."""
    prefix, name = full.rsplit(".", 1)
    return next((f"{module}.{name}" for module, known in MODULES.items() if known == prefix), None)


def compact_definition(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what the table keeps of one definition."""
    if "oneOf" in schema:
        return {}
    kept: dict[str, Any] = {}
    if "properties" in schema:
        kept["fields"] = {name: compact_field(field) for name, field in sorted(schema["properties"].items())}
    else:
        kept["type"] = type_of(schema)
    if "required" in schema:
        kept["required"] = schema["required"]
    if "x-kubernetes-map-type" in schema:
        kept["map"] = schema["x-kubernetes-map-type"]
    if "x-kubernetes-group-version-kind" in schema:
        rows = schema["x-kubernetes-group-version-kind"]
        kept["kinds"] = [[row["group"], row["version"], row["kind"]] for row in rows
                         if not ("alpha" in row["version"] or "beta" in row["version"])]
    if "x-kubernetes-unions" in schema:
        kept["unions"] = schema["x-kubernetes-unions"]
    return kept


def compact_field(schema: dict[str, Any]) -> str | dict[str, Any]:
    """Return the field's type, alone where nothing else is to be said."""
    present = {name: schema.get(f"x-kubernetes-{name}") for name in EXTENSIONS}
    extra = {EXTENSIONS[name]: value for name, value in present.items() if value is not None}
    inner = schema.get("items") or schema.get("additionalProperties") or {}
    assert not any(key.startswith("x-") for key in inner) or set(inner) >= {"x-kubernetes-list-type"}, schema
    return {"type": type_of(schema), **extra} if extra else type_of(schema)


def type_of(schema: dict[str, Any]) -> str:
    """Return the type's short notation: `int32`, `[]core_v1.Container`, `{}string`, `object`, `any`."""
    if "$ref" in schema:
        short = short_name(schema["$ref"].removeprefix("#/$defs/"))
        assert short is not None, schema
        return short
    plain = schema.get("type", "any")
    plain = plain[0] if isinstance(plain, list) else plain  # ["string", "null"] is an edit of the package
    if plain == "array":
        return "[]" + type_of(schema["items"])
    if plain == "object" and "additionalProperties" in schema:
        return "{}" + type_of(schema["additionalProperties"])
    return str(schema.get("format", plain))


# The structs


def render_module(module: str, table: Table) -> str:
    """Return the source of one types module."""
    rows = {name.split(".")[1]: row for name, row in table.items() if name.startswith(module + ".")}
    structs = [render_struct(module, name, row) for name, row in rows.items() if "fields" in row]
    aliases = [f"{name}: TypeAlias = {python_type(module, row['type'])}" for name, row in rows.items()
               if "fields" not in row and f"{module}.{name}" not in ALIASES]
    body = "\n\n\n".join(structs)
    others = sorted(other for other in MODULES if other != module and f" {other}." in body.replace("[", " "))
    imports = f"from knarr.api.types import {', '.join(others)}\n" if others else ""
    typing = [name for name, used in (("Any", "Any" in body + "".join(aliases)), ("TypeAlias", bool(aliases))) if used]
    title = module.replace("_", "/")
    head = f'"""Read-only {title} objects. Written by scripts/generate_api.py."""'
    head += "\n\nfrom __future__ import annotations\n\n"
    head += f"from typing import {', '.join(typing)}\n\n" if typing else ""
    head += "from msgspec import Struct, field\n\n" + (imports + "\n" if imports else "")
    return head + ("\n".join(aliases) + "\n\n" if aliases else "") + "\n" + body + "\n"


def render_struct(module: str, name: str, row: dict[str, Any]) -> str:
    """Return the source of one struct."""
    lines = [f"class {name}(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):",
             f'    """{module.replace("_", "/")} {name}."""', ""]
    is_object = "metadata" in row["fields"]
    for attribute, spec in row["fields"].items():
        if (f"{module}.{name}", attribute) in UNSEEN:
            continue
        kind = spec if isinstance(spec, str) else spec["type"]
        constant = own_constant(attribute, row)
        always = attribute in row.get("required", ()) or (is_object and attribute in ("metadata", "spec", "status"))
        lines.append("    " + render_field(module, attribute, kind, constant=constant, always=always))
    return "\n".join(lines)


def own_constant(attribute: str, row: dict[str, Any]) -> str | None:
    """Return the value that a kind's own `kind` and `apiVersion` have."""
    if attribute not in ("kind", "apiVersion") or len(row.get("kinds", ())) != 1:
        return None
    group, version, kind = row["kinds"][0]
    if attribute == "kind":
        return str(kind)
    return f"{group}/{version}" if group else str(version)


def render_field(module: str, attribute: str, kind: str, *, constant: str | None, always: bool) -> str:
    """Return one field's line.

    Factories, unlike plain defaults, are encoded even where nothing was set: what the API always writes.
    """
    name = safe_name(attribute)
    hint = python_type(module, kind)
    rename = "" if name == attribute else f', name="{attribute}"'
    if constant is not None:
        return f'{name}: str = field(default_factory=lambda: "{constant}")'
    if kind.startswith("[]"):
        return f"{name}: {hint} = " + (f"field(default=(){rename})" if rename else "()")
    if kind.startswith("{}"):
        return f"{name}: {hint} = " + (f"field(default_factory=dict{rename})" if rename else "{}")
    if hint == "Any":
        return f"{name}: Any = " + (f"field(default=None{rename})" if rename else "None")
    if always and hint in ("str", "int", "bool", "float") and kind not in ALIASES:
        return f"{name}: {hint} = field(default_factory={hint}{rename})"
    if always and "." in kind and kind not in ALIASES:
        return f"{name}: {hint} = field(default_factory=lambda: {hint}(){rename})"
    return f"{name}: {hint} | None = " + (f"field(default=None{rename})" if rename else "None")


def safe_name(attribute: str) -> str:
    """Return an attribute that Python accepts: `continue_`, `x_kubernetes_list_type`, `ref_`."""
    name = attribute.replace("-", "_")
    if name.startswith("$"):
        return name[1:] + "_"
    return name + "_" if keyword.iskeyword(name) or name in RESERVED else name


def python_type(module: str, kind: str) -> str:
    """Return the annotation for a type in the table's notation."""
    if kind.startswith("[]"):
        return f"tuple[{python_type(module, kind[2:])}, ...]"
    if kind.startswith("{}"):
        return f"dict[str, {python_type(module, kind[2:])}]"
    if kind in SCALARS:
        return SCALARS[kind]
    if kind in ALIASES:
        return ALIASES[kind]
    return kind.removeprefix(module + ".")


if __name__ == "__main__":
    main()
