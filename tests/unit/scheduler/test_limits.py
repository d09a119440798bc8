"""A node takes only so many volumes of a CSI driver."""

from __future__ import annotations

from tests.unit.scheduler.test_run import node, nodes_of, pod, story, told

FULL = "0/1 nodes are available: 1 node(s) exceed max volume count."


def limit(count, driver="disks"):
    """What the driver says of node a."""
    return {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": "a"}, "spec": {"drivers": [
        {"name": driver, "nodeID": "a", "allocatable": {"count": count}}]}}


def disk(name):
    """A volume of the driver, and the claim that it is bound to."""
    claim = {"namespace": "d", "name": name, "uid": f"u-{name}"}
    return (
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"pv-{name}"}, "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"], "claimRef": claim,
            "csi": {"driver": "disks", "volumeHandle": name}}, "status": {"phase": "Bound"}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {
            **claim, "annotations": {"pv.kubernetes.io/bind-completed": "yes"}}, "spec": {
            "accessModes": ["ReadWriteMany"], "volumeName": f"pv-{name}",
            "resources": {"requests": {"storage": "1Gi"}}}, "status": {"phase": "Bound"}})


def user(name, *claims, **spec):
    """A pod of the claims."""
    return pod(name, cpu="100m", **spec, volumes=[
        {"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims])


def prepare(api, *objects):
    for one in (node("a"), *disk("x"), *disk("y"), *disk("z"), *objects):
        api.put(one)


def refused(api):
    return [(who, why) for who, why in told(api, "FailedScheduling") if why.startswith(FULL)]


def test_one_volume_too_many_waits_until_another_goes():
    """Two volumes at most: a third waits; a pod that shares one does not; the third comes in when a pod leaves."""
    async def play(api, clock):
        prepare(api, limit(2), user("one", "x"), user("two", "y"))
        await clock.sleep(1)
        api.put(user("three", "z"))
        api.put(user("shares", "x"))
        await clock.sleep(1)
        assert {"one": "a", "two": "a", "shares": "a", "three": None} == nodes_of(api)
        api.drop("pods", "d", "two")
        await clock.sleep(5)

    api = story(play)

    assert {"one": "a", "shares": "a", "three": "a"} == nodes_of(api)
    assert ["three"] == [who for who, _ in refused(api)]


def test_a_volume_that_is_still_coming_off_counts():
    """No pod uses it, but the node has it: its place is free when its attachment is gone."""
    attachment = {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": "csi-1"}, "spec": {
        "attacher": "disks", "nodeName": "a", "source": {"persistentVolumeName": "pv-x"}}, "status": {"attached": True}}

    async def play(api, clock):
        prepare(api, limit(1), attachment, user("next", "y"))
        await clock.sleep(1)
        assert {"next": None} == nodes_of(api)
        api.drop("volumeattachments", "", "csi-1")
        await clock.sleep(5)

    assert {"next": "a"} == nodes_of(story(play))


def test_a_higher_limit_lets_the_pod_in():
    """The driver comes back and takes more."""
    async def play(api, clock):
        prepare(api, limit(1), user("both", "x", "y"))
        await clock.sleep(1)
        assert {"both": None} == nodes_of(api)
        api.put(limit(2))
        await clock.sleep(5)

    assert {"both": "a"} == nodes_of(story(play))


def test_other_drivers_and_nodes_without_a_limit_take_any_number():
    """The limit is another driver's."""
    async def play(api, clock):
        prepare(api, limit(1, driver="tapes"), user("all", "x", "y", "z"))
        await clock.sleep(1)

    assert {"all": "a"} == nodes_of(story(play))


def test_an_important_pod_takes_the_place_of_a_lesser_ones_volume():
    """Evicting the user of the only volume makes room: rules are asked again, not only room for cpu and memory."""
    async def play(api, clock):
        prepare(api, limit(1), user("lesser", "x"))
        await clock.sleep(1)
        api.put(user("important", "y", priority=9))
        await clock.sleep(5)

    api = story(play)

    assert ["lesser"] == [who for who, _ in told(api, "Preempted")]
