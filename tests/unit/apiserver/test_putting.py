"""PUT of what is not there: some kinds come into being by it, as in Kubernetes, the others are not found."""

from __future__ import annotations

import pytest

from tests.unit.apiserver.asking import Asker

LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
LEASE = {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": {"name": "lock"}, "spec": {"holderIdentity": "me"}}


@pytest.fixture
async def api():
    return await Asker().start()


async def test_a_lock_is_taken_by_put(api):
    """The first PUT makes the lease, the second changes it; both are whole writes."""
    made, lease = await api.ask("PUT", f"{LEASES}/lock", LEASE)
    changed, again = await api.ask("PUT", f"{LEASES}/lock", {**LEASE, "spec": {"holderIdentity": "you"}})

    assert (201, 200) == (made, changed)
    assert lease["metadata"]["uid"] == again["metadata"]["uid"]
    assert "you" == again["spec"]["holderIdentity"]


async def test_a_dry_run_makes_nothing(api):
    """It shows what would be there."""
    code, _ = await api.ask("PUT", f"{LEASES}/lock?dryRun=All", LEASE)

    assert (201, 404) == (code, (await api.ask("GET", f"{LEASES}/lock"))[0])


@pytest.mark.parametrize(("path", "body", "code", "words"), [
    pytest.param(f"{LEASES}/lock", {**LEASE, "metadata": {"name": "lock", "uid": "u"}}, 409, "Precondition failed: UID in precondition: u", id="means another"),
    pytest.param(f"{LEASES}/other", LEASE, 400, "does not match the name on the URL (other)", id="another name"),
    pytest.param("/api/v1/namespaces/default/configmaps/c", {"metadata": {"name": "c"}}, 404, 'configmaps "c" not found', id="not this kind"),
])
async def test_what_is_refused(api, path, body, code, words):
    """A client that means an object which is no more must not make a new one."""
    got, status = await api.ask("PUT", path, body)

    assert (code, True) == (got, words in status["message"]), status
