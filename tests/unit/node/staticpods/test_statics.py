"""Static pods on the whole agent: files come, change, break and go; mirrors show them; the API may be away."""

from __future__ import annotations

import asyncio
import json

from tests.unit.node.test_agent import ready, state, tell

MIRROR = "a-n1"


def write(world, image="app:1", **spec):
    """Write the manifest of pod `a`."""
    folder = world.folder / "manifests"
    folder.mkdir(exist_ok=True)
    (folder / "a.json").write_text(json.dumps({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "web"},
        "spec": {"containers": [{"name": "c", "image": image}], **spec}}))


async def restart(world):
    """A new agent, as after a kill -9."""
    await world.kill_agent()
    world.start_agent()


def names(world):
    return sorted(sandbox.name for sandbox in world.runtime.sandboxes.values() if sandbox.ready)


def test_a_file_comes_changes_breaks_and_goes(tmp_path):
    """Its pod runs and is shown, owned by the Node; a changed one replaces it; a broken one changes nothing."""
    async def story(world):
        write(world)
        await restart(world)
        shown = await world.until(ready, name=MIRROR)
        uid = shown["metadata"]["annotations"]["kubernetes.io/config.mirror"]
        assert uid == shown["metadata"]["annotations"]["kubernetes.io/config.hash"]
        assert [("Node", "n1", True)] == [(o["kind"], o["name"], o["controller"])
                                          for o in shown["metadata"]["ownerReferences"]]
        assert "file" == shown["metadata"]["annotations"]["kubernetes.io/config.source"]

        world.runtime.add_image("docker.io/library/app:2")
        write(world, image="app:2")
        await world.until(lambda s: ready(s) and s["metadata"]["annotations"]["kubernetes.io/config.hash"] != uid,
                          name=MIRROR)
        assert [MIRROR] == names(world)

        (world.folder / "manifests" / "a.json").write_text("{")
        await asyncio.sleep(60)
        assert ready(await world.pod(MIRROR))
        events = (await world.api.ask("GET", "/api/v1/namespaces/default/events"))[1]["items"]
        assert ["InvalidManifest"] == [each["reason"] for each in events if each["involvedObject"]["kind"] == "Node"]

        (world.folder / "manifests" / "a.json").unlink()
        await world.until(lambda s: s is None, name=MIRROR)
        assert [] == names(world)

    tell(tmp_path, story)


def test_a_deleted_mirror_comes_back(tmp_path):
    """kubectl delete pod, gracefully or not: the container never notices; a mirror with the same status is there."""
    async def story(world):
        write(world)
        await restart(world)
        first = await world.until(ready, name=MIRROR)
        for options in ("", "?gracePeriodSeconds=0"):
            before = await world.pod(MIRROR)
            await world.api.ask("DELETE", f"/api/v1/namespaces/web/pods/{MIRROR}{options}")
            again = await world.until(
                lambda s, old=before["metadata"]["uid"]: ready(s) and s["metadata"]["uid"] != old, name=MIRROR)
            assert state(first)["containerID"] == state(again)["containerID"]
            assert 0 == state(again)["restartCount"]
        assert 1 == world.runtime.calls.count("create_container")

    tell(tmp_path, story)


def test_a_killed_agent_goes_on_with_its_static_pods(tmp_path):
    """The next agent finds the container running and the mirror shown: it changes nothing."""
    async def story(world):
        write(world)
        await restart(world)
        await world.until(ready, name=MIRROR)
        await asyncio.sleep(2)
        before = await world.pod(MIRROR)
        world.runtime.calls.clear()
        await restart(world)
        await asyncio.sleep(60)

        assert before == await world.pod(MIRROR)
        assert set() == {"run_sandbox", "create_container", "stop_container"} & set(world.runtime.calls)

        await world.kill_agent()
        (world.folder / "manifests" / "a.json").unlink()
        world.start_agent()
        await world.until(lambda s: s is None, name=MIRROR)
        await asyncio.sleep(60)
        assert [] == names(world)

    tell(tmp_path, story)


def test_a_static_pod_needs_no_api(tmp_path):
    """The server is away from the agent's first moment: the pod runs, and runs again when it fails; later it is shown."""
    async def story(world):
        write(world)
        await world.kill_agent()
        world.away = True
        world.start_agent()
        await asyncio.sleep(30)
        assert [MIRROR] == names(world)
        running = [held.report for held in world.runtime.containers.values() if held.report.state == "running"]
        world.runtime.exit(running[0].id, 1)
        await asyncio.sleep(30)
        assert 2 == world.runtime.calls.count("create_container")

        world.away = False
        shown = await world.until(ready, name=MIRROR)
        assert 1 == state(shown)["restartCount"]

    tell(tmp_path, story)


def test_a_static_pod_is_judged_like_any_other(tmp_path):
    """Its node does not allow what it asks for: its mirror says so, also after the next agent; a mended file runs."""
    async def story(world):
        write(world, securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "8192"}]})
        await restart(world)
        shown = await world.until(lambda s: s and s["status"].get("phase") == "Failed", name=MIRROR)
        assert ("SysctlForbidden", 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted') == (
            shown["status"]["reason"], shown["status"]["message"])
        await restart(world)
        await asyncio.sleep(60)
        again = await world.pod(MIRROR)
        assert (shown["metadata"]["uid"], shown["status"]) == (again["metadata"]["uid"], again["status"])
        assert "run_sandbox" not in world.runtime.calls

        write(world)
        await world.until(ready, name=MIRROR)

    tell(tmp_path, story)


def test_a_static_pod_is_judged_by_its_node_as_it_is_now(tmp_path):
    """A label is put on the node and a file asks for it at once; another label, and the API is away: it is refused."""
    async def story(world):
        (world.folder / "manifests").mkdir()
        await restart(world)
        await asyncio.sleep(30)
        await world.api.ask("PATCH", "/api/v1/nodes/n1", {"metadata": {"labels": {"disk": "ssd"}}},
                            content_type="application/merge-patch+json")
        write(world, nodeSelector={"disk": "ssd"})
        await world.until(ready, name=MIRROR)

        world.away = True
        write(world, nodeSelector={"disk": "hdd"})
        await asyncio.sleep(60)
        world.away = False
        shown = await world.until(lambda s: s and s["status"].get("reason") == "NodeAffinity", name=MIRROR)
        assert "Failed" == shown["status"]["phase"]

    tell(tmp_path, story)
