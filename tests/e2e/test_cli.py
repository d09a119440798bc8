"""Every verb of `knarr`, as a person on a machine without kubectl uses it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest
import yaml

from tests.e2e.cluster import KNARR, WEB, Cluster, deployment, pod, until


@pytest.fixture(scope="module")
def place(cluster: Cluster):
    """A namespace of this module with a Deployment that runs."""
    name = "t-cli"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    cluster.apply(deployment("web", 2, f"echo up; {WEB}"), namespace=name)
    yield name
    cluster.knarr("delete", "namespace", name, "--detach", check=False)


def test_apply_creates_changes_and_leaves_alone(cluster, namespace, tmp_path):
    """The first time it creates, then there is nothing to do, then one field changes and a label goes."""
    file = tmp_path / "cm.yaml"
    said = []
    for data in ("{a: '1'}\nmetadata: {name: c, labels: {old: x}}", "{a: '1'}\nmetadata: {name: c, labels: {old: x}}",
                 "{a: '2'}\nmetadata: {name: c}"):
        file.write_text(f"apiVersion: v1\nkind: ConfigMap\ndata: {data}\n")
        said.append(cluster.knarr("apply", "-f", str(file), "-n", namespace).stdout)
    stored = cluster.get("configmap", "c", namespace=namespace)

    assert ["configmap/c created\n", "configmap/c unchanged\n", "configmap/c configured\n"] == said
    assert ({"a": "2"}, None) == (stored["data"], stored["metadata"].get("labels"))


def test_apply_reads_folders_and_waits(cluster, namespace, tmp_path):
    """A folder with a Namespace-less app in two files: it ends when the pods run."""
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(deployment("folder", 1, WEB)))
    (tmp_path / "b.json").write_text(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}))
    (tmp_path / "notes.txt").write_text("no manifest")
    said = cluster.knarr("apply", "-f", str(tmp_path), "-n", namespace).stdout

    assert "deployment.apps/folder created" in said
    assert "configmap/b created" in said
    assert "✓ deployment/folder: 1 of 1 available" in said


def test_apply_says_why_it_does_not_run(cluster, namespace):
    """The image is nowhere: the reason and the next step come with the code."""
    body = deployment("bad", 1, WEB, image="localhost/nowhere:1", imagePullPolicy="Never")
    done = cluster.knarr("apply", "-f", "-", "-n", namespace, "--timeout", "3", stdin=json.dumps(body), check=False)

    assert 1 == done.returncode
    assert "ErrImageNeverPull" in done.stderr
    assert "→ more: knarr describe deployment/bad" in done.stderr


def test_get_in_every_form(cluster, place):
    """Tables, wide tables, JSON, YAML, names, categories, selectors."""
    get = lambda *words: cluster.knarr("get", *words, "-n", place).stdout  # noqa: E731
    pods = get("pods").splitlines()

    assert ["NAME", "READY", "STATUS", "RESTARTS", "AGE"] == pods[0].split()
    assert 3 == len(pods)
    assert "NODE" in get("pods", "-o", "wide")
    assert "Deployment" == json.loads(get("deploy", "web", "-o", "json"))["kind"]
    assert "web" == yaml.safe_load(get("deploy/web", "-o", "yaml"))["metadata"]["name"]
    assert 2 == len(get("pods", "-l", "app=web", "-o", "name").split())
    assert "" == get("pods", "-l", "app=other")
    assert 2 == len(get("pods", "--field-selector", "status.phase=Running", "-o", "name").split())
    assert {"pod/web", "deployment.apps/web", "replicaset.apps/web"} <= {
        line.split()[0].rsplit("-", line.count("pod/web") * 2 or line.startswith("replicaset"))[0]
        for line in get("all").splitlines() if line
    }
    assert place in cluster.knarr("get", "pods", "-A").stdout


def test_get_watch_prints_changes_until_interrupted(cluster, namespace):
    """Ctrl-C ends it without a traceback."""
    watcher = subprocess.Popen(
        [*KNARR, "get", "configmaps", "-w", "-o", "name", "-n", namespace, "--data-dir", str(cluster.data_dir)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  in the background it is ignored
    )  # fmt: skip
    time.sleep(1)
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "seen"}}, namespace=namespace)
    lines = [watcher.stdout.readline() for _ in range(2)]
    watcher.send_signal(signal.SIGINT)
    _, errors = watcher.communicate(timeout=10)

    assert "configmap/seen\n" in lines
    assert (130, "") == (watcher.returncode, errors.strip())


def test_describe_shows_what_a_person_wants(cluster, place):
    """State and events are there, what everybody has is not."""
    name = cluster.get("pods", namespace=place)["items"][0]["metadata"]["name"]
    said = cluster.knarr("describe", "pod", name, "-n", place).stdout
    whole = json.loads(cluster.knarr("describe", "pod", name, "-n", place, "-o", "json").stdout)

    assert "running for" in said
    assert "Successfully assigned" in said
    assert "terminationMessagePath" not in said
    assert name == whole[0]["object"]["metadata"]["name"]
    assert {"Scheduled", "Started"} <= {event["reason"] for event in whole[0]["events"]}


def test_logs(cluster, place):
    """Of a pod and of a workload; the last line; followed until the container ends."""
    name = cluster.get("pods", namespace=place)["items"][0]["metadata"]["name"]
    cluster.apply(pod("talker", "for i in 1 2 3; do echo line$i; sleep 0.3; done", restartPolicy="Never"), namespace=place)
    until(lambda: cluster.get("pod", "talker", namespace=place)["status"].get("phase") != "Pending", "the talker starts")
    logs = lambda *words: cluster.knarr("logs", *words, "-n", place).stdout  # noqa: E731

    assert "up\n" == logs(name) == logs("deploy/web")
    assert ["line1", "line2", "line3"] == logs("talker", "-f").split()
    assert "line3\n" == logs("talker", "--tail", "1")
    assert logs("talker", "--timestamps").startswith("20")


def test_exec(cluster, place):
    """Output, exit codes, standard input, a command that is not there."""
    inside = lambda *words, **more: cluster.knarr("exec", *words, check=False, **more)  # noqa: E731

    assert "hi\n" == inside("deploy/web", "-n", place, "--", "echo", "hi").stdout
    assert 7 == inside("deploy/web", "-n", place, "--", "sh", "-c", "exit 7").returncode
    assert "IN" == inside("deploy/web", "-i", "-n", place, "--", "tr", "a-z", "A-Z", stdin="in").stdout
    absent = inside("deploy/web", "-n", place, "--", "nosuch")
    assert 1 == absent.returncode
    assert "nosuch" in absent.stderr


def test_scale_and_rollout(cluster, place):
    """Up, down, restart, history, undo; each waits until it is so."""
    rollout = lambda *words: cluster.knarr("rollout", *words, "-n", place)  # noqa: E731
    count = lambda: len(cluster.get("pods", "-l", "app=web", namespace=place)["items"])  # noqa: E731
    said = cluster.knarr("scale", "deploy/web", "--replicas", "3", "-n", place).stdout
    assert "deployment.apps/web scaled to 3" in said
    assert 3 == count()
    cluster.knarr("scale", "deploy/web", "--replicas", "1", "-n", place)
    until(lambda: count() == 1, "two pods go")

    before = cluster.get("pods", "-l", "app=web", namespace=place)["items"][0]["metadata"]["uid"]
    rollout("restart", "deploy/web")
    until(lambda: count() == 1, "the old pod goes")
    assert before != cluster.get("pods", "-l", "app=web", namespace=place)["items"][0]["metadata"]["uid"]
    assert [1, 2] == [row["revision"] for row in json.loads(rollout("history", "deploy/web", "-o", "json").stdout)]
    assert "rolled back to revision 1" in rollout("undo", "deploy/web").stdout
    assert "1 of 1 available" in rollout("status", "deploy/web").stdout


def test_wait_and_delete(cluster, namespace):
    """Wait for a condition, for one that does not come, and for the end."""
    cluster.apply(pod("w"), namespace=namespace)
    here = ("-n", namespace)

    assert "pod/w condition met\n" == cluster.knarr("wait", "pod/w", "--for", "condition=Ready", *here).stdout
    late = cluster.knarr("wait", "pod/w", "--for", "condition=Nope", "--timeout", "0.3", *here, check=False)
    assert (1, True) == (late.returncode, "it is not set" in late.stderr)
    assert "pod/w deleted\n" == cluster.knarr("delete", "pod/w", *here).stdout
    assert 1 == cluster.knarr("get", "pod", "w", *here, check=False).returncode
    assert cluster.knarr("delete", "pod", "w", "--ignore-not-found", *here).stdout == ""
    gone = cluster.knarr("delete", "pod", "w", *here, check=False)
    assert "pods \"w\" not found\n  → what there is: knarr get pods -A" in gone.stderr


def test_one_missing_object_does_not_keep_the_others(cluster, namespace):
    """`delete a missing b`: a and b go, and the command says that something was missing."""
    maps = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} for name in "ab"]
    cluster.apply(*maps, namespace=namespace)
    done = cluster.knarr("delete", "configmap", "a", "missing", "b", "-n", namespace, check=False)

    assert (1, "configmap/a deleted\nconfigmap/b deleted\n") == (done.returncode, done.stdout)


def test_all_of_a_type_are_deleted(cluster, namespace):
    """Those with a label, then the rest; names beside them are refused before anything happens."""
    maps = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"tier": tier}}}
            for name, tier in (("a", "web"), ("b", "web"), ("c", "db"))]
    cluster.apply(*maps, namespace=namespace)
    mixed = cluster.knarr("delete", "configmap", "a", "--all", "-n", namespace, check=False)
    some = cluster.knarr("delete", "configmaps", "-l", "tier=web", "-n", namespace)
    rest = cluster.knarr("delete", "configmaps", "--all", "-n", namespace)

    assert (1, "") == (mixed.returncode, mixed.stdout)
    assert "--selector and --all choose among a type's objects" in mixed.stderr
    assert "configmap/a deleted\nconfigmap/b deleted\n" == some.stdout
    assert "configmap/c deleted\n" in rest.stdout


def test_status_doctor_kubeconfig_and_image(cluster):
    """What the instance says of itself, for people and for programs."""
    status = json.loads(cluster.knarr("status", "-o", "json").stdout)
    findings = json.loads(cluster.knarr("doctor", "-o", "json").stdout)
    config = json.loads(cluster.knarr("kubeconfig", "-o", "json").stdout)

    assert {"api": True, "node": True} == status["ready"]
    assert all(one["good"] for one in findings), findings
    assert status["server"] == config["clusters"][0]["cluster"]["server"]
    assert yaml.safe_load(cluster.knarr("kubeconfig").stdout) == config
    broken = cluster.knarr("image", "load", "/etc/hostname", check=False)
    assert (1, True) == (broken.returncode, broken.stderr.startswith("knarr: "))


def test_a_reader_that_stops_is_no_error(cluster):
    """`knarr get -o json | head -1`."""
    line = f"{' '.join(KNARR)} get clusterroles -o json --data-dir {cluster.data_dir} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)

    assert (["{", "0"], "") == (done.stdout.split(), done.stderr)


def test_a_server_that_is_down_is_told(cluster, tmp_path):
    """The kubeconfig is good, nobody listens."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_text(yaml.safe_dump(config))
    done = subprocess.run([*KNARR, "get", "pods"], capture_output=True, text=True, check=False,
                          env={**os.environ, "KUBECONFIG": str(elsewhere)})  # fmt: skip

    assert 1 == done.returncode
    assert done.stderr.startswith("knarr: the server at https://127.0.0.1:9 does not answer")
    assert "→ is it up? knarr status" in done.stderr


def test_a_user_who_is_not_root_is_told(cluster):
    """Whoever may not is told what to do; nothing is written and nothing ends in a traceback."""
    system_python = "/usr/bin/python3"
    site = next(path for path in __import__("sys").path if path.endswith("site-packages"))
    environment = {"PYTHONPATH": f"{os.getcwd()}:{site}", "HOME": "/nonexistent", "PATH": os.environ["PATH"]}
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", system_python, "-m", "knarr.cli.main"]
    if subprocess.run([*nobody, "--version"], env=environment, capture_output=True, check=False).returncode:
        pytest.skip("the system's own python cannot run knarr here")
    for words in (["up"], ["status"], ["get", "pods"], ["kubeconfig"], ["image", "load", "/etc/hostname"]):
        where = ["--data-dir", str(cluster.data_dir)]
        done = subprocess.run([*nobody, *words, *where], env=environment, capture_output=True, text=True, check=False)

        assert done.returncode != 0, words
        assert done.stderr.startswith("knarr: "), (words, done.stderr)
        assert "→ " in done.stderr, (words, done.stderr)
