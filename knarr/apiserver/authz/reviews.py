"""Answer the review kinds: may I, may they, what may I, who am I. Nothing is stored.

Source: kube registry/authorization, registry/authentication/selfsubjectreview.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from knarr.api.errors import BadRequest, Cause, invalid
from knarr.api.http import Answer, User
from knarr.apiserver import bodies, encode, ownership
from knarr.apiserver.authz import asked
from knarr.apiserver.authz.access import Access
from knarr.apiserver.authz.nodes import agent_of
from knarr.apiserver.authz.rules import Rule
from knarr.apiserver.core import Core, Request, with_warnings
from knarr.apiserver.security import Decision

Obj = dict[str, Any]
NODES_UNTOLD = "node authorizer does not support user rule resolution"  # Source: kube node_authorizer.go, RulesFor


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
        self._refuse(request, asked.named(review))
        return self._decided(request, review, asked.user(review["spec"]))

    async def local(self, request: Request) -> Answer:
        """The same within one namespace."""
        review, namespace = bodies.read(request, request.target.kind), request.target.namespace
        review["metadata"].setdefault("namespace", namespace)
        self._refuse(request, asked.local(review))
        if review["metadata"]["namespace"] != namespace:
            raise BadRequest(f"spec.resourceAttributes.namespace must match namespace: {namespace}")
        return self._decided(request, review, asked.user(review["spec"]))

    async def self_access(self, request: Request) -> Answer:
        """Say whether the caller may."""
        review = bodies.read(request, request.target.kind)
        self._refuse(request, asked.own(review))
        return self._decided(request, review, request.user)

    async def self_rules(self, request: Request) -> Answer:
        """List what the caller may do in a namespace; of an agent that is not all, and the answer says so."""
        review = bodies.read(request, request.target.kind)
        namespace = (review.get("spec") or {}).get("namespace", "")
        if not namespace:
            raise BadRequest("no namespace on request")
        held = self.access.rbac.rules_of(request.user, namespace)
        paths = [{"verbs": list(rule.verbs), "nonResourceURLs": list(rule.urls)} for rule in held if rule.urls]
        resources = [resource_rule(rule) for rule in held if rule.resources]
        faults = [NODES_UNTOLD] if agent_of(request.user) is not None else []
        faults += filter(None, [self.access.rbac.absent_roles(request.user, namespace)])
        status: Obj = {"resourceRules": resources, "nonResourceRules": paths, "incomplete": bool(faults)}
        if faults:
            status["evaluationError"] = ", ".join(faults)
        return self._answer(request, {**review, "spec": {}, "status": status})

    async def self_user(self, request: Request) -> Answer:
        """Say who the caller is."""
        review = bodies.read(request, request.target.kind)
        review["metadata"] = {"creationTimestamp": self.core.timestamp()}
        return self._answer(request, {**review, "status": {"userInfo": user_info(request.user)}})

    def _decided(self, request: Request, review: Obj, user: User) -> Answer:
        ownership.track(self.core, request, review)
        decision = self.access.authorize(asked.attributes(review["spec"], user))
        return self._answer(request, {**review, "status": status_of(decision)})

    def _refuse(self, request: Request, causes: list[Cause]) -> None:
        kind = request.target.kind
        if causes:
            raise invalid(kind.kind, kind.group, "", causes)

    def _answer(self, request: Request, review: Obj) -> Answer:
        return with_warnings(encode.answer(201, encode.unstored(review), request.form), request.warnings)


def status_of(decision: Decision) -> Obj:
    """Return a review's status."""
    status: Obj = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
    return status


def user_info(user: User) -> Obj:
    """Return a `UserInfo`."""
    info: Obj = {
        "username": user.name,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()},
    }
    return {key: value for key, value in info.items() if value}


def resource_rule(rule: Rule) -> Obj:
    """Return a `ResourceRule`."""
    shown: Obj = {"verbs": list(rule.verbs), "apiGroups": list(rule.groups), "resources": list(rule.resources)}
    return shown | ({"resourceNames": list(rule.names)} if rule.names else {})
