"""What the runtime is asked to make of pods."""

from __future__ import annotations

import pytest
from cri_api.v1 import api_pb2 as pb

from knarr.node import podcontainers, podnames, specs
from knarr.node.containerlimits import Ground
from knarr.node.cri import encode
from knarr.node.cri.face import Namespaces, PortMapping
from knarr.node.faces import ConfigError
from tests.unit.node.making import pod

GI = 1024 ** 3


def prepared(**changes):
    """Return what was gathered for a run."""
    return specs.Prepared(**{
        "attempt": 0, "image_ref": "sha256:1", "uid": None, "username": "", "env": (), "command": (), "args": (),
        "mounts": (), "notes": {}, "ground": Ground(10 * GI), **changes})


def of(container=None, status=None, **spec):
    """Return the container spec of a pod with one container."""
    made = pod(containers=[{"name": "c", "image": "app:1", **(container or {})}], status=status, **spec)
    return specs.container_spec(made, made.spec.containers[0], prepared())


@pytest.mark.parametrize(("resources", "shares", "quota_us", "memory_bytes"), [
    pytest.param({}, 2, 0, 0, id="nothing asked"),
    pytest.param({"requests": {"cpu": "500m"}}, 512, 0, 0, id="half a core asked"),
    pytest.param({"limits": {"cpu": "2"}}, 2048, 200_000, 0, id="a limit is a request too"),
    pytest.param({"limits": {"cpu": "1m"}}, 2, 1_000, 0, id="the kernel's least quota"),
    pytest.param({"limits": {"memory": "64Mi"}}, 2, 0, 64 * 1024 * 1024, id="memory"),
])
def test_resources(resources, shares, quota_us, memory_bytes):
    """Quantities become what the kernel takes."""
    made = of({"resources": resources}, {"qosClass": "Burstable"}).resources

    assert (shares, quota_us, memory_bytes) == (made.cpu_shares, made.cpu_quota_us, made.memory_limit_bytes)


@pytest.mark.parametrize(("qos", "request_text", "score"), [
    pytest.param("Guaranteed", "1Gi", -997, id="guaranteed dies last"),
    pytest.param("BestEffort", "", 1000, id="best effort dies first"),
    pytest.param("Burstable", "5Gi", 500, id="burstable by its share: 1000 - 1000 * 5 / 10"),
    pytest.param("Burstable", "", 999, id="burstable without memory"),
])
def test_oom_scores(qos, request_text, score):
    """Who the kernel kills first."""
    requests = {"memory": request_text} if request_text else {"cpu": "1m"}

    assert score == of({"resources": {"requests": requests}}, {"qosClass": qos}).resources.oom_score_adj


NOTE = {"container.apparmor.security.beta.kubernetes.io/c": "localhost/noted"}


@pytest.mark.parametrize(("own", "shared", "notes", "named"), [
    pytest.param(None, None, {}, "", id="the runtime's own"),
    pytest.param({"type": "RuntimeDefault"}, {"type": "Unconfined"}, {}, "runtime/default", id="the container's word wins"),
    pytest.param(None, {"type": "Localhost", "localhostProfile": "web"}, {}, "localhost/web", id="the pod's"),
    pytest.param(None, {"type": "Unconfined"}, NOTE, "localhost/noted", id="as it was said before there were fields"),
    pytest.param({"type": "Unconfined"}, None, NOTE, "unconfined", id="the field wins"),
])
def test_apparmor(own, shared, notes, named):
    """The profile that the runtime is to enforce."""
    made = pod(containers=[{"name": "c", "image": "app:1", "securityContext": {"appArmorProfile": own}}],
               securityContext={"appArmorProfile": shared})
    made.metadata.annotations.update(notes)

    assert named == specs.container_spec(made, made.spec.containers[0], prepared()).security.apparmor


