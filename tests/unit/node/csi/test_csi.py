"""A CSI driver on this machine, from its registration to its volumes' end: a real API, real gRPC, real mounts."""

from __future__ import annotations

import asyncio
import base64
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from knarr.api.errors import NotFound
from knarr.api.http import Answer, Call
from knarr.api.types.core_v1 import Node, PersistentVolume, PersistentVolumeClaim, Pod
from knarr.api.types.storage_v1 import CSINode, VolumeAttachment
from knarr.apiserver.server import ApiServer
from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.informers import Informers
from knarr.client.transport import CONTROL_PLANE, InProcess
from knarr.controllers import starters
from knarr.node.faces import MountError, NodeFacts
from knarr.node.settings import Settings
from knarr.node.volumes import Volumes, mounts
from knarr.reconcile.runner import Setup
from knarr.store.memory import open_memory
from tests.csi.driver import NAME, DirectoryDriver
from tests.csi.sidecars import Sidecars
from tests.unit.controllers.cluster import node

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="binds directories")]
CONTROLLERS = ("attachdetach", "pvcprotection", "pvprotection", "serviceaccounts", "volumebinder")
PATIENCE_S = 120.0
CLASS = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "shelves"}, "provisioner": NAME,
         "allowVolumeExpansion": True}
CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {
    "accessModes": ["ReadWriteOnce"], "storageClassName": "shelves", "resources": {"requests": {"storage": "1Gi"}}}}
