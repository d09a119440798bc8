"""Admission policies refuse, warn of and change writes by CEL; a broken one harms only what its failurePolicy says."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from knarr.api.http import Call, User
from tests.unit.apiserver.asking import MERGE, Asker

ROOT = "/apis/admissionregistration.k8s.io/v1"
MAPS = "/api/v1/namespaces/web/configmaps"
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}
PODS = {**RULE, "resources": ["pods"]}


def config_map(name: str = "c", **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"app": "x"}}, "data": data}


async def refuse(api: Asker, expression: str = "false", *, binding: dict[str, Any] | None = None, **spec: Any) -> None:
    """Make a validating policy for config maps, and bind it."""
    policy = {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": expression}], **spec}
    await api.make(f"{ROOT}/validatingadmissionpolicies", {"metadata": {"name": "p"}, "spec": policy})
    bound = {"policyName": "p", "validationActions": ["Deny"], **(binding or {})}
    await api.make(f"{ROOT}/validatingadmissionpolicybindings", {"metadata": {"name": "b"}, "spec": bound})


async def change(api: Asker, *expressions: str, patch: bool = False, name: str = "p", rule: Any = RULE, **spec: Any) -> None:
    """Make a mutating policy, and bind it."""
    member, sort = ("jsonPatch", "JSONPatch") if patch else ("applyConfiguration", "ApplyConfiguration")
    mutations = [{"patchType": sort, member: {"expression": text}} for text in expressions]
    policy = {"matchConstraints": {"resourceRules": [rule]}, "mutations": mutations, **spec}
    await api.make(f"{ROOT}/mutatingadmissionpolicies", {"metadata": {"name": name}, "spec": policy})
    await api.make(f"{ROOT}/mutatingadmissionpolicybindings", {"metadata": {"name": name}, "spec": {"policyName": name}})


@pytest.mark.parametrize(("expression", "code"), [
    pytest.param("object.data.a == 'b'", 201, id="the object"),
    pytest.param("oldObject == null", 201, id="no old one"),
    pytest.param("request.operation == 'UPDATE'", 422, id="the operation"),
    pytest.param("request.userInfo.username == 'admin' && 'system:masters' in request.userInfo.groups", 201, id="who"),
    pytest.param("request.resource.resource == 'configmaps' && request.name == 'c'", 201, id="what"),
    pytest.param("namespaceObject.metadata.name == 'web'", 201, id="its namespace"),
    pytest.param("has(object.metadata.annotations)", 422, id="a field that may be absent"),
    pytest.param("authorizer.group('').resource('pods').namespace('web').check('get').allowed()", 201, id="may the user"),
    pytest.param("authorizer.serviceAccount('web', 'x').path('/healthz').check('get').allowed()", 422, id="may another"),
    pytest.param("authorizer.requestResource.check('create').allowed()", 201, id="may he do this"),
    pytest.param("variables.labels.app == 'x' && variables.twice == 2", 201, id="variables, each made of others"),
    pytest.param("true || variables.broken == 1", 201, id="a broken variable that does not matter"),
])
async def test_what_expressions_see(api, expression, code):
    """One write; the policy's answer."""
    await refuse(api, expression, variables=[
        {"name": "labels", "expression": "object.metadata.labels"}, {"name": "one", "expression": "size(variables.labels)"},
        {"name": "twice", "expression": "variables.one * 2"}, {"name": "broken", "expression": "object.nope"}])

    assert code == (await api.ask("POST", MAPS, config_map(a="b")))[0]


