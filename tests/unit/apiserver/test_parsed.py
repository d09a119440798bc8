"""Objects that many writes read: parsed once for each state, shared, and left as they are."""

from __future__ import annotations

import orjson
import pytest

from knarr.api import kinds
from knarr.apiserver.admission import chain
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.parsed import ENTRIES_MAX, VALUE_BYTES_MAX, Parsed
from knarr.store.face import Entry
from tests.unit.apiserver.asking import ADMIN

WEB = "/api/v1/namespaces/web"


def entry(name: str, revision: int = 1, size: int = 0) -> Entry:
    value = orjson.dumps({"metadata": {"name": name, "resourceVersion": str(revision)}, "filling": "x" * size})
    return Entry(f"/core/namespaces/-/{name}", value, revision, 1, 0)


def test_one_state_is_parsed_once():
    """Two writes look at the same namespace."""
    parsed, web = Parsed(), entry("web")

    assert parsed.of(web) is parsed.of(web)
    assert {"name": "web", "resourceVersion": "1"} == parsed.of(web)["metadata"]


def test_another_state_is_parsed_anew():
    """The namespace is changed, or deleted and made again: only the entry at hand counts, never its name."""
    parsed = Parsed()
    parsed.of(entry("web", 1))

    assert "2" == parsed.of(entry("web", 2))["metadata"]["resourceVersion"]


@pytest.mark.parametrize("size", [pytest.param(0, id="more than are kept"), pytest.param(VALUE_BYTES_MAX, id="too large")])
def test_what_is_kept_is_bounded(size):
    """A thousand namespaces are written to, or ones with huge annotations: all are answered, few are kept."""
    parsed = Parsed()
    for number in range(ENTRIES_MAX + 1):
        assert f"n{number}" == parsed.of(entry(f"n{number}", size=size))["metadata"]["name"]

    assert len(parsed) == (0 if size else 1)


async def test_a_pods_draft_holds_no_part_of_what_it_was_made_from(api):
    """A pod is completed from account, class and limits. A webhook then may do to it whatever it likes."""
    await api.make(f"{WEB}/serviceaccounts", {"metadata": {"name": "me"}, "imagePullSecrets": [{"name": "pull"}]})
    await api.make(f"{WEB}/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [
        {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}}]}})
    await api.make("/apis/node.k8s.io/v1/runtimeclasses", {
        "metadata": {"name": "r"}, "handler": "h", "overhead": {"podFixed": {"cpu": "1m"}},
        "scheduling": {"nodeSelector": {"kata": "yes"}, "tolerations": [{"key": "kata", "operator": "Exists"}]}})
    draft = {"metadata": {"name": "p", "namespace": "web"}, "spec": {
        "containers": [{"name": "c", "image": "i"}], "serviceAccountName": "me", "runtimeClassName": "r"}}
    kind = kinds.by_resource("", "v1", "pods")
    core = api.server.core
    await chain.admit(Admission(core, ADMIN, kind, "create", draft))
    empty(draft)
    read = ["/core/serviceaccounts/web/me", "/core/limitranges/web/l", "/node.k8s.io/runtimeclasses/-/r"]
    states = [core.store.get(key) for key in read]

    assert [state.obj for state in states] == [core.parsed.of(state) for state in states]
    assert len(core.parsed) >= len(read)


def empty(part):
    """Take everything out of a dict or list, from the inside."""
    for inner in part.values() if isinstance(part, dict) else part:
        if isinstance(inner, (dict, list)):
            empty(inner)
    part.clear()