OFFER = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": NAME}}


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a short name: paths of sockets are bounded."""
    with tempfile.TemporaryDirectory(prefix="csi") as folder:
        yield Path(folder)
        mounts.unmount_below(Path(folder))


class Stage:
    """A cluster of one node with a driver on it."""

    def __init__(self, home: Path, server: ApiServer) -> None:
        self.server = server
        self.client = Client(InProcess(self.handle))
        self.settings = Settings(home / "k", "a", "192.0.2.1")
        self.driver = DirectoryDriver(home / "d", self.settings.plugins_dir, "a")
        self.sidecars = Sidecars(self.client)
        self.volumes = self.agent()

    async def handle(self, call: Call) -> Answer:
        """Answer as the API; tokens, for which this server has no key, are words."""
        if not call.path.endswith("/token"):
            return await self.server.handle(call)
        (audience,) = orjson.loads(call.body)["spec"]["audiences"]
        claims = base64.urlsafe_b64encode(b'{"iat":0,"exp":3600}').decode().rstrip("=")
        return Answer(201, orjson.dumps({"status": {"token": f"{audience}.{claims}.s", "expirationTimestamp": "x"}}))

    def agent(self) -> Volumes:
        """Return a node agent's volumes, as after a restart: nothing is remembered."""
        return Volumes(self.settings, self.client, SystemClock(), facts=NodeFacts("a", "192.0.2.1", 1000, 2**30))

    async def create(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Create one object."""
        plural = {"StorageClass": "storageclasses"}.get(obj["kind"], obj["kind"].lower() + "s")
        root = "/api/v1" if obj["apiVersion"] == "v1" else f"/apis/{obj['apiVersion']}"
        inside = "/namespaces/default" if obj["kind"] in ("Pod", "PersistentVolumeClaim", "Secret") else ""
        call = Call("POST", f"{root}{inside}/{plural}", {}, {"content-type": "application/json"}, orjson.dumps(obj),
                    CONTROL_PLANE)
        answer = await self.server.handle(call)
        assert answer.status < 300, answer.body
        return orjson.loads(answer.body)

    async def pod(self, name: str, *, where: str = "a", volume: dict[str, Any] | None = None, **spec: Any) -> Pod:
        """Create a pod on a node that mounts the claim, or another volume."""
        source = volume or {"persistentVolumeClaim": {"claimName": "data"}}
        made = await self.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
            "nodeName": where, "automountServiceAccountToken": False, "volumes": [{"name": "v", **source}],
            "containers": [{"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}], **spec}})
        return await self.client.get(Pod, "default", made["metadata"]["name"])

    async def stands(self, pod: Pod) -> bool:
        """Try to set a pod's volumes up, as its node does again and again; tell whether they stand."""
        try:
            await self.volumes.set_up(pod)
        except MountError as error:
            if "timed out waiting" in str(error):
                return False
            raise
        return True

    async def gone(self, pod: Pod) -> None:
        """End a pod: the node takes its volumes away, then the API forgets it."""
        await self.volumes.tear_down(pod.metadata.uid)
        await self.client.delete(Pod, "default", pod.metadata.name, options={"gracePeriodSeconds": 0})

    async def place(self, pod: Pod) -> Path:
        """Return where the pod's volume stands."""
        (found,) = await self.volumes.mounts(pod, pod.spec.containers[0], env={})
        return Path(found.host_path)

    async def until(self, true: Callable[[], Awaitable[Any]]) -> Any:
        """Wait until something is so, and return it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await true()
                if found:
                    return found
                await asyncio.sleep(0.02)

    async def attachments(self) -> list[VolumeAttachment]:
        """Return all attachments."""
        return list((await self.client.list(VolumeAttachment)).items)

    async def events(self, reason: str) -> list[str]:
        """Return the messages of events with a reason."""
        body = await self.client.call("GET", "/api/v1/namespaces/default/events")
        return [one["message"] for one in orjson.loads(body)["items"] if one["reason"] == reason]


def story(home: Path, told: Callable[[Stage], Awaitable[None]]) -> None:
    """Start API, controllers, sidecars, driver and agent, and let the story happen."""

    async def program() -> None:
        clock = SystemClock()
        server = ApiServer(open_memory(), clock=clock, rng=Rng(3))
        await server.start()
        stage = Stage(home, server)
        informers = Informers(stage.client, clock=clock, rng=Rng(1))
        setup = Setup(informers, clock, Rng(2))
        await stage.create(node("a"))
        await stage.driver.start()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in (informers.run(), stage.sidecars.run(), stage.volumes.run())]
            tasks += [group.create_task(start(setup)) for start in starters(CONTROLLERS).values()]
            try:
                await stage.until(lambda: registered(stage))
                await told(stage)
            finally:
                for task in tasks:
                    task.cancel()
                await stage.driver.stop()
        await server.stop()

    asyncio.run(program())


async def registered(stage: Stage) -> bool:
    """Tell whether the driver has been told that it is registered."""
    return (True, "") in stage.driver.told


async def is_bound(stage: Stage) -> bool:
    """Tell whether the claim has its volume."""
    return (await stage.client.get(PersistentVolumeClaim, "default", "data")).status.phase == "Bound"


def test_a_driver_is_made_known(home):
    """Its registrar's socket appears: the CSINode names it and its limit, the Node bears its place and the driver's id."""
    async def told(stage: Stage) -> None:
        (driver,) = (await stage.client.get(CSINode, "", "a")).spec.drivers
        assert (NAME, "id-a", 3) == (driver.name, driver.nodeID, driver.allocatable.count)
        assert (f"topology.{NAME}/node",) == driver.topologyKeys
        meta = (await stage.client.get(Node, "", "a")).metadata
        assert "a" == meta.labels[f"topology.{NAME}/node"]
        assert f'{{"{NAME}":"id-a"}}' == meta.annotations["csi.volume.kubernetes.io/nodeid"]
        await stage.driver.stop()
        await stage.until(lambda: nobody(stage))
        await stage.driver.start()

    async def nobody(stage: Stage) -> bool:
        return not (await stage.client.get(CSINode, "", "a")).spec.drivers

    story(home, told)


def test_a_claims_whole_life(home):
    """Provisioned, bound, attached, staged, published, grown, given back by an agent that remembers nothing, detached, deleted."""
    async def told(stage: Stage) -> None:
        await stage.create(OFFER)
        await stage.create(CLASS)
        await stage.create(CLAIM)
        first = await stage.pod("first", securityContext={"fsGroup": 4242})
        await stage.until(lambda: is_bound(stage))
        await stage.until(lambda: stage.stands(first))
        where = await stage.place(first)
        (stage.driver.volume("vol-data") / "note").write_text("from the driver")
        assert "from the driver" == (where / "note").read_text()
        assert 4242 == where.stat().st_gid
        asked = stage.driver.last("NodePublishVolume")
        assert {"shelf": "3"} == dict(asked.volume_context)
        assert {"lun": "7"} == dict(asked.publish_context)
        assert (1, "ext4") == (asked.volume_capability.access_mode.mode, asked.volume_capability.mount.fs_type)
        in_use = f"kubernetes.io/csi/{NAME}^vol-data"
        assert (in_use,) == (await stage.client.get(Node, "", "a")).status.volumesInUse
        assert (in_use,) == tuple(one.name for one in await stage.until(lambda: attached(stage)))
        assert await stage.until(lambda: stage.events("SuccessfulAttachVolume"))

        second = await stage.pod("second")
        await stage.until(lambda: stage.stands(second))
        await stage.client.patch(PersistentVolumeClaim, "default", "data", patch={
            "spec": {"resources": {"requests": {"storage": "2Gi"}}}})
        await stage.until(lambda: grown(stage))
        await stage.volumes._growth.look()
        claim = await stage.client.get(PersistentVolumeClaim, "default", "data")
        assert ({"storage": "2Gi"}, ()) == (claim.status.capacity, claim.status.conditions)
        assert str(2 << 30) == (stage.driver.volume("vol-data") / "size").read_text()

        fresh = stage.agent()
        await fresh._drivers.look()
        stage.volumes = fresh
        await stage.gone(first)
        assert "NodeUnstageVolume" not in stage.driver.names()       # the second pod has it still
        await stage.gone(second)
        assert ["NodeUnpublishVolume", "NodeUnstageVolume"] == stage.driver.names()[-2:]
        assert [] == mounts.below(stage.settings.data_dir)
        assert () == (await stage.client.get(Node, "", "a")).status.volumesInUse
        await stage.until(lambda: detached(stage))
        await stage.client.delete(PersistentVolumeClaim, "default", "data")
        await stage.until(lambda: deleted(stage))

    async def attached(stage: Stage) -> Any:
        return (await stage.client.get(Node, "", "a")).status.volumesAttached

    async def grown(stage: Stage) -> bool:
        (volume,) = (await stage.client.list(PersistentVolume)).items
        return volume.spec.capacity == {"storage": "2Gi"}

    async def detached(stage: Stage) -> bool:
        return not await stage.attachments() and not await attached(stage)

    async def deleted(stage: Stage) -> bool:
        return not (await stage.client.list(PersistentVolume)).items

    story(home, told)


def test_a_volume_for_one_node_is_not_attached_to_two(home):
    """A second pod of the claim lands on another node: it is told why it waits, and gets the volume once it is free."""
    async def told(stage: Stage) -> None:
        await stage.create(node("b"))
        await stage.create(CLASS)
        await stage.create(CLAIM)
        first = await stage.pod("first")
        await stage.until(lambda: is_bound(stage))
        await stage.until(lambda: stage.stands(first))
        await stage.pod("second", where="b")
        (why,) = await stage.until(lambda: stage.events("FailedAttachVolume"))
        assert "Volume is already used by pod(s) first" in why
        assert ["a"] == [one.spec.nodeName for one in await stage.attachments()]
        await stage.gone(first)
        await stage.until(lambda: moved(stage))

    async def moved(stage: Stage) -> bool:
        return ["b"] == [one.spec.nodeName for one in await stage.attachments()]

    story(home, told)


def test_an_inline_volume_and_what_its_driver_is_told(home):
    """A pod's own volume: not attached, not staged; the driver hears of the pod, its token and its secret."""
    async def told(stage: Stage) -> None:
        await stage.create({**OFFER, "spec": {
            "attachRequired": False, "podInfoOnMount": True, "volumeLifecycleModes": ["Ephemeral"],
            "tokenRequests": [{"audience": "vault"}], "requiresRepublish": True}})
        await stage.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"k": "s3"}})
        pod = await stage.pod("mine", volume={"csi": {
            "driver": NAME, "volumeAttributes": {"colour": "red"}, "nodePublishSecretRef": {"name": "key"}}})
        await stage.volumes.set_up(pod)
        asked = stage.driver.last("NodePublishVolume")
        assert ["NodePublishVolume"] == stage.driver.names()
        assert ("red", "mine", "true") == tuple(asked.volume_context[key] for key in (
            "colour", "csi.storage.k8s.io/pod.name", "csi.storage.k8s.io/ephemeral"))
        assert {"k": "s3"} == dict(asked.secrets)
        told = orjson.loads(asked.volume_context["csi.storage.k8s.io/serviceAccount.tokens"])
        assert "1970-01-01T01:00:00Z" == told["vault"]["expirationTimestamp"]
        assert told["vault"]["token"].startswith("vault.")
        assert [] == await stage.attachments()
        await stage.volumes._csi.republish()
        stage.driver.refuse = {"NodePublishVolume": "not now"}
        await stage.volumes._csi.republish()
        assert ["NodePublishVolume"] * 3 == stage.driver.names()
        await stage.gone(pod)
        await stage.volumes._csi.republish()
        assert "NodeUnpublishVolume" == stage.driver.names()[-1]

    story(home, told)