@pytest.mark.parametrize(("spec", "said"), [
    pytest.param({"validations": [{"expression": "false", "message": " no "}]}, "no", id="fixed words"),
    pytest.param({"validations": [{"expression": "false", "message": "no", "messageExpression": "'bad ' + object.metadata.name"}]},
                 "bad c", id="made words"),
    pytest.param({"validations": [{"expression": "false", "message": "no", "messageExpression": "string(object.nope)"}]},
                 "no", id="words that fail"),
    pytest.param({"validations": [{"expression": "object.nope == 1"}]},
                 "expression 'object.nope == 1' resulted in error: no such key: nope", id="a fault"),
    pytest.param({"validations": [{"expression": "variables.v == 1"}], "variables": [{"name": "v", "expression": "object.nope"}]},
                 "expression 'variables.v == 1' resulted in error: composited variable \"v\" fails to evaluate: no such key: nope",
                 id="a variable's fault"),
    pytest.param({"matchConditions": [{"name": "c", "expression": "object.nope == 1"}]},
                 "expression 'object.nope == 1' resulted in error: no such key: nope", id="a condition's fault"),
    pytest.param({"paramKind": {"apiVersion": "x.io/v1", "kind": "Y"}},
                 "failed to find resource referenced by paramKind: 'x.io/v1, Kind=Y'", id="parameters of no kind"),
])
async def test_words_of_a_refusal(api, spec, said):
    """What the user reads, and that nothing of it is said when faults are to be ignored."""
    await refuse(api, **spec)
    _, refusal = await api.ask("POST", MAPS, config_map())

    assert refusal["message"].startswith('configmaps "c" is forbidden: ValidatingAdmissionPolicy \'p\' ')
    assert refusal["message"].endswith(f": {said}")
    assert refusal["details"]["causes"][0]["message"] in refusal["message"]
    if "error" in said or "failed" in said:
        await api.ask("PATCH", f"{ROOT}/validatingadmissionpolicies/p", {"spec": {"failurePolicy": "Ignore"}}, content_type=MERGE)
        assert 201 == (await api.ask("POST", MAPS, config_map()))[0]


@pytest.mark.parametrize(("reason", "code"), [("Forbidden", 403), ("Unauthorized", 401), ("RequestEntityTooLarge", 413), ("Invalid", 422)])
async def test_reasons(api, reason, code):
    """A validation chooses the code."""
    await refuse(api, validations=[{"expression": "false", "reason": reason}])
    found, refusal = await api.ask("POST", MAPS, config_map())

    assert (code, reason) == (found, refusal["reason"])


