"""What means nothing to Kubernetes' own types means nothing here: kubectl, which is built from them, is the oracle."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knarr.api import kinds, schema
from tests.unit.apiserver.asking import Asker

ZERO = {"string": "", "int32": 0, "int64": 0, "boolean": False}
SOME = {"string": "x", "int32": 1, "int64": 1, "boolean": True}
DEPTH_MAX = 9
CHANGED = "ontainers[].image"  # by the command that sends the object through kubectl's types
KINDS = [("", "v1", "pods", "image"), ("apps", "v1", "statefulsets", "image"), ("batch", "v1", "cronjobs", "image"),
         ("", "v1", "services", "selector")]


def filled(definition: str, scalars: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return an object with every field there is: the scalars as wanted, one item in each list and map."""
    found: dict[str, Any] = {}
    for name, field in schema.fields_of(definition).items():
        if name in ("status", "managedFields") or depth > DEPTH_MAX:
            continue
        value = scalars.get(field.item)
        if value is None and schema.fields_of(field.item):
            value = filled(field.item, scalars, depth + 1)
            if field.merge_key:  # what tells items apart is never empty
                value[field.merge_key] = SOME[schema.fields_of(field.item)[field.merge_key].type]
        if value is not None:
            found[name] = {"k": value} if field.type.startswith("{}") else [value] if field.type.startswith("[]") else value
    return found


def places(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every scalar."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from places(one, f"{path}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from places(one, f"{path}[]")
    else:
        yield path


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl here")
@pytest.mark.parametrize(("group", "version", "plural", "part"), KINDS, ids=[row[2] for row in KINDS])
def test_what_kubectls_types_drop_is_dropped(tmp_path: Path, group: str, version: str, plural: str, part: str) -> None:
    """Every field of a kind is zero: what the Go types leave out of it the server leaves out, and nothing else."""
    kind = kinds.by_resource(group, version, plural)
    assert kind is not None

    def through_go(scalars: dict[str, Any]) -> set[str]:
        obj = {**filled(kind.definition, scalars), "apiVersion": kind.api_version, "kind": kind.kind}
        obj["metadata"] = {"name": "n"}
        path = tmp_path / "object.json"
        path.write_text(json.dumps(obj))
        change = "x=changed" if part == "image" else "a=b"
        done = subprocess.run([newest(), "set", part, "--local", "-o", "json", "-f", str(path), change],
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return {place for place in places(json.loads(done.stdout)) if place.startswith(".spec.") and CHANGED not in place}

    known = through_go(SOME)
    kept = through_go(ZERO)
    settled = filled(kind.definition, ZERO)
    sent = set(places(settled))
    assert "" == schema.check(kind, settled).wrong
    ours = {place for place in places(settled) if place in known}

    assert len(known) > 20
    assert (set(), set()) == (ours - kept, (kept & sent) - ours)


def newest() -> str:
    """Return the newest kubectl found."""
    plain = Path(str(shutil.which("kubectl"))).resolve()
    return str(max(plain.parent.glob("kubectl.1.*"), default=plain))


async def test_a_chart_that_leaves_its_values_empty() -> None:
    """Empty texts stand where a chart's user gave no value: all is accepted, completed, and empty no more."""
    api = await Asker().start("web")
    container = {"name": "c", "image": "i", "imagePullPolicy": "", "terminationMessagePolicy": "", "env": [{"name": "A", "value": ""}],
                 "ports": [{"containerPort": 80, "protocol": "", "name": "", "hostPort": 0}],
                 "livenessProbe": {"httpGet": {"port": 80, "path": "", "scheme": ""}, "periodSeconds": 0}}
    spec = {"containers": [container], "restartPolicy": "", "dnsPolicy": "", "schedulerName": "", "serviceAccountName": "",
            "priorityClassName": "", "hostNetwork": False, "volumes": [{"name": "h", "hostPath": {"path": "/x", "type": ""}}]}
    made = await api.make("/api/v1/namespaces/web/pods", {"metadata": {"name": "p", "generateName": ""}, "spec": spec})
    service = await api.make("/api/v1/namespaces/web/services", {"metadata": {"name": "s"}, "spec": {
        "type": "", "clusterIP": "", "loadBalancerIP": "", "externalTrafficPolicy": "", "ports": [{"port": 80, "nodePort": 0, "protocol": ""}]}})
    first = made["spec"]["containers"][0]

    assert [{"name": "A"}] == first["env"]
    assert [{"containerPort": 80, "protocol": "TCP"}] == first["ports"]
    assert (10, {"path": "/", "port": 80, "scheme": "HTTP"}) == (
        first["livenessProbe"]["periodSeconds"], first["livenessProbe"]["httpGet"])
    assert ("Always", "ClusterFirst", "default") == tuple(made["spec"][key] for key in ("restartPolicy", "dnsPolicy", "serviceAccountName"))
    assert ({"path": "/x", "type": ""}, False) == (made["spec"]["volumes"][0]["hostPath"], "hostNetwork" in made["spec"])
    assert ("ClusterIP", [{"port": 80, "protocol": "TCP", "targetPort": 80}]) == (service["spec"]["type"], service["spec"]["ports"])
    assert not {"loadBalancerIP", "externalTrafficPolicy"} & set(service["spec"])
