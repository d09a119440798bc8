"""Answer TokenRequest and TokenReview, and tell the world how our tokens are verified.

Source: kube registry/core/serviceaccount/storage/token.go; registry/authentication/tokenreview; OpenID Connect
Discovery 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from knarr.api import kinds
from knarr.api.errors import BadRequest, Cause, Forbidden, Internal, conflict, invalid, not_found
from knarr.api.http import Answer, Call
from knarr.apiserver import bodies, encode, ownership
from knarr.apiserver.authn.bearers import Bearers
from knarr.apiserver.authn.doors import BadToken
from knarr.apiserver.authn.jwts import unverified_claims
from knarr.apiserver.authn.tokens import ISSUER, Bond, Grant, Tokens
from knarr.apiserver.authz.nodes import agent_of
from knarr.apiserver.authz.reviews import user_info
from knarr.apiserver.core import Core, Request, timestamp, with_warnings
from knarr.apiserver.security import Attributes, Authorizer

Obj = dict[str, Any]
LIFETIME_MIN_S, LIFETIME_S, LIFETIME_MAX_S = 600, 3600, 1 << 32  # Source: kube authentication/validation
GIVEN_S, EXTENDED_S = 3607, 365 * 86_400  # Source: kube pkg/serviceaccount/claims.go, WarnOnlyBoundTokenExpiration…
ISSUED_NOTE = "authentication.kubernetes.io/issued-credential-id"  # in the audit log
BINDABLE = {("v1", "Pod"): "pods", ("v1", "Secret"): "secrets", ("v1", "Node"): "nodes"}


@dataclass(frozen=True, slots=True)
class TokenHandlers:
    """The handlers, and what to mount them on."""

    core: Core
    tokens: Tokens
    bearers: Bearers
    authorizer: Authorizer
    server_url: str

    def subresources(self) -> Mapping[tuple[str, str, str], Any]:
        """Return what to mount as subresources."""
        return {("", "serviceaccounts", "token"): self.request}

    def created(self) -> Mapping[tuple[str, str], Any]:
        """Return what to mount as kinds that are answered and forgotten."""
        return {("authentication.k8s.io", "tokenreviews"): self.review}

    def paths(self) -> Mapping[str, Any]:
        """Return what to mount as paths, for those whose role allows it (system:service-account-issuer-discovery)."""
        return {"/.well-known/openid-configuration": self.discovery, "/openid/v1/jwks": self.keys}

    async def request(self, request: Request) -> Answer:
        """Issue a token for a service account."""
        target = request.target
        body = bodies.read(request, TOKEN_REQUEST)
        spec = body.setdefault("spec", {}) or {}
        account = self._find("serviceaccounts", target.namespace, target.name)
        lifetime_s = int(spec.get("expirationSeconds") or LIFETIME_S)
        _check_lifetime(lifetime_s)
        self._restrict(request, spec.get("boundObjectRef"), spec.get("audiences") or ())
        ownership.track(self.core, replace(request, target=replace(target, kind=TOKEN_REQUEST)), body)
        bond, node = self._bond(target.namespace, target.name, spec.get("boundObjectRef"))
        audiences = tuple(spec.get("audiences") or (ISSUER,))
        grant = Grant(target.namespace, target.name, account["metadata"]["uid"], audiences, lifetime_s, bond, node)
        token, expires_s = self.tokens.issue(extended(grant))
        if request.call.notes is not None:
            request.call.notes[ISSUED_NOTE] = f"JTI={unverified_claims(token)['jti']}"
        made = self.core.timestamp()
        body["metadata"] = {
            "name": target.name,
            "namespace": target.namespace,
            "uid": self.core.uid(),
            "creationTimestamp": made,
            **{key: value for key, value in body["metadata"].items() if key == "managedFields"},
        }
        body["spec"] = {**spec, "audiences": list(audiences), "expirationSeconds": lifetime_s}
        body["spec"].setdefault("boundObjectRef", None)
        told_s = expires_s - extended(grant).lifetime_s + lifetime_s  # so that whoever can, asks for another by then
        body["status"] = {"token": token, "expirationTimestamp": timestamp(told_s)}
        return self._answer(request, body)

    async def review(self, request: Request) -> Answer:
        """Say whom a token stands for."""
        body = bodies.read(request, request.target.kind)
        spec = body.get("spec") or {}
        if not spec.get("token"):
            raise BadRequest("token is required for TokenReview in authentication")
        ownership.track(self.core, request, body)
        audiences = tuple(spec.get("audiences") or self.bearers.audiences)
        try:
            found = await self.bearers.verify(spec["token"], audiences)
        except BadToken as fault:
            body["status"] = {"user": {}, "error": str(fault)}
            return self._answer(request, body)
        if not set(found.audiences) & set(audiences):
            raise Internal("Internal error occurred: unable to validate audience")
        body["status"] = {"authenticated": True, "user": user_info(found.user), "audiences": list(found.audiences)}
        return self._answer(request, body)

    async def discovery(self, call: Call) -> Answer:
        """Return the OpenID discovery document."""
        return Answer(
            200,
            encode.dump(
                {
                    "issuer": ISSUER,
                    "jwks_uri": f"{self.server_url}/openid/v1/jwks",
                    "response_types_supported": ["id_token"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["ES256"],
                }
            ),
        )

    async def keys(self, call: Call) -> Answer:
        """Return the public keys."""
        return Answer(200, encode.dump(self.tokens.signer.key_set()), content_type="application/jwk-set+json")

    def _restrict(self, request: Request, ref: Obj | None, audiences: Sequence[str]) -> None:
        """Keep an agent to tokens of its own pods. Source: kube noderestriction/admission.go, admitServiceAccount."""
        node = agent_of(request.user)
        if node is None:
            return
        if not ref or (ref.get("apiVersion"), ref.get("kind")) != ("v1", "Pod") or not ref.get("name"):
            raise _forbidden(request, "node requested token not bound to a pod")
        if not ref.get("uid"):
            raise _forbidden(request, "node requested token with a pod binding without a uid")
        pod = self._find("pods", request.target.namespace, ref["name"])
        if pod["metadata"]["uid"] == ref["uid"] and pod["spec"].get("nodeName") != node:
            raise _forbidden(request, "node requested token bound to a pod scheduled on a different node")
        for audience in audiences:
            asked = audiences_of(pod) | self._of_drivers(pod)
            if audience not in asked and not self.may(request, audience):
                who = f"{request.user.name} is not authorized to request tokens for this audience"
                raise _forbidden(request, f'audience "{audience}" not found in pod spec volume, {who}')

    def _of_drivers(self, pod: Obj) -> set[str]:
        """Return the audiences of the tokens that the drivers of a pod's volumes want to see."""
        found = set()
        for driver in self._drivers(pod):
            spec = (self._seek("storage.k8s.io", "csidrivers", driver) or {}).get("spec") or {}
            found |= {one.get("audience") or ISSUER for one in spec.get("tokenRequests") or ()}
        return found

    def _drivers(self, pod: Obj) -> Iterator[str]:
        namespace = pod["metadata"]["namespace"]
        for volume in pod["spec"].get("volumes") or ():
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName") or (
                f"{pod['metadata']['name']}-{volume['name']}" if "ephemeral" in volume else ""
            )
            found = self._seek("", "persistentvolumeclaims", claim, namespace=namespace) if claim else None
            bound = ((found or {}).get("spec") or {}).get("volumeName")
            source = ((self._seek("", "persistentvolumes", bound) or {}).get("spec") or {}) if bound else volume
            if "csi" in source:
                yield source["csi"].get("driver", "")

    def may(self, request: Request, audience: str) -> bool:
        """Tell whether a role lets an agent have tokens for an audience its pod does not name. Source: KEP 4412."""
        target, verb = request.target, "request-serviceaccounts-token-audience"
        asked = Attributes(request.user, verb, "", "", "v1", audience, "", target.namespace, target.name)
        return self.authorizer.authorize(asked).allowed

    def _bond(self, namespace: str, account: str, ref: Obj | None) -> tuple[Bond | None, tuple[str, str] | None]:
        if not ref:
            return None, None
        plural = BINDABLE.get((ref.get("apiVersion", ""), ref.get("kind", "")))
        if plural is None:
            raise BadRequest(f"cannot bind token for serviceaccount {account!r} to {ref.get('kind')!r}")
        bound = self._find(plural, "" if plural == "nodes" else namespace, ref.get("name", ""))
        uid = bound["metadata"]["uid"]
        if ref.get("uid") and ref["uid"] != uid:
            why = f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record"
            raise conflict(plural, "", ref["name"], f"{why}. The object might have been deleted and then recreated")
        if plural == "pods" and (bound["spec"].get("serviceAccountName") or "default") != account:
            who = f'cannot bind token for serviceaccount "{account}"'
            raise BadRequest(f"{who} to pod running with different serviceaccount name.")
        return Bond(plural, ref["name"], uid), self._node_of(bound) if plural == "pods" else None

    def _node_of(self, pod: Obj) -> tuple[str, str] | None:
        name = pod["spec"].get("nodeName")
        found = self._seek("", "nodes", name) if name else None
        return (name, found["metadata"]["uid"] if found else "") if name else None

    def _find(self, plural: str, namespace: str, name: str) -> Obj:
        found = self._seek("", plural, name, namespace=namespace)
        if found is None:
            raise not_found(plural, "", name)
        return found

    def _seek(self, group: str, plural: str, name: str, *, namespace: str = "") -> Obj | None:
        kind = kinds.by_resource(group, "v1", plural)
        assert kind is not None, plural
        entry = self.core.store.get(kind.key(namespace, name))
        return entry.obj if entry else None

    def _answer(self, request: Request, body: Obj) -> Answer:
        return with_warnings(encode.answer(201, encode.unstored(body), request.form), request.warnings)


