"""Slices say which pods stand behind a Service, in few writes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from knarr.controllers.endpointslices.plan import ENDPOINTS_MAX, View, plan
from knarr.reconcile.actions import Create, Delete, Update
from knarr.reconcile.serving import TRIGGERED
from tests.unit.controllers.making import backend, service

GONE = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


def carried_out(slices, actions):
    """Return the slices as they are after the actions."""
    held = {one.metadata.name: one for one in slices}
    for action in actions:
        if isinstance(action, Create):
            name = f"svc-{len(held):05}"
            held[name] = replace(action.obj, metadata=replace(action.obj.metadata, name=name))
        elif isinstance(action, Update):
            held[action.obj.metadata.name] = action.obj
        elif isinstance(action, Delete):
            del held[action.obj.metadata.name]
    return tuple(held.values())


def decide(pods, slices=(), zones=None, **spec):
    return plan(View(service(**spec), tuple(pods), tuple(slices), zones or {}))


def test_a_slice_as_kubernetes_writes_it():
    """One ready pod behind a named port, on a node in a zone."""
    (create,) = decide([backend(1)], zones={"n1": "north"}, labels={"team": "x"})
    one = create.obj
    (port,), (endpoint,) = one.ports, one.endpoints

    assert ("svc-", "IPv4", {"team": "x", "kubernetes.io/service-name": "svc", "endpointslice.kubernetes.io/managed-by":
            "endpointslice-controller.k8s.io"}) == (one.metadata.generateName, one.addressType, one.metadata.labels)
    assert ("http", "TCP", 8080) == (port.name, port.protocol, port.port)
    assert (("10.0.0.2",), "n1", "north", "Pod", "p0001") == (
        endpoint.addresses, endpoint.nodeName, endpoint.zone, endpoint.targetRef.kind, endpoint.targetRef.name)


def test_when_a_change_came_to_be():
    """A slice tells since when the pods that it tells anew have been ready; one that loses a pod tells nothing."""
    early, late = "2026-01-01T00:00:05Z", "2026-01-01T00:00:09Z"

    def since(number, at):
        pod = backend(number)
        ready = tuple(replace(one, lastTransitionTime=at) for one in pod.status.conditions)
        return replace(pod, status=replace(pod.status, conditions=ready))

    first = carried_out((), decide([since(1, early)]))
    second = carried_out(first, decide([since(1, early), since(2, late)], first))
    third = carried_out(second, decide([since(2, late)], second))

    assert [{TRIGGERED: early}, {TRIGGERED: late}, {}] == [one.metadata.annotations for (one,) in (first, second, third)]


@pytest.mark.parametrize(("pod", "publish", "conditions"), [
    pytest.param({}, False, (True, True, False), id="ready"),
    pytest.param({"ready": False}, False, (False, False, False), id="not ready"),
    pytest.param({"metadata": GONE}, False, (False, True, True), id="ready but going"),
    pytest.param({"ready": False}, True, (True, False, False), id="not ready, published all the same"),
    pytest.param({"metadata": GONE}, True, (True, True, True), id="going, published all the same"),
])
def test_conditions(pod, publish, conditions):
    """(ready, serving, terminating) of one endpoint."""
    (create,) = decide([backend(1, **pod)], publishNotReadyAddresses=publish)
    held = create.obj.endpoints[0].conditions

    assert conditions == (held.ready, held.serving, held.terminating)


@pytest.mark.parametrize("pod", [
    pytest.param({"status": {"podIP": "", "podIPs": []}}, id="without an address"),
    pytest.param({"phase": "Succeeded"}, id="ended"),
    pytest.param({"phase": "Failed"}, id="failed"),
])
def test_nothing_to_say_is_said_by_one_empty_slice(pod):
    """The only pod serves nothing; the second pass writes nothing."""
    actions = decide([backend(1, **pod)])
    assert [((), ())] == [(a.obj.endpoints, a.obj.ports) for a in actions]
    slices = carried_out((), actions)
    assert [] == decide([backend(1, **pod)], slices)

    (update,) = decide([backend(1)], slices)
    assert isinstance(update, Update)
    (emptied,) = decide([], carried_out(slices, [update]))
    assert ((), ()) == (emptied.obj.endpoints, emptied.obj.ports)


def test_pods_with_other_numbers_for_a_name_get_a_slice_of_their_own():
    """Half of the pods serve `web` at another port, as in the middle of a rolling update."""
    actions = decide([backend(1), backend(2, port=9090), backend(3)])

    assert {8080: 2, 9090: 1} == {a.obj.ports[0].port: len(a.obj.endpoints) for a in actions}


def test_one_pod_more_writes_one_slice():
    """250 pods stand in three slices; one more comes, another goes: at most two slices are written."""
    pods = [backend(n) for n in range(250)]
    slices = carried_out((), decide(pods))
    assert [100, 100, 50] == [len(one.endpoints) for one in slices]

    actions = decide([*pods[1:], backend(999)], slices)
    assert 1 == len(actions)


def test_headless_services_name_their_pods():
    """A StatefulSet's pod has a hostname within its Service, which is labelled as headless."""
    pod = backend(1)
    pod = replace(pod, spec=replace(pod.spec, hostname="db-0", subdomain="svc"))
    (create,) = decide([pod], clusterIP="None", ports=[])

    assert "" == create.obj.metadata.labels["service.kubernetes.io/headless"]
    assert ("db-0", ()) == (create.obj.endpoints[0].hostname, create.obj.ports)


def test_both_families():
    """A dual-stack Service has slices of each family; a pod stands where it has an address."""
    pod = backend(1, status={"podIPs": [{"ip": "10.0.0.2"}, {"ip": "fd00::2"}]})
    actions = decide([pod, backend(2)], ipFamilies=["IPv4", "IPv6"])

    assert {"IPv4": 2, "IPv6": 1} == {a.obj.addressType: len(a.obj.endpoints) for a in actions}


@settings(max_examples=60)
@given(st.lists(st.sets(st.integers(0, 400), max_size=320), min_size=1, max_size=4))
def test_slices_say_exactly_what_is_there(waves):
    """Pods come and go in waves: after each, every pod stands in one slice, none is overfull, and all is settled."""
    slices = ()
    for wave in waves:
        pods = [backend(n) for n in sorted(wave)]
        slices = carried_out(slices, decide(pods, slices))
        shown = [e.targetRef.name for one in slices for e in one.endpoints]
        assert [pod.metadata.name for pod in pods] == sorted(shown)
        assert all(len(one.endpoints) <= ENDPOINTS_MAX for one in slices)
        assert [] == decide(pods, slices)
