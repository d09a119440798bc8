"""Judge pods and indexes by the policies a Job may have. Pure.

Source: kube job/pod_failure_policy.go and success_policy.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from knarr.api.types.batch_v1 import Job, PodFailurePolicyRule, SuccessPolicyRule
from knarr.api.types.core_v1 import Pod
from knarr.controllers.job.indexes import parse

FAIL_JOB, FAIL_INDEX, IGNORE, COUNT = "FailJob", "FailIndex", "Ignore", "Count"


def verdict(job: Job, pod: Pod) -> tuple[str, str]:
    """Return what the first matching rule asks for, and why in words; (COUNT, "") where none matches."""
    rules = job.spec.podFailurePolicy.rules if job.spec.podFailurePolicy is not None else ()
    for number, rule in enumerate(rules):
        if rule.action == FAIL_INDEX and job.spec.backoffLimitPerIndex is None:
            continue
        found = next(_matches(rule, pod), "")
        if found:
            return rule.action, f"{found} matching {rule.action} rule at index {number}"
    return COUNT, ""


def fails_job(job: Job, failed: Iterable[Pod]) -> str:
    """Return why the whole Job fails; empty while no failed pod asks for it."""
    if job.spec.podFailurePolicy is None:
        return ""
    told = (verdict(job, pod) for pod in failed)
    return next((why for action, why in told if action == FAIL_JOB), "")


def succeeds(job: Job, done: Set[int]) -> str:
    """Return why the Job counts as done before all its indexes are; empty while it does not."""
    rules = job.spec.successPolicy.rules if job.spec.successPolicy is not None else ()
    for number, rule in enumerate(rules):
        if _fulfilled(rule, done, limit=job.spec.completions or 0):
            return f"Matched rules at index {number}"
    return ""


def _fulfilled(rule: SuccessPolicyRule, done: Set[int], *, limit: int) -> bool:
    wanted = parse(rule.succeededIndexes, limit=limit) if rule.succeededIndexes is not None else set(range(limit))
    reached = len(wanted & done)
    if rule.succeededCount is not None:
        return reached >= rule.succeededCount
    return rule.succeededIndexes is not None and reached == len(wanted)


def _matches(rule: PodFailurePolicyRule, pod: Pod) -> Iterator[str]:
    if rule.onExitCodes is not None:
        yield from _exit_codes(rule, pod)
        return
    for pattern in rule.onPodConditions:
        for held in pod.status.conditions:
            if held.type == pattern.type and held.status == (pattern.status or "True"):
                yield f"Pod {pod.metadata.namespace}/{pod.metadata.name} has condition {held.type}"


def _exit_codes(rule: PodFailurePolicyRule, pod: Pod) -> Iterator[str]:
    asked = rule.onExitCodes
    assert asked is not None, "the caller has looked"
    for status in (*pod.status.containerStatuses, *pod.status.initContainerStatuses):
        ended = status.state.terminated if status.state is not None else None
        if ended is None or ended.exitCode == 0 or asked.containerName not in (None, status.name):
            continue
        if (ended.exitCode in asked.values) == (asked.operator == "In"):
            meta = pod.metadata
            yield f"Container {status.name} for pod {meta.namespace}/{meta.name} failed with exit code {ended.exitCode}"