@pytest.mark.parametrize(("changes", "code"), [
    pytest.param({"matchConditions": [{"name": "c", "expression": "object.metadata.name == 'd'"}]}, 201, id="a condition"),
    pytest.param({"matchConstraints": {"resourceRules": [{**RULE, "resourceNames": ["d"]}]}}, 201, id="another name"),
    pytest.param({"matchConstraints": {"resourceRules": [RULE], "excludeResourceRules": [{**RULE, "operations": ["CREATE"]}]}}, 201, id="but not"),
    pytest.param({"binding": {"matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}}}}, 201, id="bound elsewhere"),
    pytest.param({"binding": {"matchResources": {"objectSelector": {"matchLabels": {"app": "x"}}}}}, 422, id="bound here"),
])
async def test_where_a_policy_counts(api, changes, code):
    """Constraints, exclusions, conditions and the binding's own choice."""
    await refuse(api, **changes)

    assert code == (await api.ask("POST", MAPS, config_map()))[0]


async def test_parameters_by_name_and_by_selector(api):
    """One binding names its parameters, another chooses all with a label; every one of them must agree."""
    limits = f"{MAPS.replace('web', 'default')}"
    for name, most in (("low", "1"), ("high", "3")):
        await api.make(limits, {"metadata": {"name": name, "labels": {"limits": "yes"}}, "data": {"most": most}})
    await refuse(api, "size(object.data) <= int(params.data.most)", paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
                 matchConstraints={"resourceRules": [RULE], "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "web"}}},
                 binding={"paramRef": {"name": "high", "namespace": "default", "parameterNotFoundAction": "Deny"}})
    assert 201 == (await api.ask("POST", MAPS, config_map(a="1", b="2")))[0]
    ref = {"name": None, "selector": {"matchLabels": {"limits": "yes"}}}
    await api.ask("PATCH", f"{ROOT}/validatingadmissionpolicybindings/b", {"spec": {"paramRef": ref}}, content_type=MERGE)
    assert 422 == (await api.ask("POST", MAPS, config_map("d", a="1", b="2")))[0]
    ref["selector"] = {"matchLabels": {"limits": "no"}}
    await api.ask("PATCH", f"{ROOT}/validatingadmissionpolicybindings/b", {"spec": {"paramRef": ref}}, content_type=MERGE)
    _, refusal = await api.ask("POST", MAPS, config_map("e"))

    assert refusal["message"].endswith("failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction")


async def test_warnings_and_the_audit_log(api):
    """A binding may warn of a failed validation instead of refusing; annotations that fail refuse."""
    await refuse(api, auditAnnotations=[{"key": "name", "valueExpression": "string(object.metadata.name)"}],
                 binding={"validationActions": ["Warn", "Audit"]})
    answer = await api.call("POST", MAPS, config_map())
    assert (201, "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': failed expression: false\"") == (
        answer.status, answer.headers["Warning"])
    await api.ask("PATCH", f"{ROOT}/validatingadmissionpolicies/p",
                  {"spec": {"auditAnnotations": [{"key": "name", "valueExpression": "string(object.nope)"}]}}, content_type=MERGE)

    assert 422 == (await api.ask("POST", MAPS, config_map("d")))[0]


async def test_a_policy_says_which_fields_it_names_wrongly(api):
    """Its status, as soon as it is stored; it is taken back with the mistake."""
    await refuse(api, "object.metadatas.name == 'x' && object.spec.replicas > 1", matchConstraints={
        "resourceRules": [{**RULE, "apiGroups": ["apps"], "resources": ["deployments"]}]})
    _, policy = await api.ask("GET", f"{ROOT}/validatingadmissionpolicies/p")

    assert {"observedGeneration": 1, "typeChecking": {"expressionWarnings": [{
        "fieldRef": "spec.validations[0].expression",
        "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'metadatas'\n"
                   " | object.metadatas.name == 'x' && object.spec.replicas > 1\n | ......^"}]}} == policy["status"]
    await api.ask("PATCH", f"{ROOT}/validatingadmissionpolicies/p", {"spec": {"validations": [{"expression": "true"}]}}, content_type=MERGE)
    _, policy = await api.ask("GET", f"{ROOT}/validatingadmissionpolicies/p")
    assert {"observedGeneration": 2, "typeChecking": {}} == policy["status"]


@pytest.mark.parametrize(("path", "value", "field", "said"), [
    ("validations", [{"expression": "object.x"}], "spec.validations[0].expression", "must evaluate to bool"),
    ("validations", [{"expression": "params.x == 1"}], "spec.validations[0].expression", "undeclared reference to 'params'"),
    ("validations", [{"expression": "variables.x == 1"}], "spec.validations[0].expression", "undefined field 'x'"),
    ("validations", [{"expression": "true", "messageExpression": "1"}], "spec.validations[0].messageExpression", "must evaluate to string"),
    ("validations", [{"expression": "true", "reason": "No"}], "spec.validations[0].reason", "supported values"),
    ("variables", [{"name": "in", "expression": "1"}], "spec.variables[0].name", "name is not a valid CEL identifier"),
    ("auditAnnotations", [{"key": "a b", "valueExpression": "'x'"}], "spec.auditAnnotations[0].key", "must consist of"),
    ("matchConditions", [{"name": "a", "expression": "1"}], "spec.matchConditions[0].expression", "must evaluate to bool"),
    ("paramKind", {"apiVersion": "a/b/c", "kind": "K"}, "spec.paramKind.apiVersion", "unexpected GroupVersion string: a/b/c"),
    ("matchConstraints", {}, "spec.matchConstraints.resourceRules", "Required value"),
    ("failurePolicy", "No", "spec.failurePolicy", "supported values"),
])
async def test_a_bad_policy_is_refused(api, path, value, field, said):
    """Where and why."""
    spec = {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": "true"}], path: value}
    code, refusal = await api.ask("POST", f"{ROOT}/validatingadmissionpolicies", {"metadata": {"name": "p"}, "spec": spec})

    assert (422, field) == (code, refusal["details"]["causes"][0]["field"])
    assert said in refusal["details"]["causes"][0]["message"]


@pytest.mark.parametrize(("spec", "field"), [
    ({"policyName": "", "validationActions": ["Deny"]}, "spec.policyName"),
    ({"policyName": "p"}, "spec.validationActions"),
    ({"policyName": "p", "validationActions": ["Deny", "Warn"]}, "spec.validationActions"),
    ({"policyName": "p", "validationActions": ["Deny"], "paramRef": {}}, "spec.paramRef"),
    ({"policyName": "p", "validationActions": ["Deny"], "paramRef": {"name": "a", "selector": {}}}, "spec.paramRef.name"),
])
async def test_a_bad_binding_is_refused(api, spec, field):
    """Likewise."""
    code, refusal = await api.ask("POST", f"{ROOT}/validatingadmissionpolicybindings", {"metadata": {"name": "b"}, "spec": spec})

    assert (422, field) == (code, refusal["details"]["causes"][0]["field"])


async def test_objects_are_laid_over(api):
    """Labels join; what the policy does not name stays; the next mutation sees what the one before made."""
    await change(api, 'Object{metadata: Object.metadata{labels: {"team": object.metadata.namespace}}}',
                 'Object{metadata: Object.metadata{annotations: {"copied": object.metadata.labels["team"]}}}')
    made = await api.make(MAPS, config_map(a="b"))

    assert ({"app": "x", "team": "web"}, {"copied": "web"}, {"a": "b"}) == (
        made["metadata"]["labels"], made["metadata"]["annotations"], made["data"])


async def test_a_sidecar_joins_the_containers(api):
    """A list with keys takes a new item; its defaults are those of a container that the user had written."""
    await change(api, """Object{spec: Object.spec{containers: [
        Object.spec.containers{name: "side", image: "busybox", env: [Object.spec.containers.env{name: "A", value: "1"}]}]}}""", rule=PODS)
    pod = await api.make("/api/v1/namespaces/web/pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "x"}]}})
    side = next(one for one in pod["spec"]["containers"] if one["name"] == "side")

    assert {"a", "side"} == {one["name"] for one in pod["spec"]["containers"]}
    assert ("Always", [{"name": "A", "value": "1"}]) == (side["imagePullPolicy"], side["env"])
    assert any(mount["mountPath"].startswith("/var/run/secrets") for mount in side["volumeMounts"])


async def test_json_patches(api):
    """Built by expressions; a list of them is applied in order, keys escaped."""
    await change(api, """[JSONPatch{op: "test", path: "/data/a", value: "b"},
        JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("x/y_z"), value: "1"},
        JSONPatch{op: "remove", path: "/data/a"}]""", patch=True)
    made = await api.make(MAPS, config_map(a="b", c="d"))

    assert ({"app": "x", "x/y_z": "1"}, {"c": "d"}) == (made["metadata"]["labels"], made["data"])


@pytest.mark.parametrize(("expression", "patch", "said"), [
    pytest.param('[JSONPatch{op: "test", path: "/data/a", value: "no"}]', True, "JSON Patch: ", id="a test that fails"),
    pytest.param('Object{nope: "x"}', False, ".nope: field not declared in schema", id="no such field"),
    pytest.param('Object{data: {"a": object.nope}}', False, "no such key: nope", id="a fault"),
])
async def test_a_mutation_that_fails(api, expression, patch, said):
    """The write is refused; unless faults are to be ignored."""
    await change(api, expression, patch=patch)
    code, refusal = await api.ask("POST", MAPS, config_map(a="b"))

    assert (403, True, True) == (code, refusal["message"].startswith("policy 'p' with binding 'p' denied request: "), said in refusal["message"])
    await api.ask("PATCH", f"{ROOT}/mutatingadmissionpolicies/p", {"spec": {"failurePolicy": "Ignore"}}, content_type=MERGE)
    assert 201 == (await api.ask("POST", MAPS, config_map(a="b")))[0]


async def test_what_has_one_owner_is_not_laid_over(api):
    """A list that is replaced as a whole would lose the user's items."""
    await change(api, 'Object{spec: Object.spec{containers: [Object.spec.containers{name: "a", args: ["x"]}]}}', rule=PODS)
    code, refusal = await api.ask("POST", "/api/v1/namespaces/web/pods",
                                  {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "x"}]}})

    assert (403, True) == (code, "may not mutate atomic arrays, maps or structs" in refusal["message"])


async def test_a_policy_looks_again_if_it_asked_to(api):
    """The first counts labels; the second adds one; only the first that may look again sees it."""
    count = 'Object{metadata: Object.metadata{annotations: {"%s": string(size(object.metadata.labels))}}}'
    await change(api, count % "once", name="a")
    await change(api, count % "last", name="b", reinvocationPolicy="IfNeeded")
    await change(api, 'Object{metadata: Object.metadata{labels: {"new": "1"}}}', name="c")
    made = await api.make(MAPS, config_map())

    assert {"once": "1", "last": "2"} == made["metadata"]["annotations"]


async def test_evictions_and_connections_are_judged(api):
    """Requests that store nothing of their own kind: each is shown as what it is, and may be refused."""
    await refuse(api, "request.kind.kind != 'Eviction' && object.kind != 'PodExecOptions'", matchConstraints={"resourceRules": [
        {**PODS, "resources": ["pods/eviction", "pods/exec"]}]})
    pods = "/api/v1/namespaces/web/pods"
    await api.make(pods, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "x"}]}})
    code, refusal = await api.ask("POST", f"{pods}/p/eviction", {"metadata": {"name": "p"}})
    assert (422, True) == (code, "denied request" in refusal["message"])
    answer = await api.server.handle(Call("POST", f"{pods}/p/exec", {"command": "ls"}, raw_query="command=ls",
                                          user=User("admin", groups=("system:masters",))))
    assert (422, True) == (answer.status, b"denied request" in answer.body)
    assert 200 == (await api.ask("DELETE", f"{pods}/p"))[0]


