"""One suite over every container runtime: the fake of the unit tests, and a real containerd of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knarr.base.clock import SystemClock
from knarr.node import cgroups, cni, oci, teardown
from knarr.node.containerd import Containerd
from knarr.node.cri.face import ContainerSpec, Runtime, RuntimeFault, SandboxSpec
from knarr.node.cri.runtime import CriRuntime
from knarr.node.images import Images
from knarr.node.settings import Settings
from tests.unit.node.fake_cri import FakeRuntime

IMAGE = "docker.io/library/conformance:1"
CGROUP = "/knarr-conformance"
BUSYBOX = Path("/bin/busybox")


def is_fake(runtime: Runtime) -> bool:
    """Tell whether the runtime runs nothing."""
    return isinstance(runtime, FakeRuntime)


async def real_runtime() -> AsyncIterator[Runtime]:
    """Start a containerd, load an image, and leave the machine as it was."""
    if os.geteuid() or not shutil.which("containerd", path="/usr/bin:/usr/local/bin") or not BUSYBOX.exists():
        pytest.skip("needs root, containerd and busybox-static")
    folder, clock = Path(tempfile.mkdtemp(prefix="kc")), SystemClock()
    settings = Settings(folder, "n1", "127.0.0.1", pod_cidr="10.251.77.0/24", serving_port=0)
    cni.write(settings)
    Containerd(settings, clock).start()
    runtime = CriRuntime(settings.endpoint)
    try:
        await runtime.ready(30)
        images = Images(settings, runtime)
        await images.ensure_sandbox_image()
        layer = oci.layer({"bin/busybox": BUSYBOX.read_bytes()}, links={"bin/sh": "busybox", "bin/sleep": "busybox"})
        oci.write_archive(folder / "i.tar", name=IMAGE, layers=[layer], config={"Env": ["PATH=/bin"]})
        await images.import_archive(folder / "i.tar")
        yield runtime
    finally:
        await runtime.close()
        await teardown.purge(settings, clock)
        cgroups.remove(CGROUP)
        shutil.rmtree(folder, ignore_errors=True)


async def fake_runtime() -> AsyncIterator[Runtime]:
    """Make a runtime in memory."""
    runtime = FakeRuntime(SystemClock())
    runtime.add_image(IMAGE)
    yield runtime


@pytest.fixture(params=[
    pytest.param(fake_runtime, id="fake"),
    pytest.param(real_runtime, id="containerd", marks=[pytest.mark.containers, pytest.mark.root, pytest.mark.slow]),
])
async def runtime(request):
    async for made in request.param():
        yield made


def sandbox_spec() -> SandboxSpec:
    """Return a small sandbox."""
    return SandboxSpec(
        name="p", namespace="d", uid="u", attempt=1, hostname="p", log_dir="/tmp/kc-logs",
        cgroup_parent=f"{CGROUP}/podu", labels={"io.kubernetes.pod.uid": "u"})


async def made(runtime: Runtime, *words: str) -> tuple[str, str]:
    """Make a sandbox and a created container in it; return both ids."""
    spec = sandbox_spec()
    sandbox_id = await runtime.run_sandbox(spec)
    image = await runtime.image(IMAGE)
    assert image is not None
    container_id = await runtime.create_container(sandbox_id, ContainerSpec(
        name="c", attempt=3, image="conformance:1", image_ref=image.id, args=words or ("sleep", "1000"),
        labels={"io.kubernetes.pod.uid": "u"}, annotations={"note": "kept"}), sandbox=spec)
    return sandbox_id, container_id


async def test_a_containers_life(runtime):
    """Created, running, stopped, forgotten; the events tell its end, and every step can be repeated."""
    sandbox_id, container_id = await made(runtime)
    assert "created" == (await runtime.container_report(container_id)).state
    heard = asyncio.get_running_loop().create_task(first_event(runtime, container_id))
    await asyncio.sleep(0.2 if not is_fake(runtime) else 0)
    await runtime.start_container(container_id)
    report = await runtime.container_report(container_id)
    assert ("running", 3, "kept") == (report.state, report.attempt, report.annotations["note"])
    assert [("running", sandbox_id, "u")] == [
        (line.state, line.sandbox_id, line.labels["io.kubernetes.pod.uid"]) for line in await runtime.list_containers()]

    await runtime.stop_container(container_id, grace_s=1)
    await runtime.stop_container(container_id, grace_s=1)
    event = await asyncio.wait_for(heard, 5)
    report = await runtime.container_report(container_id)
    assert ("exited", report.exit_code, container_id) == (report.state, event.exit_code, event.container_id)
    assert abs(event.at_s - report.finished_s) < 1

    await runtime.remove_container(container_id)
    await runtime.remove_container(container_id)
    with pytest.raises(RuntimeFault) as refused:
        await runtime.container_report(container_id)
    assert "NOT_FOUND" == refused.value.code


async def first_event(runtime: Runtime, container_id: str):
    """Return the first end that is told of a container."""
    async for event in runtime.events():
        if event.container_id == container_id and event.kind == "exited":
            return event
    raise AssertionError("the events ended")


async def test_a_sandboxs_life(runtime):
    """Ready with an address; stopped it takes its containers with it; removed it is forgotten."""
    sandbox_id, container_id = await made(runtime)
    await runtime.start_container(container_id)
    assert 1 == len(await runtime.sandbox_ips(sandbox_id))
    assert [("p", "d", "u", 1, True)] == [
        (s.name, s.namespace, s.uid, s.attempt, s.ready) for s in await runtime.list_sandboxes()]

    await runtime.stop_sandbox(sandbox_id)
    await runtime.stop_sandbox(sandbox_id)
    assert [False] == [sandbox.ready for sandbox in await runtime.list_sandboxes()]
    assert "exited" == (await runtime.container_report(container_id)).state

    await runtime.remove_sandbox(sandbox_id)
    await runtime.remove_sandbox(sandbox_id)
    assert () == await runtime.list_sandboxes() == await runtime.list_containers()


async def test_commands_and_streams(runtime):
    """A command runs and its output comes back; streams get an address."""
    sandbox_id, container_id = await made(runtime)
    await runtime.start_container(container_id)

    assert 0 == (await runtime.exec_sync(container_id, ("sh", "-c", "exit 0"), 5)).exit_code
    url = await runtime.exec_url(container_id, ("sh",), tty=False, stdin=True, stdout=True, stderr=True)
    assert url.startswith("http://")
    assert (await runtime.port_forward_url(sandbox_id, (80,))).startswith("http://")


async def test_images(runtime):
    """Found by name, listed, unknown ones are None."""
    found = await runtime.image(IMAGE)

    assert found is not None
    assert IMAGE in found.tags
    assert None is await runtime.image("docker.io/library/absent:1")
    assert found.id in {image.id for image in await runtime.list_images()}
