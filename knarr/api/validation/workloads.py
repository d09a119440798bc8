"""Check Deployments, ReplicaSets, StatefulSets, DaemonSets, ReplicationControllers and ControllerRevisions.

Source: kube pkg/apis/apps/validation/validation.go.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation.amounts import at_most_all, count_or_percent, is_zero
from knarr.api.validation.goview import show
from knarr.api.validation.pod import template
from knarr.api.validation.selector import label_selector, matches
from knarr.api.validation.spot import Raw, Spot, compact
from knarr.api.validation.storage import claim_spec

MISMATCH: Final = "`selector` does not match template `labels`"
RETENTION: Final = ("Delete", "Retain")
STATEFUL_MUTABLE: Final = frozenset({
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
})
STATEFUL_FORBIDDEN: Final = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def deployment(root: Spot, obj: dict[str, Any]) -> None:
    """Check a Deployment."""
    spot, spec = root.at("spec"), obj["spec"]
    spot.at("replicas").not_negative(spec.get("replicas"))
    if selector(spot.at("selector"), spec.get("selector"), empty="empty selector is invalid for deployment"):
        template_for(spot.at("template"), spec, owner="ReplicaSet")
    _strategy(spot.at("strategy"), spec.get("strategy") or {})
    spot.at("minReadySeconds").not_negative(spec.get("minReadySeconds"))
    spot.at("revisionHistoryLimit").not_negative(spec.get("revisionHistoryLimit"))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        spot.at("progressDeadlineSeconds").not_negative(deadline)
        if deadline <= spec.get("minReadySeconds", 0):
            spot.at("progressDeadlineSeconds").invalid(deadline, "must be greater than minReadySeconds")


def replica_set(root: Spot, obj: dict[str, Any]) -> None:
    """Check a ReplicaSet."""
    spot, spec = root.at("spec"), obj["spec"]
    spot.at("replicas").not_negative(spec.get("replicas"))
    spot.at("minReadySeconds").not_negative(spec.get("minReadySeconds"))
    if selector(spot.at("selector"), spec.get("selector"), empty="empty selector is invalid for deployment"):
        template_for(spot.at("template"), spec, owner="ReplicaSet")


def stateful_set(root: Spot, obj: dict[str, Any]) -> None:
    """Check a StatefulSet."""
    spot, spec = root.at("spec"), obj["spec"]
    if spec.get("podManagementPolicy") not in ("OrderedReady", "Parallel"):
        spot.at("podManagementPolicy").invalid(spec.get("podManagementPolicy"), "must be 'OrderedReady' or 'Parallel'")
    _stateful_strategy(spot.at("updateStrategy"), spec.get("updateStrategy") or {})
    for moment, policy in (spec.get("persistentVolumeClaimRetentionPolicy") or {}).items():
        if policy not in RETENTION:
            spot.at("persistentVolumeClaimRetentionPolicy").at(moment).unsupported(policy, RETENTION)
    for name in ("replicas", "minReadySeconds", "revisionHistoryLimit"):
        spot.at(name).not_negative(spec.get(name))
    spot.at("ordinals").at("start").not_negative((spec.get("ordinals") or {}).get("start"))
    if selector(spot.at("selector"), spec.get("selector"), empty="empty selector is invalid for statefulset"):
        template_for(spot.at("template"), _with_claims(spec), owner="StatefulSet")
    for number, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        claim_spec(spot.at("volumeClaimTemplates").index(number).at("spec"), claim.get("spec") or {})


def daemon_set(root: Spot, obj: dict[str, Any]) -> None:
    """Check a DaemonSet."""
    spot, spec = root.at("spec"), obj["spec"]
    if selector(spot.at("selector"), spec.get("selector"), empty="empty selector is invalid for daemonset"):
        template_for(spot.at("template"), spec, owner="DaemonSet")
    spot.at("minReadySeconds").not_negative(spec.get("minReadySeconds"))
    _daemon_strategy(spot.at("updateStrategy"), spec.get("updateStrategy") or {})
    spot.at("revisionHistoryLimit").not_negative(spec.get("revisionHistoryLimit"))


def replication_controller(root: Spot, obj: dict[str, Any]) -> None:
    """Check a ReplicationController, whose selector is a plain map."""
    spot, spec = root.at("spec"), obj["spec"]
    spot.at("minReadySeconds").not_negative(spec.get("minReadySeconds"))
    if not spec.get("selector"):
        spot.at("selector").required()
    spot.at("replicas").not_negative(spec.get("replicas"))
    if not spec.get("template"):
        spot.at("template").required()
        return
    wanted = {**spec, "selector": {"matchLabels": spec.get("selector") or {}}}
    template_for(spot.at("template"), wanted, owner="ReplicationController")


def pod_template(root: Spot, obj: dict[str, Any]) -> None:
    """Check a PodTemplate."""
    template(root.at("template"), obj.get("template") or {})


def controller_revision(root: Spot, obj: dict[str, Any]) -> None:
    """Check a ControllerRevision: a counted snapshot."""
    root.at("revision").not_negative(obj.get("revision"))
    if obj.get("data") is None:
        root.at("data").required("data is mandatory")


def same_selector(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that an update keeps the selector: pods would be lost from sight."""
    now, was = new["spec"].get("selector"), old["spec"].get("selector")
    if now != was:
        root.at("spec").at("selector").unchanged(now, was, selector_text(now))


