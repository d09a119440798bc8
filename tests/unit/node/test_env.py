"""A container's environment is what kubelet would give it, and its refusals are kubelet's words."""

from __future__ import annotations

import base64
import doctest

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.api.types.core_v1 import ConfigMap, Container, EnvFromSource, EnvVar, Pod, Secret, Service
from knarr.node import env, fieldrefs
from knarr.node.env import container_env, expand, expand_word
from knarr.node.faces import ConfigError, NodeFacts, References

NODE = NodeFacts("n1", "10.0.0.1", allocatable_cpu_milli=1900, allocatable_memory_bytes=2**31)
POD = msgspec.convert({
    "metadata": {"name": "p", "namespace": "ns", "uid": "u-1", "labels": {"app": "web", "b": 'a "quoted" one'},
                 "annotations": {"x/y": "z"}},
    "spec": {"nodeName": "n1", "serviceAccountName": "sa", "containers": [
        {"name": "c", "resources": {"limits": {"cpu": "1500m"}, "requests": {"memory": "100Mi"}}}]},
}, Pod)
REFERENCES = References(
    {"cm": ConfigMap(data={"k": "v", "other": "w"}), "gone": None},
    {"s": Secret(data={"pw": base64.b64encode("pä".encode()).decode()}), "lost": None},
)
SERVICES = msgspec.convert([
    {"metadata": {"name": "kubernetes", "namespace": "default"},
     "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "protocol": "TCP"}]}},
    {"metadata": {"name": "my-db", "namespace": "ns"},
     "spec": {"clusterIP": "10.96.0.7", "ports": [{"port": 53, "protocol": "UDP"}]}},
    {"metadata": {"name": "headless", "namespace": "ns"}, "spec": {"clusterIP": "None", "ports": [{"port": 1}]}},
    {"metadata": {"name": "elsewhere", "namespace": "other"},
     "spec": {"clusterIP": "10.96.0.8", "ports": [{"port": 1}]}},
], list[Service])
MASTER = {
    "KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443", "KUBERNETES_SERVICE_PORT_HTTPS": "443",
    "KUBERNETES_PORT": "tcp://10.96.0.1:443", "KUBERNETES_PORT_443_TCP": "tcp://10.96.0.1:443",
    "KUBERNETES_PORT_443_TCP_PROTO": "tcp", "KUBERNETES_PORT_443_TCP_PORT": "443",
    "KUBERNETES_PORT_443_TCP_ADDR": "10.96.0.1",
}


def of(*entries: dict[str, object], env_from: tuple[dict[str, object], ...] = (), services: list[Service] | None = None,
       pod: Pod = POD) -> dict[str, str]:
    """Return the environment of container `c` with these entries."""
    container = Container(name="c", env=msgspec.convert(entries, tuple[EnvVar, ...]),
                          envFrom=msgspec.convert(env_from, tuple[EnvFromSource, ...]))
    return dict(container_env(pod, container, REFERENCES, services=services or [], node=NODE, pod_ip="10.1.0.9"))


@pytest.mark.parametrize(("source", "expected"), [
    pytest.param({"fieldRef": {"fieldPath": "metadata.name"}}, "p", id="name"),
    pytest.param({"fieldRef": {"fieldPath": "metadata.namespace"}}, "ns", id="namespace"),
    pytest.param({"fieldRef": {"fieldPath": "metadata.uid"}}, "u-1", id="uid"),
    pytest.param({"fieldRef": {"fieldPath": "metadata.labels['app']"}}, "web", id="one label"),
    pytest.param({"fieldRef": {"fieldPath": "metadata.labels['no']"}}, "", id="a missing label is empty"),
    pytest.param({"fieldRef": {"fieldPath": "metadata.annotations['x/y']"}}, "z", id="one annotation"),
    pytest.param({"fieldRef": {"fieldPath": "metadata.labels"}}, 'app="web"\nb="a \\"quoted\\" one"', id="all labels"),
    pytest.param({"fieldRef": {"fieldPath": "spec.nodeName"}}, "n1", id="node"),
    pytest.param({"fieldRef": {"fieldPath": "spec.serviceAccountName"}}, "sa", id="account"),
    pytest.param({"fieldRef": {"fieldPath": "status.podIP"}}, "10.1.0.9", id="pod ip"),
    pytest.param({"fieldRef": {"fieldPath": "status.hostIP"}}, "10.0.0.1", id="host ip"),
    pytest.param({"resourceFieldRef": {"resource": "limits.cpu"}}, "2", id="cpu limit, rounded up"),
    pytest.param({"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}, "1500", id="cpu limit in milli"),
    pytest.param({"resourceFieldRef": {"resource": "limits.memory"}}, str(2**31), id="no limit: the node's"),
    pytest.param({"resourceFieldRef": {"resource": "requests.memory", "divisor": "1Mi"}}, "100", id="request"),
    pytest.param({"resourceFieldRef": {"resource": "requests.cpu"}}, "0", id="no request"),
    pytest.param({"configMapKeyRef": {"name": "cm", "key": "k"}}, "v", id="config map"),
    pytest.param({"secretKeyRef": {"name": "s", "key": "pw"}}, "pä", id="secret"),
])
def test_value_from(source: dict[str, object], expected: str) -> None:
    """Each kind of source gives its text."""
    assert {"V": expected} == of({"name": "V", "valueFrom": source})


@pytest.mark.parametrize(("source", "message"), [
    pytest.param({"configMapKeyRef": {"name": "gone", "key": "k"}}, 'configmap "gone" not found', id="no config map"),
    pytest.param({"configMapKeyRef": {"name": "cm", "key": "q"}},
                 "couldn't find key q in ConfigMap ns/cm", id="no key"),
    pytest.param({"secretKeyRef": {"name": "lost", "key": "k"}}, 'secret "lost" not found', id="no secret"),
    pytest.param({"secretKeyRef": {"name": "s", "key": "q"}},
                 "couldn't find key q in Secret ns/s", id="no secret key"),
    pytest.param({"fieldRef": {"fieldPath": "spec.tolerations"}},
                 "unsupported fieldPath: spec.tolerations", id="no field"),
    pytest.param({"resourceFieldRef": {"resource": "limits.gold"}},
                 "unsupported container resource : limits.gold", id="gold"),
    pytest.param({"resourceFieldRef": {"resource": "limits.cpu", "containerName": "x"}},
                 "container x not found", id="other"),
])
def test_missing_sources_are_named(source: dict[str, object], message: str) -> None:
    """The container waits with CreateContainerConfigError, and the text says what to make."""
    with pytest.raises(ConfigError) as refused:
        of({"name": "V", "valueFrom": source})

    assert message == str(refused.value)


@pytest.mark.parametrize("source", [
    pytest.param({"configMapKeyRef": {"name": "gone", "key": "k", "optional": True}}, id="no config map"),
    pytest.param({"configMapKeyRef": {"name": "cm", "key": "q", "optional": True}}, id="no key"),
    pytest.param({"secretKeyRef": {"name": "lost", "key": "k", "optional": True}}, id="no secret"),
])
def test_optional_sources_leave_the_variable_unset(source: dict[str, object]) -> None:
    """Optional and missing: not empty, but absent."""
    assert {} == of({"name": "V", "valueFrom": source})


def test_env_from_with_prefix_and_override() -> None:
    """A whole config map comes in under a prefix; env then overrides one of its names and reads another."""
    got = of({"name": "P_k", "value": "mine"}, {"name": "V", "value": "$(P_other)-$(P_k)-$(NONE)"},
             env_from=({"prefix": "P_", "configMapRef": {"name": "cm"}},
                       {"secretRef": {"name": "lost", "optional": True}}))

    assert {"P_k": "mine", "P_other": "w", "V": "w-mine-$(NONE)"} == got


@pytest.mark.parametrize(("source", "message"), [
    pytest.param({"configMapRef": {"name": "gone"}}, 'configmap "gone" not found', id="config map"),
    pytest.param({"secretRef": {"name": "lost"}}, 'secret "lost" not found', id="secret"),
])
def test_env_from_missing(source: dict[str, object], message: str) -> None:
    """A whole source is missing and not optional."""
    with pytest.raises(ConfigError, match=message):
        of(env_from=(source,))


def test_services() -> None:
    """The API server is always told; the namespace's own services too; headless and foreign ones never."""
    got = of({"name": "V", "value": "$(MY_DB_SERVICE_HOST)"}, services=SERVICES)

    assert MASTER == {name: value for name, value in got.items() if name.startswith("KUBERNETES")}
    assert {"MY_DB_SERVICE_HOST": "10.96.0.7", "MY_DB_SERVICE_PORT": "53", "MY_DB_PORT": "udp://10.96.0.7:53",
            "MY_DB_PORT_53_UDP": "udp://10.96.0.7:53", "MY_DB_PORT_53_UDP_PROTO": "udp", "MY_DB_PORT_53_UDP_PORT": "53",
            "MY_DB_PORT_53_UDP_ADDR": "10.96.0.7", "V": "10.96.0.7"} == {
                name: value for name, value in got.items() if not name.startswith("KUBERNETES")}


def test_services_without_links() -> None:
    """enableServiceLinks false leaves only the API server; a variable of the pod's own wins over it."""
    pod = msgspec.structs.replace(POD, spec=msgspec.structs.replace(POD.spec, enableServiceLinks=False))
    got = of({"name": "KUBERNETES_PORT", "value": "mine"}, services=SERVICES, pod=pod)

    assert {**MASTER, "KUBERNETES_PORT": "mine"} == got


@pytest.mark.parametrize(("text", "expected"), [
    pytest.param("$(A)", "x", id="plain"),
    pytest.param("a$(A)b$(A)c", "axbxc", id="twice"),
    pytest.param("$$(A)", "$(A)", id="escaped"),
    pytest.param("$$$(A)", "$x", id="escaped dollar, then a reference"),
    pytest.param("$(B)", "$(B)", id="unknown"),
    pytest.param("$A", "$A", id="no parenthesis"),
    pytest.param("$(A", "$(A", id="unfinished"),
    pytest.param("cost: 5$", "cost: 5$", id="dollar at the end"),
    pytest.param("$()", "$()", id="no name"),
    pytest.param("$($(A))", "$($(A))", id="not nested"),
])
def test_expansion(text: str, expected: str) -> None:
    """References are replaced once and never re-read."""
    assert expected == expand_word(text, {"A": "x"})


@given(st.text(alphabet="$()AB x"))
def test_expansion_without_dollars_changes_nothing(text: str) -> None:
    """Whatever is written, expanding never fails; text without a dollar stays."""
    got = expand((text,), {"A": "1"})

    assert 1 == len(got)
    assert "$" in text or (text,) == got


@pytest.mark.parametrize("module", [env, fieldrefs], ids=["env", "fieldrefs"])
def test_examples(module: object) -> None:
    """The docstrings' examples hold."""
    assert 0 == doctest.testmod(module).failed  # type: ignore[arg-type]
