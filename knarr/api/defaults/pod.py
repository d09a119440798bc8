"""Defaults of pods and of every pod template.

Source: kube pkg/apis/core/v1/defaults.go (SetDefaults_Pod, SetDefaults_PodSpec, SetDefaults_Container, …).
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.defaults.volumes import volume

GRACE_S: Final = 30   # seconds a pod may take to stop
PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
CONTAINER_LISTS: Final = ("containers", "initContainers", "ephemeralContainers")


def pod(obj: dict[str, Any]) -> None:
    """Fill a Pod: its spec, the requests its limits imply, and service links."""
    spec = obj.setdefault("spec", {})
    pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for name in ("containers", "initContainers"):
        for item in spec.get(name, ()):
            _requests_from_limits(item.get("resources"))
            if spec.get("hostNetwork"):
                _host_ports(item)


def template(owner: dict[str, Any]) -> None:
    """Fill `owner["template"]`, a PodTemplateSpec; an absent one becomes an empty one."""
    spec = owner.setdefault("template", {})
    spec.setdefault("metadata", {})
    pod_spec(spec.setdefault("spec", {}))


def pod_spec(spec: dict[str, Any]) -> None:
    """Fill a PodSpec in place."""
    if "dnsPolicy" not in spec:
        spec["dnsPolicy"] = "ClusterFirst"
    if "restartPolicy" not in spec:
        spec["restartPolicy"] = "Always"
    if "securityContext" not in spec:
        spec["securityContext"] = {}
    if "terminationGracePeriodSeconds" not in spec:
        spec["terminationGracePeriodSeconds"] = GRACE_S
    elif spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    if "schedulerName" not in spec:
        spec["schedulerName"] = "default-scheduler"
    _account(spec)
    for name in CONTAINER_LISTS:
        for item in spec.get(name, ()):
            container(item)
    for item in spec.get("volumes", ()):
        volume(item)


def container(item: dict[str, Any]) -> None:
    """Fill one container."""
    if "imagePullPolicy" not in item:
        item["imagePullPolicy"] = pull_policy(item.get("image", ""))
    if "terminationMessagePath" not in item:
        item["terminationMessagePath"] = "/dev/termination-log"
    if "terminationMessagePolicy" not in item:
        item["terminationMessagePolicy"] = "File"
    if "resources" not in item:
        item["resources"] = {}
    for port in item.get("ports", ()):
        port.setdefault("protocol", "TCP")
    for variable in item.get("env", ()):
        source = variable.get("valueFrom")
        if source:
            downward(source)
    for name in PROBES:
        if name in item:
            probe(item[name])
    for handler in item.get("lifecycle", {}).values():
        if handler.__class__ is dict and "httpGet" in handler:
            http_get(handler["httpGet"])


def pull_policy(image: str) -> str:
    """Return when to pull: always for `latest` (said or implied), else only if absent.

    >>> pull_policy("nginx"), pull_policy("r:5000/nginx:1.25"), pull_policy("nginx@sha256:00")
    ('Always', 'IfNotPresent', 'IfNotPresent')
    """
    name, _, digest = image.partition("@")
    if digest:
        return "IfNotPresent"
    _, _, tag = name.rpartition("/")[2].partition(":")
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def probe(item: dict[str, Any]) -> None:
    """Fill a probe; zero means unset, as on the wire."""
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not item.get(name):
            item[name] = value
    if "httpGet" in item:
        http_get(item["httpGet"])
    elif "grpc" in item:
        item["grpc"].setdefault("service", "")


def http_get(action: dict[str, Any]) -> None:
    """Fill the path and scheme of an HTTP request."""
    if not action.get("path"):
        action["path"] = "/"
    if not action.get("scheme"):
        action["scheme"] = "HTTP"


def downward(source: dict[str, Any]) -> None:
    """Fill what a fieldRef and a resourceFieldRef leave out."""
    if "fieldRef" in source:
        source["fieldRef"].setdefault("apiVersion", "v1")
    elif "resourceFieldRef" in source:
        source["resourceFieldRef"].setdefault("divisor", "0")


def _account(spec: dict[str, Any]) -> None:
    """Keep the service account's two spellings in step; the long one wins."""
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if name:
        spec["serviceAccountName"] = spec["serviceAccount"] = name


def _host_ports(item: dict[str, Any]) -> None:
    """Give a container in the host's network the host's ports; templates are left alone, as Kubernetes does."""
    for port in item.get("ports", ()):
        if not port.get("hostPort") and port.get("containerPort"):
            port["hostPort"] = port["containerPort"]


def _requests_from_limits(resources: dict[str, Any] | None) -> None:
    limits = (resources or {}).get("limits")
    if resources is None or not limits:
        return
    requests = resources.setdefault("requests", {})
    for name, amount in limits.items():
        requests.setdefault(name, amount)
