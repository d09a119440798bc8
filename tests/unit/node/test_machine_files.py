"""Files and names that the node writes for other programs."""

from __future__ import annotations

import json
import tarfile
import tomllib
from pathlib import Path

import msgspec
import pytest

from knarr.node import cgroups, cni, containerd, handlers, nodestatus, oci, pausefilter
from knarr.node.images import ImageFault, normalize
from knarr.node.runs import last_words
from knarr.node.settings import Settings


def settings(folder: str = "/k", **changes) -> Settings:
    """Return settings of a data dir."""
    return Settings(Path(folder), "n1", "192.0.2.1", **changes)


@pytest.mark.parametrize(("image", "whole"), [
    ("nginx", "docker.io/library/nginx:latest"),
    ("nginx:1.27", "docker.io/library/nginx:1.27"),
    ("team/app", "docker.io/team/app:latest"),
    ("localhost/app:1", "localhost/app:1"),
    ("reg.example:5000/a/b", "reg.example:5000/a/b:latest"),
    ("knarr.local/pause:1", "knarr.local/pause:1"),
    ("app@sha256:" + "a" * 64, "docker.io/library/app@sha256:" + "a" * 64),
])
def test_image_names(image, whole):
    """Short names get docker's registry and the tag latest."""
    assert whole == normalize(image)


@pytest.mark.parametrize(("image", "said"), [
    ("Bad:::name", 'Failed to apply default image tag "Bad:::name": couldn\'t parse image name "Bad:::name": '
                   "invalid reference format: repository name (library/Bad) must be lowercase"),
    ("a b", "invalid reference format"),
    ("-x", "invalid reference format"),
])
def test_malformed_image_names(image, said):
    """The waiting reason and text that kubelet gives."""
    with pytest.raises(ImageFault) as refused:
        normalize(image)

    assert "InvalidImageName" == refused.value.reason
    assert str(refused.value).endswith(said)


def test_two_data_dirs_never_meet():
    """Every name that the machine shares is derived from the data dir."""
    one, other = settings("/a"), settings("/b")

    assert one.bridge != other.bridge
    assert one.cgroup_parent != other.cgroup_parent
    assert one.endpoint != other.endpoint


def test_a_data_dir_may_not_be_too_long():
    """A unix socket's path has 107 bytes."""
    with pytest.raises(AssertionError, match="too long for a unix socket"):
        settings("/" + "a" * 100)


@pytest.mark.parametrize("restrict", [True, False])
def test_containerds_configuration_is_toml(restrict):
    """It keeps everything below the data dir, and asks for no OOM score that we may not give."""
    read = tomllib.loads(containerd.config(settings(), restrict_oom=restrict))
    cri = read["plugins"]["io.containerd.grpc.v1.cri"]

    assert ("/k/containerd/root", "/k/containerd/state") == (read["root"], read["state"])
    assert (restrict, True) == (cri["restrict_oom_score_adj"], cri["netns_mounts_under_state_dir"])
    assert {"bin_dir": "/k/cni-bin", "conf_dir": "/k/cni"} == cri["cni"]
    handlers = cri["containerd"]["runtimes"]
    assert ("runc", {"runc", "host-ports"}) == (cri["containerd"]["default_runtime_name"], set(handlers))
    assert handlers["runc"]["options"] == handlers["host-ports"]["options"]
    assert "/k/cni-ports" == handlers["host-ports"]["cni_conf_dir"]


def test_what_is_installed_becomes_handlers(tmp_path):
    """Each, and its twin that binds host ports; what calls a program of its own keeps its state apart from runc's."""
    for name in ("crun", "containerd-shim-runsc-v1", "runsc"):
        (tmp_path / name).touch(mode=0o755)
    ways = handlers.installed(str(tmp_path))
    cri = tomllib.loads(containerd.config(settings(), restrict_oom=True, ways=ways))["plugins"][
        "io.containerd.grpc.v1.cri"]["containerd"]["runtimes"]

    assert {"runc", "host-ports", "crun", "crun-host-ports", "runsc", "runsc-host-ports"} == set(cri)
    options = {"BinaryName": "crun", "Root": "/k/containerd/state/crun", "SystemdCgroup": False}
    assert options == cri["crun"]["options"] == cri["crun-host-ports"]["options"]
    assert {"runtime_type": "io.containerd.runsc.v1"} == cri["runsc"]
    assert "/k/cni-ports" == cri["runsc-host-ports"]["cni_conf_dir"]


