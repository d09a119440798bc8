"""Ask one webhook: build the AdmissionReview, find the server, read the answer.

Source: kube apiserver admission/plugin/webhook: request/admissionreview.go, errors/statuserror.go;
util/webhook/client.go.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from knarr.api.errors import ApiError, BadRequest, Internal
from knarr.api.kinds import Kind
from knarr.apiserver import convert
from knarr.apiserver.admission.webhook_match import Matched
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.outbound import CallFailed

Obj = dict[str, Any]
VERSIONS: Final = ("v1", "v1beta1")
SLICE_LABEL: Final = "kubernetes.io/service-name"
OPTIONS: Final = {"create": "CreateOptions", "update": "UpdateOptions", "delete": "DeleteOptions"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a webhook said: the patch it wants, and what the client is to be told."""

    patch: list[Obj] = field(default_factory=list)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """Where a webhook listens. shown: the URL as Kubernetes words it."""

    url: str
    shown: str
    name: str = ""


async def ask(a: Admission, matched: Matched) -> Verdict:
    """Return the verdict; the refusal it contains is raised. A webhook that fails is as good as its failurePolicy."""
    hook = matched.hook
    if a.dry_run and hook.get("sideEffects") not in ("None", "NoneOnDryRun"):
        raise BadRequest(f'admission webhook "{matched.name}" does not support dry run')
    try:
        response = await _call(a, matched)
    except CallFailed as fault:
        if hook.get("failurePolicy") == "Ignore":
            return Verdict()
        raise _failed(matched, str(fault)) from fault
    if not response.get("allowed"):
        raise denial(matched.name, response.get("status") or {})
    return Verdict(_patch(matched, response), tuple(map(str, response.get("warnings") or ())))


async def _call(a: Admission, matched: Matched) -> Obj:
    hook, uid = matched.hook, a.core.uid()
    version = next((one for one in hook["admissionReviewVersions"] if one in VERSIONS), VERSIONS[0])
    sent = {"kind": "AdmissionReview", "apiVersion": f"admission.k8s.io/{version}",
            "request": request_of(a, matched.kind, uid)}
    timeout_s = int(hook.get("timeoutSeconds", 10))
    server = _server(a, hook["clientConfig"], timeout_s)
    try:
        body = await a.core.outbound.post(
            server.url, orjson.dumps(sent), ca=hook["clientConfig"].get("caBundle") or "", server_name=server.name,
            timeout_s=timeout_s)
        review = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise CallFailed(f"failed to call webhook: the answer is no JSON: {fault}") from fault
    except CallFailed as fault:
        raise CallFailed(f'failed to call webhook: Post "{server.shown}": {fault}') from fault
    response = review.get("response") if isinstance(review, dict) else None
    if not isinstance(response, dict):
        raise CallFailed("webhook response was absent")
    if response.get("uid") != uid:
        raise CallFailed(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    return response


def request_of(a: Admission, kind: Kind, uid: str) -> Obj:
    """Return the review's request."""
    options = {"kind": OPTIONS[a.operation], "apiVersion": "meta.k8s.io/v1"}
    user = {"username": a.user.name, "uid": a.user.uid, "groups": list(a.user.groups),
            "extra": {key: list(values) for key, values in a.user.extra.items()}}
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    gvr = {"group": kind.group, "version": kind.version, "resource": kind.plural}
    new, old = (None, a.obj) if a.operation == "delete" else (a.obj, a.old)
    return {
        "uid": uid, "kind": gvk, "resource": gvr, "requestKind": gvk, "requestResource": gvr,
        **({"subResource": a.subresource, "requestSubResource": a.subresource} if a.subresource else {}),
        "name": a.name, **({"namespace": a.namespace or a.name} if a.namespace or kind.plural == "namespaces" else {}),
        "operation": a.operation.upper(), "userInfo": {key: value for key, value in user.items() if value},
        "object": None if new is None else convert.served(kind, new),
        "oldObject": None if old is None else convert.served(kind, old),
        "dryRun": a.dry_run, "options": {**options, **({"dryRun": ["All"]} if a.dry_run else {})},
    }


def _server(a: Admission, client: Obj, timeout_s: int) -> Server:
    """Find where to send a review; CallFailed. A Service is reached at one of its ready endpoints."""
    if client.get("url"):
        url = f"{client['url']}?timeout={timeout_s}s"
        return Server(url, url)
    service = client["service"]
    name = f"{service['name']}.{service['namespace']}.svc"
    path = f"{service.get('path') or '/'}?timeout={timeout_s}s"
    shown = f"https://{name}:{service['port']}{path}"
    found = a.find("", "services", service["name"], namespace=service["namespace"])
    if found is None:
        raise CallFailed(f'failed to call webhook: Post "{shown}": service "{service["name"]}" not found')
    ports = [one for one in found["spec"].get("ports") or () if one.get("port") == service["port"]]
    if not ports:
        raise CallFailed(f'failed to call webhook: Post "{shown}": no service port {service["port"]} found for service '
                         f'"{service["name"]}"')
    address = _endpoint(a, service, str(ports[0].get("name") or ""))
    if address is None:
        told = f'no endpoints available for service "{service["name"]}"'
        raise CallFailed(f'failed to call webhook: Post "{shown}": {told}')
    return Server(f"https://{address}{path}", shown, name)


def _endpoint(a: Admission, service: Obj, port_name: str) -> str | None:
    slices = a.all_in("discovery.k8s.io", "endpointslices", service["namespace"])
    for one in slices:
        if (one["metadata"].get("labels") or {}).get(SLICE_LABEL) != service["name"]:
            continue
        port = next((row.get("port") for row in one.get("ports") or () if (row.get("name") or "") == port_name), None)
        ready = [row for row in one.get("endpoints") or () if (row.get("conditions") or {}).get("ready") is not False]
        if port and ready:
            return f"{ready[0]['addresses'][0]}:{port}"
    return None


def _patch(matched: Matched, response: Obj) -> list[Obj]:
    if not response.get("patch"):
        return []
    try:
        patch = orjson.loads(b64decode(response["patch"]))
    except ValueError as fault:
        raise _failed(matched, f"received invalid patch: {fault}") from fault
    if response.get("patchType", "JSONPatch") != "JSONPatch" or not isinstance(patch, list):
        raise _failed(matched, "received a patch that is no JSONPatch")
    return patch


def _failed(matched: Matched, why: str) -> Internal:
    told = f'failed calling webhook "{matched.name}": {why}'
    return Internal(f"Internal error occurred: {told}", {"causes": [{"message": told}]})


def denial(name: str, status: Obj) -> ApiError:
    """Word a webhook's no: its own code, reason and message, and that it was a webhook who said it."""
    told = f'admission webhook "{name}" denied the request'
    why = status.get("message") or status.get("reason")
    code = int(status.get("code") or 0)
    words = {"code": code if code >= 400 else 400, "reason": str(status.get("reason") or "")}
    kind: type[ApiError] = type("Denied", (ApiError,), words)
    return kind(f"{told}: {why}" if why else f"{told} without explanation", dict(status.get("details") or {}))
