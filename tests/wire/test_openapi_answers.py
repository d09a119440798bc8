"""Answers are what the served OpenAPI documents say: schemathesis makes up the requests, and holds one against the other.

`make fuzz` asks more of each operation.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from knarr.api.http import Answer
from tests.hostile.described import Described, call_of, fault_of


@pytest.fixture(scope="module")
def described() -> Iterator[Described]:
    served = Described()
    yield served
    served.close()


def test_every_answer_is_described(described: Described):
    """Each operation of each document, once about what there is and once about what schemathesis thinks of."""
    documents = described.documents()

    assert len(documents) > 40
    assert {} == {label: wrong for document in documents for label, wrong in described.faults(document, examples=2).items()}


@pytest.mark.parametrize(("answer", "said"), [
    pytest.param(Answer(200, b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{},"data":{"a":1}}'), "violates schema", id="another type"),
    pytest.param(Answer(200, b"{}", "text/html"), "Content-Type", id="another content type"),
    pytest.param(Answer(202, b"{}"), "code 202 is not described", id="another code"),
    pytest.param(Answer(500, b"{}"), "Server error", id="a fault"),
])
def test_what_is_not_described_is_told(described: Described, answer: Answer, said: str):
    """The judge is awake."""
    case = described.case("api/v1", "GET /api/v1/namespaces/{namespace}/configmaps/{name}")

    assert said in fault_of(case, call_of(case, good=True), answer)
