"""The frame is kept up to date one event at a time, and is at every moment what it would be if built anew."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from knarr.api.types import core_v1, meta_v1
from knarr.scheduler.frame import ROWS_FIRST, Frame, Placed
from knarr.scheduler.needs import Needs, needs_of
from knarr.scheduler.terms import PodTerm, Requirement

TERM = (PodTerm((Requirement("app", "In", ("a",)),), frozenset(["d"])),)
AWAY = core_v1.Affinity(podAntiAffinity=core_v1.PodAntiAffinity(requiredDuringSchedulingIgnoredDuringExecution=(
    core_v1.PodAffinityTerm(labelSelector=meta_v1.LabelSelector(matchLabels={"app": "a"}), topologyKey="zone"),)))


def node(name: str, zone: str = "x", cpu: str = "4", *, gpu: bool = False, image: str = "") -> core_v1.Node:
    room = {"cpu": cpu, "memory": "8Gi", "pods": "10", **({"example.com/gpu": "2"} if gpu else {})}
    images = (core_v1.ContainerImage(names=(image,), sizeBytes=5),) if image else ()
    return core_v1.Node(
        metadata=meta_v1.ObjectMeta(name=name, labels={"zone": zone} if zone else {}),
        status=core_v1.NodeStatus(allocatable=room, images=images))


def needs(app: str, cpu: int, *, port: bool, away: bool) -> Needs:
    container = core_v1.Container(
        resources=core_v1.ResourceRequirements(requests={"cpu": f"{cpu}m", "example.com/gpu": "1"}),
        ports=(core_v1.ContainerPort(hostPort=80),) if port else ())
    return needs_of(core_v1.Pod(
        metadata=meta_v1.ObjectMeta(namespace="d", labels={"app": app}),
        spec=core_v1.PodSpec(containers=(container,), affinity=AWAY if away else None)))


names = st.sampled_from(["n0", "n1", "n2"])
uids = st.sampled_from(["u0", "u1", "u2", "u3"])
events = st.lists(st.one_of(
    st.tuples(st.just("node"), names, st.builds(
        node, names, st.sampled_from(["x", "y", ""]), st.sampled_from(["1", "2"]), gpu=st.booleans(),
        image=st.sampled_from(["", "i:1", "j:1"]))),
    st.tuples(st.just("no node"), names, st.none()),
    st.tuples(st.just("pod"), names, st.builds(
        Placed, uids, st.just("d"), st.just("p"),
        st.builds(needs, st.sampled_from("ab"), st.integers(0, 900), port=st.booleans(), away=st.booleans()),
        st.booleans())),
    st.tuples(st.just("no pod"), names, uids),
), max_size=30)


@settings(max_examples=150, deadline=None)
@given(events)
def test_updated_in_place_equals_built_anew(happened):
    """Nodes and pods come and go in any order, pods before their nodes too."""
    frame, nodes, pods = Frame(), {}, {}
    frame.label("zone")
    frame.census.count(TERM, terminating=False)
    for what, name, thing in happened:
        if what == "node":
            found = node(name, thing.metadata.labels.get("zone", ""), thing.status.allocatable["cpu"],
                         gpu="example.com/gpu" in thing.status.allocatable,
                         image="".join(one.names[0] for one in thing.status.images))
            nodes[name] = found
            frame.set_node(found)
        elif what == "no node" and name in nodes:
            del nodes[name]
            frame.remove_node(name)
        elif what == "pod" and thing.uid not in pods:
            pods[thing.uid] = (name, thing)
            frame.add_pod(name, thing)
        elif what == "no pod" and pods.get(thing, ("",))[0] == name:
            del pods[thing]
            frame.remove_pod(name, thing)

    fresh = Frame()
    for found in nodes.values():
        fresh.set_node(found)
    for name, thing in pods.values():
        fresh.add_pod(name, thing)
    assert picture(fresh) == picture(frame)


def picture(frame: Frame) -> dict[str, object]:
    """Return all that the rules read, by node name."""
    zone, counts = frame.label("zone"), frame.census.count(TERM, terminating=False)
    codes = {code: value for value, code in zone.values.items()}
    return {
        name: (
            {resource: (int(frame.allocatable[row, column]), int(frame.requested[row, column]))
             for resource, column in frame.columns.items() if frame.allocatable[row, column] or frame.requested[row, column]},
            frame.nonzero[row].tolist(), int(frame.pods[row]), int(frame.pods_max[row]), codes.get(int(zone.codes[row])),
            int(counts[row]), sum(int(one.per_node[row]) for one in frame.census.bearers.values()),
            {port: rows[row] for port, rows in frame.ports.items() if row in rows},
            {image: rows[row] for image, rows in frame.images.items() if row in rows},
            sorted(frame.standing[row]),
        )
        for name, row in sorted(frame.rows.items())
    }


def test_room_grows_by_doubling():
    """One node more than there is room for; each keeps its row and its columns."""
    frame = Frame()
    for number in range(ROWS_FIRST + 1):
        frame.set_node(node(f"n{number}", cpu=str(number + 1)))

    assert (2 * ROWS_FIRST, ROWS_FIRST + 1) == (frame.rows_max, len(frame))
    assert [1000 * (number + 1) for number in range(ROWS_FIRST + 1)] == [
        int(frame.allocatable[frame.rows[f"n{number}"], 0]) for number in range(ROWS_FIRST + 1)]
    assert frame.allocatable.flags.f_contiguous


def test_a_row_is_used_again():
    """A node leaves, another comes: nothing of the first is left."""
    frame = Frame()
    frame.set_node(node("old", gpu=True, image="i:1"))
    frame.add_pod("old", Placed("u", "d", "p", needs("a", 100, port=True, away=True)))
    frame.remove_node("old")
    frame.set_node(node("new"))

    assert 0 == int(frame.requested.sum() + frame.pods.sum() + np.abs(frame.nonzero).sum())
    assert ({}, {}, {}) == (frame.images, frame.ports, frame.census.bearers)
    assert ["u"] == list(frame.homeless["old"])
