"""Ask what somebody may do. Who puts an authorizer into an expression brings a `Judge`.

Source: kube apiserver pkg/cel/library/authz.go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from knarr.api.cel.faults import CelError
from knarr.api.cel.overloads import Functions
from knarr.api.cel.values import Thing

AUTHORIZER, PATH = "kubernetes.authorization.Authorizer", "kubernetes.authorization.PathCheck"
GROUP, RESOURCE = "kubernetes.authorization.GroupCheck", "kubernetes.authorization.ResourceCheck"
DECISION = "kubernetes.authorization.Decision"
CHECK_COST = 350_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. user: empty for who makes the request, else a service account's full name."""

    user: str = ""
    groups: tuple[str, ...] = ()
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    verb: str = ""
    field_selector: str = ""
    label_selector: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered. error: why it could not be decided, empty if it was."""

    allowed: bool
    reason: str = ""
    error: str = ""


class Judge(Protocol):
    """Who decides."""

    def __call__(self, question: Question, /) -> Answer:
        """Answer a question."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A question that is being put together."""

    judge: Judge
    question: Question


def authorizer(judge: Judge) -> Thing:
    """Return the value of the variable `authorizer`."""
    return Thing(AUTHORIZER, Asking(judge, Question()))


def resource_of(asker: Thing, question: Question) -> Thing:
    """Return the value of the variable `authorizer.requestResource`."""
    return Thing(RESOURCE, replace(asker.held, question=question))


def declare(functions: Functions) -> None:
    """Declare them."""
    add = functions.add
    add(f"({AUTHORIZER}).path(string) -> {PATH}", lambda value, path: _with(value, PATH, path=_path(path)))
    add(f"({AUTHORIZER}).group(string) -> {GROUP}", lambda value, group: _with(value, GROUP, group=group))
    add(f"({AUTHORIZER}).serviceAccount(string, string) -> {AUTHORIZER}", _service_account)
    add(f"({GROUP}).resource(string) -> {RESOURCE}", lambda value, name: _with(value, RESOURCE, resource=name))
    for name, field in (("subresource", "subresource"), ("namespace", "namespace"), ("name", "name"),
                        ("fieldSelector", "field_selector"), ("labelSelector", "label_selector")):
        add(f"({RESOURCE}).{name}(string) -> {RESOURCE}",
            lambda value, said, field=field: _with(value, RESOURCE, **{field: said}))
    for sort in (PATH, RESOURCE):
        add(f"({sort}).check(string) -> {DECISION}", _check, cost=lambda _: CHECK_COST)
    add(f"({DECISION}).allowed() -> bool", lambda value: value.held.allowed)
    add(f"({DECISION}).reason() -> string", lambda value: value.held.reason)
    add(f"({DECISION}).errored() -> bool", lambda value: bool(value.held.error))
    add(f"({DECISION}).error() -> string", lambda value: value.held.error)


def _with(value: Thing, sort: str, **said: Any) -> Thing:
    asking: Asking = value.held
    return Thing(sort, replace(asking, question=replace(asking.question, **said)))


def _path(path: str) -> str:
    if not path:
        raise CelError("path must not be empty")
    return path


def _service_account(value: Thing, namespace: str, name: str) -> Thing:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return _with(value, AUTHORIZER, user=f"system:serviceaccount:{namespace}:{name}", groups=groups)


def _check(value: Thing, verb: str) -> Thing:
    asking: Asking = value.held
    return Thing(DECISION, asking.judge(replace(asking.question, verb=verb)))
