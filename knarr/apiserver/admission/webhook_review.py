"""Write the AdmissionReview that a webhook gets, and judge the one that it sends back.

Source: kube apiserver admission/plugin/webhook/request/admissionreview.go, VerifyAdmissionResponse;
errors/statuserror.go.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from knarr.api.errors import ApiError, Internal
from knarr.apiserver.admission.forms import Shown, request_of
from knarr.apiserver.admission.words import Admission

Obj = dict[str, Any]
VERSIONS: Final = ("v1", "v1beta1")
REVIEW: Final = "AdmissionReview"
CODE_MIN, CODE_MAX = 400, 599  # of a refusal
CALLED: Final = {dict: "object", list: "array", str: "string", bool: "bool"}
TYPES: Final[dict[str, tuple[type, str]]] = {
    "allowed": (bool, "bool"), "patch": (str, "[]uint8"), "patchType": (str, "v1.PatchType"),
    "warnings": (list, "[]string"), "auditAnnotations": (dict, "map[string]string"), "status": (dict, "v1.Status"),
}


class BadReview(Exception):
    """A webhook's answer breaks the contract; the text says how."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a webhook said yes with: the patch it wants (None: none), and what others are to be told.

    fallen: the code of a call that failed, where its failurePolicy lets the write through all the same; else 0.
    """

    patch: list[Obj] | None = None
    warnings: tuple[str, ...] = ()
    annotations: dict[str, str] = field(default_factory=dict)
    fallen: int = 0


def version_of(hook: Obj) -> str:
    """Return the first version of the review that both know."""
    return next((one for one in hook["admissionReviewVersions"] if one in VERSIONS), VERSIONS[0])


def written(a: Admission, view: Shown, *, version: str, uid: str) -> bytes:
    """Return the review to send."""
    request = {"uid": uid, **request_of(a, view), "object": view.obj, "oldObject": view.old}
    return orjson.dumps({"kind": REVIEW, "apiVersion": f"admission.k8s.io/{version}", "request": request})


def response_of(body: bytes, *, version: str, uid: str, mutating: bool) -> Obj:
    """Return the response of a review that keeps to the contract; BadReview."""
    try:
        review = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise BadReview(f"couldn't get version/kind; json parse error: {fault}") from fault
    response = review.get("response") if isinstance(review, dict) else None
    if not isinstance(response, dict):
        raise BadReview("webhook response was absent")
    if response.get("uid") != uid:
        raise BadReview(f'expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    group, _, said = str(review.get("apiVersion") or "").rpartition("/")
    if (group, said, review.get("kind")) != ("admission.k8s.io", version, REVIEW):
        raise BadReview(f"expected webhook response of admission.k8s.io/{version}, Kind={REVIEW}, "
                        f"got {group}/{said}, Kind={review.get('kind') or ''}")
    _check_types(response)
    _check_patch(response, strict=version == "v1", mutating=mutating)
    return response


def _check_types(response: Obj) -> None:
    for name, (sort, called) in TYPES.items():
        value = response.get(name)
        if value is not None and not isinstance(value, sort):
            got = CALLED.get(type(value), "number")
            raise BadReview(f"couldn't get version/kind; json parse error: json: cannot unmarshal {got} into Go struct "
                            f"field AdmissionResponse.response.{name} of type {called}")


def _check_patch(response: Obj, *, strict: bool, mutating: bool) -> None:
    patch, sort = response.get("patch"), response.get("patchType")
    if not strict:
        return
    if not mutating and patch:
        raise BadReview("validating webhook may not return response.patch")
    if not mutating and sort is not None:
        raise BadReview("validating webhook may not return response.patchType")
    if patch and sort is None:
        raise BadReview("webhook returned response.patch but not response.patchType")
    if sort is not None and not patch:
        raise BadReview("webhook returned response.patchType but not response.patch")


def verdict_of(hook: str, response: Obj) -> Verdict:
    """Return what an allowing response wants; BadReview, or Internal for a patch that is none."""
    notes = {f"{hook}/{key}": str(value) for key, value in (response.get("auditAnnotations") or {}).items()}
    warnings = tuple(map(str, response.get("warnings") or ()))
    if not response.get("patch"):
        return Verdict(None, warnings, notes)
    sort = response.get("patchType") or "JSONPatch"
    if sort != "JSONPatch":
        raise BadReview(f'unsupported patch type "{sort}"')
    try:
        patch = orjson.loads(b64decode(response["patch"], validate=True))
    except ValueError as fault:
        raise Internal(f"Internal error occurred: {fault}", {"causes": [{"message": str(fault)}]}) from fault
    if not isinstance(patch, list):
        told = "json: cannot unmarshal the patch into Go value of type jsonpatch.Patch"
        raise Internal(f"Internal error occurred: {told}", {"causes": [{"message": told}]})
    return Verdict(patch, warnings, notes)


def failed(hook: str, why: str) -> Internal:
    """Word that a webhook could not be asked."""
    told = f'failed calling webhook "{hook}": {why}'
    return Internal(f"Internal error occurred: {told}", {"causes": [{"message": told}]})


def denial(name: str, status: Obj) -> ApiError:
    """Word a webhook's no: its own code, reason and message, and that it was a webhook who said it."""
    told = f'admission webhook "{name}" denied the request'
    why = status.get("message") or status.get("reason")
    code = status.get("code")
    words = {"code": code if isinstance(code, int) and CODE_MIN <= code <= CODE_MAX else CODE_MIN,
             "reason": str(status.get("reason") or "")}
    kind: type[ApiError] = type("Denied", (ApiError,), words)
    details = status["details"] if isinstance(status.get("details"), dict) else {}
    return kind(f"{told}: {why}" if why else f"{told} without explanation", details)
