"""Creating, changing and deleting: what the recorded stories leave out."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from tests.unit.apiserver.asking import MERGE

MAPS = "/api/v1/namespaces/web/configmaps"
PODS = "/api/v1/namespaces/web/pods"
POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


async def test_generated_names_are_drawn_again_when_taken(api, monkeypatch):
    """The dice fall the same twice: the second object gets another name."""
    faces = iter(["aaaaa", "aaaaa", "bbbbb"])
    monkeypatch.setattr(type(api.server.core.rng), "suffix", lambda self, length=5: next(faces))
    first = await api.make(MAPS, {"metadata": {"generateName": "x-"}})
    second = await api.make(MAPS, {"metadata": {"generateName": "x-"}})

    assert ["x-aaaaa", "x-bbbbb"] == [first["metadata"]["name"], second["metadata"]["name"]]


async def test_a_dry_run_leaves_nothing(api):
    """dryRun=All: the answer is whole, the store untouched, no address taken."""
    before = api.store.revision
    code, made = await api.ask("POST", f"{MAPS}?dryRun=All", {"metadata": {"name": "a"}})

    assert (201, True) == (code, "uid" in made["metadata"])
    assert before == api.store.revision


async def test_the_later_of_two_writers_is_told(api):
    """Two clients read the same state and PUT: one wins, one gets 409."""
    made = await api.make(MAPS, {"metadata": {"name": "a"}})
    answers = await asyncio.gather(*(api.ask("PUT", f"{MAPS}/a", {**made, "data": {"k": str(n)}}) for n in range(2)))

    assert [200, 409] == sorted(code for code, _ in answers)


async def test_patches_without_a_revision_all_succeed(api):
    """Twenty clients patch twenty keys at once: none is lost, none is refused."""
    await api.make(MAPS, {"metadata": {"name": "a"}})
    patches = (api.ask("PATCH", f"{MAPS}/a", {"data": {f"k{n}": "v"}}, content_type=MERGE) for n in range(20))

    assert {200} == {code for code, _ in await asyncio.gather(*patches)}
    assert 20 == len((await api.ask("GET", f"{MAPS}/a"))[1]["data"])


async def test_a_write_that_changes_nothing_makes_no_revision(api):
    """kubectl apply of the same file: same revision, no event."""
    made = await api.make(MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    _, again = await api.ask("PATCH", f"{MAPS}/a", {"data": {"k": "v"}}, content_type=MERGE)

    assert made["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]


async def test_yaml_goes_in_and_out(api):
    """A body in YAML, an answer in YAML."""
    answer = await api.call("POST", MAPS, b"metadata: {name: a}\ndata: {k: v}\n", content_type="application/yaml",
                            accept="application/yaml")

    assert (201, "application/yaml") == (answer.status, answer.content_type)
    assert b"kind: ConfigMap" in answer.body


async def test_a_finalizer_holds_an_object_until_it_goes(api):
    """Deleted with a finalizer: it waits; the finalizer removed: it is gone, and watchers were told the last state."""
    await api.make(MAPS, {"metadata": {"name": "a", "finalizers": ["example.com/x"]}})
    _, waiting = await api.ask("DELETE", f"{MAPS}/a")
    assert "deletionTimestamp" in waiting["metadata"]
    code, _ = await api.ask("PATCH", f"{MAPS}/a", {"metadata": {"finalizers": None}}, content_type=MERGE)

    assert 200 == code
    assert 404 == (await api.ask("GET", f"{MAPS}/a"))[0]


@pytest.mark.parametrize(("policy", "finalizers"), [
    pytest.param("Foreground", ["foregroundDeletion"], id="dependents first"),
    pytest.param("Orphan", ["orphan"], id="dependents stay"),
])
async def test_the_garbage_collector_is_asked_by_finalizers(api, policy, finalizers):
    """The policy of a deletion is a finalizer that the collector takes away."""
    await api.make(MAPS, {"metadata": {"name": "a"}})
    _, waiting = await api.ask("DELETE", f"{MAPS}/a", {"propagationPolicy": policy})

    assert finalizers == waiting["metadata"]["finalizers"]


async def test_a_running_pod_gets_its_grace_and_an_unbound_one_none(api):
    """Bound: it is marked and waits for its agent, twice asked no longer; unbound: it is gone at once."""
    await api.make(PODS, POD)
    code, _ = await api.ask("POST", f"{PODS}/p/binding", {"target": {"kind": "Node", "name": "n"}})
    assert 201 == code
    _, marked = await api.ask("DELETE", f"{PODS}/p")
    assert 30 == marked["metadata"]["deletionGracePeriodSeconds"]
    _, same = await api.ask("DELETE", f"{PODS}/p?gracePeriodSeconds=60")
    assert marked["metadata"]["resourceVersion"] == same["metadata"]["resourceVersion"]
    _, gone = await api.ask("DELETE", f"{PODS}/p?gracePeriodSeconds=0")
    assert 0 == gone["metadata"]["deletionGracePeriodSeconds"]
    assert 404 == (await api.ask("GET", f"{PODS}/p"))[0]
    await api.make(PODS, POD)
    await api.ask("DELETE", f"{PODS}/p")
    assert 404 == (await api.ask("GET", f"{PODS}/p"))[0]


async def test_a_pod_is_bound_once(api):
    """Two schedulers: the second is told where the pod is."""
    await api.make(PODS, POD)
    target = {"target": {"kind": "Node", "name": "n"}}
    answers = [await api.ask("POST", f"{PODS}/p/binding", target) for _ in range(2)]
    _, pod = await api.ask("GET", f"{PODS}/p")

    assert [201, 409] == [code for code, _ in answers]
    assert 'pod p is already assigned to node "n"' in answers[1][1]["message"]
    assert ("PodScheduled", "True") == tuple(pod["status"]["conditions"][0][key] for key in ("type", "status"))


async def test_a_budget_forbids_an_eviction(api):
    """No disruption is allowed: 429 with the cause, and the pod stays. One is: the pod goes and the budget counts it."""
    await api.make(PODS, {**POD, "metadata": {"name": "p", "labels": {"a": "b"}}})
    ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    await api.ask("PATCH", f"{PODS}/p/status", ready, content_type=MERGE)
    budgets = "/apis/policy/v1/namespaces/web/poddisruptionbudgets"
    await api.make(budgets, {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}})
    full = {"observedGeneration": 1, "currentHealthy": 1, "desiredHealthy": 1, "disruptionsAllowed": 0, "expectedPods": 1}
    await api.ask("PATCH", f"{budgets}/b/status", {"status": full}, content_type=MERGE)
    eviction = {"metadata": {"name": "p"}}
    code, refusal = await api.ask("POST", f"{PODS}/p/eviction", eviction)
    assert (429, "DisruptionBudget") == (code, refusal["details"]["causes"][0]["reason"])
    assert "The disruption budget b needs 1 healthy pods and has 1 currently" == refusal["details"]["causes"][0]["message"]
    await api.ask("PATCH", f"{budgets}/b/status", {"status": {"disruptionsAllowed": 1}}, content_type=MERGE)

    assert 201 == (await api.ask("POST", f"{PODS}/p/eviction", eviction))[0]
    assert "p" in (await api.ask("GET", f"{budgets}/b"))[1]["status"]["disruptedPods"]


async def test_an_evicted_pod_says_so(api):
    """Its condition tells a Job's pod failure policy that it is no failure; also where a resourceVersion was asked for."""
    ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    await api.make(PODS, {**POD, "metadata": {"name": "p", "finalizers": ["example.com/stay"]}})
    pod = (await api.ask("PATCH", f"{PODS}/p/status", ready, content_type=MERGE))[1]
    asked = {"preconditions": {"resourceVersion": pod["metadata"]["resourceVersion"]}}

    assert 201 == (await api.ask("POST", f"{PODS}/p/eviction", {"metadata": {"name": "p"}, "deleteOptions": asked}))[0]
    going = (await api.ask("GET", f"{PODS}/p"))[1]
    assert "deletionTimestamp" in going["metadata"]
    assert [("Ready", None), ("DisruptionTarget", "EvictionByEvictionAPI")] == [
        (one["type"], one.get("reason")) for one in going["status"]["conditions"]]


