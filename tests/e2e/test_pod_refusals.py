"""Pods that ask their node for what it refuses, or for what few ask: the kernel's parameters, profiles, names, signals."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.cluster import pod, until

ROOT = Path("/sys/fs/cgroup")
QUOTAS = "knarr-*/**/pod{}/cpu.max" if (ROOT / "cgroup.controllers").exists() else "cpu/knarr-*/**/pod{}/cpu.cfs_quota_us"


def failed(place, name):
    """Return why a pod was refused, once it was."""
    status = until(lambda: (now := place.get(f"pods/{name}")["status"]).get("phase") == "Failed" and now, f"{name} is refused")
    return status["reason"], status["message"]


def test_kernel_parameters(cluster, place):
    """A safe one is set, however it is written; another one the node refuses."""
    setting = [{"name": "net/ipv4/ip_local_port_range", "value": "20000 20999"}]
    place.make(pod("safe", securityContext={"sysctls": setting}),
               pod("unsafe", securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "8192"}]}))

    assert ("SysctlForbidden", 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted') == failed(place, "unsafe")
    said = cluster.exec("safe", "cat", "/proc/sys/net/ipv4/ip_local_port_range", namespace=place.namespace)
    assert ["20000", "20999"] == said.split()


def test_a_profile_of_the_machine(cluster, place):
    """It forbids one call, and the container cannot make it; one that is not there is told in the pod's status."""
    folder = cluster.data_dir / "seccomp" / "strict"
    folder.mkdir(parents=True, exist_ok=True)
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}
    (folder / "no-mkdir.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))

    def under(profile):
        return {"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": profile}}}

    def state():
        shown = place.get("pods/lost")["status"].get("containerStatuses") or [{}]
        return shown[0].get("state", {}).get("waiting", {})

    place.make(pod("bound", "mkdir /tmp/x && echo made || echo kept; sleep inf", container=under("strict/no-mkdir.json")),
               pod("lost", container=under("strict/none.json")))
    cluster.exec("bound", "true", namespace=place.namespace)
    until(lambda: "kept" in cluster.knarr("logs", "bound", "-n", place.namespace).stdout, "the call is refused")
    until(lambda: state().get("reason") == "CreateContainerError", "the lost profile is told")
    assert str(folder / "none.json") in state()["message"]


def test_a_signal_of_the_pods_choice(cluster, place):
    """It heeds one signal and no other; on its deletion it gets that one, and says farewell long before its grace ends."""
    said = cluster.data_dir / "farewell"
    script = "trap '' TERM; trap 'echo bye > /out/farewell; exit 0' USR1; touch /tmp/set; while true; do usleep 50000; done"
    place.make(pod("polite", script, os={"name": "linux"}, terminationGracePeriodSeconds=120,
                   container={"lifecycle": {"stopSignal": "SIGUSR1"}, "volumeMounts": [{"name": "out", "mountPath": "/out"}]},
                   volumes=[{"name": "out", "hostPath": {"path": str(cluster.data_dir)}}]))
    cluster.exec("polite", "sh", "-c", "until test -e /tmp/set; do usleep 50000; done", namespace=place.namespace)
    assert "SIGUSR1" == place.get("pods/polite")["status"]["containerStatuses"][0]["stopSignal"]
    place.delete("pods/polite")

    until(lambda: said.exists() and said.read_text() == "bye\n", "it got its signal", 60)
    until(lambda: cluster.knarr("get", "pod/polite", "-n", place.namespace, check=False).returncode, "it is gone", 60)


def test_a_name_for_the_kernel(cluster, place):
    """One pod is known by its full name, another by a name of its choice; a third one's is longer than the kernel bears."""
    long = "a" * 63
    place.make(pod("full", subdomain="db", setHostnameAsFQDN=True), pod("other", hostnameOverride="www.example.com"),
               pod("long", hostname=long, subdomain="db", setHostnameAsFQDN=True))

    for name, known in (("full", f"full.db.{place.namespace}.svc.cluster.local"), ("other", "www.example.com")):
        said = cluster.exec(name, "sh", "-c", "hostname; cat /etc/hosts", namespace=place.namespace)
        assert (known, True) == (said.split()[0], f"\t{known}" in said)

    def told():
        return [each["message"] for each in place.get("events")["items"] if each["reason"] == "FailedCreatePodSandBox"]

    assert "64 characters is the max" in until(told, "the event says why")[0]


def test_another_operating_system(place):
    """Its spec names one that is not ours; another pod's label does."""
    named = pod("named", os={"name": "windows"})
    labelled = pod("labelled", labels={"kubernetes.io/os": "windows"})
    place.make(named, labelled)

    assert ("PodOSNotSupported", "Pod was rejected: Failed to admit pod as the OS field doesn't match node OS") == (
        failed(place, "named"))
    assert "PodOSSelectorNodeLabelDoesNotMatch" == failed(place, "labelled")[0]


def test_a_manifest_of_another_operating_system(cluster):
    """Static pods are judged like all others; the mirror tells, and goes with its file."""
    node = cluster.get("nodes")["items"][0]["metadata"]["name"]
    file = cluster.data_dir / "manifests" / "windows.json"
    file.write_text(json.dumps(pod("windows", os={"name": "windows"})))

    def told():
        shown = cluster.knarr("get", f"pod/windows-{node}", "-o", "json", check=False)
        return json.loads(shown.stdout)["status"].get("reason") if shown.returncode == 0 else ""

    try:
        until(lambda: told() == "PodOSNotSupported", "the mirror says why")
    finally:
        file.unlink()
    until(lambda: cluster.knarr("get", f"pod/windows-{node}", check=False).returncode, "it is gone", 60)


def test_a_pod_with_overhead(cluster, place):
    """Its class says what its sandbox needs itself: its control group has room for that beside its container."""
    heavy = f"heavy-{place.namespace}"
    cluster.apply({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": heavy}, "handler": "runc",
                   "overhead": {"podFixed": {"cpu": "150m", "memory": "16Mi"}}})
    try:
        place.make(pod("roomy", runtimeClassName=heavy, container={"resources": {"limits": {"cpu": "200m", "memory": "64Mi"}}}))
        cluster.exec("roomy", "true", namespace=place.namespace)
        uid = place.get("pods/roomy")["metadata"]["uid"]
        assert ["35000"] == [each.read_text().split()[0] for each in ROOT.glob(QUOTAS.format(uid))]
    finally:
        cluster.knarr("delete", "runtimeclass", heavy, check=False)