def stateful_set_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that an update keeps what the pods' identity rests on."""
    names = {*new["spec"], *old["spec"]} - STATEFUL_MUTABLE
    if any(new["spec"].get(name) != old["spec"].get(name) for name in names):
        root.at("spec").forbidden(STATEFUL_FORBIDDEN)


def controller_revision_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that a snapshot stays what it was."""
    root.at("data").unchanged(new.get("data"), old.get("data"))


def selector(spot: Spot, value: dict[str, Any] | None, *, empty: str) -> bool:
    """Check a workload's selector; return whether pods can be matched with it. empty: what to say of `{}`."""
    if value is None:
        spot.required()
        return True
    usable = label_selector(spot, value)
    if not value.get("matchLabels") and not value.get("matchExpressions"):
        spot.invalid(selector_text(value), empty)
    if not usable:
        spot.invalid(selector_text(value), "invalid label selector")
    return usable


def template_for(spot: Spot, spec: dict[str, Any], *, owner: str) -> None:
    """Check the template of pods that run for ever. owner: the kind that messages name."""
    value, wanted = spec.get("template") or {}, spec.get("selector")
    found = (value.get("metadata") or {}).get("labels")
    if wanted != {} and not matches(wanted, found):
        spot.at("metadata").at("labels").invalid(Raw("null") if found is None else found, MISMATCH)
    template(spot, value)
    inner = value.get("spec") or {}
    if inner.get("restartPolicy") in ("OnFailure", "Never"):
        spot.at("spec").at("restartPolicy").unsupported(inner["restartPolicy"], ("Always",))
    if inner.get("activeDeadlineSeconds") is not None:
        spot.at("spec").at("activeDeadlineSeconds").forbidden(f"activeDeadlineSeconds in {owner} is not Supported")


def selector_text(value: dict[str, Any] | None) -> Raw:
    """Show a label selector as Go does: labels first, sorted."""
    if value is None:
        return Raw("null")
    shown: dict[str, Any] = {}
    if value.get("matchLabels"):
        shown["matchLabels"] = dict(sorted(value["matchLabels"].items()))
    if value.get("matchExpressions"):
        shown["matchExpressions"] = value["matchExpressions"]
    return Raw(compact(shown))


def _with_claims(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the spec with the volumes that the controller will add to each pod, one for each claim template."""
    template_spec = (spec.get("template") or {}).get("spec") or {}
    volumes = template_spec.get("volumes") or []
    known = {volume.get("name") for volume in volumes}
    names = [(claim.get("metadata") or {}).get("name") for claim in spec.get("volumeClaimTemplates") or ()]
    added = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names if name not in known]
    if not added:
        return spec
    return {**spec, "template": {**spec["template"], "spec": {**template_spec, "volumes": [*volumes, *added]}}}


def _strategy(spot: Spot, strategy: dict[str, Any]) -> None:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            spot.at("rollingUpdate").forbidden("may not be specified when strategy `type` is 'Recreate'")
    elif kind == "RollingUpdate":
        _rolling(spot.at("rollingUpdate"), rolling or {})
    else:
        spot.unsupported(show("DeploymentStrategy", strategy), ("Recreate", "RollingUpdate"))


def _rolling(spot: Spot, rolling: dict[str, Any]) -> None:
    missing, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    count_or_percent(spot.at("maxUnavailable"), missing)
    count_or_percent(spot.at("maxSurge"), surge)
    if is_zero(missing) and is_zero(surge):
        spot.at("maxUnavailable").invalid(missing, "may not be 0 when `maxSurge` is 0")
    at_most_all(spot.at("maxUnavailable"), missing)


def _stateful_strategy(spot: Spot, strategy: dict[str, Any]) -> None:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "OnDelete":
        if rolling is not None:
            spot.at("rollingUpdate").invalid(rolling, "only allowed for updateStrategy 'RollingUpdate'")
    elif kind == "RollingUpdate":
        inner = spot.at("rollingUpdate")
        inner.at("partition").not_negative((rolling or {}).get("partition"))
        count_or_percent(inner.at("maxUnavailable"), (rolling or {}).get("maxUnavailable"))
        if is_zero((rolling or {}).get("maxUnavailable")):
            inner.at("maxUnavailable").invalid(0, "cannot be 0")
    else:
        spot.invalid(show("StatefulSetStrategy", strategy), "must be 'RollingUpdate' or 'OnDelete'")


def _daemon_strategy(spot: Spot, strategy: dict[str, Any]) -> None:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "OnDelete":
        return
    if kind != "RollingUpdate":
        spot.at("type").unsupported(kind, ("RollingUpdate", "OnDelete"))
        return
    inner = spot.at("rollingUpdate")
    missing, surge = (rolling or {}).get("maxUnavailable"), (rolling or {}).get("maxSurge")
    for name, value in (("maxUnavailable", missing), ("maxSurge", surge)):
        count_or_percent(inner.at(name), value)
        at_most_all(inner.at(name), value)
    if is_zero(missing) and is_zero(surge):
        inner.at("maxUnavailable").required("cannot be 0 when maxSurge is 0")
    elif not is_zero(missing) and not is_zero(surge):
        inner.at("maxSurge").invalid(surge, "may not be set when maxUnavailable is non-zero")
