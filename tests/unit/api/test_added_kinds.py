"""The kinds that no controller of ours acts on are as strict as Kubernetes is: what each field may hold."""

from __future__ import annotations

from typing import Any

import pytest

from knarr.api import columns, defaults, expressions, kinds, strategy, validation
from knarr.api.cel.cost import estimate
from knarr.api.kinds import Kind
from knarr.api.validation.deviceselectors import DEVICE

FLOW, DEVICES, NET, STORAGE = "flowcontrol.apiserver.k8s.io", "resource.k8s.io", "networking.k8s.io", "storage.k8s.io"
NOW_S = 1_800_000_000.0
RULE = {"subjects": [{"kind": "User", "user": {"name": "u"}}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}
SCHEMA = {"priorityLevelConfiguration": {"name": "p"}, "rules": [RULE]}
QUEUES = {"type": "Queue", "queuing": {}}
EXACT = {"name": "r", "exactly": {"deviceClassName": "gpu"}}
POOL = {"name": "p", "resourceSliceCount": 1}
SLICE = {"driver": "d.example.com", "nodeName": "n", "pool": POOL}


def kind_of(group: str, name: str) -> Kind:
    found = kinds.by_kind(group, "v1", name)
    assert found is not None
    return found


def created(group: str, name: str, parts: dict[str, Any], named: str = "a") -> tuple[dict[str, Any], list[str]]:
    """Make an object; return it and what refuses it, each as `field: message`."""
    kind = kind_of(group, name)
    obj: dict[str, Any] = {"kind": name, "apiVersion": kind.api_version, "metadata": {"name": named, "uid": "u"}, **parts}
    if kind.namespaced:
        obj["metadata"]["namespace"] = "default"
    defaults.apply(kind, obj)
    strategy.prepare_create(kind, obj)
    return obj, [f"{cause.field}: {cause.message}" for cause in validation.create(kind, obj)]


@pytest.mark.parametrize(("group", "name", "parts", "named"), [
    pytest.param(FLOW, "FlowSchema", {"spec": SCHEMA}, "a", id="schema"),
    pytest.param(FLOW, "PriorityLevelConfiguration", {"spec": {"type": "Limited", "limited": {"limitResponse": QUEUES}}}, "a", id="level"),
    pytest.param(FLOW, "PriorityLevelConfiguration", {"spec": {"type": "Exempt"}}, "exempt", id="exempt level"),
    pytest.param(DEVICES, "ResourceClaim", {"spec": {"devices": {"requests": [EXACT]}}}, "a", id="claim"),
    pytest.param(DEVICES, "ResourceClaimTemplate", {"spec": {"spec": {"devices": {"requests": [EXACT]}}}}, "a", id="template"),
    pytest.param(DEVICES, "DeviceClass", {"spec": {"selectors": [{"cel": {"expression": "true"}}]}}, "gpu.example.com", id="class"),
    pytest.param(DEVICES, "ResourceSlice", {"spec": {**SLICE, "devices": [{"name": "d"}]}}, "a", id="slice"),
    pytest.param(NET, "IPAddress", {"spec": {"parentRef": {"resource": "services", "name": "a", "namespace": "b"}}}, "10.0.0.1", id="address"),
    pytest.param(NET, "ServiceCIDR", {"spec": {"cidrs": ["10.1.0.0/16", "fd00::/112"]}}, "a", id="two ranges"),
    pytest.param(STORAGE, "CSINode", {"spec": {"drivers": [{"name": "d.io", "nodeID": "1"}]}}, "n", id="node"),
    pytest.param(STORAGE, "CSIStorageCapacity", {"storageClassName": "fast", "capacity": "1Gi"}, "a", id="capacity"),
    pytest.param(STORAGE, "VolumeAttributesClass", {"driverName": "d.io", "parameters": {"iops": "9"}}, "a", id="attributes"),
])
def test_what_is_right_is_let_in(group, name, parts, named):
    """The least that each kind needs, and it prints."""
    obj, faults = created(group, name, parts, named)

    assert [] == faults
    view = columns.view_of(kind_of(group, name))
    assert len(view.columns) == len(view.cells(obj, NOW_S))


@pytest.mark.parametrize(("group", "name", "parts", "faults"), [
    pytest.param(FLOW, "FlowSchema", {"spec": {**SCHEMA, "matchingPrecedence": 1}},
                 ["spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"], id="precedence 1"),
    pytest.param(FLOW, "FlowSchema", {"spec": {**SCHEMA, "rules": [{"subjects": [{"kind": "Group"}]}]}},
                 ["spec.rules[0].subjects[0].group: Required value: group is required when subject kind is 'Group'",
                  "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty"], id="a rule of nothing"),
    pytest.param(FLOW, "FlowSchema", {"spec": {**SCHEMA, "rules": [{**RULE, "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["healthz"]}]}]}},
                 ['spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "healthz": must start with slash'], id="a path without a slash"),
    pytest.param(FLOW, "PriorityLevelConfiguration", {"spec": {"type": "Exempt"}},
                 ["spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'"], id="another exempt level"),
    pytest.param(FLOW, "PriorityLevelConfiguration", {"spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": {"queues": 512, "handSize": 8}}}}},
                 ["spec.limited.limitResponse.queuing.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 should not be greater than 60"], id="too large a hand"),
    pytest.param(DEVICES, "ResourceClaim", {"spec": {"devices": {"requests": [{"name": "r"}, {"name": "r", "exactly": {}}]}}},
                 ["spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
                  "spec.devices.requests[1].exactly.deviceClassName: Required value",
                  'spec.devices.requests[1]: Duplicate value: "r"'], id="requests"),
    pytest.param(DEVICES, "ResourceClaim", {"spec": {"devices": {"requests": [EXACT], "constraints": [{"requests": ["x"], "matchAttribute": "a.b/c"}]}}},
                 ["spec.devices.constraints[0].requests[0]: Invalid value: \"x\": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"], id="an unknown request"),
    pytest.param(DEVICES, "ResourceSlice", {"spec": {**SLICE, "allNodes": True}},
                 ['spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set'], id="two places"),
    pytest.param(NET, "ServiceCIDR", {"spec": {"cidrs": ["10.0.0.0/8", "11.0.0.0/8"]}},
                 ['spec.cidrs: Invalid value: {"cidrs":["10.0.0.0/8","11.0.0.0/8"]}: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'], id="one family twice"),
    pytest.param(NET, "IPAddress", {"spec": {}}, [
        'metadata.name: Invalid value: "a": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)', "spec.parentRef: Required value"], id="no address"),
    pytest.param(STORAGE, "CSINode", {"spec": {"drivers": [{"name": "a"}, {"name": "a", "nodeID": "1"}]}}, [
        "spec.drivers[0].nodeID: Required value", 'spec.drivers[1].name: Duplicate value: "a"'], id="a driver twice"),
    pytest.param(STORAGE, "VolumeAttachment", {"spec": {"attacher": "a", "nodeName": "n", "source": {}}}, [
        "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"], id="no source"),
    pytest.param(STORAGE, "VolumeAttributesClass", {"driverName": "a"}, [
        "parameters: Required value: must contain at least one key/value pair"], id="no parameters"),
])
def test_what_is_wrong_is_named(group, name, parts, faults):
    """The field's path and Kubernetes' words."""
    assert faults == created(group, name, parts)[1]


@pytest.mark.parametrize(("expression", "faults"), [
    pytest.param('device.driver == "gpu.example.com"', [], id="the driver"),
    pytest.param('device.attributes["gpu.example.com"].driverVersion.isGreaterThan(semver("1.2.0")) && '
                 'device.capacity["gpu.example.com"].memory.compareTo(quantity("10Gi")) >= 0', [], id="a version and a size"),
    pytest.param('cel.bind(gpu, device.attributes["gpu.example.com"], "family" in gpu && gpu.family == "a")', [], id="a name for a part"),
    pytest.param('device.attributes["gpu.example.com"].mig', [], id="known later"),
    pytest.param("device.driver", ["must evaluate to bool or the unknown type, not string"], id="a text"),
    pytest.param("device.nope == 1", ["compilation failed: ERROR: <input>:1:7: undefined field 'nope'"], id="no such member"),
    pytest.param("gpu", ["compilation failed: ERROR: <input>:1:1: undeclared reference to 'gpu'"], id="no such name"),
    pytest.param("device.driver ==", ["compilation failed: ERROR: <input>:1:17: Syntax error: mismatched input '<EOF>'"], id="half of it"),
])
def test_selectors_of_devices_are_compiled(expression, faults):
    """A class and a claim choose by expressions; one that never can is refused when it is written, not when a pod waits."""
    selectors = [{"cel": {"expression": expression}}]
    claim = {"spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "gpu", "selectors": selectors}}]}}}
    for name, parts, path in (("DeviceClass", {"spec": {"selectors": selectors}}, "spec.selectors[0]"),
                              ("ResourceClaim", claim, "spec.devices.requests[0].exactly.selectors[0]")):
        told = [one for one in created(DEVICES, name, parts)[1] if "metadata.name" not in one]
        assert len(faults) == len(told), told
        assert all(one.startswith(f"{path}.cel.expression: Invalid value:") and fault in one for one, fault in zip(told, faults, strict=True))


OF, HAS = 'device.attributes["dra.example.com"]', 'device.capacity["dra.example.com"]'
LARGER = 'isGreaterThan(quantity("1Ki"))'


@pytest.mark.parametrize(("expression", "cost"), [
    ("true", 0), ('"no-such-domain" in device.attributes', 3), ('device.driver == ""', 2), ('device.driver == "dra.example.com"', 4),
    (f"{OF}.name", 4), (f"{OF}.name > 0", 5), (f'{OF}.name == "fish"', 5), (f"{OF}.names.size() == 2", 6), (f"1 in {OF}.names", 68),
    (f"{OF}.a && {OF}.b && {OF}.c", 12), ("device.allowMultipleAllocations == true", 3), (f"cel.bind(dra, {OF}, dra.name)", 15),
    (f'{OF}.name.isGreaterThan(semver("v0.0.1", true)) && isSemver("v1.0.0", true)', 7), (f"{HAS}.name.{LARGER}", 6),
    (f'"name" in {HAS} && {HAS}.name.{LARGER}', 10), (f'!("name" in {HAS}) || {HAS}.name.{LARGER}', 11),
    (f"{OF}.names.exists(x, x > 0)", 389), (f'{OF}.names.all(x, x != "")', 261), (f'{OF}.names.exists(x, x.isGreaterThan(semver("0.0.1")))', 453),
    ('device.attributes.exists_one(x, x == "dra.example.com")', 164), (f'{HAS}.exists_one(x, x == "memory")', 133),
    (f'{OF}.services.split("example").size() >= 2', 19), (f'{OF}.services.matches("[^a]?sym")', 18),
])  # fmt: skip
def test_what_a_selector_can_cost(expression, cost):
    """The figures are Kubernetes' own. Source: kube dynamic-resource-allocation/cel/compile_test.go."""
    assert cost == estimate(expressions.checked(expression, {"device": DEVICE}))


def test_a_selector_that_takes_too_long_is_refused():
    """Seven loops in one another, each over ten numbers."""
    expression = "int('1'.find('[0-9]*')) < 100"
    for name in "abcdefg":
        expression = f"[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all({name}, {expression})"
    _, faults = created(DEVICES, "DeviceClass", {"spec": {"selectors": [{"cel": {"expression": expression}}]}})

    assert "spec.selectors[0].cel.expression: Forbidden: too complex, exceeds cost limit" in faults


@pytest.mark.parametrize(("group", "name", "parts", "change", "field"), [
    pytest.param(DEVICES, "ResourceClaim", {"spec": {"devices": {"requests": [EXACT]}}}, {"spec": {"devices": {}}}, "spec", id="claim"),
    pytest.param(NET, "ServiceCIDR", {"spec": {"cidrs": ["10.0.0.0/8"]}}, {"spec": {"cidrs": ["11.0.0.0/8"]}}, "spec.cidrs", id="range"),
    pytest.param(STORAGE, "VolumeAttributesClass", {"driverName": "a", "parameters": {"a": "1"}}, {"driverName": "b"}, "driverName", id="attributes"),
])
def test_what_may_not_change(group, name, parts, change, field):
    """A field that others rely on stays what it is."""
    kind = kind_of(group, name)
    old, _ = created(group, name, parts)

    assert [field] == [cause.field for cause in validation.update(kind, {**old, **change}, old)]