async def test_a_scale_is_shown_as_a_scale(api):
    """And a policy may change its count."""
    await change(api, "Object{spec: Object.spec{replicas: 2}}", matchConditions=[{"name": "much", "expression": "object.spec.replicas > 2"}],
                 rule={**RULE, "apiGroups": ["apps"], "resources": ["deployments/scale"]})
    meta = {"labels": {"a": "b"}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": meta, "spec": {"containers": [{"name": "a", "image": "x"}]}}}
    await api.make("/apis/apps/v1/namespaces/web/deployments", {"metadata": {"name": "d"}, "spec": spec})
    _, scale = await api.ask("PATCH", "/apis/apps/v1/namespaces/web/deployments/d/scale", {"spec": {"replicas": 9}}, content_type=MERGE)

    assert 2 == scale["spec"]["replicas"]


async def test_policies_are_past_themselves(api):
    """One for everything that refuses all: it can still be taken away, and an unbound one does nothing."""
    wide = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    await refuse(api, matchConstraints={"resourceRules": [wide]})
    assert 422 == (await api.ask("POST", MAPS, config_map()))[0]
    assert 200 == (await api.ask("DELETE", f"{ROOT}/validatingadmissionpolicybindings/b"))[0]

    assert 201 == (await api.ask("POST", MAPS, config_map()))[0]


async def test_a_policy_on_custom_objects(api):
    """Rules on any version of a kind see it in the version they name."""
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"size": {"type": "integer"}}}}
    names = {"plural": "hats", "kind": "Hat"}
    versions = [{"name": name, "served": True, "storage": name == "v1", "schema": schema} for name in ("v1", "v2")]
    await api.make("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
        "metadata": {"name": "hats.x.io"}, "spec": {"group": "x.io", "names": names, "scope": "Namespaced", "versions": versions}})
    await refuse(api, "object.apiVersion == 'x.io/v1' && object.size < 9",
                 matchConstraints={"resourceRules": [{**RULE, "apiGroups": ["x.io"], "resources": ["hats"]}]})
    codes = [(await api.ask("POST", "/apis/x.io/v2/namespaces/web/hats", {
        "apiVersion": "x.io/v2", "kind": "Hat", "metadata": {"name": f"h{size}"}, "size": size}))[0] for size in (8, 9)]

    assert [201, 422] == codes


