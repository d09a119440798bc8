"""What a machine's owner may say of its resources, and what is refused."""

from __future__ import annotations

import pytest

from knarr.node import kubeletfile
from knarr.node.kubeletfile import BadRules, flags, read
from knarr.node.rules import HARD, Band, Images, Rules, Threshold

HEAD = {"apiVersion": kubeletfile.API_VERSION, "kind": kubeletfile.KIND}
GI = 1 << 30


def test_an_empty_file_changes_nothing():
    """Everything has the default that it has without a file."""
    assert Rules() == read(HEAD)


def test_a_whole_file():
    """Reserves, bounds and thresholds as kubelet reads them."""
    rules = read({**HEAD, "kubeReserved": {"cpu": "200m", "memory": "1Gi"}, "systemReserved": {"cpu": "0.1", "pid": "1000"},
                  "systemReservedCgroup": "/system.slice", "enforceNodeAllocatable": ["pods", "system-reserved"],
                  "podPidsLimit": -1, "maxPods": 20, "memorySwap": {"swapBehavior": "LimitedSwap"},
                  "evictionPressureTransitionPeriod": "1m30s", "evictionMaxPodGracePeriod": 60})

    assert (300, GI, 1000) == tuple(rules.reserved(name) for name in ("cpu", "memory", "pid"))
    assert ("/system.slice", frozenset({"pods", "system-reserved"})) == (rules.system_reserved_group, rules.enforced)
    assert (0, 20, "LimitedSwap", 90.0, 60.0) == (
        rules.pids_per_pod, rules.pods_max, rules.swap, rules.pressure_hold_s, rules.soft_grace_max_s)
    assert HARD == rules.thresholds


def test_thresholds():
    """One hard threshold replaces all of kubelet's own; a soft one has its grace; what is 0% is none."""
    rules = read({**HEAD, "evictionHard": {"memory.available": "1Gi", "nodefs.available": "0%"},
                  "evictionSoft": {"pid.available": "20%"}, "evictionSoftGracePeriod": {"pid.available": "2m"},
                  "evictionMinimumReclaim": {"memory.available": "500Mi"}})

    assert (Threshold("memory.available", "1Gi", reclaim="500Mi"),
            Threshold("pid.available", "20%", grace_s=120.0, soft=True)) == rules.thresholds


@pytest.mark.parametrize(("said", "field", "value"), [
    pytest.param({"shutdownGracePeriod": "30s", "shutdownGracePeriodCriticalPods": "10s"}, "shutdown",
                 (Band(0, 20), Band(2_000_000_000, 10)), id="plain and critical pods"),
    pytest.param({"shutdownGracePeriodByPodPriority": [{"priority": 9, "shutdownGracePeriodSeconds": 5},
                                                       {"priority": 0, "shutdownGracePeriodSeconds": 60}]}, "shutdown",
                 (Band(0, 60), Band(9, 5)), id="by priority"),
    pytest.param({"crashLoopBackOff": {"maxContainerRestartPeriod": "45s"}}, "crash_loop_max_s", 45, id="crash loops"),
    pytest.param({"containerLogMaxSize": "1Mi"}, "log_bytes_max", 1 << 20, id="size of logs"),
    pytest.param({"seccompDefault": True}, "seccomp_default", True, id="confined by default"),
    pytest.param({"containerLogMaxFiles": 2}, "log_files_max", 2, id="number of logs"),
])
def test_a_nodes_life(said, field, value):
    """What the file says of shutdowns, crash loops and logs."""
    assert value == getattr(read({**HEAD, **said}), field)


def test_options_are_the_file_in_other_words():
    """kubelet's command line says the same."""
    said = flags({"eviction-hard": "memory.available<1Gi,nodefs.available<5%", "system-reserved": "cpu=1,memory=1Gi",
                  "pod-max-pids": "100", "enforce-node-allocatable": "none"})

    assert {"evictionHard": {"memory.available": "1Gi", "nodefs.available": "5%"}, "podPidsLimit": 100,
            "systemReserved": {"cpu": "1", "memory": "1Gi"}, "enforceNodeAllocatable": ["none"]} == said
    assert frozenset() == read({**HEAD, **said}).enforced


