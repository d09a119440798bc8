"""Server-side apply through the server: creation, conflicts, subresources, kubectl's migration, and managedFields."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from knarr.api.http import Call, User
from knarr.apiserver.server import Security
from tests.unit.apiserver.asking import Asker

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
MAPS = "/api/v1/namespaces/web/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/web/deployments"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def config(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}


def deployment(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template, **spec}}


async def apply(api: Asker, path: str, body: Any, manager: str = "m", query: str = "") -> tuple[int, Any]:
    return await api.ask("PATCH", f"{path}?fieldManager={manager}{query}", body, content_type=APPLY)


def owners(obj: dict[str, Any]) -> list[tuple[str, str, str]]:
    entries = obj["metadata"].get("managedFields", ())
    return [(entry["manager"], entry["operation"], entry.get("subresource", "")) for entry in entries]


async def test_yaml_makes_an_object(api):
    """Nothing is there yet: the apply creates it, from YAML with comments."""
    body = b"# mine\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: '1'\n"
    code, made = await apply(api, f"{MAPS}/x", body)

    assert 201 == code
    assert {"a": "1"} == made["data"]
    assert [("m", "Apply", "")] == owners(made)
    assert (await apply(api, f"{MAPS}/x", body))[0] == 200


async def test_the_same_again_writes_nothing(api):
    """An hour later the same is applied: no new revision, and the old time."""
    _, first = await apply(api, f"{MAPS}/x", config(a="1"))
    api.clock.advance(3600)

    assert first == (await apply(api, f"{MAPS}/x", config(a="1")))[1]


async def test_empty_values_applied_again_write_nothing(api):
    """A chart leaves values empty: what they stand for is kept once, however often it is applied."""
    wanted = deployment(paused=False)
    wanted["spec"]["template"]["spec"]["containers"][0].update(
        imagePullPolicy="", env=[{"name": "A", "value": ""}], ports=[{"containerPort": 80, "protocol": ""}])
    made, again = [(await apply(api, f"{DEPLOYMENTS}/d", wanted))[1] for _ in range(2)]
    first = again["spec"]["template"]["spec"]["containers"][0]

    assert made["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]
    assert ([{"containerPort": 80, "protocol": "TCP"}], [{"name": "A"}]) == (first["ports"], first["env"])


async def test_a_zero_takes_back_what_another_set(api):
    """Somebody paused the rollout; who applies `paused: false` by force sets it off again."""
    await apply(api, f"{DEPLOYMENTS}/d", deployment())
    await api.ask("PATCH", f"{DEPLOYMENTS}/d", {"spec": {"paused": True}}, content_type=MERGE)
    code, _ = await apply(api, f"{DEPLOYMENTS}/d", deployment(paused=False))
    _, forced = await apply(api, f"{DEPLOYMENTS}/d", deployment(paused=False), query="&force=true")

    assert (409, False) == (code, "paused" in forced["spec"])


async def test_a_dry_run_makes_nothing(api):
    code, made = await apply(api, f"{MAPS}/x", config(a="1"), query="&dryRun=All")

    assert (201, [("m", "Apply", "")]) == (code, owners(made))
    assert 404 == (await api.ask("GET", f"{MAPS}/x"))[0]


async def test_who_may_only_patch_may_not_create():
    """The role allows patch and not create: an apply to what is not there is refused."""

    class PatchOnly:
        def authorize(self, attributes: Any) -> Any:
            allowed = attributes.verb != "create" or attributes.user.name != "patcher"
            return type("Decision", (), {"allowed": allowed, "reason": ""})()

    api = await Asker(security=Security(authorizer=PatchOnly())).start("web")
    call = Call("PATCH", f"{MAPS}/x", {"fieldManager": "m"}, {"content-type": APPLY}, orjson.dumps(config(a="1")),
                User("patcher"))

    assert 403 == (await api.server.handle(call)).status


@pytest.mark.parametrize(("body", "query", "code", "message"), [
    pytest.param(b"a: [", "", 400, "error decoding YAML: ", id="no YAML"),
    pytest.param(b"[]", "", 400, "error decoding YAML: ", id="no map"),
    pytest.param({**config(), "metadata": {"name": "x", "uid": "u"}}, "", 409,
                 'Operation cannot be fulfilled on configmaps "x": uid mismatch: the provided object specified uid u, '
                 "and no existing object was found", id="uid of nothing"),
    pytest.param({**config(), "metadata": {"name": "y"}}, "", 400,
                 "the name of the object (y) does not match the name on the URL (x)", id="another name"),
    pytest.param(config(), "&force=maybe", 400, "strconv.ParseBool", id="force is no flag"),
    pytest.param(b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: '1', a: '2'}", "&fieldValidation=Strict",
                 400, "error strict decoding YAML: ", id="a key twice"),
])
async def test_refusals(api, body, query, code, message):
    got, said = await apply(api, f"{MAPS}/x", body, query=query)

    assert code == got
    assert said["message"].startswith(message)


async def test_force_is_for_applies(api):
    """A merge patch cannot be forced."""
    await apply(api, f"{MAPS}/x", config(a="1"))
    code, said = await api.ask("PATCH", f"{MAPS}/x?force=true", {"data": {"a": "2"}}, content_type=MERGE)

    assert 422 == code
    assert "may not be specified for non-apply patch" in said["message"]


async def test_a_reset_forgets_owners_until_the_next_apply(api):
    """`managedFields: [{}]` empties the list; updates leave it so; an apply finds what was before."""
    await apply(api, f"{MAPS}/x", config(a="1"))
    reset = {"metadata": {"managedFields": [{}]}}
    _, empty = await api.ask("PATCH", f"{MAPS}/x", reset, content_type=MERGE)
    _, patched = await api.ask("PATCH", f"{MAPS}/x", {"data": {"b": "2"}}, content_type=MERGE)
    _, applied = await apply(api, f"{MAPS}/x", config(c="3"))

    assert [[], []] == [owners(empty), owners(patched)]
    assert [("m", "Apply", ""), ("before-first-apply", "Update", "")] == owners(applied)


async def test_nonsense_in_managed_fields_is_ignored(api):
    """A client writes managedFields that are none: the known owners stay."""
    await apply(api, f"{MAPS}/x", config(a="1"))
    nonsense = {"metadata": {"managedFields": [{"manager": "x", "operation": "Steal"}]}}
    code, after = await api.ask("PATCH", f"{MAPS}/x", nonsense, content_type=MERGE)

    assert (200, [("m", "Apply", "")]) == (code, owners(after))


async def test_status_is_owned_apart(api):
    """The status belongs to who writes it through its subresource; the object's appliers cannot touch it."""
    await apply(api, f"{DEPLOYMENTS}/d", {**deployment(), "status": {"replicas": 7}})
    _, after = await apply(api, f"{DEPLOYMENTS}/d/status", {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "status": {"replicas": 3}}, "st")

    assert 3 == after["status"]["replicas"]
    assert [("m", "Apply", ""), ("st", "Apply", "status")] == owners(after)
    assert 404 == (await apply(api, f"{DEPLOYMENTS}/e/status", {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "e"}}, "st"))[0]


