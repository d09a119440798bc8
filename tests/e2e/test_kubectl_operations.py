"""Every kubectl found runs a cluster: nodes, rollouts, jobs of an operator's day, and what it says when something is amiss."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.e2e.cluster import BUSYBOX, deployment, pod
from tests.e2e.driving import read_until


def apply(kubectl, *objects):
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))


def test_logs_of_a_container_that_came_back(kubectl):
    """`--previous` shows the life before; `--since`, `--timestamps`, `--prefix` and `--all-containers` do as they say."""
    crashing = pod("crashing", "echo dying; exit 3")
    crashing["spec"]["containers"].append({**crashing["spec"]["containers"][0], "name": "side", "command": ["cat"]})
    crashing["spec"]["containers"][1]["stdin"] = True
    apply(kubectl, crashing)
    kubectl("wait", "pod/crashing", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "--timeout=30s")

    assert kubectl.out("logs", "crashing", "-c", "main", "--previous") == "dying"
    assert "T" in kubectl.out("logs", "crashing", "-c", "main", "--timestamps", "--since=1h").split()[0]
    assert "[pod/crashing/main] dying" in kubectl.out("logs", "crashing", "--all-containers", "--prefix")
    assert "Last State" in kubectl.out("describe", "pod", "crashing")
    assert "container nope is not valid for pod crashing" in kubectl.refused("logs", "crashing", "-c", "nope")
    kubectl("delete", "pod", "crashing", "--grace-period=0", "--force")


def test_attach(kubectl):
    """A container's terminal is joined and typed into; what another one prints is watched."""
    shell = pod("shell", container={"command": ["sh"], "stdin": True, "tty": True})
    apply(kubectl, shell, pod("ticker", "while true; do echo tick; sleep 0.2; done"))
    kubectl("wait", "pod/shell", "pod/ticker", "--for=condition=Ready", "--timeout=30s")
    seen, _ = kubectl.on_terminal("attach", "-it", "shell", talk=[("", "echo is-$((40+2))\n"), ("is-42", "exit\n")])
    with kubectl.running("attach", "ticker") as watcher:
        ticks = read_until(watcher.stdout, "tick")
    kubectl("delete", "pod", "shell", "ticker", "--now")

    assert "is-42" in seen
    assert "tick" in ticks


def test_run_and_remove(kubectl):
    """`run -i --rm`: what goes in comes out, the exit code comes back, and no pod stays."""
    words = (
        "run",
        "once",
        f"--image={BUSYBOX}",
        "--image-pull-policy=Never",
        "--restart=Never",
        "--rm",
        "-i",
        "--quiet",
    )
    done = kubectl(*words, "--", "sh", "-c", "read word; echo got-$word; exit 4", stdin="it\n", check=False)

    assert "got-it" in done.stdout
    assert done.returncode == 4
    assert 'pods "once" not found' in kubectl.refused("get", "pod", "once")


def test_cordon_taint_drain(kubectl):
    """A node is emptied of pods, one way or the other, and taken into service again."""
    node = kubectl.out("get", "node", "-o", "jsonpath={.items[0].metadata.name}")
    apply(kubectl, deployment("moved", 1, "sleep inf"))
    kubectl("rollout", "status", "deployment/moved", "--timeout=30s")
    kubectl("taint", "node", node, "k=v:PreferNoSchedule")
    kubectl("taint", "node", node, "k-")
    try:
        kubectl("cordon", node)
        status = kubectl.out("get", "node", node)
        drained = kubectl.out("drain", node, "--ignore-daemonsets", "--pod-selector=app=moved", "--timeout=30s")
    finally:
        kubectl("uncordon", node)
    kubectl("rollout", "status", "deployment/moved", "--timeout=30s")
    kubectl("delete", "deployment", "moved")

    assert "SchedulingDisabled" in status
    assert f"node/{node} drained" in drained