@pytest.mark.parametrize(("offer", "refuse", "expected"), [
    pytest.param({"attachRequired": False}, {}, 'volume mode "Ephemeral" not supported by driver', id="not for inline"),
    pytest.param(None, {}, "(no CSIDriver object)", id="nothing is known of it"),
    pytest.param({"attachRequired": False, "volumeLifecycleModes": ["Ephemeral"]}, {"NodePublishVolume": "no room"},
                 "rpc error: code = Internal desc = no room", id="the driver refuses"),
])
def test_what_cannot_be_mounted_says_why(home, offer, refuse, expected):
    """The pod's FailedMount event tells whose fault it is."""
    async def told(stage: Stage) -> None:
        if offer is not None:
            await stage.create({**OFFER, "spec": offer})
        stage.driver.refuse = refuse
        pod = await stage.pod("mine", volume={"csi": {"driver": NAME}})
        with pytest.raises(MountError) as caught:
            await stage.volumes.set_up(pod)
        assert expected in str(caught.value)
        assert 'MountVolume.SetUp failed for volume "v" : ' in str(caught.value)

    story(home, told)


def test_a_driver_that_is_not_here(home):
    """A pod wants a driver that nobody has registered."""
    async def told(stage: Stage) -> None:
        pod = await stage.pod("mine", volume={"csi": {"driver": "other.example.com"}})
        with pytest.raises(MountError, match="not found in the list of registered CSI drivers"):
            await stage.volumes.set_up(pod)
        await stage.gone(pod)

    story(home, told)


