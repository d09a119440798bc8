"""Selectors read single fields from stored bytes."""

from __future__ import annotations

import orjson
import pytest

from knarr.api import kinds
from knarr.apiserver.fieldlabels import supported, value_of
from knarr.apiserver.select import Selection, reader
from knarr.store.face import Entry

META = {"name": "web", "namespace": "d"}
FULL = {
    "Pod": {"spec": {"nodeName": "n1", "hostNetwork": True, "restartPolicy": "Always"}, "status": {"phase": "Running"}},
    "Node": {"spec": {"unschedulable": True}},
    "Secret": {"type": "Opaque"},
    "Event": {"involvedObject": {"name": "web", "kind": "Pod"}, "reason": "R", "source": {"component": "kubelet"}},
    "ReplicaSet": {"status": {"replicas": 3}},
    "Job": {"status": {"succeeded": 2}},
}
BARE = {"spec": {}, "status": {}}
SELECTABLE = [kind for kind in kinds.KINDS if kind.stored and len(supported(kind)) > 2]


@pytest.mark.parametrize("kind", SELECTABLE, ids=lambda kind: f"{kind.api_version} {kind.kind}")
@pytest.mark.parametrize("full", [True, False], ids=["full", "bare"])
def test_a_field_reads_alike_from_bytes_and_from_the_object(kind, full):
    """Whatever a selector may name, set or not: reading it alone gives what the parsed object says."""
    meta = META if kind.namespaced else {"name": "web"}
    obj = {"metadata": meta, **(FULL.get(kind.kind, BARE) if full else BARE)}
    entry = Entry(kind.key(meta.get("namespace", ""), "web"), orjson.dumps(obj), 1, 1, 0)

    for path in supported(kind):
        assert value_of(kind, obj, path) == reader(kind, path)(entry), path


@pytest.mark.parametrize(("fields", "text"), [
    pytest.param("spec.nodeName=n1", "n1", id="the pods of a node"),
    pytest.param("metadata.name=web,status.phase=Running", "Running", id="a name is in the key already"),
    pytest.param("spec.nodeName!=n1", None, id="all but those of a node"),
    pytest.param("metadata.name=web", None, id="one pod"),
    pytest.param("", None, id="all"),
])
def test_what_a_watch_is_about(fields, text):
    """A watch that one value narrows is woken for that value alone; two such watches share the reading."""
    pods = kinds.by_resource("", "v1", "pods")
    among, again = (Selection(pods, {"fieldSelector": fields}).among for _ in range(2))

    assert text == (among.text if among else None)
    assert among == again
