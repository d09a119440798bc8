"""What is generated is in step with its generator: nobody edits it by hand, nobody forgets to run it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from knarr.api import schema

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """Load the script; skip where its source of definitions is not installed."""
    if importlib.util.find_spec("kubernetes_validate") is None:
        pytest.skip("kubernetes-validate is not installed")
    spec = importlib.util.spec_from_file_location("generate_api", ROOT / "scripts" / "generate_api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_and_structs_are_in_step(generator):
    """Running the generator again would change no byte."""
    table = generator.build_table(generator.load_definitions())
    modules = {name.split(".")[0] for name in table if name not in generator.ALIASES} - {"version", "runtime"}
    stale = [name for name in sorted(modules)
             if generator.render_module(name, table) != (ROOT / "knarr/api/types" / f"{name}.py").read_text()]

    assert json.loads(json.dumps(table)) == schema.table()["definitions"]
    assert [] == stale


@pytest.mark.parametrize(("kind", "field", "notation"), [
    ("core_v1.PodSpec", "containers", "[]core_v1.Container"), ("meta_v1.ObjectMeta", "labels", "{}string"),
    ("core_v1.Secret", "data", "{}byte"), ("core_v1.ServicePort", "targetPort", "intstr.IntOrString"),
    ("core_v1.ResourceRequirements", "limits", "{}resource.Quantity"), ("core_v1.PodSpec", "hostNetwork", "boolean"),
    ("apps_v1.DeploymentSpec", "replicas", "int32"), ("meta_v1.ObjectMeta", "creationTimestamp", "meta_v1.Time"),
])
def test_the_tables_notation(kind, field, notation):
    """Types are short words: `[]` is a list of, `{}` a map of words to."""
    assert notation == schema.fields_of(kind)[field].type


def test_list_types():
    """Which lists are sets and maps, and what tells a map's items apart."""
    ports = schema.fields_of("core_v1.Container")["ports"]

    assert ("map", ("containerPort", "protocol"), "containerPort", "merge") == (
        ports.list, ports.keys, ports.merge_key, ports.strategy)
    assert "set" == schema.fields_of("meta_v1.ObjectMeta")["finalizers"].list
    assert "core_v1.Container" == schema.fields_of("core_v1.PodSpec")["containers"].item
    assert {} == schema.fields_of("meta_v1.Time")