def test_a_stale_pid_file_names_nobody(tmp_path):
    """The pid belongs to somebody else by now: nobody is adopted, nobody is stopped."""
    mine = settings(str(tmp_path))
    mine.runtime_dir.mkdir()
    containerd.pid_file(mine).write_text("1\n")

    assert 0 == containerd.Containerd(mine, clock=None).pid()


def test_one_containerd_is_started_however_often_it_is_asked(tmp_path, monkeypatch):
    """A young process shows no command line yet; asked again at once, no second one is started beside it."""
    program = tmp_path / "bin" / "containerd"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")
    monkeypatch.setattr(containerd.mounts, "tmpfs", lambda *_, **__: None)
    ours = containerd.Containerd(settings(str(tmp_path)), clock=None)
    pid = ours.start()
    try:
        assert {pid} == {ours.start() for _ in range(50)} == {ours.pid()}
    finally:
        ours._child.kill()
        ours._child.wait()


async def test_a_containerd_of_another_configuration_is_stopped(tmp_path, monkeypatch):
    """A newer Knarr comes up beside an older one's containerd: it is ended, so that the next start brings the new one."""
    program = tmp_path / "bin" / "containerd"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")
    monkeypatch.setattr(containerd.mounts, "tmpfs", lambda *_, **__: None)
    mine = settings(str(tmp_path))
    ours = containerd.Containerd(mine, clock=None)
    pid = ours.start()
    await ours.renew()
    same = ours.pid()
    containerd.config_file(mine).write_text("version = 2\n")
    await ours.renew()

    assert (pid, 0) == (same, ours.pid())


@pytest.mark.parametrize(("left", "mounted", "mounts"), [
    pytest.param((), False, True, id="a first start"),
    pytest.param((), True, False, id="containerd was killed before it wrote anything"),
    pytest.param(("runc",), True, False, id="containerd was killed: its containers live by what lies there"),
    pytest.param(("runc",), False, False, id="an older Knarr's containers live by what lies on the disk"),
])
def test_what_a_restart_of_the_machine_voids_lies_in_memory(tmp_path, monkeypatch, left, mounted, mounts):
    """Bundles, sockets, pids: never written to a disk, and never hidden from a container that lives by them."""
    mine, made = settings(str(tmp_path)), []
    monkeypatch.setattr(containerd.mounts, "is_mounted", lambda _: mounted)
    monkeypatch.setattr(containerd.mounts, "tmpfs", lambda where, **_: made.append(where))
    for name in left:
        (containerd.state_dir(mine) / name).mkdir(parents=True)
    containerd.state_in_memory(mine)

    assert ([containerd.state_dir(mine)] if mounts else []) == made


@pytest.mark.parametrize(("changes", "ours"), [
    pytest.param({}, True, id="our containerd, our pause"),
    pytest.param({"runtime_endpoint": "unix:///run/crio/crio.sock"}, False, id="somebody else's runtime"),
    pytest.param({"sandbox_image": "registry.example/pause:3"}, False, id="another pause program"),
])
def test_only_our_own_sandboxes_have_our_filter(monkeypatch, changes, ours):
    """What the filter allows is known to be enough for one program under one runtime; others keep the default's."""
    monkeypatch.setattr(pausefilter.platform, "machine", lambda: "x86_64")
    found = pausefilter.for_sandbox(settings(**changes))

    assert ("/k/containerd/pause-seccomp.json" if ours else "RuntimeDefault") == found


def test_the_filter_lets_nobody_out():
    """None of the calls that make namespaces, mounts, modules or tracers; clone only without its namespace flags."""
    rules = pausefilter.profile()["syscalls"]
    allowed = {name for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule for name in rule["names"]}

    assert set() == allowed & {"clone", "clone3", "unshare", "setns", "mount", "ptrace", "bpf", "keyctl", "socket",
                               "init_module", "pivot_root", "userfaultfd", "perf_event_open"}
    assert [0x7E020000] == [rule["args"][0]["value"] for rule in rules if rule["names"] == ["clone"]]