@pytest.mark.parametrize(("own", "shared", "default", "named"), [
    pytest.param(None, None, "Unconfined", "Unconfined", id="nobody asks"),
    pytest.param(None, None, "RuntimeDefault", "RuntimeDefault", id="nobody asks, and the node confines by itself"),
    pytest.param({"type": "Unconfined"}, None, "RuntimeDefault", "Unconfined", id="who asks is heard"),
    pytest.param(None, {"type": "Localhost", "localhostProfile": "web/strict.json"}, "Unconfined",
                 "/data/seccomp/web/strict.json", id="one of the machine's own"),
    pytest.param({"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "web.json"}, "Unconfined",
                 "RuntimeDefault", id="the container's word wins"),
])
def test_seccomp(own, shared, default, named):
    """The profile that the runtime is to load: absolute, as it knows no folder of profiles."""
    made = pod(containers=[{"name": "c", "image": "app:1", "securityContext": {"seccompProfile": own}}],
               securityContext={"seccompProfile": shared})
    ready = prepared(profiles=specs.Profiles("/data/seccomp", default))

    assert named == specs.container_spec(made, made.spec.containers[0], ready).security.seccomp


def test_the_containers_own_words_win():
    """The pod says user 1, the container says user 2; the group is the pod's."""
    made = of({"securityContext": {"runAsUser": 2, "allowPrivilegeEscalation": False,
                                   "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}}},
              securityContext={"runAsUser": 1, "runAsGroup": 5, "fsGroup": 7, "supplementalGroups": [8],
                               "seccompProfile": {"type": "RuntimeDefault"}}).security

    assert (2, 5, (7, 8), True) == (
        made.run_as_user, made.run_as_group, made.supplemental_groups, made.no_new_privileges)
    assert (("NET_ADMIN",), ("ALL",), "RuntimeDefault") == (
        made.add_capabilities, made.drop_capabilities, made.seccomp)
    assert specs.MASKED_PATHS == made.masked_paths


@pytest.mark.parametrize(("named", "told"), [
    (None, pb.RUNTIME_DEFAULT), ("SIGUSR1", pb.SIGUSR1), ("SIGRTMIN+3", pb.SIGRTMINPLUS3), ("SIGRTMAX-1", pb.SIGRTMAXMINUS1)])
def test_stop_signals(named, told):
    """The runtime is told the signal, and a note keeps it for who stops the container without its pod."""
    made = of({"lifecycle": {"stopSignal": named}})

    assert (told, named) == (encode.container_config(made).stop_signal, made.annotations.get(specs.SIGNAL_NOTE))


def test_a_label_is_passed_on():
    """The pod asks for a level, one container for a type: the runtime hears of both, where it knows SELinux."""
    shared = {"seLinuxOptions": {"level": "s0:c1,c2"}}
    own, other = (encode.container_security(of(one, securityContext=shared).security, Namespaces()).selinux_options
                  for one in ({"securityContext": {"seLinuxOptions": {"type": "web_t"}}}, {}))

    assert ("web_t", "") == (own.type, own.level)
    assert ("", "s0:c1,c2") == (other.type, other.level)


@pytest.mark.parametrize(("context", "uid", "username", "said"), [
    pytest.param({"runAsNonRoot": True}, 0, "", "image will run as root", id="image runs as root"),
    pytest.param({"runAsNonRoot": True}, None, "web", "non-numeric user (web)", id="image names a user"),
    pytest.param({"runAsNonRoot": True, "runAsUser": 0}, 5, "", "runAsUser breaks non-root policy", id="contradiction"),
])
def test_root_is_refused_where_it_must_be(context, uid, username, said):
    """runAsNonRoot, and it would."""
    made = pod(securityContext=context)
    with pytest.raises(ConfigError) as refused:
        specs.container_spec(made, made.spec.containers[0], prepared(uid=uid, username=username))

    assert said in str(refused.value)
    assert '(pod: "web_shop(uid-web)", container: c)' in str(refused.value)


def test_a_sandbox_has_its_pods_names_and_ports():
    """Labels by which it is known again, the host name, the host ports."""
    made = specs.sandbox_spec(
        pod(containers=[{"name": "c", "image": "x", "ports": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}]}],
            shareProcessNamespace=True),
        attempt=2, log_dir="/l", cgroup_parent="/k/besteffort/poduid-web", dns=None, seccomp="RuntimeDefault")

    assert ("web", 2, (PortMapping(80, 8080, "TCP", ""),)) == (made.hostname, made.attempt, made.ports)
    assert "uid-web" == made.labels["io.kubernetes.pod.uid"]
    assert Namespaces("pod", "pod", "pod") == made.namespaces


def test_a_sandbox_knows_its_size():
    """What its containers may use, and what is there for itself beside them; without a word about that there is nothing."""
    def told(**spec):
        made = specs.sandbox_spec(pod(**spec), attempt=0, log_dir="/l", cgroup_parent="/k", dns=None, seccomp="RuntimeDefault")
        linux = encode.sandbox_config(made).linux
        return tuple((each.cpu_shares, each.cpu_quota, each.memory_limit_in_bytes, each.oom_score_adj)
                     for each in (linux.resources, linux.overhead))

    limits = {"resources": {"limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"cpu": "500m"}}}
    both = [{"name": name, "image": "x", **limits} for name in "ab"]

    assert ((1024, 200_000, GI // 8, 0), (256, 25_000, GI // 64, 0)) == told(
        containers=both, overhead={"cpu": "250m", "memory": "16Mi"})
    assert ((2, 0, 0, 0), (0, 0, 0, 0)) == told()


def test_a_pod_in_the_hosts_namespaces():
    """hostNetwork, hostPID, hostIPC: no name and no ports of its own."""
    made = specs.sandbox_spec(
        pod(hostNetwork=True, hostPID=True, hostIPC=True), attempt=0, log_dir="/l", cgroup_parent="/k", dns=None,
        seccomp="RuntimeDefault")

    assert ("", (), Namespaces("node", "node", "node")) == (made.hostname, made.ports, made.namespaces)


def test_long_names_are_cut_to_host_names():
    """63 characters, and no dash at the end."""
    assert "a" * 62 == podnames.hostname(pod(name="a" * 62 + "-b"))


@pytest.mark.parametrize(("shares", "target"), [
    pytest.param(False, "run-7", id="its target's processes"),
    pytest.param(True, "", id="all of the pod's anyway"),
])
def test_whose_processes_a_debugger_sees(shares, target):
    """An ephemeral container names a target; the runtime is given the run that it has now."""
    made = pod(shareProcessNamespace=shares, ephemeralContainers=[
        {"name": "debug", "image": "tools:1", "targetContainerName": "c"}])
    spec = specs.container_spec(made, podcontainers.named(made, "debug"), prepared(pid_target="run-7"))

    assert target == spec.namespaces.pid_target
