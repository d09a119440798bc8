"""A webhook server runs in a pod and is reached through its Service, as operators and policy engines deploy theirs."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cluster import Cluster, pod, service, until
from tests.wire.certificates import Pki, make_pki

PORT = 8443  # where the program below listens
HOST_FOLDERS = ("/usr", "/lib", "/lib64", sys.base_prefix)  # the machine's own Python serves; no image needs one
PROGRAM = '''
import base64, http.server, json, ssl

class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        response = {"uid": review["request"]["uid"], "allowed": "bad" not in (review["request"]["object"].get("data") or {})}
        if response["allowed"]:
            patch = [{"op": "add", "path": "/metadata/labels", "value": {"seen": "by-a-pod"}}]
            response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
        else:
            response["status"] = {"code": 403, "message": "nothing bad here"}
        body = json.dumps({**review, "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/keys/cert", "/keys/key")
server = http.server.ThreadingHTTPServer(("", 8443), Hook)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
'''


@pytest.fixture
def pki(namespace: str, tmp_path: Path) -> Pki:
    """Certificates for the Service's name."""
    return make_pki(tmp_path, names=(f"hook.{namespace}.svc",))


def webhook_pod(pki: Pki) -> list[dict[str, Any]]:
    """Return the pod, and the Secret with its program and keys."""
    certificate, key = (Path(one).read_text() for one in pki.files("server"))
    keys = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook"},
            "stringData": {"cert": certificate, "key": key, "program.py": PROGRAM}}
    folders = [path for path in dict.fromkeys(HOST_FOLDERS) if Path(path).is_dir()]
    volumes = [{"name": f"host-{number}", "hostPath": {"path": path}} for number, path in enumerate(folders)]
    mounts = [{"name": f"host-{number}", "mountPath": path, "readOnly": True} for number, path in enumerate(folders)]
    container = {
        "command": [f"{sys.base_prefix}/bin/python3", "-I", "/keys/program.py"],
        "volumeMounts": [{"name": "keys", "mountPath": "/keys"}, *mounts],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
    }
    return [keys, pod("hook", container=container, volumes=[{"name": "keys", "secret": {"secretName": "hook"}}, *volumes])]


def configuration(namespace: str, pki: Pki) -> dict[str, Any]:
    bundle = base64.b64encode(pki.ca.read_bytes()).decode()
    return {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": namespace},
        "webhooks": [{
            "name": "hook.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "failurePolicy": "Fail",
            "clientConfig": {"service": {"name": "hook", "namespace": namespace, "path": "/look"}, "caBundle": bundle},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "objectSelector": {"matchExpressions": [{"key": "unseen", "operator": "DoesNotExist"}]},
        }],
    }


def test_a_webhook_in_a_pod(cluster: Cluster, namespace: str, pki: Pki):
    """Nothing is stored before its pod is ready; then it labels what is good, and refuses what is not."""
    def create(name: str, **data: str) -> Any:
        words = [f"--from-literal={key}={value}" for key, value in data.items()]
        return cluster.kubectl("create", "configmap", name, "-n", namespace, *words, check=False)

    cluster.apply(service("hook", 443, target=PORT), configuration(namespace, pki), namespace=namespace)
    try:
        assert 'no endpoints available for service "hook"' in create("early").stderr
        cluster.apply(*webhook_pod(pki), namespace=namespace, wait=False)
        until(lambda: create("good", a="b").returncode == 0, "the webhook lets good things pass", 60)
        refused = create("other", bad="1")

        assert {"seen": "by-a-pod"} == cluster.get("configmap", "good", namespace=namespace)["metadata"]["labels"]
        assert 'admission webhook "hook.example.com" denied the request: nothing bad here' in refused.stderr
    finally:
        cluster.knarr("delete", "mutatingwebhookconfiguration", namespace)
