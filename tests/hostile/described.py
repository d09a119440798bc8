"""Requests that schemathesis makes up from the served OpenAPI documents, and answers held against these documents.

An answer is no fault of the server's, has a content type that is described, and where it is no refusal its code is
described and its body is what the document says. Refusals are described nowhere, as in Kubernetes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from copy import deepcopy
from typing import Any
from urllib.parse import unquote

import orjson
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from knarr.api.http import Answer, Call
from knarr.apiserver.secured import Entrances, secured
from knarr.apiserver.settings import Settings
from knarr.base.clock import SystemClock
from knarr.base.rng import Rng
from knarr.store.memory import open_memory
from tests.hostile.doors import ADMIN
from tests.hostile.drive import KEPT, LEADS_ON, fill, signing_key

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
NAMES = {"namespace": "default", "name": "n1"}  # of what the server has to lose
LEFT_OUT = re.compile(r"/watch/|^/\.well-known/|^/openid/")  # retired; and what Kubernetes too describes as a mere string
Faults = dict[str, str]


class Described:
    """A server in this process, and what its documents say."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        whole = secured(open_memory(), Settings(), Entrances(signing_key()), clock=SystemClock(), rng=Rng(1))
        self._server = whole.server
        self._loop.run_until_complete(fill(whole))

    def close(self) -> None:
        """Stop the server."""
        self._loop.run_until_complete(self._server.stop())
        self._loop.close()

    def documents(self) -> list[str]:
        """Return the paths of all documents."""
        return sorted(orjson.loads(self._ask(Call("GET", "/openapi/v3", user=ADMIN)).body)["paths"])

    def faults(self, document: str, *, examples: int) -> Faults:
        """Ask every operation of a document so often; return what is wrong, by operation."""
        found: Faults = {}
        for operation in self._operations(document):
            if not LEADS_ON.search(operation.path) and not LEFT_OUT.search(operation.path):
                self._operation(operation, examples, found)
        return found

    def case(self, document: str, label: str) -> Case:
        """Return the plainest request to an operation."""
        for made in self._operations(document):
            if made.label == label:
                return made.Case(path_parameters=dict(NAMES), method="GET", media_type=None)
        raise KeyError(label)

    def _operations(self, document: str) -> list[Any]:
        read = orjson.loads(self._ask(Call("GET", f"/openapi/v3/{document}", user=ADMIN)).body)
        return [made.ok() for made in schemathesis.openapi.from_dict(read).get_all_operations()]

    def _operation(self, operation: Any, examples: int, found: Faults) -> None:
        turns = itertools.count()

        @settings(max_examples=examples, derandomize=True, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        def ask(case: Case) -> None:
            call = call_of(case, good=next(turns) % 2 == 0)
            answer = self._ask(call)
            wrong = fault_of(case, call, answer)
            if wrong:
                found.setdefault(operation.label, f"{call.method} {call.path} {dict(call.query)} {call.body[:300]!r} -> {answer.status} {answer.body[:300]!r}: {wrong}")

        ask()

    def _ask(self, call: Call) -> Answer:
        return self._loop.run_until_complete(self._server.handle(call))


def call_of(case: Case, *, good: bool) -> Call:
    """Turn what schemathesis made up into a request. good: about what there is, with a body that will do where one is known."""
    case.path_parameters = {**case.path_parameters, **{key: value for key, value in NAMES.items() if key in case.path_parameters and (good or key == "namespace")}}
    case.query = {key: value for key, value in case.query.items() if key not in ("watch", "sendInitialEvents")}
    known = KEPT.get(unquote(case.formatted_path))
    if good:
        case.query = {}
    if good and case.method == "POST" and known is not None:
        case.body = {**deepcopy(known), "metadata": {"generateName": "made-"}}
    headers = {key.lower(): str(value) for key, value in (case.headers or {}).items()}
    body = b""
    if isinstance(case.body, dict | list):
        body = json.dumps(case.body).encode()
        headers["content-type"] = str(case.media_type) if case.method.upper() == "PATCH" else "application/json"
    query = {key: value if isinstance(value, str) else json.dumps(value) for key, value in case.query.items()}
    return Call(case.method.upper(), unquote(case.formatted_path), query, headers, body=body, user=ADMIN)


def fault_of(case: Case, call: Call, answer: Answer) -> str:
    """Say how an answer differs from what is described; empty if it does not."""
    if answer.stream is not None or b"Too large resource version" in answer.body:
        return ""
    if call.method == "DELETE" and answer.status == 200 and b'"deletionTimestamp"' in answer.body:
        return ""  # it waits for its finalizers, and is shown as it is: Kubernetes does not describe that either
    if answer.status < 300 and str(answer.status) not in case.operation.definition.raw["responses"]:
        return f"code {answer.status} is not described"
    request = requests.Request(call.method, f"http://localhost{case.formatted_path}").prepare()
    response = Response(answer.status, {"content-type": [answer.content_type]}, answer.body, request, 0.0, False)
    try:
        case.validate_response(response, checks=CHECKS)
    except FailureGroup as group:
        return "; ".join(f"{one.title}: {one.message}" for one in group.exceptions)
    return ""
