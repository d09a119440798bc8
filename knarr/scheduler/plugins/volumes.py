"""Refuse nodes that cannot reach the pod's volumes, or where none can be found or made for its claims.

What the claims ask is gathered in `scheduler.claims`; here it meets the nodes.
Source: kube scheduler plugins/volumebinding/binder.go, plugins/volumezone, plugins/volumerestrictions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from knarr.scheduler.arrays import Bools
from knarr.scheduler.frame import Frame
from knarr.scheduler.needs import Claim, Needs
from knarr.scheduler.plugins import nodeaffinity
from knarr.scheduler.terms import NodeTerm, node_matches
from knarr.scheduler.verdict import Reason

RULE = "VolumeBinding"
OUT_OF_REACH = Reason("node(s) didn't match PersistentVolume's node affinity", RULE)
NONE_TO_BIND = Reason("node(s) didn't find available persistent volumes to bind", RULE)
NO_SPACE = Reason("node(s) did not have enough free storage", RULE)
LOST = Reason("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)", RULE)
IN_USE = Reason(
    "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
    "VolumeRestrictions")
OTHER_ZONE = Reason("node(s) had no available volume zone", "VolumeZone")


def refuse(needs: Needs, frame: Frame) -> Iterator[tuple[Reason, Bools]]:
    """Yield each reason with (node,) True where it holds, in the order in which Kubernetes looks."""
    bound = [one for one in needs.claims if one.bound is not None]
    if bound:
        yield OUT_OF_REACH, ~_all(_reachable(one, frame) for one in bound)
    delayed = [one for one in needs.claims if one.delayed]
    if delayed:
        yield NONE_TO_BIND, ~_all(_bindable(one, frame) for one in delayed)
        yield NO_SPACE, ~_all(_roomy(one, frame) for one in delayed)
    if any(one.lost for one in needs.claims):
        yield LOST, np.ones(frame.rows_max, np.bool_)
    zoned = [one for one in needs.claims if one.zones]
    if zoned:
        yield OTHER_ZONE, ~_all(nodeaffinity.all_hold(one.zones, frame) for one in zoned)


def choose(needs: Needs, node: str, labels: Mapping[str, str]) -> dict[str, str]:
    """Choose a volume for each delayed claim on the node taken: volume name by claim name, "" where one must be made.

    A volume is not chosen twice.
    """
    chosen: dict[str, str] = {}
    for claim in needs.claims:
        if claim.delayed:
            fitting = (name for name, terms in claim.candidates if not terms or node_matches(terms, node, labels))
            chosen[claim.name] = next((name for name in fitting if name not in chosen.values()), "")
    return chosen


def _reachable(claim: Claim, frame: Frame) -> Bools:
    return _hold(claim.bound or (), frame)


def _bindable(claim: Claim, frame: Frame) -> Bools:
    found = _found(claim, frame)
    if claim.provision is not None:
        found |= _hold(claim.provision, frame)
    if claim.selected_node:
        only = np.zeros(frame.rows_max, np.bool_)
        row = frame.rows.get(claim.selected_node)
        if row is not None:
            only[row] = True
        found &= only
    return found


def _roomy(claim: Claim, frame: Frame) -> Bools:
    """Return (node,) True where a volume exists already, or there is room to make one."""
    if claim.room is None:
        return np.ones(frame.rows_max, np.bool_)
    enough = _found(claim, frame)
    for part in claim.room:
        enough |= nodeaffinity.all_hold(part, frame)
    return enough


def _found(claim: Claim, frame: Frame) -> Bools:
    """Return (node,) True where a volume that exists will do."""
    found = np.zeros(frame.rows_max, np.bool_)
    for _, terms in claim.candidates:
        found |= _hold(terms, frame)
    return found


def _hold(terms: tuple[NodeTerm, ...], frame: Frame) -> Bools:
    """No terms at all: every node will do."""
    return nodeaffinity.any_term(terms, frame) if terms else np.ones(frame.rows_max, np.bool_)


def _all(masks: Iterator[Bools]) -> Bools:
    found: Bools = np.logical_and.reduce(list(masks))
    return found
