"""OpenAPI: every operation we describe is one that a real server describes, and the documents hold together."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from knarr.api import openapi
from knarr.api.openapi_operations import operations
from knarr.api.openapi_schemas import V2, V3, definitions
from tests.unit.api.wire import recorded


def test_operations_are_the_recorded_ones():
    """Path, method, id, action and kind agree; our parameters are among theirs."""
    wire = recorded("discovery/openapi-paths.json")
    for operation in operations():
        theirs = wire[operation.path][operation.method]
        group_version_kind = None if operation.kind is None else dict(
            zip(("group", "version", "kind"), operation.kind, strict=True))
        assert [theirs["operationId"], theirs["action"] or "", theirs["gvk"]] == [
            operation.id, operation.action, group_version_kind], operation.path
        assert set(operation.params) <= set(theirs["params"]), operation.id
        assert set(map(str, operation.codes)) <= set(theirs["responses"]), operation.id


def test_documents_are_named_as_recorded():
    """The index names the documents that a real server has for the groups we serve."""
    assert set(openapi.names()) <= set(recorded("discovery/openapi-v3-paths.json"))


@pytest.mark.parametrize("name", openapi.names())
def test_references_lead_somewhere(name):
    """No reference of a version 3 document points out of it."""
    document = openapi.v3(name)

    assert document is not None
    assert {ref.removeprefix("#/components/schemas/") for ref in references(document)} <= set(
        document["components"]["schemas"])


def test_references_of_version_2_lead_somewhere():
    """Nor one of the version 2 document."""
    document = openapi.v2()

    assert {ref.removeprefix("#/definitions/") for ref in references(document)} <= set(document["definitions"])


def references(value: Any) -> set[str]:
    """Collect all `$ref`s."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_what_kubectl_looks_for():
    """kubectl validates by asking whether PATCH of a kind has `fieldValidation`, and explains from the schemas."""
    document = openapi.v3("apis/apps/v1", texts={"apps_v1.Deployment": {"": "It deploys.", "spec": "What it wants."}})
    assert document is not None
    patched = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    schema = document["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"]

    assert {"fieldValidation", "dryRun"} <= {row["name"] for row in patched["parameters"]}
    assert {"group": "apps", "version": "v1", "kind": "Deployment"} == patched["x-kubernetes-group-version-kind"]
    assert [{"group": "apps", "version": "v1", "kind": "Deployment"}] == schema["x-kubernetes-group-version-kind"]
    assert "It deploys." == schema["description"]
    assert {"allOf": [{"$ref": "#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec"}],
            "description": "What it wants."} == schema["properties"]["spec"]


def test_merge_keys_are_published():
    """Clients that merge need the keys: python tools read them from version 2, newer ones from version 3."""
    for style in (V2, V3):
        containers = definitions(["core_v1.Pod"], style, {})["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
        assert "name" == containers["x-kubernetes-patch-merge-key"]
        assert ["name"] == containers["x-kubernetes-list-map-keys"]


def test_hashes_change_with_documents():
    """Same bytes, same hash; the index carries it."""
    hashes = {name: openapi.etag(orjson.dumps(openapi.v3(name))) for name in openapi.names()}
    url = openapi.index(hashes)["paths"]["api/v1"]["serverRelativeURL"]

    assert url == f"/openapi/v3/api/v1?hash={hashes['api/v1']}"
    assert len(set(hashes.values())) == len(hashes)


def test_descriptions_come_from_outside():
    """Texts are collected by the short names of the field table."""
    texts = openapi.describe({"io.k8s.api.core.v1.Pod": {"description": "A pod.", "properties": {"spec": {
        "description": "Its wish."}}}, "com.example.Other": {}})

    assert {"core_v1.Pod": {"": "A pod.", "spec": "Its wish."}} == texts
