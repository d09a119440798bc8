"""Documents: what kubectl asks before it explains, completes or checks anything."""

from __future__ import annotations

import zlib
from importlib.util import find_spec

import orjson
import pytest

from knarr.api import openapi_protobuf
from knarr.apiserver import descriptions

APPS = "/openapi/v3/apis/apps/v1"
DEPLOYMENT_SPEC = "io.k8s.api.apps.v1.DeploymentSpec"


@pytest.mark.skipif(find_spec("kubernetes_validate") is None, reason="kubernetes-validate is not installed")
@pytest.mark.parametrize("path", [APPS, "/openapi/v2"])
async def test_fields_are_described_where_texts_are_installed(api, path):
    """`kubectl explain deployment.spec.replicas` says what replicas are."""
    _, document = await api.ask("GET", path)
    schemas = document.get("definitions") or document["components"]["schemas"]

    assert schemas[DEPLOYMENT_SPEC]["properties"]["replicas"]["description"].startswith("Number of desired pods")


async def test_fields_are_shown_without_texts_where_none_are_installed(api, monkeypatch):
    """A small installation: `explain` shows names and types; the hash differs, so nobody keeps it once texts come."""
    _, index = await api.ask("GET", "/openapi/v3")
    monkeypatch.setattr(descriptions, "_path", lambda: None)
    _, document = await api.ask("GET", APPS)

    assert "" == descriptions.edition()
    assert "description" not in document["components"]["schemas"][DEPLOYMENT_SPEC]["properties"]["replicas"]
    assert "hash=" in index["paths"]["apis/apps/v1"]["serverRelativeURL"]


async def test_large_documents_are_kept_compressed(api):
    """Who takes gzip gets the kept bytes; who does not gets the same document."""
    packed = await api.call("GET", APPS, accept_encoding="gzip")
    plain = await api.call("GET", APPS)

    assert "gzip" == packed.headers["Content-Encoding"]
    assert "Content-Encoding" not in plain.headers
    assert plain.body == zlib.decompress(packed.body, wbits=31)
    assert len(packed.body) * 4 < len(plain.body)


async def test_a_document_named_by_its_hash_need_not_be_asked_for_again(api):
    """kubectl keeps it for good; under any other hash, or none, it asks each time."""
    _, index = await api.ask("GET", "/openapi/v3")
    named = await api.call("GET", index["paths"]["apis/apps/v1"]["serverRelativeURL"])
    stale = await api.call("GET", f"{APPS}?hash=ABC")

    assert "immutable" in named.headers["Cache-Control"]
    assert "Cache-Control" not in stale.headers
    assert orjson.loads(named.body) == orjson.loads(stale.body)


@pytest.mark.parametrize("media", openapi_protobuf.ACCEPTED)
async def test_old_kubectl_reads_protobuf(api, media):
    """kubectl up to 1.28 asks for nothing else; the whole document is in it."""
    answer = await api.call("GET", "/openapi/v2", accept=media)

    assert openapi_protobuf.MEDIA == answer.content_type
    assert b"io.k8s.api.apps.v1.DeploymentSpec" in answer.body


async def test_a_form_of_openapi_that_nobody_writes_is_refused(api):
    """406, with the forms there are."""
    assert 406 == (await api.call("GET", "/openapi/v2", accept="text/html")).status


@pytest.mark.parametrize("path", ["/openapi/v3/apis/apps/v9", "/apis/nope", "/apis/apps/v9"])
async def test_what_is_not_served_is_not_described(api, path):
    """404, and nothing is kept for it."""
    before = len(api.server.documents._kept)

    assert 404 == (await api.call("GET", path)).status
    assert before == len(api.server.documents._kept)


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
async def test_a_copy_that_is_still_good_keeps_its_type(api, version):
    """kubectl reads in the type whether all groups are in one document, and takes it from the 304 too."""
    accept = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList,application/json"
    first = await api.call("GET", "/apis", accept=accept)
    again = await api.call("GET", "/apis", accept=accept, if_none_match=first.headers["ETag"])

    assert (200, 304) == (first.status, again.status)
    assert f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" == first.content_type
    assert first.content_type == again.content_type
