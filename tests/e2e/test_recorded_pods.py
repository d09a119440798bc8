"""The lives that 44 pods had on a real kubelet are lived again here; what differs is listed, with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.differences_page import rows
from tests.e2e.cluster import Cluster
from tests.e2e.replaying import Life, Story, live
from tests.unit.node.recordings import bare, masked, recorded_pods

FILE = "pods/statuses.json"
HOST = ("hostIP", "hostIPs", "observedGeneration")
STOOD_S = 2.0  # what a kubelet showed for less is a moment that may be caught or not
COUNTED = {"Created", "Started", "Killing"}  # once a run; how often the rest is repeated depends on who looks how often


@pytest.mark.timeout(360)
def test_recorded_pods_live_the_same_lives(cluster: Cluster, namespace: str) -> None:
    """All specs run in real containers: phases, conditions, states, reasons, codes, counts and events are the recorded."""
    recorded = recorded_pods()
    by_length = sorted(recorded, key=lambda name: -recorded[name]["statuses"][-1]["after_s"])
    stories = [story_of(name, recorded[name]) for name in by_length]

    live(cluster, namespace, stories)

    listed, counted, unexplained = rows(), Counter[Any](), []
    for line in [line for story in stories for line in differences(story.name, recorded[story.name], story.life)]:
        row = next((row for row in listed if row.explains(line)), None)
        counted[row] += 1
        if row is None:
            unexplained.append(line)
    steps = sum(len(story.life.statuses) for story in stories)
    print(f"{len(stories)} pods, {steps} statuses compared, {sum(counted.values())} listed differences")

    assert not unexplained, "\n".join(unexplained)
    assert [] == [(row, counted[row]) for row in listed if counted[row] > row.lines_max]


def story_of(name: str, recorded: dict[str, Any]) -> Story:
    """A recorded pod as it is to be lived: it may go once it stands as it stood, and is over when it ends as it ended."""
    steps = in_order([each["status"] for each in recorded["statuses"]])
    stood = next((step for step in steps if step["phase"] == "Running"), steps[-1])
    wanted = [each for each in told(recorded["events"]).items() if "i/o timeout" not in each[0][2]]  # its node sent to who was there before

    def over(life: Life) -> bool:
        have = told(life.events)
        return (
            steps[-1] in in_order(life.statuses)
            and life.gone == (recorded["statuses"][-1]["type"] == "DELETED")
            and all(have.get(key, 0) >= (count if key[1] in COUNTED else 1) for key, count in wanted)
        )

    may_go = (lambda life: stood in in_order(life.statuses)) if "deleted_after_s" in recorded else lambda life: False
    return Story(name, recorded["spec"], may_go=may_go, over=over)


def differences(name: str, recorded: dict[str, Any], life: Life) -> Iterator[str]:
    """Yield `file | case | what` for each status and event that one side has and the other lacks."""
    steps, seen = in_order([each["status"] for each in recorded["statuses"]]), in_order(life.statuses)
    if steps[-1] in seen:
        seen = seen[: seen.index(steps[-1]) + 1]  # the recording ends here
    lasting = [bare(each["status"], without=HOST) for each in lasted(recorded["statuses"])]
    for step in lasting:
        if step not in seen:
            yield f"{FILE} | {name} | missing: {summary(step, nearest(step, seen))}"
    known = {leaf for step in steps for leaf in leaves(step)}
    for step in seen:
        # A moment that the recording did not catch is one all the same, if it mixes what was caught before and after.
        if step not in steps and of_the_node(step) and not known.issuperset(leaves(step)):
            yield f"{FILE} | {name} | more: {summary(step, nearest(step, steps))}"
    places = [steps.index(step) for step in seen if step in steps]
    if places != sorted(places):
        yield f"{FILE} | {name} | order: {places}"
    wanted, have = told(recorded["events"]), told(life.events)
    for key in wanted.keys() | have.keys():
        ours, theirs = have.get(key, 0), wanted.get(key, 0)
        if bool(ours) != bool(theirs) or (key[1] in COUNTED and ours != theirs):
            yield f"{FILE} | {name} | event: {' '.join(key)}: {ours} for {theirs}"


def lasted(statuses: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the node's statuses that stood for a while, and the last one."""
    for number, each in enumerate(statuses):
        last = number == len(statuses) - 1
        if last or (of_the_node(each["status"]) and statuses[number + 1]["after_s"] - each["after_s"] >= STOOD_S):
            yield each


def of_the_node(status: dict[str, Any]) -> bool:
    """Before the node has seen a pod, server and scheduler write its status; that is recorded elsewhere."""
    return "startTime" in status


def in_order(statuses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mask statuses and leave out repetitions."""
    found: list[dict[str, Any]] = []
    for status in statuses:
        masked_status = bare(status, without=HOST)
        if not found or found[-1] != masked_status:
            found.append(masked_status)
    return found


def told(events: list[dict[str, Any]]) -> Counter[tuple[str, ...]]:
    """Count events: who told what about which part. Recorded and live ones have the same fields, but for the part's."""
    found = Counter[tuple[str, ...]]()
    for event in events:
        part = event.get("fieldPath") or event.get("involvedObject", {}).get("fieldPath", "")
        key = (event["type"], event["reason"], masked(event["message"]).strip(), event["reportingComponent"], part)
        found[key] += event.get("count") or 1
    return found


def nearest(step: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the status that is most alike."""
    return max(others, key=lambda other: len(set(leaves(step)) & set(leaves(other))), default={})


def summary(step: dict[str, Any], other: dict[str, Any]) -> str:
    """Say what a status has that the nearest one lacks."""
    return ", ".join(f"{path}={value}" for path, value in sorted(set(leaves(step)) - set(leaves(other)))) or "less"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and value of every leaf; list entries are known by name or type."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            known = part.get("name") or part.get("type") if isinstance(part, dict) else None
            yield from leaves(part, f"{path}[{known or number}]")
    else:
        yield path, str(value)
