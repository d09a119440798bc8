"""Who may come in, and what they may do."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request

import pytest

from tests.e2e.cluster import pod, until
from tests.e2e.test_pods import ready


def ask(cluster, path, *, token="", verify=True):
    context = (
        ssl.create_default_context(cafile=str(cluster.data_dir / "pki" / "ca.crt"))
        if verify
        else ssl.create_default_context()
    )
    request = urllib.request.Request(
        f"https://127.0.0.1:{cluster.port}{path}", headers={"Authorization": f"Bearer {token}"} if token else {}
    )
    try:
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_nobody_comes_in_without_credentials(cluster):
    """A stranger is `system:anonymous`, as in Kubernetes, and may nothing: 403, as a Status."""
    code, body = ask(cluster, "/api/v1/namespaces")

    assert code == 403
    assert ("Forbidden", "Failure") == (body["reason"], body["status"])
    assert 'User "system:anonymous" cannot list resource "namespaces"' in body["message"]


def test_the_server_proves_who_it_is(cluster):
    """A client that does not trust our CA refuses to talk."""
    with pytest.raises(urllib.error.URLError, match="certificate"):
        ask(cluster, "/readyz", verify=False)


def test_a_bad_token_is_refused(cluster):
    """Not one of ours."""
    assert ask(cluster, "/api/v1/pods", token="a.b.c")[0] == 401


def test_a_service_account_may_what_its_roles_say(cluster, namespace):
    """From inside a pod, with the mounted token: reading pods is granted, secrets are not."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": namespace}],
    }
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}},
        role,
        binding,
        pod("inside", serviceAccountName="robot"),
        namespace=namespace,
        wait=False,
    )
    until(lambda: ready(cluster, "inside", namespace), "ready")
    token = cluster.exec("inside", "cat", "/var/run/secrets/kubernetes.io/serviceaccount/token", namespace=namespace)

    allowed, _ = ask(cluster, f"/api/v1/namespaces/{namespace}/pods", token=token)
    refused, why = ask(cluster, f"/api/v1/namespaces/{namespace}/secrets", token=token)
    elsewhere, _ = ask(cluster, "/api/v1/namespaces/default/pods", token=token)

    assert (200, 403, 403) == (allowed, refused, elsewhere)
    assert why["message"] == (
        f'secrets is forbidden: User "system:serviceaccount:{namespace}:robot" cannot list resource "secrets" '
        f'in API group "" in the namespace "{namespace}"'
    )


def test_a_token_dies_with_its_pod(cluster, namespace):
    """The pod is gone; its token opens nothing any more."""
    cluster.apply(pod("short"), namespace=namespace, wait=False)
    until(lambda: ready(cluster, "short", namespace), "ready")
    token = cluster.exec("short", "cat", "/var/run/secrets/kubernetes.io/serviceaccount/token", namespace=namespace)
    alive, _ = ask(cluster, f"/api/v1/namespaces/{namespace}/pods", token=token)

    cluster.knarr("delete", "pod", "short", "-n", namespace)

    assert alive == 403
    until(
        lambda: ask(cluster, f"/api/v1/namespaces/{namespace}/pods", token=token)[0] == 401, "the token is refused", 15
    )


def test_the_api_is_reachable_from_pods_by_its_service(cluster, namespace):
    """`kubernetes.default` leads to the server, and its certificate carries that name."""
    cluster.apply(pod("inside"), namespace=namespace, wait=False)
    until(lambda: ready(cluster, "inside", namespace), "ready")

    said = cluster.exec(
        "inside", "sh", "-c", "nc -w 3 kubernetes.default 443 </dev/null && echo open", namespace=namespace
    )

    assert "open" in said


def test_a_secret_cannot_be_read_from_the_disk(cluster, namespace):
    """Whoever steals the database finds config maps, but no Secrets."""
    cluster.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"word": "open-sesame-7391"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"word": "plain-as-day-7391"}},
        namespace=namespace,
    )

    stolen = b"".join(path.read_bytes() for path in cluster.data_dir.glob("state.db*"))

    assert b"plain-as-day-7391" in stolen
    assert b"open-sesame-7391" not in stolen
    assert base64.b64encode(b"open-sesame-7391") not in stolen