def test_rollouts_paused_and_undone(kubectl):
    """A paused Deployment waits; a revision is looked at and gone back to."""
    apply(kubectl, deployment("paused", 1, "sleep inf"))
    kubectl("rollout", "status", "deployment/paused", "--timeout=30s")
    kubectl("rollout", "pause", "deployment/paused")
    kubectl("set", "env", "deployment/paused", "A=B")
    kubectl("set", "resources", "deployment/paused", "--requests=cpu=1m")
    before = kubectl.out("rollout", "history", "deployment/paused")
    kubectl("rollout", "resume", "deployment/paused")
    kubectl("rollout", "status", "deployment/paused", "--timeout=30s")
    revision = kubectl.out("rollout", "history", "deployment/paused", "--revision=2")
    kubectl("rollout", "undo", "deployment/paused", "--to-revision=1")
    undone = kubectl.out("get", "deployment", "paused", "-o", "jsonpath={.spec.template.spec.containers[0].env}")
    kubectl("delete", "deployment", "paused")

    assert before.split()[-2:] == ["1", "<none>"]
    assert "A:\tB" in revision
    assert undone == ""


def test_cascades(kubectl):
    """Orphans stay, foreground waits for all below, and `wait --for=delete` sees the end."""
    apply(kubectl, deployment("owner", 1, "sleep inf"))
    kubectl("rollout", "status", "deployment/owner", "--timeout=30s")
    kubectl("delete", "deployment", "owner", "--cascade=orphan")
    orphans = kubectl.out("get", "replicasets", "-l", "app=owner", "-o", "name").split()
    kubectl("delete", *orphans, "--cascade=foreground", "--timeout=30s")
    kubectl("wait", "pod", "-l", "app=owner", "--for=delete", "--timeout=30s")

    assert len(orphans) == 1
    assert kubectl.out("get", "all", "-l", "app=owner", "-o", "name") == ""


def test_what_one_may(kubectl):
    """Tokens, and what their bearers may do."""
    token = kubectl.out("create", "token", "default")
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods")
    kubectl("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={kubectl.namespace}:default")
    account = f"--as=system:serviceaccount:{kubectl.namespace}:default"

    assert token.count(".") == 2
    assert kubectl.out("auth", "can-i", "list", "pods", account) == "yes"
    assert kubectl("auth", "can-i", "delete", "pods", account, check=False).stdout.strip() == "no"
    assert "pods" in kubectl.out("auth", "can-i", "--list", account)
    assert "is forbidden" in kubectl.refused("get", "secrets", account)
    if kubectl.minor > 27:  # older ones ask for a version of the API that Kubernetes 1.36 has no more
        assert "knarr-admin" in kubectl.out("auth", "whoami")
    kubectl("delete", "role/reader", "rolebinding/reader")


def test_objects_made_by_hand(kubectl):
    """The `create` family and `autoscale`: every object is taken, in whatever version and form this kubectl writes it."""
    image = f"--image={BUSYBOX}"
    for words in (
        ("job", "j", image),
        ("cronjob", "c", image, "--schedule=* * * * *"),
        ("ingress", "i", "--rule=a.b/c=web:80"),
        ("poddisruptionbudget", "p", "--selector=a=b", "--min-available=1"),
        ("quota", "q", "--hard=pods=2"),
        ("serviceaccount", "s"),
        ("service", "clusterip", "s", "--tcp=80"),
        ("namespace", "n"),
        ("clusterrole", "r", "--verb=get", "--resource=pods"),
        ("priorityclass", "p", "--value=1"),
        ("secret", "generic", "s", "--from-literal=a=b"),
    ):
        assert "(server dry run)" in kubectl.out("create", *words, "--dry-run=server")
    kubectl("autoscale", "deployment", "web", "--min=1", "--max=3", "--cpu-percent=70")
    shown = kubectl.out("get", "hpa", "web")
    described = kubectl.out("describe", "hpa", "web")
    kubectl("delete", "hpa", "web")

    assert "<unknown>/70%" in shown
    assert "Max replicas" in described


def test_every_kind_can_be_listed_and_described(kubectl):
    """No table and no description fails, be it of what is there or of what is not."""
    kinds = kubectl.out("api-resources", "--verbs=list", "-o", "name").split()

    assert len(kinds) > 25
    kubectl("get", ",".join(kinds), "--ignore-not-found")
    kubectl("describe", "all,configmaps,serviceaccounts,endpointslices,storageclasses")