def extended(grant: Grant) -> Grant:
    """Let the token that every pod is given last a year: old programs read it once and never again.

    Source: kube registry/core/serviceaccount/storage/token.go, extendExpiration, on by default.
    """
    pods = grant.bond is not None and grant.bond.plural == "pods"
    if not pods or grant.lifetime_s != GIVEN_S or grant.audiences != (ISSUER,):
        return grant
    return replace(grant, lifetime_s=EXTENDED_S, warn_s=GIVEN_S)


def audiences_of(pod: Obj) -> set[str]:
    """Return the audiences that a pod's own volumes ask tokens for; the empty one is this API."""
    found = set()
    for volume in pod["spec"].get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if "serviceAccountToken" in source:
                found.add(source["serviceAccountToken"].get("audience") or ISSUER)
    return found


def _forbidden(request: Request, why: str) -> Forbidden:
    name = request.target.name
    return Forbidden(f'serviceaccounts "{name}" is forbidden: {why}', {"name": name, "kind": "serviceaccounts"})


def _check_lifetime(lifetime_s: int) -> None:
    field = "spec.expirationSeconds"
    if lifetime_s < LIFETIME_MIN_S:
        why = f"Invalid value: {lifetime_s}: may not specify a duration less than 10 minutes"
    elif lifetime_s > LIFETIME_MAX_S:
        why = f"Invalid value: {lifetime_s}: may not specify a duration larger than 2^32 seconds"
    else:
        return
    raise invalid("TokenRequest", "authentication.k8s.io", "", [Cause("FieldValueInvalid", field, why)])


def _token_request() -> kinds.Kind:
    found = kinds.by_kind("authentication.k8s.io", "v1", "TokenRequest")
    assert found is not None, "TokenRequest is a kind of ours"
    return found


TOKEN_REQUEST = _token_request()