def test_the_network_list():
    """Our own plugin, portmap where it is needed; no masquerading per pod, which one rule does for all."""
    listed = cni.conflist(settings(pod_cidr="10.1.2.0/24"), host_ports=False)
    mapped = cni.conflist(settings(pod_cidr="10.1.2.0/24"), host_ports=True)

    assert ["knarr-pod"] == [each["type"] for each in listed["plugins"]]
    assert [*listed["plugins"], {"type": "portmap", "capabilities": {"portMappings": True}}] == mapped["plugins"]
    assert listed["name"] == mapped["name"]
    assert "ip saddr 10.1.2.0/24 ip daddr != { 10.1.2.0/24, 224.0.0.0/4 } masquerade" in cni.masquerade(
        settings(pod_cidr="10.1.2.0/24"))


def test_missing_plugins_are_named(tmp_path):
    """No bridge plugin: the error names the package."""
    with pytest.raises(cni.NoPlugins, match="apt-get install containernetworking-plugins"):
        cni.write(settings(str(tmp_path / "k"), cni_bin_dir=tmp_path))


@pytest.mark.parametrize(("qos", "path"), [
    ("Guaranteed", "/k/podu"), ("Burstable", "/k/burstable/podu"), ("BestEffort", "/k/besteffort/podu"),
])
def test_cgroups_by_quality_of_service(qos, path):
    """As kubelet lays them out."""
    assert path == cgroups.pod_parent("/k", qos, "u")


def test_the_root_group_is_never_removed():
    """A missing setting must not take the machine down."""
    with pytest.raises(AssertionError):
        cgroups.remove("/")


def test_an_image_archive_is_whole_and_the_same_every_time(tmp_path):
    """Every blob is named by its own digest; two archives of one content are equal."""
    layer, entrypoint = oci.pause_layer()
    for name in ("one", "two"):
        oci.write_archive(tmp_path / name, name="x.local/p:1", layers=[layer], config={"Entrypoint": entrypoint})
    with tarfile.open(tmp_path / "one") as archive:
        index = json.load(archive.extractfile("index.json"))
        manifest = json.load(archive.extractfile("blobs/" + index["manifests"][0]["digest"].replace(":", "/")))

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert "x.local/p:1" == index["manifests"][0]["annotations"]["io.containerd.image.name"]
    assert 1 == len(manifest["layers"])


@pytest.mark.parametrize(("log", "output", "policy", "failed", "words"), [
    pytest.param("bye", "x", "File", True, "bye", id="the file"),
    pytest.param("", "T stdout F one\nT stderr F two\n", "FallbackToLogsOnError", True, "one\ntwo\n", id="the log's end"),
    pytest.param("", "T stdout F one\n", "FallbackToLogsOnError", False, "", id="only on error"),
    pytest.param("", "T stdout F one\n", "File", True, "", id="only where asked"),
    pytest.param("x" * 5000, "", "File", True, "x" * 4096, id="bounded"),
])
def test_last_words(tmp_path, log, output, policy, failed, words):
    """What terminated.message says."""
    (tmp_path / "t").write_text(log)
    (tmp_path / "l").write_text(output)

    assert words == last_words(tmp_path / "t", tmp_path / "l", policy=policy, failed=failed)


def test_conditions_keep_their_dates(tmp_path):
    """Still ready: the heartbeat is new, the transition is not; then the runtime dies and both are."""
    first = nodestatus.node_conditions(nodestatus.Health(), {}, 1000.0)
    before = {each["type"]: msgspec.convert(each, nodestatus_condition()) for each in first}
    again = nodestatus.node_conditions(nodestatus.Health(), before, 2000.0)[-1]
    broken = nodestatus.node_conditions(nodestatus.Health("runtime is down"), before, 3000.0)[-1]

    assert ("1970-01-01T00:33:20Z", "1970-01-01T00:16:40Z") == (again["lastHeartbeatTime"], again["lastTransitionTime"])
    assert ("False", "KubeletNotReady", "runtime is down", "1970-01-01T00:50:00Z") == (
        broken["status"], broken["reason"], broken["message"], broken["lastTransitionTime"])


def nodestatus_condition():
    """Return the API's type."""
    from knarr.api.types.core_v1 import NodeCondition
    return NodeCondition
