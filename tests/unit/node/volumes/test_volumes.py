"""A pod's volumes from set-up to tear-down, against a toy API and the real mount table."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from msgspec.structs import replace

from knarr.api.http import Answer, Call
from knarr.api.types.core_v1 import Pod
from knarr.base.clock import ManualClock
from knarr.client.client import Client
from knarr.client.transport import InProcess
from knarr.node.faces import ConfigError, Device, Mount, MountError, NodeFacts
from knarr.node.settings import Settings
from knarr.node.volumes import Volumes, mounts, sources, volumes
from knarr.node.volumes.mountlist import within_reach
from tests.unit.fake_api import FakeApi

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="mounts tmpfs")]
NO_ADDRESS = 'MountVolume.SetUp failed for volume "v0" : the NFS server nowhere.invalid has no address: '
NODE = NodeFacts("n1", "10.0.0.1", 4000, 2**33)


class Machine:
    """An API, a node's volumes, and the pods of the story."""

    def __init__(self, home: Path) -> None:
        self.api, self.clock = FakeApi(), ManualClock()
        self.issued = 0
        self.settings = Settings(home, "n1", "10.0.0.1")
        self.volumes = self.agent()

    def agent(self) -> Volumes:
        """Start anew, as after a crash: nothing is remembered."""
        return Volumes(self.settings, Client(InProcess(self.handle)), self.clock, facts=NODE)

    async def handle(self, call: Call) -> Answer:
        """Answer as the API; tokens live for an hour."""
        if not call.path.endswith("/token"):
            return await self.api.handle(call)
        self.issued += 1
        asked = orjson.loads(call.body)["spec"]
        now_s = self.clock.now_s()
        claims = {"iat": now_s, "exp": now_s + asked["expirationSeconds"], "n": self.issued}
        token = f"h.{base64.urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip('=')}.s"
        return Answer(201, orjson.dumps({"spec": {}, "status": {"token": token, "expirationTimestamp": "x"}}))

    def config_map(self, name: str, **data: str) -> None:
        """Somebody writes a config map."""
        meta = {"namespace": "ns", "name": name, "uid": name}
        self.api.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})

    def secret(self, name: str, **data: str) -> None:
        """Somebody writes a secret."""
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        meta = {"namespace": "ns", "name": name, "uid": name}
        self.api.put({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": encoded})

    def reads(self) -> list[str]:
        """What was asked for pods' sake."""
        return [path for _, path in self.api.calls if path.endswith(("/configmaps", "/secrets"))]

    async def mounted(self, pod: Pod, *, env: dict[str, str] | None = None) -> tuple[Mount, ...]:
        """Set a pod up and return its container's mounts."""
        await self.volumes.set_up(pod)
        return await self.volumes.mounts(pod, pod.spec.containers[0], env=env or {})


def pod(*sources: dict[str, Any], mount: dict[str, Any] | None = None, uid: str = "u1", **spec: Any) -> Pod:
    """Return a pod that mounts volumes v0, v1, … of these sources at /v0, /v1, …"""
    listed = [{"name": f"v{number}", **source} for number, source in enumerate(sources)]
    wanted = [{"name": volume["name"], "mountPath": f"/{volume['name']}", **(mount or {})} for volume in listed]
    return msgspec.convert({
        "metadata": {"name": "p", "namespace": "ns", "uid": uid, "labels": {"app": "web"}},
        "spec": {"volumes": listed, "containers": [{"name": "c", "volumeMounts": wanted}], **spec}}, Pod)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for objects to appear only a moment."""
    monkeypatch.setattr(volumes, "APPEAR_S", 0.02)
    monkeypatch.setattr(sources, "SYNC_S", 0.2)


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Machine]:
    """Run a machine; nothing stays mounted behind it."""
    machine = Machine(home)
    try:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            task = group.create_task(machine.volumes.run())
            await asyncio.sleep(0)
            yield machine
            task.cancel()
    finally:
        mounts.unmount_below(home)


async def until(true: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it never came to hold")


async def test_config_map_is_written_and_follows_changes(tmp_path: Path) -> None:
    """A config map is mounted read-only; somebody changes it while the pod runs; the files follow by themselves."""
    async with running(tmp_path) as machine:
        machine.config_map("cm", a="1")
        (mount,) = await machine.mounted(pod({"configMap": {"name": "cm"}}))
        where = Path(mount.host_path)
        assert "1" == (where / "a").read_text()
        assert (True, "/v0") == (mount.read_only, mount.container_path)

        machine.config_map("cm", a="2", b="3")
        await until((where / "b").exists)
        assert "2" == (where / "a").read_text()

        machine.api.drop("configmaps", "ns", "cm")     # gone: what was there stays
        await asyncio.sleep(0.01)
        assert "2" == (where / "a").read_text()


@pytest.mark.parametrize("projected", [False, True])
async def test_files_about_a_pod_follow_it(tmp_path: Path, projected: bool) -> None:
    """Somebody labels a pod that runs: its file tells of it. What files cannot tell of writes nothing."""
    items = {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}
    source = {"projected": {"sources": [{"downwardAPI": items}]}} if projected else {"downwardAPI": items}
    async with running(tmp_path) as machine:
        made = pod(source)
        (mount,) = await machine.mounted(made)
        file = Path(mount.host_path, "labels")
        assert 'app="web"' == file.read_text()

        machine.volumes.see(replace(made, metadata=replace(made.metadata, labels={"app": "other"})))
        await until(lambda: file.read_text() == 'app="other"')

        version = file.resolve().parent
        machine.volumes.see(replace(made, metadata=replace(made.metadata, labels={"app": "other"}, generation=2)))
        await asyncio.sleep(0.02)
        assert version == file.resolve().parent
        machine.volumes.see(pod(source, uid="a stranger"))


async def test_one_watch_for_many_pods_and_none_after_them(tmp_path: Path) -> None:
    """Three pods name one config map: one list, one watch. When the last is gone, nothing is followed."""
    async with running(tmp_path) as machine:
        machine.config_map("cm", a="1")
        for uid in ("u1", "u2", "u3"):
            await machine.mounted(pod({"configMap": {"name": "cm"}}, uid=uid))
        assert 2 >= len(machine.reads())
        assert ("u1", "u2", "u3") == machine.volumes.known()

        for uid in ("u1", "u2", "u3"):
            await machine.volumes.tear_down(uid)
        assert () == machine.volumes.known()
        assert {} == machine.volumes._watched._followed


async def test_secrets_live_in_memory_and_leave_no_trace(tmp_path: Path) -> None:
    """Secrets are on one tmpfs that only root may enter, never on disk; tearing down removes, twice without harm."""
    async with running(tmp_path) as machine:
        machine.secret("s", pw="x")
        story = {"secret": {"secretName": "s", "defaultMode": 0o400}}
        for uid in ("u1", "u2"):
            (mount,) = await machine.mounted(pod(story, uid=uid))
            assert machine.settings.memory_dir in Path(mount.host_path).parents
            assert 0o400 == stat.S_IMODE((Path(mount.host_path) / "pw").stat().st_mode)
        await machine.volumes.set_up(pod(story))
        assert [machine.settings.memory_dir] == mounts.below(tmp_path)
        assert 0o700 == stat.S_IMODE(machine.settings.memory_dir.stat().st_mode)

        for uid in ("u1", "u1", "u2"):
            await machine.volumes.tear_down(uid)
        assert [] == list(machine.settings.memory_dir.iterdir())
        assert () == machine.volumes.known()


async def test_a_secret_is_written_again_after_the_machine_was_restarted(tmp_path: Path) -> None:
    """Memory is empty after a reboot, the link to it is still on the disk; so is a former agent's mount point."""
    async with running(tmp_path) as machine:
        machine.secret("s", pw="x")
        (mount,) = await machine.mounted(pod({"secret": {"secretName": "s"}}))
        mounts.unmount_below(tmp_path)
        (tmp_path / "pods/u2/volumes/kubernetes.io~secret/v0").mkdir(parents=True)

        for uid in ("u1", "u2"):
            (mount,) = await machine.mounted(pod({"secret": {"secretName": "s"}}, uid=uid))
            assert b"x" == (Path(mount.host_path) / "pw").read_bytes()
        assert [machine.settings.memory_dir] == mounts.below(tmp_path)


async def test_a_secret_that_a_former_agent_mounted_is_kept_up_where_it_is(tmp_path: Path) -> None:
    """The node was upgraded below a running pod whose secret is a mount of its own: containers look there."""
    async with running(tmp_path) as machine:
        machine.secret("s", pw="x")
        own = tmp_path / "pods/u1/volumes/kubernetes.io~secret/v0"
        own.mkdir(parents=True)
        mounts.tmpfs(own, mode=0o1777)
        (mount,) = await machine.mounted(pod({"secret": {"secretName": "s"}}))
        assert (own, b"x") == (Path(mount.host_path), (own / "pw").read_bytes())

        await machine.volumes.tear_down("u1")
        assert [] == mounts.below(tmp_path)
        assert () == machine.volumes.known()


@pytest.mark.parametrize(("source", "message"), [
    pytest.param({"configMap": {"name": "nope"}}, 'MountVolume.SetUp failed for volume "v0" : configmap "nope" not found',
                 id="config map"),
    pytest.param({"hostPath": {"path": "/etc/hostname", "type": "Directory"}},
                 'MountVolume.SetUp failed for volume "v0" : hostPath type check failed: /etc/hostname is not a directory',
                 id="host path"),
    pytest.param({"cephfs": {"monitors": ["x"]}}, 'MountVolume.SetUp failed for volume "v0" : no volume plugin matched',
                 id="unknown plugin"),
    pytest.param({"nfs": {"server": "nowhere.invalid", "path": "/"}}, NO_ADDRESS, id="NFS server without address"),
    pytest.param({"persistentVolumeClaim": {"claimName": "no"}},
                 "Unable to attach or mount volumes: unmounted volumes=[v0], unattached volumes=[], failed to process "
                 'volumes=[v0]: error processing PVC ns/no: persistentvolumeclaims "no" not found', id="no claim"),
])
async def test_refusals_in_kubelets_words(tmp_path: Path, source: dict[str, Any], message: str) -> None:
    """FailedMount tells which volume and why."""
    async with running(tmp_path) as machine:
        with pytest.raises(MountError) as refused:
            await machine.volumes.set_up(pod(source))

    assert str(refused.value).startswith(message)


async def test_a_new_namespaces_root_ca_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod comes with its namespace; kube-root-ca.crt comes a moment later: no refusal, no back-off."""
    monkeypatch.setattr(volumes, "APPEAR_S", 2.0)
    async with running(tmp_path) as machine, asyncio.TaskGroup() as group:
        setting_up = group.create_task(machine.mounted(pod({"configMap": {"name": "kube-root-ca.crt"}})))
        await until(lambda: bool(machine.reads()))
        machine.config_map("kube-root-ca.crt", **{"ca.crt": "pem"})
        (mount,) = await setting_up

    assert "pem" == (Path(mount.host_path) / "ca.crt").read_text()


TOKEN = {"projected": {"sources": [
    {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
    {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}}]}}


async def test_token_is_renewed_before_its_end(tmp_path: Path) -> None:
    """An hour's token is replaced after 48 minutes, not before; a restarted agent goes on with the one in the file."""
    async with running(tmp_path) as machine:
        (mount,) = await machine.mounted(pod(TOKEN))
        file = Path(mount.host_path) / "token"
        first = file.read_text()
        assert "ns" == (Path(mount.host_path) / "namespace").read_text()

        machine.volumes = machine.agent()
        await machine.volumes.set_up(pod(TOKEN))
        assert (1, first) == (machine.issued, file.read_text())

        machine.clock.advance(47 * 60)
        await machine.volumes.set_up(pod(TOKEN))
        assert 1 == machine.issued
        machine.clock.advance(2 * 60)
        await machine.volumes.set_up(pod(TOKEN))
        assert 2 == machine.issued
        assert first != file.read_text()


async def test_token_timer_is_armed(tmp_path: Path) -> None:
    """Setting up leaves a date with the token, 48 minutes ahead; at that date the refresh asks for a new one."""
    async with running(tmp_path) as machine:
        await machine.mounted(pod(TOKEN))
        assert pytest.approx(48 * 60) == machine.volumes._dirty["u1"] - machine.clock.monotonic_s()

        machine.clock.advance(48 * 60 + 1)
        machine.volumes._woken.set()
        await until(lambda: machine.issued == 2)


async def test_empty_dirs(tmp_path: Path) -> None:
    """On disk anyone may write; in memory there is a size; what a container wrote survives another set-up."""
    limited = {"resources": {"limits": {"memory": "1Mi"}}}
    async with running(tmp_path) as machine:
        story = pod({"emptyDir": {}}, {"emptyDir": {"medium": "Memory", "sizeLimit": "64Ki"}},
                    securityContext={"fsGroup": 77})
        disk, memory = [Path(mount.host_path) for mount in await machine.mounted(story)]
        (disk / "kept").touch()
        await machine.volumes.set_up(story)

        assert (disk / "kept").exists()
        assert 0o2777 == stat.S_IMODE(disk.stat().st_mode)
        assert 77 == disk.stat().st_gid == memory.stat().st_gid
        assert 64 * 1024 == os.statvfs(memory).f_blocks * os.statvfs(memory).f_frsize
        with pytest.raises(OSError, match="No space left"):
            (memory / "big").write_bytes(b"x" * 70_000)

        small = pod({"emptyDir": {"medium": "Memory"}}, uid="u2", containers=[
            {"name": "c", "volumeMounts": [{"name": "v0", "mountPath": "/m"}], **limited}])
        (found,) = await machine.mounted(small)
        assert 2**20 == os.statvfs(found.host_path).f_blocks * os.statvfs(found.host_path).f_frsize


def claim(machine: Machine, *, phase: str = "Bound", **source: Any) -> None:
    """Somebody has bound claim `data` to a volume."""
    machine.api.put({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                     "metadata": {"namespace": "ns", "name": "data", "uid": "c1"},
                     "spec": {"volumeName": "pv1"}, "status": {"phase": phase}})
    machine.api.put({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv1", "uid": "pv1"},
                     "spec": {"claimRef": {"namespace": "ns", "name": "data", "uid": "c1"}, **source}})


CLAIM = {"persistentVolumeClaim": {"claimName": "data"}}


async def test_claim_outlives_its_pod(tmp_path: Path) -> None:
    """A claim leads to a local directory that is made; the pod goes, the data stays; the API may be away meanwhile."""
    async with running(tmp_path) as machine:
        claim(machine, hostPath={"path": str(tmp_path / "volumes/pv1"), "type": "DirectoryOrCreate"})
        (mount,) = await machine.mounted(pod(CLAIM))
        Path(mount.host_path, "row").write_text("kept")
        machine.api.drop("persistentvolumeclaims", "ns", "data")
        assert (mount,) == await machine.mounted(pod(CLAIM))

        await machine.volumes.tear_down("u1")
        assert "kept" == (tmp_path / "volumes/pv1/row").read_text()
        assert (str(tmp_path / "volumes/pv1"), False) == (mount.host_path, mount.read_only)


async def test_a_raw_device(tmp_path: Path) -> None:
    """A local volume of mode Block: the container gets the device, and a path that is none is refused."""
    device = {"containers": [{"name": "c", "image": "i", "volumeDevices": [{"name": "v0", "devicePath": "/dev/x"}]}]}
    async with running(tmp_path) as machine:
        claim(machine, local={"path": "/dev/loop-control"}, volumeMode="Block")
        asked = pod(CLAIM, **device)
        with pytest.raises(MountError, match="/dev/loop-control is not a block device"):
            await machine.volumes.set_up(asked)
        assert (Device("/dev/x", "/dev/loop-control"),) == await machine.volumes.devices(asked, asked.spec.containers[0])


@pytest.mark.parametrize(("faults", "versions", "message"), [
    pytest.param([], ["4.2"], "", id="the newest will do"),
    pytest.param([errno.EPROTONOSUPPORT], ["4.2", "4.1"], "", id="an older server"),
    pytest.param([errno.ECONNREFUSED], ["4.2"], "mount of 127.0.0.1:/x by NFS 4 failed: Connection refused", id="nobody"),
    pytest.param([errno.ENODEV], ["4.2"], "this machine's kernel has no NFS client (modprobe nfsv4)", id="no client"),
])
async def test_nfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults, versions, message) -> None:
    """The kernel is asked for one version after the other; what stands in the way is told with its remedy."""
    asked: list[tuple[str, bool]] = []

    def kernel(source: str, where: Path, *, kind: str, options: str, read_only: bool) -> None:
        asked.append((options, read_only))
        if len(asked) <= len(faults):
            raise OSError(faults[len(asked) - 1], os.strerror(faults[len(asked) - 1]))

    monkeypatch.setattr(mounts, "network", kernel)
    async with running(tmp_path) as machine:
        claim(machine, nfs={"server": "127.0.0.1", "path": "/x", "readOnly": True}, mountOptions=["soft"])
        if message:
            with pytest.raises(MountError) as refused:
                await machine.volumes.set_up(pod(CLAIM))
            assert str(refused.value).endswith(message)
        else:
            (mount,) = await machine.mounted(pod(CLAIM))
            assert mount.host_path.endswith("/v0")
    assert [(f"addr=127.0.0.1,vers={version},soft", True) for version in versions] == asked


@pytest.mark.parametrize(("how", "deep", "expected"), [
    ("Enabled", True, True), ("IfPossible", True, True), ("IfPossible", False, False), ("Disabled", True, False),
    ("Enabled", False, "it is not supported by the runtime"),
])
async def test_read_only_down_to_the_mounts_within(tmp_path: Path, how: str, deep: bool, expected: bool | str) -> None:
    """A runtime that cannot do it: who insists is refused, who does not gets what there is."""
    async with running(tmp_path) as machine:
        wanted = pod({"emptyDir": {}}, mount={"readOnly": True, "recursiveReadOnly": how})
        mounts, (container,) = await machine.mounted(wanted), wanted.spec.containers
        if isinstance(expected, str):
            with pytest.raises(ConfigError, match=f"requested recursive read-only mode, but {expected}"):
                within_reach(container, mounts, deep=deep)
            return
        (mount,) = within_reach(container, mounts, deep=deep)
        assert (True, expected) == (mount.read_only, mount.read_only_below)


@pytest.mark.parametrize(("mount", "text"), [
    ({}, "it is not read-only"),
    ({"readOnly": True, "mountPropagation": "Bidirectional"}, "it is not compatible with propagation Bidirectional"),
])
async def test_what_cannot_be_read_only_down_below(tmp_path: Path, mount: dict[str, Any], text: str) -> None:
    """As kubelet says it."""
    async with running(tmp_path) as machine:
        with pytest.raises(ConfigError, match=f"requested recursive read-only mode, but {text}"):
            await machine.mounted(pod({"emptyDir": {}}, mount={**mount, "recursiveReadOnly": "IfPossible"}))


async def test_unbound_claim(tmp_path: Path) -> None:
    """The claim is still pending."""
    async with running(tmp_path) as machine:
        claim(machine, phase="Pending", local={"path": str(tmp_path)})
        with pytest.raises(MountError, match="error processing PVC ns/data: PVC is not bound"):
            await machine.volumes.set_up(pod(CLAIM))


async def test_sub_paths(tmp_path: Path) -> None:
    """A subdirectory named by a variable, and one file of a config map; tearing down leaves the machine's file alone."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    async with running(tmp_path) as machine:
        machine.config_map("cm", conf="1")
        story = pod({"hostPath": {"path": str(outside)}}, mount={"subPathExpr": "logs/$(NAME)"})
        (mount,) = await machine.mounted(story, env={"NAME": "web"})
        assert (outside / "logs/web").stat().st_ino == Path(mount.host_path).stat().st_ino
        await machine.volumes.mounts(story, story.spec.containers[0], env={"NAME": "web"})     # a restarted container
        assert 1 == len(mounts.below(tmp_path))
        with pytest.raises(ConfigError, match='failed to prepare subPath for volumeMount "v0" of container "c"'):
            await machine.volumes.mounts(story, story.spec.containers[0], env={})

        file = pod({"configMap": {"name": "cm"}}, mount={"subPath": "conf"}, uid="u2")
        (one,) = await machine.mounted(file)
        assert "1" == Path(one.host_path).read_text()

        await machine.volumes.tear_down("u1")
        await machine.volumes.tear_down("u2")
        assert "x" == (outside / "precious").read_text()
        assert (outside / "logs/web").is_dir()


async def test_environment_references(tmp_path: Path) -> None:
    """What env and envFrom name is read; what is not there is None; no name, no request."""
    async with running(tmp_path) as machine:
        machine.secret("s", pw="x")
        asked = [{"name": "c", "envFrom": [{"configMapRef": {"name": "none", "optional": True}}],
                  "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "pw"}}}]}]
        found = await machine.volumes.references(pod(containers=asked))
        calls = machine.reads()
        await machine.volumes.references(pod(containers=[{"name": "c"}]))

        assert {"none": None} == dict(found.config_maps)
        assert {"pw"} == set(found.secrets["s"].data)      # type: ignore[union-attr]
        assert calls == machine.reads()


async def test_api_away(tmp_path: Path) -> None:
    """The API does not answer: the refusal says so, and nothing hangs."""
    async with running(tmp_path) as machine:
        machine.api.refuse = lambda _call: OSError("away")
        with pytest.raises(MountError, match="failed to sync configmap cache: timed out"):
            await machine.volumes.set_up(pod({"configMap": {"name": "cm"}}))


async def test_unknown_volume_of_a_mount(tmp_path: Path) -> None:
    """A container mounts a volume that the pod does not have."""
    story = pod(containers=[{"name": "c", "volumeMounts": [{"name": "ghost", "mountPath": "/g"}]}])
    async with running(tmp_path) as machine:
        with pytest.raises(ConfigError, match='cannot find volume "ghost" to mount into container "c"'):
            await machine.mounted(story)


async def test_what_is_not_mounted_is_not_set_up(tmp_path: Path) -> None:
    """A volume that no container mounts may name anything."""
    story = pod(volumes=[{"name": "idle", "configMap": {"name": "nope"}}], containers=[{"name": "c"}])
    async with running(tmp_path) as machine:
        await machine.volumes.set_up(story)

        assert [] == machine.reads()


@pytest.mark.parametrize("name", ["plain", "two words", "tab\there", "back\\slash", "#hash", "line\nbreak", "\\040"])
def test_mounts_are_found_whatever_their_names(tmp_path: Path, name: str) -> None:
    """The kernel writes some characters in octal; a neighbour whose name begins alike is left alone."""
    mine, neighbour = tmp_path / name, tmp_path / f"{name}2"
    for where in (mine / "inner", neighbour):
        where.mkdir(parents=True)
        mounts.tmpfs(where)
    try:
        assert [mine / "inner"] == mounts.below(mine)
        mounts.unmount_below(mine)
        mounts.unmount_below(tmp_path / "nobody")

        assert [neighbour] == mounts.below(tmp_path)
    finally:
        mounts.unmount_below(tmp_path)
