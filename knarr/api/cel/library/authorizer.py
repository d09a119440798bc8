"""Let an expression ask what somebody may do: the functions of `authorizer`.

A question is built up as a map (whose, what, where) and put by `check`. Who answers is named for the length of one
evaluation by `answering`. Source: kube apiserver pkg/cel/library/authz.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from knarr.api.cel.faults import CelError
from knarr.api.cel.overloads import Functions

Question = dict[str, Any]
Answerer = Callable[[Question], tuple[bool, str]]
AUTHORIZER: Final = "authorizer"
ACCOUNT: Final = "system:serviceaccount:"
CHECK_COST: Final = 350_000
MEMBERS: Final = {"path": "path", "group": "group", "resource": "resource", "subresource": "subresource",
                  "namespace": "namespace", "name": "name", "fieldSelector": "fields", "labelSelector": "labels"}
_ANSWERER: ContextVar[Answerer] = ContextVar("knarr_cel_answerer")


@contextmanager
def answering(answerer: Answerer) -> Iterator[None]:
    """Let questions be answered by `answerer(question) -> (allowed, reason)` within the block."""
    token = _ANSWERER.set(answerer)
    try:
        yield
    finally:
        _ANSWERER.reset(token)


def question(user: dict[str, Any], **known: str) -> Question:
    """Return the variable `authorizer`. user: name, groups, uid, extra. known: what `requestResource` is about."""
    return {"user": user, "requestResource": {"user": user, **known}}


def declare(functions: Functions) -> None:
    """Declare what may be asked; all of it takes texts."""
    asked = "map<string, dyn>"
    for name, member in MEMBERS.items():
        functions.add(f"({asked}).{name}(string) -> {asked}",
                      lambda value, said, member=member: {**value, member: said})
    functions.add(f"({asked}).serviceAccount(string, string) -> {asked}", _account)
    functions.add(f"({asked}).check(string) -> {asked}", _check, cost=lambda _: CHECK_COST)
    functions.add(f"({asked}).allowed() -> bool", lambda value: value.get("allowed") is True)
    functions.add(f"({asked}).reason() -> string", lambda value: str(value.get("reason", "")))
    functions.add(f"({asked}).errored() -> bool", lambda value: bool(value.get("error")))
    functions.add(f"({asked}).error() -> string", lambda value: str(value.get("error", "")))


def _account(asked: Question, namespace: str, name: str) -> Question:
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    return {**asked, "user": {"name": f"{ACCOUNT}{namespace}:{name}", "groups": groups}}


def _check(asked: Question, verb: str) -> Question:
    answerer = _ANSWERER.get(None)
    if answerer is None:
        raise CelError("nobody answers questions here")
    allowed, reason = answerer({**asked, "verb": verb})
    return {"allowed": allowed, "reason": reason}