def test_replace_and_wait(kubectl):
    """`replace`, with and without force; `wait` for a value, and the words when it does not come."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "replaced"}, "data": {"v": "1"}}
    kubectl("create", "-f", "-", stdin=json.dumps(config))
    kubectl("replace", "-f", "-", stdin=json.dumps({**config, "data": {"v": "2"}}))
    kubectl("wait", "configmap/replaced", "--for=jsonpath={.data.v}=2", "--timeout=5s")
    late = kubectl.refused("wait", "configmap/replaced", "--for=jsonpath={.data.v}=3", "--timeout=1s")
    kubectl("replace", "--force", "-f", "-", stdin=json.dumps({**config, "data": {"v": "3"}}))
    again = kubectl.refused("create", "-f", "-", stdin=json.dumps(config))
    kubectl("delete", "configmap", "replaced")

    assert "timed out waiting for the condition on configmaps/replaced" in late
    assert 'configmaps "replaced" already exists' in again


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("exec", "nothere", "--", "true"), 'pods "nothere" not found', id="exec into no pod"),
        pytest.param(("exec", "deployment/web", "--", "nothere"), "executable file not found", id="exec of no program"),
        pytest.param(("debug", "deployment/web"), "", id="debug of what is no pod"),
        pytest.param(("top", "nodes"), "Metrics API not available", id="no metrics yet"),
        pytest.param(("get", "pods", "--field-selector", "a=b"), "field label not supported", id="no such field"),
        pytest.param(("get", "pods", "-l", "a=&"), "unable to parse requirement", id="no such selector"),
        pytest.param(
            ("scale", "deployment/web", "--replicas=3", "--current-replicas=9"), "Expected replicas to be 9", id="scale"
        ),
        pytest.param(("delete", "pod", "nothere"), 'pods "nothere" not found', id="delete of nothing"),
        pytest.param(
            ("set", "image", "deployment/web", "nope=a"),
            'unable to find container named "nope"',
            id="no such container",
        ),
    ],
)
def test_refusals(kubectl, words, said):
    """What cannot be is said, and nothing is changed."""
    assert said in kubectl.refused(*words)


def test_server_side_apply(kubectl):
    """Two people own two fields; the third who wants one of them hears whose it is, and may insist."""
    def config(value):
        return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ssa"}, "data": {"v": value}})

    kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=config("1"))
    refused = kubectl.refused("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=config("2"))
    kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=config("2"))

    assert 'conflict with "one"' in refused
    assert kubectl.out("get", "configmap", "ssa", "-o", "jsonpath={.data.v}") == "2"


def test_a_running_pod_is_debugged(kubectl):
    """A container joins a pod, sees its target's processes, answers, and ends; the pod goes on."""
    name = kubectl.out("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
    kubectl("debug", name, f"--image={BUSYBOX}", "--image-pull-policy=Never", "--target=main", "-c", "look", "--",
            "sh", "-c", "tr '\\0' ' ' </proc/1/cmdline; exit 3")
    ended = "jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}"
    kubectl("wait", f"pod/{name}", f"--for={ended}=3", "--timeout=30s")

    assert "httpd -f -p 8080" in kubectl.out("logs", name, "-c", "look")
    assert "True/0" == kubectl.out("get", "pod", name, "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}/"
                                   "{.status.containerStatuses[0].restartCount}")


def test_unknown_fields(kubectl):
    """A misspelt field is refused by default, warned of or let pass where that is asked."""
    config = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "misspelt"}, "dada": {"a": "b"}})
    warned = kubectl("create", "-f", "-", "--validate=warn", "--dry-run=server", stdin=config)

    assert 'unknown field "dada"' in kubectl.refused("create", "-f", "-", stdin=config)
    assert 'unknown field "dada"' in warned.stderr
    assert kubectl("create", "-f", "-", "--validate=false", "--dry-run=server", stdin=config).stderr == ""


def test_explain_tells_what_fields_mean(kubectl):
    """Types and descriptions, of one field and of all below it."""
    pytest.importorskip("kubernetes_validate", reason="the descriptions are not installed")

    assert "Number of desired pods" in kubectl.out("explain", "deployment.spec.replicas")
    assert "imagePullPolicy" in kubectl.out("explain", "pod.spec.containers", "--recursive")