async def test_the_list_shows_parameters(api):
    """`kubectl get validatingadmissionpolicies` and the bindings."""
    await refuse(api, paramKind={"apiVersion": "v1", "kind": "ConfigMap"}, binding={
        "paramRef": {"name": "x", "namespace": "y", "parameterNotFoundAction": "Allow"}})
    form = "application/json;as=Table;v=v1;g=meta.k8s.io"
    shown = [orjson.loads((await api.call("GET", f"{ROOT}/{plural}", accept=form)).body)["rows"][0]["cells"]
             for plural in ("validatingadmissionpolicies", "validatingadmissionpolicybindings")]

    assert [["p", 1, "v1/ConfigMap"], ["b", "p", "y/x"]] == [cells[:3] for cells in shown]


@pytest.mark.parametrize(("expression", "fault"), [
    pytest.param("object.spec.replicas == 'x'", "found no matching overload for '_==_' applied to '(int, string)'", id="types that never agree"),
    pytest.param("object.spec.template.spec.containers.all(one, one.imag == 'x')", "undefined field 'imag'", id="below a list"),
    pytest.param("object.spec.replicas > 1 && object.metadata.labels['a'] == 'b'", "", id="nothing"),
    pytest.param("variables.spec.nope == 1", "undefined field 'nope'", id="through a variable"),
])
async def test_what_type_checking_finds(api, expression, fault):
    """In the status, for the kinds that the rules name."""
    await refuse(api, expression, variables=[{"name": "spec", "expression": "object.spec"}], matchConstraints={
        "resourceRules": [{**RULE, "apiGroups": ["apps"], "resources": ["deployments"]}]})
    _, policy = await api.ask("GET", f"{ROOT}/validatingadmissionpolicies/p")
    found = policy["status"]["typeChecking"].get("expressionWarnings", [{"warning": ""}])

    assert (bool(fault), True) == (bool(found[0]["warning"]), fault in found[0]["warning"])


