"""Say why a pod has no place, in kube-scheduler's own words. Pure.

Source: kube scheduler framework/types.go, FitError; plugins/defaultpreemption; plugins/dynamicresources.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import Needs
from knarr.scheduler.plugins import resources
from knarr.scheduler.verdict import Verdict

NO_VICTIMS = "No preemption victims found for incoming pod"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
LEAVING = "not eligible due to a terminating pod on the nominated node."
NEVER = "not eligible due to preemptionPolicy=Never."

# Kubernetes asks its device plugin first, which has nothing to add, and says so each time.
NO_DEVICES = "no new claims to deallocate, preemption: "


def refusal(needs: Needs, frame: Frame, verdict: Verdict, *, preemption: str = "") -> str:
    """Explain a verdict without an open node. preemption: what came of trying to evict others, as a sentence.

    Reasons are sorted as text, which puts the small counts first.
    """
    found = tally(needs, frame, verdict)
    tail = f" {NO_DEVICES}{preemption}" if preemption else ""
    return none_available(len(frame), found) + tail


def none_available(nodes: int, found: Mapping[str, int]) -> str:
    """Say `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`"""
    if not nodes:
        return "no nodes available to schedule pods"
    listed = ", ".join(sorted(f"{count} {text}" for text, count in found.items()))
    return f"0/{nodes} nodes are available: {listed}." if listed else f"0/{nodes} nodes are available:"


def turned_away(frame: Frame, why: str, *, everywhere: bool = False) -> str:
    """Say why a pod was not even tried against the nodes (its claim is missing, not bound, …).

    everywhere: it is said of each node, as a filter says it, though none was looked at. Else the last words are
    Kubernetes' own: its device plugin finds no state of its own to read.
    """
    if not len(frame):
        return "no nodes available to schedule pods"
    return none_available(len(frame), {why: len(frame)}) if everywhere else (
        f"0/{len(frame)} nodes are available: {why}. not found")


def tally(needs: Needs, frame: Frame, verdict: Verdict) -> Counter[str]:
    """Count nodes by reason; a node short of several resources counts for each."""
    found: Counter[str] = Counter()
    for reason, nodes in verdict.tally():
        if reason not in (resources.NO_ROOM, resources.TOO_SMALL):
            found[reason.text] += nodes
            continue
        for row in verdict.rows(reason).tolist():
            found.update(resources.reasons(needs, frame, row))
    return found


def no_preemption(frame: Frame, verdict: Verdict, *, without_victims: int, found: Mapping[str, int]) -> str:
    """Say why evicting others does not help. found: reasons of nodes where victims were tried in vain."""
    listed = Counter(found)
    hopeless = sum(nodes for reason, nodes in verdict.tally() if not reason.curable)
    if hopeless:
        listed[NOT_HELPFUL] += hopeless
    if without_victims:
        listed[NO_VICTIMS] += without_victims
    return none_available(len(frame), listed)
