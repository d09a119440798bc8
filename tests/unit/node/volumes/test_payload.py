"""Which files a volume holds, and kubelet's words where it cannot be said."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from knarr.api.types.core_v1 import ConfigMap, Pod, Secret, Volume
from knarr.node.faces import NodeFacts
from knarr.node.volumes.payload import ContentError, File, Sources, files_of, needs

NODE = NodeFacts("n1", "10.0.0.1", 4000, 2**33)
SOURCES = Sources(
    {"cm": ConfigMap(data={"a": "1", "b": "2"}, binaryData={"bin": base64.b64encode(b"\0\xff").decode()}), "gone": None},
    {"s": Secret(data={"pw": base64.b64encode(b"x").decode()}), "lost": None},
    {("", 3607): "token", ("vault", 600): "other"}, NODE,
)


def pod(**spec: Any) -> Pod:
    """Return a labelled pod."""
    return msgspec.convert({"metadata": {"name": "p", "namespace": "ns", "labels": {"app": "web"}}, "spec": {
        "containers": [{"name": "c"}], **spec}}, Pod)


def files(source: dict[str, Any], **spec: Any) -> dict[str, File]:
    """Return the files of a volume of this source."""
    found = files_of(pod(**spec), msgspec.convert({"name": "v", **source}, Volume), SOURCES)
    assert found is not None
    return dict(found)


TOKEN = {"projected": {"defaultMode": 0o644, "sources": [
    {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}]}}


@pytest.mark.parametrize(("source", "expected"), [
    pytest.param({"configMap": {"name": "cm"}}, {"a": File(b"1"), "b": File(b"2"), "bin": File(b"\0\xff")}, id="all keys"),
    pytest.param({"configMap": {"name": "cm", "defaultMode": 0o400, "items": [
        {"key": "a", "path": "x/y"}, {"key": "b", "path": "z", "mode": 0o777}]}},
        {"x/y": File(b"1", 0o400), "z": File(b"2", 0o777)}, id="items and modes"),
    pytest.param({"configMap": {"name": "gone", "optional": True}}, {}, id="optional config map"),
    pytest.param({"configMap": {"name": "cm", "optional": True, "items": [{"key": "q", "path": "q"}]}}, {}, id="optional key"),
    pytest.param({"secret": {"secretName": "s"}}, {"pw": File(b"x")}, id="secret"),
    pytest.param({"downwardAPI": {"items": [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "mem", "resourceFieldRef": {"containerName": "c", "resource": "limits.memory", "divisor": "1Gi"}}]}},
        {"labels": File(b'app="web"'), "mem": File(b"8")}, id="downward"),
    pytest.param({"projected": {"sources": [
        {"configMap": {"name": "cm", "items": [{"key": "a", "path": "pw"}]}}, {"secret": {"name": "s"}},
        {"serviceAccountToken": {"path": "t", "audience": "vault", "expirationSeconds": 600}}]}},
        {"pw": File(b"x"), "t": File(b"other")}, id="projected, the later wins"),
])
def test_files(source: dict[str, Any], expected: dict[str, File]) -> None:
    """Each kind of source."""
    assert expected == files(source)


@pytest.mark.parametrize(("spec", "expected"), [
    pytest.param({}, File(b"token", 0o644), id="anyone may read it"),
    pytest.param({"securityContext": {"runAsUser": 7}}, File(b"token", 0o600, 7), id="its user alone"),
    pytest.param({"securityContext": {"fsGroup": 8}}, File(b"token", 0o600), id="its group"),
    pytest.param({"containers": [{"name": "a", "securityContext": {"runAsUser": 1}}, {"name": "b"}]},
                 File(b"token", 0o644), id="two users"),
])
def test_token_ownership(spec: dict[str, Any], expected: File) -> None:
    """A token is as private as the pod's users allow."""
    assert {"token": expected} == files(TOKEN, **spec)


@pytest.mark.parametrize(("source", "message"), [
    pytest.param({"configMap": {"name": "gone"}}, 'configmap "gone" not found', id="config map"),
    pytest.param({"secret": {"secretName": "lost"}}, 'secret "lost" not found', id="secret"),
    pytest.param({"configMap": {"name": "cm", "items": [{"key": "q", "path": "q"}]}},
                 "configmap references non-existent config key: q", id="config key"),
    pytest.param({"secret": {"secretName": "s", "items": [{"key": "q", "path": "q"}]}},
                 "references non-existent secret key: q", id="secret key"),
    pytest.param({"projected": {"sources": [{"configMap": {"name": "gone"}}, {"secret": {"name": "lost"}}]}},
                 '[configmap "gone" not found, secret "lost" not found]', id="all that is missing at once"),
    pytest.param({"projected": {"sources": [{"clusterTrustBundle": {"path": "x", "name": "y"}}]}},
                 "this node knows no such projected volume source", id="unknown source"),
])
def test_missing(source: dict[str, Any], message: str) -> None:
    """What is not there is named."""
    with pytest.raises(ContentError) as refused:
        files(source)

    assert message == str(refused.value)


def test_needs() -> None:
    """All names are gathered before anything is read."""
    volumes = msgspec.convert([
        {"name": "a", "configMap": {"name": "m1"}}, {"name": "b", "secret": {"secretName": "s1"}},
        {"name": "c", "projected": {"sources": [
            {"configMap": {"name": "m2"}}, {"secret": {"name": "s2"}}, {"serviceAccountToken": {"path": "t"}}]}},
        {"name": "d", "emptyDir": {}},
    ], list[Volume])
    wanted = needs(volumes)

    assert ({"m1", "m2"}, {"s1", "s2"}, {("", 3600)}) == (wanted.config_maps, wanted.secrets, wanted.tokens)
