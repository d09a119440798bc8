"""The generated structs: they decode what servers store, and encode what servers accept."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import msgspec
import pytest

from knarr.api import kinds, schema
from knarr.api import types as api_types
from knarr.api.types import apps_v1, core_v1, meta_v1, networking_v1
from tests.unit.api.wire import recorded

MODULES = [module.name for module in pkgutil.iter_modules(api_types.__path__)]


@pytest.mark.parametrize("module", MODULES)
def test_every_struct_can_be_made_and_decoded(module):
    """No annotation leads nowhere; an empty object is an object."""
    loaded = importlib.import_module(f"knarr.api.types.{module}")
    for struct in [value for value in vars(loaded).values() if isinstance(value, type)]:
        if issubclass(struct, msgspec.Struct) and struct is not msgspec.Struct:
            assert struct() == msgspec.json.decode(b"{}", type=struct)


def test_recorded_objects_decode():
    """Every stored object becomes its struct, with nothing lost that the struct knows."""
    compared = 0
    for case in recorded("objects/created.json"):
        obj = msgspec.json.decode(msgspec.json.encode(case["response"]).replace(b'"<port>"', b"1").replace(
            b"<time>", b"2026-01-01T00:00:00Z"))
        kind = kinds.of_object(obj)
        if kind is not None and case["code"] == 201:
            schema.check(kind, obj)
            obj["metadata"].pop("managedFields", None)  # no component reads them: the structs go without
            struct = msgspec.json.decode(msgspec.json.encode(obj), type=kinds.struct(kind))
            again = msgspec.json.decode(msgspec.json.encode(struct))
            assert obj == {key: again[key] for key in obj}, kind.kind
            compared += 1
    assert compared > 25


def test_absent_things():
    """The promises that plans rely on."""
    pod = core_v1.Pod()

    assert ("v1", "Pod", "") == (pod.apiVersion, pod.kind, pod.metadata.name or "")
    assert ((), None, {}) == (pod.spec.containers, pod.spec.nodeName, pod.metadata.labels)
    assert "" == core_v1.Container().name
    assert () == networking_v1.IPBlock().except_


def test_encoding_says_what_it_is():
    """Objects carry kind and apiVersion even when nobody set them; keywords keep their API names."""
    text = msgspec.json.decode(msgspec.json.encode(apps_v1.Deployment(metadata=meta_v1.ObjectMeta(name="a"))))
    listed = msgspec.json.decode(msgspec.json.encode(meta_v1.ListMeta(continue_="x")))

    assert ("apps/v1", "Deployment", {"name": "a"}) == (text["apiVersion"], text["kind"], text["metadata"])
    assert {"continue": "x"} == listed


def test_unknown_fields_are_passed_over():
    """A newer server may send more than we know."""
    assert "a" == msgspec.json.decode(b'{"metadata":{"name":"a","new":1},"x":[]}', type=core_v1.Pod).metadata.name


def test_importing_a_kind_row_imports_no_structs():
    """The registry is light: structs are loaded when asked for."""
    script = "import sys, knarr.api.kinds; print('knarr.api.types.core_v1' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "False\n" == done.stdout
