"""Pods that set kernel parameters."""

from __future__ import annotations

import pytest

from knarr.node import specs, sysctls
from knarr.node.filefields import BadRules
from knarr.node.kubeletfile import flags, read
from knarr.node.podmachine.state import Refusal
from tests.unit.node.making import pod
from tests.unit.node.test_admission import ROOM, Admission
from tests.unit.node.test_kubeletfile import HEAD

PORTS, QUEUE = "net.ipv4.ip_local_port_range", "kernel.msgmax"


def setting(*names, **shape):
    """Return a pod that sets these parameters."""
    return pod(securityContext={"sysctls": [{"name": name, "value": "1"} for name in names]}, **shape)


@pytest.mark.parametrize(("wanted", "unsafe", "fault"), [
    pytest.param(setting(), [], "", id="nothing"),
    pytest.param(setting(PORTS), [], "", id="a safe one"),
    pytest.param(setting("kernel/shm_rmid_forced"), [], "", id="a safe one with slashes"),
    pytest.param(setting(PORTS, QUEUE), [], f'"{QUEUE}" not allowlisted', id="an unsafe one"),
    pytest.param(setting("kernel/msgmax"), [], f'"{QUEUE}" not allowlisted', id="an unsafe one with slashes"),
    pytest.param(setting(QUEUE), ["kernel.msg*"], "", id="allowed with its kind"),
    pytest.param(setting(QUEUE), ["kernel/msgmax"], "", id="allowed by name"),
    pytest.param(setting("kernel.sem"), ["kernel.msg*"], '"kernel.sem" not allowlisted', id="another kind is allowed"),
    pytest.param(setting("vm.swappiness"), [], '"vm.swappiness" not allowlisted', id="the whole machine's"),
    pytest.param(setting(PORTS, hostNetwork=True), [], f'"{PORTS}" not allowed with host net enabled', id="the host's network"),
    pytest.param(setting(QUEUE, hostIPC=True), ["kernel.msg*"], f'"{QUEUE}" not allowed with host ipc enabled', id="the host's ipc"),
    pytest.param(setting(QUEUE, hostNetwork=True), ["kernel.msg*"], "", id="of the namespace that is not shared"),
])
def test_who_may_set_what(wanted, unsafe, fault):
    """kubelet's reason and words; the pod is judged before it is looked for room."""
    rules = read({**HEAD, "allowedUnsafeSysctls": unsafe})
    door = Admission(lambda: ROOM, frozenset, sysctls=sysctls.safe("6.1.0") | {*rules.unsafe_sysctls})

    assert (Refusal("SysctlForbidden", f"forbidden sysctl: {fault}") if fault else None) == door.judge(wanted, [])


@pytest.mark.parametrize(("kernel", "known"), [
    pytest.param("3.10.0-1160.el7.x86_64", 5, id="an old one: five of them"),
    pytest.param("4.5.0", 9, id="keepalive is the pod's own"),
    pytest.param("4.15", 12, id="buffers, too"),
    pytest.param("6.18.44-fc", 12, id="a new one: all"),
    pytest.param("unknown", 5, id="who knows"),
])
def test_a_kernel_that_keeps_fewer_apart(kernel, known):
    """What it has for the whole machine only is not safe."""
    assert known == len(sysctls.safe(kernel))


@pytest.mark.parametrize(("pattern", "why"), [
    pytest.param("vm.swappiness", 'the sysctl "vm.swappiness" are not known to be namespaced', id="the machine's own"),
    pytest.param("vm.*", 'the sysctls "vm.*" are not known to be namespaced', id="the machine's own by kind"),
    pytest.param("*", "are not known to be namespaced", id="everything"),
    pytest.param("kernel.*msg", 'sysctl "kernel.*msg" must have at most 253 characters and match regex', id="no pattern"),
    pytest.param("net." + "x" * 250, "must have at most 253 characters", id="too long"),
])
def test_what_an_owner_cannot_allow(pattern, why):
    """The text names the field."""
    with pytest.raises(BadRules, match="^allowedUnsafeSysctls: ") as refused:
        read({**HEAD, "allowedUnsafeSysctls": [pattern]})

    assert why in str(refused.value)


def test_it_is_an_option_too():
    """Several at once, and what is no list is refused."""
    said = flags({"allowed-unsafe-sysctls": "kernel.msg*,net/core/somaxconn"})

    assert ("kernel.msg*", "net.core.somaxconn") == read({**HEAD, **said}).unsafe_sysctls
    with pytest.raises(BadRules, match="^allowedUnsafeSysctls: expected a list of words"):
        read({**HEAD, "allowedUnsafeSysctls": "kernel.msg*"})


def test_the_runtime_knows_only_dots():
    """A name with slashes reaches it with dots, and dots within a part as slashes."""
    made = specs.sandbox_spec(setting("net/ipv4/conf/eth0.1/forwarding", PORTS), attempt=0, log_dir="/l", cgroup_parent="/k",
                              dns=None, seccomp="RuntimeDefault")

    assert {"net.ipv4.conf.eth0/1.forwarding": "1", PORTS: "1"} == made.sysctls