def test_a_failing_attacher_is_heard(home):
    """The attacher cannot attach: the pod's event has its words."""
    async def told(stage: Stage) -> None:
        stage.sidecars.failing = "no free port"
        await stage.create(CLASS)
        await stage.create(CLAIM)
        await stage.pod("first")
        (why,) = await stage.until(lambda: stage.events("FailedAttachVolume"))
        assert why.endswith("no free port")

    story(home, told)


@pytest.mark.parametrize(("kind", "versions", "expected"), [
    pytest.param("DevicePlugin", ["1.0.0"], "plugins of type DevicePlugin are not supported", id="another sort"),
    pytest.param("CSIPlugin", ["0.3.0"], "this node speaks 1.x", id="too old"),
])
def test_a_plugin_that_is_refused_hears_why(home, kind, versions, expected):
    """Its registrar gets the reason, and can say so in its log."""
    async def program() -> None:
        server = ApiServer(open_memory(), clock=SystemClock(), rng=Rng(3))
        await server.start()
        stage = Stage(home, server)
        await stage.create(node("a"))
        stage.driver.kind, stage.driver.versions = kind, versions
        await stage.driver.start()
        await stage.volumes._drivers.look()
        ((registered, why),) = stage.driver.told
        assert not registered
        assert expected in why
        with pytest.raises(NotFound):
            await stage.client.get(CSINode, "", "a")
        await stage.driver.stop()
        await server.stop()

    asyncio.run(program())
