"""Check what an update may change in a Pod: hardly anything.

Source: kube pkg/apis/core/validation/validation.go (ValidatePodUpdate, ValidatePodStatusUpdate,
ValidatePodEphemeralContainersUpdate, ValidatePodResize).
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation.goview import difference
from knarr.api.validation.pod import pod_spec
from knarr.api.validation.spot import Spot

INT32_MAX: Final = 2**31 - 1
MAY_NOT: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
GATED_MAY_CHANGE: Final = ("nodeSelector", "affinity")   # Source: KEP-3838: a gated pod may be narrowed
ONLY_NARROWER: Final = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"


def pod_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check an ordinary update."""
    spot, now, was = root.at("spec"), new["spec"], old["spec"]
    pod_spec(spot, now)
    if not _same_containers(spot, now, was):
        return
    _images(spot, now)
    name = "activeDeadlineSeconds"
    if not _deadline(spot.at(name), now.get(name), was.get(name)):
        return
    _tolerations(spot.at("tolerations"), now.get("tolerations") or [], was.get("tolerations") or [])
    _gates(spot.at("schedulingGates"), now, was)
    if was.get("schedulingGates"):
        _narrowed(spot.at("nodeSelector"), now.get("nodeSelector") or {}, was.get("nodeSelector") or {})
    munged = _munged(now, was)
    if munged != _comparable(was):
        spot.forbidden(f"{MAY_NOT}\n{difference('PodSpec', was, munged)}")


def status_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check a status: the class is decided once, and containers that finished for good stay finished."""
    status, was = new.get("status") or {}, old.get("status") or {}
    if was.get("qosClass") and status.get("qosClass") != was["qosClass"]:
        root.at("status").at("qosClass").unchanged(status.get("qosClass") or "", was["qosClass"])
    nominated = status.get("nominatedNodeName")
    if nominated == "":
        root.at("status").at("nominatedNodeName").invalid(nominated, "must not be empty")


def ephemeral_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that ephemeral containers are only added."""
    spot = root.at("spec")
    pod_spec(spot, new["spec"])
    now = {item.get("name"): item for item in new["spec"].get("ephemeralContainers") or ()}
    for item in old["spec"].get("ephemeralContainers") or ():
        name = item.get("name")
        if name not in now:
            spot.at("ephemeralContainers").forbidden(
                f'existing ephemeral containers "{name}" may not be removed\n')
        elif now[name] != item:
            spot.at("ephemeralContainers").forbidden(
                f'existing ephemeral containers "{name}" may not be changed\n')




def _same_containers(spot: Spot, now: dict[str, Any], was: dict[str, Any]) -> bool:
    for group in ("containers", "initContainers"):
        if len(now.get(group) or ()) != len(was.get(group) or ()):
            spot.at(group).forbidden("pod updates may not add or remove containers")
            return False
    return True


def _images(spot: Spot, now: dict[str, Any]) -> None:
    for number, item in enumerate(now.get("initContainers") or ()):
        if not item.get("image"):
            spot.at("initContainers").index(number).at("image").required()


def _deadline(spot: Spot, now: int | None, was: int | None) -> bool:
    """Check that a deadline only comes nearer; False if the rest need not be looked at."""
    if now is None:
        if was is not None:
            spot.invalid("", "must not update from a positive integer to nil value")
            return False
        return True
    if not 0 <= now <= INT32_MAX:
        spot.between(now, 0, INT32_MAX)
        return False
    if was is not None and was < now:
        spot.invalid(now, "must be less than or equal to previous value")
        return False
    return True


def _tolerations(spot: Spot, now: list[dict[str, Any]], was: list[dict[str, Any]]) -> None:
    def known(item: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in item.items() if name != "tolerationSeconds"}

    left = [known(item) for item in now]
    if any(known(item) not in left for item in was):
        spot.forbidden("existing toleration can not be modified except its tolerationSeconds")


def _gates(spot: Spot, now: dict[str, Any], was: dict[str, Any]) -> None:
    old = {gate.get("name") for gate in was.get("schedulingGates") or ()}
    added = [gate.get("name") for gate in now.get("schedulingGates") or () if gate.get("name") not in old]
    if added:
        names = ", ".join(f'"{name}"' for name in added)
        spot.forbidden(f"only deletion is allowed, but found new scheduling gates '{{{names}}}'")


def _narrowed(spot: Spot, now: dict[str, str], was: dict[str, str]) -> None:
    """Check that a gated pod's node selector only grows."""
    if any(now.get(key) != value for key, value in was.items()):
        spot.invalid(now, ONLY_NARROWER)


def _munged(now: dict[str, Any], was: dict[str, Any]) -> dict[str, Any]:
    """Return the new spec with everything that may change put back: what differs now may not."""
    munged = dict(now)
    for group in ("containers", "initContainers"):
        if group in now and group in was:
            munged[group] = [{**item, "image": old.get("image", "")}
                             for item, old in zip(now[group], was[group], strict=True)]
    for name in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        _put_back(munged, was, name)
    if was.get("terminationGracePeriodSeconds", 0) < 0 and now.get("terminationGracePeriodSeconds") == 1:
        _put_back(munged, was, "terminationGracePeriodSeconds")
    if was.get("schedulingGates"):
        for name in GATED_MAY_CHANGE:
            _put_back(munged, was, name)
    return _comparable(munged)


def _put_back(munged: dict[str, Any], was: dict[str, Any], name: str) -> None:
    if name in was:
        munged[name] = was[name]
    else:
        munged.pop(name, None)


def _comparable(spec: dict[str, Any]) -> dict[str, Any]:
    """Drop what means nothing: the account's second spelling, empty lists, false flags."""
    return {name: value for name, value in spec.items()
            if name != "serviceAccount" and value is not False and value != []}