async def test_a_namespace_ends_in_two_steps(api):
    """Deleted: it terminates and takes nothing new; finalized by its controller: it is gone."""
    _, ending = await api.ask("DELETE", "/api/v1/namespaces/web")
    assert "Terminating" == ending["status"]["phase"]
    assert 403 == (await api.ask("POST", MAPS, {"metadata": {"name": "late"}}))[0]
    ending["spec"]["finalizers"] = []
    code, _ = await api.ask("PUT", "/api/v1/namespaces/web/finalize", ending)

    assert 200 == code
    assert 404 == (await api.ask("GET", "/api/v1/namespaces/web"))[0]


@pytest.mark.parametrize(("path", "obj", "answered", "described"), [
    pytest.param("/apis/storage.k8s.io/v1/storageclasses", {"metadata": {"name": "x"}, "provisioner": "a/b"}, "StorageClass", "io.k8s.api.storage.v1.StorageClass", id="storage class"),
    pytest.param("/apis/resource.k8s.io/v1/deviceclasses", {"metadata": {"name": "x"}, "spec": {}}, "DeviceClass", "io.k8s.api.resource.v1.DeviceClass", id="device class"),
    pytest.param("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "x"}, "value": 1}, "Status", "io.k8s.apimachinery.pkg.apis.meta.v1.Status", id="priority class"),
])  # fmt: skip
async def test_some_kinds_are_shown_when_they_have_gone(api, path, obj, answered, described):
    """Generated clients decode the answer as the document says."""
    await api.make(path, obj)
    code, gone = await api.ask("DELETE", f"{path}/x")
    _, document = await api.ask("GET", f"/openapi/v3{path.rpartition('/')[0]}")
    answers = document["paths"][f"{path}/{{name}}"]["delete"]["responses"]

    assert (200, answered) == (code, gone["kind"])
    assert {"$ref": f"#/components/schemas/{described}"} == answers["200"]["content"]["application/json"]["schema"]


async def test_a_collection_is_deleted_by_selector(api):
    """Three of five match: three go, and the answer lists them."""
    for number in range(5):
        labels = {"odd": "yes"} if number % 2 else {"odd": "no"}
        await api.make(MAPS, {"metadata": {"name": f"n{number}", "labels": labels}})
    code, listed = await api.ask("DELETE", f"{MAPS}?labelSelector=odd=no")

    assert (200, 3) == (code, len(listed["items"]))
    left = (await api.ask("GET", MAPS))[1]["items"]
    assert ["n1", "n3"] == [item["metadata"]["name"] for item in left]


@pytest.mark.parametrize(("body", "media", "code"), [
    pytest.param(b"{}", "application/apply-patch+yaml", 422, id="an apply without a manager"),
    pytest.param(b"{}", "application/apply-patch+cbor", 415, id="an apply in another encoding"),
    pytest.param(b"{}", "application/foo", 415, id="no patch at all"),
    pytest.param(b"[]", MERGE, 400, id="a list is no merge patch"),
    pytest.param(b"{bad", MERGE, 400, id="no JSON"),
    pytest.param(b'{"metadata":{"name":"b"}}', MERGE, 400, id="another name"),
    pytest.param(b'{"data":{"k":1}}', MERGE, 422, id="a wrong type"),
    pytest.param(b'{"kind":"Pod"}', MERGE, 400, id="another kind"),
    pytest.param(b'[{"op":"test","path":"/data","value":1}]', "application/json-patch+json", 422, id="a test that fails"),
])
async def test_bad_patches_change_nothing(api, body, media, code):
    """The refusal is a 4xx and the object is as it was."""
    made = await api.make(MAPS, {"metadata": {"name": "a"}})
    answer = await api.call("PATCH", f"{MAPS}/a", body, content_type=media)

    assert code == answer.status, answer.body
    assert "Status" == orjson.loads(answer.body)["kind"]
    assert made == (await api.ask("GET", f"{MAPS}/a"))[1]


@pytest.mark.parametrize("content_type", [MERGE, "application/apply-patch+yaml"])
async def test_a_dry_run_shows_the_revision_it_would_have_replaced(api, content_type):
    """`kubectl diff --server-side` compares it with what is stored: nothing but the change may differ."""
    made = await api.make("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "m"}, "data": {"a": "1"}})
    wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "2"}}
    path = "/api/v1/namespaces/default/configmaps/m"
    code, shown = await api.ask("PATCH", f"{path}?dryRun=All&fieldManager=f&fieldValidation=Strict{FORCE[content_type]}", wanted,
                                content_type=content_type)

    assert (200, {"a": "2"}) == (code, shown["data"])
    assert made["metadata"]["resourceVersion"] == shown["metadata"]["resourceVersion"]
    assert {"a": "1"} == (await api.ask("GET", path))[1]["data"]


FORCE = {MERGE: "", "application/apply-patch+yaml": "&force=true"}