async def test_scaling_takes_the_count(api):
    """Somebody scales: the count is theirs, and the applier conflicts until it lets go or insists."""
    await apply(api, f"{DEPLOYMENTS}/d", deployment(replicas=1))
    await api.ask("PATCH", f"{DEPLOYMENTS}/d/scale?fieldManager=hpa", {"spec": {"replicas": 5}}, content_type=MERGE)
    _, scaled = await api.ask("GET", f"{DEPLOYMENTS}/d")
    code, said = await apply(api, f"{DEPLOYMENTS}/d", deployment(replicas=1))

    assert [("m", "Apply", ""), ("hpa", "Update", "scale")] == owners(scaled)
    assert 409 == code
    assert 'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas' == (
        said["message"])
    assert 5 == (await apply(api, f"{DEPLOYMENTS}/d", deployment()))[1]["spec"]["replicas"]


async def test_a_scale_can_be_applied(api):
    """An autoscaler applies the Scale: it conflicts with the workload's applier, and wins when it insists."""
    await apply(api, f"{DEPLOYMENTS}/d", deployment(replicas=1))
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}, "spec": {"replicas": 4}}
    refused, said = await apply(api, f"{DEPLOYMENTS}/d/scale", scale, "hpa")
    code, shown = await apply(api, f"{DEPLOYMENTS}/d/scale", scale, "hpa", "&force=true")
    _, after = await api.ask("GET", f"{DEPLOYMENTS}/d")

    assert (409, 'Apply failed with 1 conflict: conflict with "m": .spec.replicas') == (refused, said["message"])
    assert (200, 4) == (code, shown["spec"]["replicas"])
    assert [("hpa", "Apply", "scale"), ("m", "Apply", "")] == sorted(owners(after))
    assert {"f:spec": {"f:replicas": {}}} == next(
        entry["fieldsV1"] for entry in after["metadata"]["managedFields"] if entry["manager"] == "hpa")


async def test_kubectl_goes_over_from_client_side_apply(api):
    """kubectl applied on its own side before: the server lets it take its fields over, and keeps its annotation."""
    before = config(a="1")
    before["metadata"]["annotations"] = {LAST_APPLIED: orjson.dumps(config(a="1")).decode()}
    await api.ask("POST", f"{MAPS}?fieldManager=kubectl-client-side-apply", before)
    code, after = await apply(api, f"{MAPS}/x", config(a="2"), "kubectl")
    told = orjson.loads(after["metadata"]["annotations"][LAST_APPLIED])

    assert (200, {"a": "2"}) == (code, after["data"])
    assert config(a="2") == told
    assert 409 == (await apply(api, f"{MAPS}/x", config(a="3"), "other"))[0]


async def test_the_user_agent_is_the_manager(api):
    """Without a name the writer is called by the first word of its user agent, or unknown."""
    _, named = await api.ask("POST", MAPS, config(a="1"), user_agent="terraform/1.9 (linux)")
    _, unknown = await api.ask("POST", MAPS, {**config(a="1"), "metadata": {"name": "y"}}, user_agent="")

    assert ["terraform", "unknown"] == [owners(made)[0][0] for made in (named, unknown)]


async def test_a_name_of_a_manager_has_bounds(api):
    code, said = await apply(api, f"{MAPS}/x", config(a="1"), "m" * 129)

    assert 422 == code
    assert "Too long: may not be more than 128 bytes" in said["message"]
