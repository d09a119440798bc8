"""Answer the review kinds: may I, may they, what may I, who am I. Nothing is stored.

Source: kube registry/authorization, registry/authentication/selfsubjectreview.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from knarr.api.errors import BadRequest, Cause, invalid
from knarr.api.http import Answer, User
from knarr.apiserver import bodies, encode
from knarr.apiserver.authz.access import Access
from knarr.apiserver.authz.rules import Rule
from knarr.apiserver.core import Core, Request, with_warnings
from knarr.apiserver.security import Attributes, Decision

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reviews:
    """Handlers of `create` for each review kind."""

    core: Core
    access: Access

    def handlers(self) -> Mapping[tuple[str, str], Any]:
        """Return what to mount, by group and plural."""
        group = "authorization.k8s.io"
        return {
            (group, "subjectaccessreviews"): self.subject,
            (group, "localsubjectaccessreviews"): self.local,
            (group, "selfsubjectaccessreviews"): self.self_access,
            (group, "selfsubjectrulesreviews"): self.self_rules,
            ("authentication.k8s.io", "selfsubjectreviews"): self.self_user,
        }

    async def subject(self, request: Request) -> Answer:
        """Say whether the user that the review names may."""
        review = bodies.read(request, request.target.kind)
        spec = review.get("spec") or {}
        if not spec.get("user") and not spec.get("groups"):
            raise self._invalid(request, "spec.user", "at least one of user or group must be specified")
        return self._decided(request, review, named_user(spec))

    async def local(self, request: Request) -> Answer:
        """The same within one namespace."""
        review = bodies.read(request, request.target.kind)
        wanted = ((review.get("spec") or {}).get("resourceAttributes") or {}).get("namespace", "")
        if wanted != request.target.namespace:
            raise BadRequest(f"spec.resourceAttributes.namespace must match namespace: {request.target.namespace}")
        return self._decided(request, review, named_user(review["spec"]))

    async def self_access(self, request: Request) -> Answer:
        """Say whether the caller may."""
        return self._decided(request, bodies.read(request, request.target.kind), request.user)

    async def self_rules(self, request: Request) -> Answer:
        """List what the caller may do in a namespace."""
        review = bodies.read(request, request.target.kind)
        namespace = (review.get("spec") or {}).get("namespace", "")
        if not namespace:
            raise BadRequest("no namespace on request")
        held = self.access.rbac.rules_of(request.user, namespace)
        paths = [{"verbs": list(rule.verbs), "nonResourceURLs": list(rule.urls)} for rule in held if rule.urls]
        resources = [resource_rule(rule) for rule in held if rule.resources]
        status = {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}
        return self._answer(request, {**review, "spec": {}, "status": status})

    async def self_user(self, request: Request) -> Answer:
        """Say who the caller is."""
        review = bodies.read(request, request.target.kind)
        review["metadata"] = {"creationTimestamp": self.core.timestamp()}
        return self._answer(request, {**review, "status": {"userInfo": user_info(request.user)}})

    def _decided(self, request: Request, review: Obj, user: User) -> Answer:
        spec = review.get("spec") or {}
        if bool(spec.get("resourceAttributes")) == bool(spec.get("nonResourceAttributes")):
            raise self._invalid(request, "spec.resourceAttributes",
                                "exactly one of nonResourceAttributes or resourceAttributes must be specified")
        decision = self.access.authorize(attributes_of(spec, user))
        return self._answer(request, {**review, "status": status_of(decision)})

    def _invalid(self, request: Request, field: str, why: str) -> Exception:
        kind = request.target.kind
        return invalid(kind.kind, kind.group, "", [Cause("FieldValueInvalid", field, f"Invalid value: null: {why}")])

    def _answer(self, request: Request, review: Obj) -> Answer:
        return with_warnings(encode.answer(201, encode.dump(encode.ordered(review)), request.form), request.warnings)


def status_of(decision: Decision) -> Obj:
    """Return a review's status."""
    status: Obj = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
    return status


def attributes_of(spec: Obj, user: User) -> Attributes:
    """Read what a review asks about."""
    paths = spec.get("nonResourceAttributes")
    if paths:
        return Attributes(user, paths.get("verb", ""), paths.get("path", ""))
    of = spec["resourceAttributes"]
    return Attributes(user, of.get("verb", ""), "", of.get("group", ""), of.get("version", ""), of.get("resource", ""),
                      of.get("subresource", ""), of.get("namespace", ""), of.get("name", ""))


def named_user(spec: Obj) -> User:
    """Read the user that a review names."""
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    return User(spec.get("user", ""), spec.get("uid", ""), tuple(spec.get("groups") or ()), extra)


def user_info(user: User) -> Obj:
    """Return a `UserInfo`."""
    info: Obj = {"username": user.name, "uid": user.uid, "groups": list(user.groups),
                 "extra": {key: list(values) for key, values in user.extra.items()}}
    return {key: value for key, value in info.items() if value}


def resource_rule(rule: Rule) -> Obj:
    """Return a `ResourceRule`."""
    shown: Obj = {"verbs": list(rule.verbs), "apiGroups": list(rule.groups), "resources": list(rule.resources)}
    return shown | ({"resourceNames": list(rule.names)} if rule.names else {})
