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
    """A stranger may look at health and version; for all else credentials are asked for: 401, as a Status."""
    code, body = ask(cluster, "/api/v1/namespaces")

    assert code == 401
    assert ("Unauthorized", "Failure") == (body["reason"], body["status"])


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


def test_the_nodes_port_asks_for_roles(cluster, namespace):
    """A scraper reads the node's metrics by its token; strangers and other accounts are refused."""
    node = cluster.get("nodes")["items"][0]
    address = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
    url = f"https://{address}:{node['status']['daemonEndpoints']['kubeletEndpoint']['Port']}/metrics/resource"
    role = f"scraper-{namespace}"
    cluster.kubectl("create", "serviceaccount", "scraper", "-n", namespace)
    cluster.kubectl("create", "clusterrole", role, "--verb=get", "--resource=nodes/metrics")
    cluster.kubectl("create", "clusterrolebinding", role, f"--clusterrole={role}", f"--serviceaccount={namespace}:scraper")
    try:
        tokens = {name: cluster.kubectl("create", "token", name, "-n", namespace).stdout.strip() for name in ("scraper", "default")}
        assert (401, 403) == (status_of(url, ""), status_of(url, tokens["default"]))
        assert 200 == status_of(url, tokens["scraper"])
        assert 403 == status_of(url.replace("metrics/resource", "logs/"), tokens["scraper"])
    finally:
        cluster.kubectl("delete", "clusterrole,clusterrolebinding", role)


def status_of(url: str, token: str) -> int:
    """Return what the port says to a bearer; its certificate is of no interest here."""
    call = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(call, timeout=10, context=ssl._create_unverified_context()) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