@pytest.mark.parametrize(("said", "why"), [
    pytest.param({"shutdownGracePeriod": "5s", "shutdownGracePeriodCriticalPods": "10s"},
                 "shutdownGracePeriodCriticalPods: must be <= shutdownGracePeriod", id="more for the few than for all"),
    pytest.param({"shutdownGracePeriod": "5s", "shutdownGracePeriodByPodPriority": [
        {"priority": 1, "shutdownGracePeriodSeconds": 1}]}, "cannot be specified together", id="said twice"),
    pytest.param({"shutdownGracePeriod": "0.5s"}, "must be either zero or otherwise >= 1 sec", id="half a second"),
    pytest.param({"shutdownGracePeriodByPodPriority": ["x"]}, "expected a list of priority and", id="no band"),
    pytest.param({"crashLoopBackOff": {"maxContainerRestartPeriod": "10m"}}, "must be set between 1s and 300s", id="lazy"),
    pytest.param({"containerLogMaxFiles": 1}, "containerLogMaxFiles: expected a whole number of at least 2", id="one log"),
    pytest.param({"kind": "Kubelet"}, "expected KubeletConfiguration of kubelet.config.k8s.io/v1beta1", id="another kind"),
    pytest.param({"evictionHard": {"memory.free": "1Gi"}}, "unknown eviction signal memory.free", id="no such signal"),
    pytest.param({"evictionHard": {"memory.available": "120%"}}, "between 0% and 100%", id="more than all"),
    pytest.param({"evictionHard": {"memory.available": "lots"}}, "evictionHard.memory.available: ", id="no quantity"),
    pytest.param({"evictionSoft": {"memory.available": "1Gi"}}, "grace period must be specified for the soft eviction "
                 "threshold memory.available", id="soft without a grace"),
    pytest.param({"evictionSoftGracePeriod": {"memory.available": "1m"}}, "no soft threshold of that name", id="grace alone"),
    pytest.param({"kubeReserved": {"gpu": "1"}}, "kubeReserved.gpu: cannot be reserved", id="a strange reserve"),
    pytest.param({"kubeReserved": {"cpu": "-1"}}, "cannot be negative", id="less than nothing"),
    pytest.param({"enforceNodeAllocatable": ["kube-reserved"]}, "needs kubeReservedCgroup", id="no group to bound"),
    pytest.param({"enforceNodeAllocatable": ["none", "pods"]}, "none stands alone", id="none and some"),
    pytest.param({"podPidsLimit": "many"}, "podPidsLimit: expected a whole number", id="no number"),
    pytest.param({"maxPods": True}, "maxPods: expected a whole number", id="a truth is no number"),
    pytest.param({"memorySwap": {"swapBehavior": "UnlimitedSwap"}}, "memorySwap.swapBehavior", id="a swap long gone"),
    pytest.param({"systemReservedCgroup": "../etc"}, "systemReservedCgroup: expected a path", id="out of the tree"),
    pytest.param({"evictionPressureTransitionPeriod": "5 minutes"}, 'invalid duration "5 minutes"', id="no duration"),
    pytest.param({"makeIPTablesUtilChains": True}, "makeIPTablesUtilChains: not followed by this node",
                 id="nothing is ignored"),
    pytest.param({"imageGCHighThresholdPercent": 101}, "imageGCHighThresholdPercent: must be between 0 and 100", id="more"),
    pytest.param({"imageGCLowThresholdPercent": 85}, "must be less than imageGCHighThresholdPercent (got 85 and 85)",
                 id="low is not lower"),
    pytest.param({"imageMaximumGCAge": "2m"}, "must be greater than imageMinimumGCAge (got 120s and 120s)", id="young, old"),
    pytest.param({"serializeImagePulls": True, "maxParallelImagePulls": 2}, "maxParallelImagePulls: cannot be larger than "
                 "1 unless serializeImagePulls is false (got 2)", id="alone, together"),
    pytest.param({"maxParallelImagePulls": 0}, "maxParallelImagePulls: must be a positive number", id="no pull at all"),
    pytest.param({"serializeImagePulls": "yes"}, "serializeImagePulls: expected true or false", id="a word for a truth"),
    pytest.param({"userNamespaces": {"idsPerPod": 65537}}, "userNamespaces.idsPerPod: must be a multiple of 65536",
                 id="a crooked share"),
    pytest.param({"seccompDefault": "yes"}, "seccompDefault: expected true or false", id="no truth"),
    pytest.param({"kubeReserved": ["cpu"]}, "kubeReserved: expected a map", id="a list for a map"),
])
def test_what_is_refused(said, why):
    """The text names the field."""
    with pytest.raises(BadRules) as refused:
        read({**HEAD, **said})

    assert why in str(refused.value)


@pytest.mark.parametrize(("said", "expected"), [
    ({}, Images(85, 80, 120.0, 0.0, 0)),
    ({"imageGCHighThresholdPercent": 70, "imageGCLowThresholdPercent": 60, "imageMinimumGCAge": "1m",
      "imageMaximumGCAge": "24h"}, Images(70, 60, 60.0, 86400.0, 0)),
    ({"serializeImagePulls": True}, Images(at_once=1)),
    ({"serializeImagePulls": False, "maxParallelImagePulls": 9}, Images(at_once=9)),
])
def test_images(said, expected):
    """How they come and go."""
    assert expected == read({**HEAD, **said}).images


@pytest.mark.parametrize("given", [
    pytest.param({"kube-reserved": "cpu"}, id="a name without a value"),
    pytest.param({"pod-max-pids": "x"}, id="no number"),
])
def test_options_that_cannot_be_read(given):
    """They name themselves."""
    with pytest.raises(BadRules, match=f"^--{next(iter(given))}: "):
        flags(given)
