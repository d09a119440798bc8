"""What the person at the terminal reads, word for word."""

from __future__ import annotations

import sys

import click
import pytest
from click.testing import CliRunner

from knarr.cli import describe, get, main
from knarr.cli.connect import warnings
from knarr.cli.failure import refused
from knarr.cli.resources import Resource

PODS = Resource("", "v1", "Pod", "pods", True, frozenset({"pods", "pod", "po"}))
SERVICES = Resource("", "v1", "Service", "services", True, frozenset({"services", "svc"}))
NOW_S = 1_767_225_600.0  # 2026-01-01T00:00:00Z
TABLE = {
    "columnDefinitions": [
        {"name": "Name"}, {"name": "Ready"}, {"name": "Status"}, {"name": "Restarts"}, {"name": "Age"},
        {"name": "IP", "priority": 1}, {"name": "Node", "priority": 1},
    ],
    "rows": [
        {"cells": ["backend-7d4b9c-2xvkp", "1/1", "Running", "1 (2m ago)", "3h", "10.244.0.7", "harbour"],
         "object": {"metadata": {"namespace": "shop"}}},
        {"cells": ["db-0", "0/1", "Pending", "0", "5s", None, None], "object": {"metadata": {"namespace": "default"}}},
    ],
}
POD = {
    "apiVersion": "v1", "kind": "Pod",
    "metadata": {
        "name": "backend-7d4b9c-2xvkp", "namespace": "shop", "uid": "u1", "creationTimestamp": "2025-12-31T21:00:00Z",
        "labels": {"app": "backend", "pod-template-hash": "7d4b9c"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "backend-7d4b9c"}],
    },
    "spec": {
        "nodeName": "harbour", "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "nodeSelector": {"disk": "ssd"},
        "containers": [{
            "name": "backend", "image": "localhost/shop-backend:1", "command": ["python3", "shop.py"],
            "ports": [{"containerPort": 8000, "protocol": "TCP"}], "resources": {"limits": {"memory": "64Mi"}},
            "env": [{"name": "GREETING", "valueFrom": {"configMapKeyRef": {"name": "shop", "key": "greeting"}}}],
            "volumeMounts": [{"name": "kube-api-access-x", "mountPath": "/var/run/secrets"}],
        }],
        "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
    },
    "status": {
        "phase": "Running", "podIP": "10.244.0.7", "podIPs": [{"ip": "10.244.0.7"}], "qosClass": "Burstable",
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": "2025-12-31T23:58:00Z",
             "message": "containers with unready status: [backend]"},
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2025-12-31T21:00:00Z"},
        ],
        "containerStatuses": [{
            "name": "backend", "ready": False, "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}},
            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2025-12-31T23:59:30Z"}},
        }],
    },
}
EVENTS = [
    {"type": "Normal", "reason": "Scheduled", "message": "Successfully assigned shop/backend-7d4b9c-2xvkp to harbour",
     "eventTime": "2025-12-31T21:00:00Z", "lastTimestamp": None},
    {"type": "Warning", "reason": "BackOff", "message": "Back-off restarting failed\n container", "count": 7,
     "lastTimestamp": "2025-12-31T23:59:31Z"},
]


@pytest.mark.parametrize("name", ["", *main.COMMANDS])
def test_golden_help(golden, name):
    """Each command's --help."""
    done = CliRunner().invoke(main.cli, [*name.split(), "--help"], prog_name="knarr", terminal_width=100)

    golden(f"cli/help/{name or 'knarr'}.txt", done.output)


def test_golden_tables(golden):
    """The same table: plain, wide, of all namespaces, and beside another kind's."""
    forms = [
        get.layout(TABLE, wide=False, namespaced=False),
        get.layout(TABLE, wide=True, namespaced=False),
        get.layout(TABLE, wide=False, namespaced=True),
        get.layout(TABLE, wide=False, namespaced=False, prefix="pod/"),
    ]

    golden("cli/tables.txt", "\n\n".join("\n".join(lines) for lines in forms) + "\n")


def test_golden_describe(golden):
    """A pod in trouble: what is wrong stands where the eye goes first, and nothing that everybody has."""
    golden("cli/describe_pod.txt", "\n".join(describe.describe(PODS, POD, EVENTS, now_s=NOW_S)) + "\n")


