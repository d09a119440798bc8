"""APIServices are named by what they serve; those of this server are available at once."""

from __future__ import annotations

import pytest

from knarr.api import columns, defaults, kinds, strategy, validation


def service(**spec):
    """An APIService of metrics.k8s.io/v1beta1, with changes; None takes a member away."""
    whole = {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
             "service": {"name": "metrics-server", "namespace": "kube-system"}, **spec}
    meta = {"name": "v1beta1.metrics.k8s.io", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"kind": "APIService", "apiVersion": "apiregistration.k8s.io/v1", "metadata": meta,
            "spec": {name: value for name, value in whole.items() if value is not None}}


KIND = kinds.by_kind("apiregistration.k8s.io", "v1", "APIService")


@pytest.mark.parametrize(("spec", "expected"), [
    pytest.param({}, [], id="as published"),
    pytest.param({"version": "v1"}, ['metadata.name: Invalid value: "v1beta1.metrics.k8s.io": must be `spec.version+"."+spec.group`: "v1.metrics.k8s.io"'], id="name"),
    pytest.param({"groupPriorityMinimum": 20001}, ["spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000"], id="group priority"),
    pytest.param({"versionPriority": 0}, ["spec.versionPriority: Invalid value: 0: must be positive and less than 1000"], id="version priority"),
    pytest.param({"service": {"name": "", "namespace": "a"}}, ["spec.service.name: Required value"], id="no service name"),
    pytest.param({"service": {"name": "a", "namespace": "a", "port": 70000}},
                 ["spec.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive"], id="port"),
    pytest.param({"insecureSkipTLSVerify": True, "caBundle": "QUFB"},
                 ["spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present"], id="verified and not"),
    pytest.param({"group": "", "version": "v2"},
                 ['metadata.name: Invalid value: "v1beta1.metrics.k8s.io": must be `spec.version+"."+spec.group`: "v2."',
                  "spec.group: Required value: only v1 may have an empty group and it better be legacy kube",
                  "spec.service: Forbidden: the core group is served by this server itself"], id="core group elsewhere"),
    pytest.param({"service": None, "caBundle": "QUFB"}, ['spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle'], id="local with a bundle"),
    pytest.param({"service": None, "insecureSkipTLSVerify": True},
                 ["spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify"], id="local, unverified"),
])
def test_validation(spec, expected):
    """A draft is defaulted, then checked."""
    draft = service(**spec)
    defaults.apply(KIND, draft)
    assert expected == [str(cause) for cause in validation.create(KIND, draft)]


def test_the_port_is_named():
    """Manifests leave the port out."""
    draft = service()
    defaults.apply(KIND, draft)
    assert 443 == draft["spec"]["service"]["port"]


def test_status_at_the_beginning():
    """What the server answers itself is there at once; what others answer has to show it."""
    local, remote = service(service=None), service()
    strategy.prepare_create(KIND, local)
    strategy.prepare_create(KIND, remote)
    assert [{"type": "Available", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z", "reason": "Local",
             "message": "Local APIServices are always available"}] == local["status"]["conditions"]
    assert not remote.get("status", {}).get("conditions")


@pytest.mark.parametrize(("condition", "expected"), [
    (None, "Unknown"), ({"status": "True", "reason": "Passed"}, "True"),
    ({"status": "False", "reason": "MissingEndpoints"}, "False (MissingEndpoints)"),
])
def test_what_kubectl_prints(condition, expected):
    """kubectl get apiservices."""
    obj = service()
    if condition:
        obj["status"] = {"conditions": [{"type": "Available", **condition}]}
    assert ["v1beta1.metrics.k8s.io", "kube-system/metrics-server", expected] == columns.table(KIND, [obj], 0)["rows"][0]["cells"][:3]