async def test_expressions_may_cost_only_so_much(api):
    """A loop in a loop over what the user sent: refused with words, within a moment."""
    await refuse(api, "object.data.all(a, object.data.all(b, object.data.all(c, a + b + c != 'x')))")
    code, refusal = await api.ask("POST", MAPS, config_map(**{f"k{number}": "v" for number in range(200)}))

    assert (422, True) == (code, "cost limit exceeded" in refusal["message"])


async def test_a_policy_leaves_the_clients_version_alone(api):
    """A mutating one that speaks another version changes the object, not the version in which it was written."""
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"size": {"type": "integer"}}}}
    versions = [{"name": name, "served": True, "storage": name == "v1", "schema": schema} for name in ("v1", "v2")]
    await api.make("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {"metadata": {"name": "hats.x.io"}, "spec": {
        "group": "x.io", "names": {"plural": "hats", "kind": "Hat"}, "scope": "Namespaced", "versions": versions}})
    await change(api, "Object{size: object.apiVersion == 'x.io/v1' ? 7 : 8}", rule={**RULE, "apiGroups": ["x.io"], "resources": ["hats"]})
    made = await api.make("/apis/x.io/v2/namespaces/web/hats", {"apiVersion": "x.io/v2", "kind": "Hat", "metadata": {"name": "h"}})

    assert ("x.io/v2", 7) == (made["apiVersion"], made["size"])


async def test_what_is_noted_for_the_audit_log(api):
    """A policy's annotations, and the validations that failed, where the binding asks for that."""
    await refuse(api, auditAnnotations=[{"key": "name", "valueExpression": "'it is ' + string(oldObject == null)"}],
                 binding={"validationActions": ["Audit"]})
    notes: list[dict[str, str]] = [{}, {}]
    headers = {"content-type": "application/json"}
    for method, path, told in (("POST", MAPS, notes[0]), ("DELETE", f"{MAPS}/c", notes[1])):
        body = orjson.dumps(config_map()) if method == "POST" else b""
        await api.server.handle(Call(method, path, {}, headers, body, User("admin", groups=("system:masters",)), notes=told))
    failure = orjson.loads(notes[0]["validation.policy.admission.k8s.io/validation_failure"])

    assert ["it is true", "it is false"] == [one["p/name"] for one in notes]
    assert [{"message": "failed expression: false", "policy": "p", "binding": "b", "expressionIndex": 0, "validationActions": ["Audit"]}] == failure
