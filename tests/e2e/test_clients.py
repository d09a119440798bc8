"""Clients that others wrote work with running pods: exec, logs, port-forward, waiting, a watch that sees a rollout."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.cluster import WEB, deployment


@pytest.fixture
def web(cluster, namespace):
    """A Deployment that answers on port 8080; yields its namespace."""
    cluster.apply(deployment("web", 1, "echo started; " + WEB), namespace=namespace)
    return namespace


def test_the_official_client(cluster, web):
    """Exec with its channels and its exit code, logs, a rollout watched to its end, a dynamic scale."""
    kubernetes = pytest.importorskip("kubernetes")
    from kubernetes.dynamic import DynamicClient
    from kubernetes.stream import stream

    client = kubernetes.config.new_client_from_config(str(cluster.kubeconfig))
    core = kubernetes.client.CoreV1Api(client)
    name = core.list_namespaced_pod(web, label_selector="app=web").items[0].metadata.name
    script = ["sh", "-c", "read word; echo got $word; echo oh >&2; exit 3"]
    running = stream(core.connect_get_namespaced_pod_exec, name, web, command=script, stdin=True, stdout=True, stderr=True,
                     tty=False, _preload_content=False)
    running.write_stdin("this\n")
    running.run_forever(timeout=20)

    assert ("got this\n", "oh\n", 3) == (running.read_stdout(), running.read_stderr(), running.returncode)
    assert "started" in core.read_namespaced_pod_log(name, web)

    deployments = DynamicClient(client).resources.get(api_version="apps/v1", kind="Deployment")
    deployments.patch(namespace=web, name="web", body={"spec": {"replicas": 2}}, content_type="application/merge-patch+json")
    events = kubernetes.watch.Watch().stream(
        kubernetes.client.AppsV1Api(client).list_namespaced_deployment, web, timeout_seconds=30)
    assert 2 == next(seen for seen in (event["object"].status.ready_replicas for event in events) if seen == 2)


def test_lightkube(cluster, web):
    """Waiting, exec with input and an exit code, logs from the beginning."""
    lightkube = pytest.importorskip("lightkube")
    from lightkube.resources.apps_v1 import Deployment
    from lightkube.resources.core_v1 import Pod

    client = lightkube.Client(config=lightkube.KubeConfig.from_file(str(cluster.kubeconfig)), namespace=web)
    client.wait(Deployment, "web", for_conditions=["Available"])
    (name,) = [one.metadata.name for one in client.list(Pod, labels={"app": "web"})]
    done = client.exec(name, command=["sh", "-c", "read word; echo got $word; echo oh >&2; exit 3"], stdin="this\n",
                       stdout=True, stderr=True, timeout=20)

    assert ("got this\n", "oh\n", 3) == (done.stdout, done.stderr, done.exit_code)
    assert ["started\n"] == [line for line in client.log(name) if line.startswith("started")]


async def test_kr8s(cluster, web):
    """Pods of a Deployment, exec, logs, a forwarded port, waiting for the end."""
    kr8s = pytest.importorskip("kr8s")
    httpx = pytest.importorskip("httpx")
    from kr8s.asyncio.objects import Deployment

    api = await kr8s.asyncio.api(kubeconfig=str(cluster.kubeconfig))
    made = await Deployment.get("web", namespace=web, api=api)
    await made.wait("condition=Available", timeout=30)
    (pod,) = await made.pods()
    done = await pod.exec(["echo", "hello"])
    assert b"hello\n" == done.stdout
    assert ["started"] == [line async for line in pod.logs()][:1]
    async with pod.portforward(8080) as port, httpx.AsyncClient() as web_client:
        answer = await web_client.get(f"http://127.0.0.1:{port}/")
    assert pod.name == answer.text.strip()
    await made.delete()
    async with asyncio.timeout(30):
        await made.wait("delete")