def test_golden_describe_service(golden):
    """A Service that is going; its selector is what users wrote."""
    body = {
        "metadata": {"name": "web", "namespace": "shop", "deletionTimestamp": "2025-12-31T23:59:50Z",
                     "creationTimestamp": "2025-12-31T23:00:00Z", "finalizers": ["example.com/hold"]},
        "spec": {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"], "sessionAffinity": "None", "type": "ClusterIP",
                 "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
        "status": {"loadBalancer": {}},
    }

    golden("cli/describe_service.txt", "\n".join(describe.describe(SERVICES, body, [], now_s=NOW_S)) + "\n")


REFUSALS = [
    (401, {"reason": "Unauthorized", "message": "Unauthorized"}),
    (403, {"reason": "Forbidden", "message": 'pods is forbidden: User "a" cannot list resource "pods"'}),
    (404, {"reason": "NotFound", "message": 'pods "x" not found', "details": {"kind": "pods", "name": "x"}}),
    (404, {"reason": "NotFound", "message": 'namespaces "x" not found', "details": {"kind": "namespaces", "name": "x"}}),
    (409, {"reason": "Conflict", "message": "the object has been modified"}),
    (409, {"reason": "AlreadyExists", "message": 'pods "x" already exists'}),
    (413, {"reason": "RequestEntityTooLarge", "message": "limit is 3145728"}),
    (422, {"reason": "Invalid", "message": "spec.replicas: Invalid value: -1: must be greater than or equal to 0"}),
    (429, {"reason": "TooManyRequests", "message": "Cannot evict pod"}),
    (500, {"reason": "InternalError", "message": "Internal error occurred"}),
    (503, {"reason": "ServiceUnavailable", "message": "the disk is full"}),
    (502, {"message": "a proxy said this"}),
]


def test_golden_refusals(golden):
    """What the server refuses, and the next step for each."""
    golden("cli/refusals.txt", "".join(f"knarr: {refused(code, status)}\n" for code, status in REFUSALS))


USAGES = [
    ["frobnicate"], ["dwon"], ["--nope"], ["get"], ["get", "--nope"], ["get", "pods", "-o", "nope"], ["apply"],
    ["up", "--port", "99999"], ["up", "--port", "many"], ["scale", "deploy/web"], ["scale", "deploy/web", "--replicas", "-1"],
    ["rollout", "nope"], ["image", "build", "/nonexistent"], ["wait", "pod/x"], ["exec", "x"],
    ["get", "pods", "--kubeconfig", "/nonexistent/kubeconfig"], ["status", "--data-dir", "/nonexistent/knarr"],
    ["apply", "-f", "/nonexistent/x.yaml", "--kubeconfig", "/dev/null"],
]


def test_golden_usage(golden, monkeypatch, capsys):
    """A wrong command line: one message, the way all begin, and where the help is."""
    said = []
    for words in USAGES:
        monkeypatch.setattr(sys, "argv", ["knarr", *words])
        with pytest.raises(SystemExit) as end:
            main.main()
        out, err = capsys.readouterr()
        said.append(f"$ knarr {' '.join(words)}\n{out}{err}[{end.value.code}]\n")
        assert err.startswith("knarr: "), err
        assert end.value.code

    golden("cli/usage.txt", "\n".join(said))


@pytest.mark.parametrize("error", [
    pytest.param(KeyError("name"), id="a bug"),
    pytest.param(PermissionError(13, "Permission denied", "/x"), id="not ours"),
    pytest.param(OSError(28, "No space left on device", "/x"), id="disk full"),
    pytest.param(RecursionError("too deep"), id="too deep"),
])
def test_nothing_ends_in_a_traceback(error, monkeypatch, capsys):
    """Whatever breaks, a person reads one message with a next step."""

    @click.command()
    def broken() -> None:
        raise error

    monkeypatch.setattr(main, "cli", broken)
    monkeypatch.setattr(sys, "argv", ["knarr"])
    with pytest.raises(SystemExit) as end:
        main.main()

    assert 1 == end.value.code
    assert capsys.readouterr().err.startswith("knarr: ")


def test_warnings_of_the_server_are_read():
    """RFC 7234's form, quotes escaped, several in one header."""
    assert ['a "b" c', "two"] == list(warnings([r'299 - "a \"b\" c", 299 - "two"']))
