"""Refuse nodes that the pod's node selector or required node affinity excludes; score the preferred ones.

Source: kube scheduler plugins/nodeaffinity, component-helpers nodeaffinity/nodeaffinity.go.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from knarr.scheduler.arrays import Bools, Ints
from knarr.scheduler.frame import Frame, LabelColumn
from knarr.scheduler.needs import Needs
from knarr.scheduler.terms import NodeTerm, Requirement, requirement_holds
from knarr.scheduler.verdict import Reason

RULE = "NodeAffinity"
REASON = Reason("node(s) didn't match Pod's node affinity/selector", RULE)
ELSEWHERE = Reason("node(s) didn't satisfy plugin(s) [NodeAffinity]", RULE)
WEIGHT = 2


def refuse(needs: Needs, frame: Frame) -> Bools:
    """Return (node,) True where the selector or the required terms do not hold."""
    return ~(all_hold(needs.node_selector, frame) & required(needs, frame))


def required(needs: Needs, frame: Frame) -> Bools:
    """Return (node,) True where the required terms hold, or there are none."""
    if needs.node_required is None:
        return np.ones(frame.rows_max, np.bool_)
    return any_term(needs.node_required, frame)


def named_only(needs: Needs) -> frozenset[str] | None:
    """Return the node names that the required terms allow, if every term names its nodes; else None.

    Such a pod (a DaemonSet's) is never tried elsewhere, so the other nodes are refused in other words.
    """
    if not needs.node_required:
        return None
    names: set[str] = set()
    for term in needs.node_required:
        listed = [one.values for one in term.fields if one.key == "metadata.name" and one.operator == "In"]
        if not listed:
            return None
        names.update(set(listed[0]).intersection(*listed[1:]))
    return frozenset(names)


def preferred(needs: Needs, frame: Frame) -> Ints:
    """Return (node,) the summed weights of the preferred terms that hold."""
    total = np.zeros(frame.rows_max, np.int64)
    for weight, term in needs.node_preferred:
        total += weight * any_term((term,), frame)
    return total


def any_term(terms: Iterable[NodeTerm], frame: Frame) -> Bools:
    """Return (node,) True where at least one term holds."""
    found = np.zeros(frame.rows_max, np.bool_)
    for term in terms:
        found |= all_hold(term.labels, frame) & _fields_hold(term.fields, frame)
    return found


def all_hold(requirements: Iterable[Requirement], frame: Frame) -> Bools:
    """Return (node,) True where all label requirements hold."""
    found = np.ones(frame.rows_max, np.bool_)
    for one in requirements:
        found &= _holds(one, frame.label(one.key))
    return found


def _holds(one: Requirement, column: LabelColumn) -> Bools:
    codes = column.codes
    match one.operator:
        case "Exists":
            return codes >= 0
        case "DoesNotExist":
            return codes < 0
        case "In" | "NotIn":
            listed = [column.values[value] for value in one.values if value in column.values]
            inside = codes == listed[0] if len(listed) == 1 else np.isin(codes, listed)
            return inside if one.operator == "In" else ~inside
    verdicts = [requirement_holds(one, {one.key: value}) for value in column.values]
    return np.array([*verdicts, False], np.bool_)[codes]  # the last for code -1: the label is absent


def _fields_hold(requirements: Iterable[Requirement], frame: Frame) -> Bools:
    found = np.ones(frame.rows_max, np.bool_)
    for one in requirements:
        if one.key != "metadata.name" or one.operator not in ("In", "NotIn"):
            return np.zeros(frame.rows_max, np.bool_)
        listed = np.zeros(frame.rows_max, np.bool_)
        listed[[frame.rows[name] for name in one.values if name in frame.rows]] = True
        found &= listed if one.operator == "In" else ~listed
    return found
