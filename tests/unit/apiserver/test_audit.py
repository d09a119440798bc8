"""What the audit log says of a request, and what it does when the disk does not follow."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from knarr.api.errors import TooLarge
from knarr.api.http import Answer, Call, User
from knarr.apiserver.audit.log import AuditLog, Place
from knarr.apiserver.audit.policy import BadPolicy, read
from knarr.apiserver.audit.trail import Audit, tried
from knarr.apiserver.authn.callers import Callers
from knarr.apiserver.security import Attributes, Decision
from knarr.apiserver.server import Security
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from tests.unit.apiserver.asking import ADMIN, Asker

HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\n"
JANE = User("jane", groups=("devs", "system:authenticated"))
POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


class JaneMayRead:
    """Lets masters do everything and others read."""

    def authorize(self, attributes: Attributes) -> Decision:
        if "system:masters" in attributes.user.groups:
            return Decision(True)
        may = attributes.verb in ("get", "list", "watch")
        return Decision(may, 'RBAC: allowed by RoleBinding "r/web" of Role "r" to User "jane"' if may else "")


class Stranger:
    """Knows nobody."""

    async def authenticate(self, call: Call) -> User | None:
        return None


async def audited(tmp_path: Path, rules: str) -> Asker:
    """A started server whose audit log follows a policy."""
    clock = ManualClock()
    log = AuditLog(Place(tmp_path / "audit.log"), clock)
    audit = Audit(read((HEAD + rules).encode()), log, clock=clock, rng=Rng(3))
    asker = Asker(security=Security(Stranger(), JaneMayRead(), audit))
    asker.clock = clock
    await asker.start("web")
    await log.flush()
    (tmp_path / "audit.log").unlink(missing_ok=True)
    return asker


async def told(asker: Asker) -> list[dict[str, Any]]:
    """Return what the file says by now."""
    log = asker.server.security.audit.log
    await log.flush()
    return [orjson.loads(line) for line in log.place.path.read_bytes().splitlines()] if log.place.path.exists() else []


async def test_an_event_reads_as_kubernetes_writes_it(tmp_path):
    """Jane lists pods: two events, word for word and in order what kube-apiserver would write."""
    asker = await audited(tmp_path, "rules: [{level: Metadata}]")
    headers = {"user-agent": "kubectl/v1.33", "audit-id": "a1"}
    call = Call("GET", "/api/v1/namespaces/web/pods", {"limit": "500"}, headers, user=JANE, raw_query="limit=500", remote="10.0.0.7")
    answer = await asker.server.handle(call)
    events = await told(asker)

    assert "a1" == answer.headers["Audit-Id"]
    assert ["RequestReceived", "ResponseComplete"] == [event["stage"] for event in events]
    assert ["kind", "apiVersion", "level", "auditID", "stage", "requestURI", "verb", "user", "sourceIPs", "userAgent", "objectRef",
            "responseStatus", "requestReceivedTimestamp", "stageTimestamp", "annotations"] == list(events[1])  # fmt: skip
    assert {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": "a1", "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/web/pods?limit=500", "verb": "list",
        "user": {"username": "jane", "groups": ["devs", "system:authenticated"]}, "sourceIPs": ["10.0.0.7"],
        "userAgent": "kubectl/v1.33", "objectRef": {"resource": "pods", "namespace": "web", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": "2023-11-14T22:13:20.000000Z", "stageTimestamp": "2023-11-14T22:13:20.000000Z",
        "annotations": {"authorization.k8s.io/decision": "allow",
                        "authorization.k8s.io/reason": 'RBAC: allowed by RoleBinding "r/web" of Role "r" to User "jane"'},
    } == events[1]  # fmt: skip
    assert "annotations" not in events[0]
    assert "responseStatus" not in events[0]


@pytest.mark.parametrize(("rules", "expected"), [
    pytest.param("rules: [{level: None, users: [jane]}, {level: Metadata}]", [], id="not this user"),
    pytest.param("rules: [{level: Metadata, userGroups: [devs]}]", ["Metadata"], id="group"),
    pytest.param("rules: [{level: Metadata, verbs: [create]}]", [], id="verb"),
    pytest.param('rules: [{level: Metadata, resources: [{group: "", resources: [pods]}]}]', ["Metadata"], id="resource"),
    pytest.param('rules: [{level: Metadata, resources: [{group: apps}]}]', [], id="other group"),
    pytest.param('rules: [{level: Metadata, resources: [{group: "", resources: ["pods/status"]}]}]', [], id="subresource"),
    pytest.param('rules: [{level: Metadata, resources: [{group: "", resources: ["pods/*"]}]}]', ["Metadata"], id="and its subresources"),
    pytest.param('rules: [{level: Metadata, resources: [{group: "", resources: [pods], resourceNames: [x]}]}]', [], id="other name"),
    pytest.param("rules: [{level: Metadata, namespaces: [web]}]", ["Metadata"], id="namespace"),
    pytest.param('rules: [{level: Metadata, namespaces: [""]}]', [], id="no namespace"),
    pytest.param("rules: [{level: Metadata, nonResourceURLs: [/api*]}]", [], id="paths only"),
    pytest.param("rules: [{level: RequestResponse}]", ["RequestResponse"], id="all"),
])  # fmt: skip
async def test_the_first_rule_that_matches_decides(tmp_path, rules, expected):
    """Jane reads a pod that is not there; only the last stage is kept."""
    asker = await audited(tmp_path, f"omitStages: [RequestReceived]\n{rules}")
    await asker.server.handle(Call("GET", "/api/v1/namespaces/web/pods/p", user=JANE))

    assert expected == [event["level"] for event in await told(asker)]


async def test_paths_have_rules_of_their_own(tmp_path):
    """Only what is asked below /openapi is wanted."""
    asker = await audited(tmp_path, "omitStages: [RequestReceived]\nrules: [{level: Request, nonResourceURLs: ['/openapi*']}]")
    for path in ("/openapi/v3", "/api", "/api/v1/pods"):
        await asker.server.handle(Call("GET", path, user=JANE))

    assert [("/openapi/v3", "get")] == [(event["requestURI"], event["verb"]) for event in await told(asker)]


async def test_bodies_are_told_where_the_policy_says_so(tmp_path):
    """A pod is made and a refusal answered: what was sent, what came back, and whose name the object turned out to have."""
    asker = await audited(tmp_path, "omitStages: [RequestReceived]\nomitManagedFields: true\nrules: [{level: RequestResponse}]")
    await asker.ask("POST", "/api/v1/namespaces/web/pods", POD)
    await asker.ask("POST", "/api/v1/namespaces/web/pods", POD)
    made, again = await told(asker)

    assert POD == made["requestObject"]
    assert ("p", "Pod") == (made["objectRef"]["name"], made["responseObject"]["kind"])
    assert "managedFields" not in made["responseObject"]["metadata"]
    assert "privileged:latest" == made["annotations"]["pod-security.kubernetes.io/enforce-policy"]
    assert {"metadata": {}, "code": 201} == made["responseStatus"]
    assert ("Failure", "AlreadyExists", 409) == tuple(again["responseStatus"][key] for key in ("status", "reason", "code"))
    assert "Status" == again["responseObject"]["kind"]


async def test_secrets_stay_out_of_metadata(tmp_path):
    """The recommended rule for Secrets: their content is in no line."""
    asker = await audited(tmp_path, 'rules: [{level: Metadata, resources: [{group: "", resources: [secrets]}]}, {level: RequestResponse}]')
    await asker.ask("POST", "/api/v1/namespaces/web/secrets", {"metadata": {"name": "s"}, "stringData": {"k": "hush-hush"}})
    lines = await told(asker)

    assert 2 == len(lines)
    assert b"hush" not in orjson.dumps(lines)
    assert b"aHVzaC1odXNo" not in orjson.dumps(lines)


async def test_what_a_pod_breaks_is_noted(tmp_path):
    """A namespace is audited at `restricted`: the pod is let in, and the log says what it breaks."""
    asker = await audited(tmp_path, "omitStages: [RequestReceived]\nrules: [{level: Metadata, verbs: [create], namespaces: [strict]}]")
    labels = {"pod-security.kubernetes.io/audit": "restricted"}
    await asker.make("/api/v1/namespaces", {"metadata": {"name": "strict", "labels": labels}})
    await asker.make("/api/v1/namespaces/strict/serviceaccounts", {"metadata": {"name": "default"}})
    await asker.make("/api/v1/namespaces/strict/pods", POD)
    event = (await told(asker))[-1]

    assert event["annotations"]["pod-security.kubernetes.io/audit-violations"].startswith('would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false')


async def test_refusals_are_told(tmp_path):
    """Jane may not write; a stranger may nothing; a method that does not exist is answered 405."""
    asker = await audited(tmp_path, "omitStages: [RequestReceived]\nrules: [{level: Metadata}]")
    for call in (Call("DELETE", "/api/v1/namespaces/web/pods/p", user=JANE), Call("GET", "/api/v1/pods"),
                 Call("GET", "/api/v1/pods", headers={"authorization": "Bearer x"}), Call("PUT", "/api/v1/pods", user=ADMIN)):  # fmt: skip
        await asker.server.handle(call)
    forbidden, unknown, bad, method = await told(asker)

    assert (403, "forbid") == (forbidden["responseStatus"]["code"], forbidden["annotations"]["authorization.k8s.io/decision"])
    assert ("ResponseStarted", {}, "Authentication failed, no credentials provided") == (unknown["stage"], unknown["user"], unknown["responseStatus"]["message"])
    assert "Authentication failed, attempted: bearer" == bad["responseStatus"]["message"]
    assert (405, "put") == (method["responseStatus"]["code"], method["verb"])


async def test_who_acts_as_another_is_told(tmp_path):
    """An administrator asks as Jane: both names stand there."""
    asker = await audited(tmp_path, "omitStages: [RequestReceived]\nrules: [{level: Metadata}]")

    class Certificates:
        def user(self, call: Call) -> User:
            return ADMIN

    callers = Callers(Certificates(), None, JaneMayRead, wish=asker.server.wish)
    call = Call("GET", "/api/v1/pods", headers={"impersonate-user": "jane"})
    call.user = await callers.authenticate(call)
    await asker.server.handle(call)
    event = (await told(asker))[0]

    assert ("admin", "jane") == (event["user"]["username"], event["impersonatedUser"]["username"])


async def test_a_watch_has_a_beginning_and_an_end(tmp_path):
    """Jane watches for a while and goes."""
    asker = await audited(tmp_path, "rules: [{level: Metadata}]")
    answer = await asker.server.handle(Call("GET", "/api/v1/namespaces", {"watch": "1", "resourceVersion": "0"}, user=JANE))
    await anext(answer.stream)
    early = [event["stage"] for event in await told(asker)]
    await answer.stream.aclose()

    assert ["RequestReceived", "ResponseStarted"] == early
    assert "ResponseComplete" == (await told(asker))[-1]["stage"]


async def test_old_files_go_by_number_and_age(tmp_path):
    """Files of a hundred bytes, two kept at most, none older than an hour."""
    clock = ManualClock()
    log = AuditLog(Place(tmp_path / "audit.log", size_max=100, age_max_s=3600, backups_max=2), clock)
    for number in range(6):
        log.write(b"%d" % number * 80 + b"\n")
        await log.flush()
        clock.advance(1)
    kept = sorted(path.name for path in tmp_path.iterdir())
    clock.advance(7200)
    log.write(b"x" * 80)
    await log.flush()

    assert ["audit-2023-11-14T22-13-24.000.log", "audit-2023-11-14T22-13-25.000.log", "audit.log"] == kept
    assert 2 == len(list(tmp_path.iterdir())), "the file of this moment, and the one just put aside"
    assert 0o600 == (tmp_path / "audit.log").stat().st_mode & 0o777


async def test_a_disk_that_does_not_follow_costs_events_not_memory(tmp_path, monkeypatch):
    """More events come than may wait: the rest is counted, and so is what the disk refuses."""
    monkeypatch.setattr("knarr.apiserver.audit.log.EVENTS_MAX", 3)
    log = AuditLog(Place(tmp_path / "absent" / "audit.log"), ManualClock())
    for _ in range(5):
        log.write(b"{}\n")
    await log.flush()

    assert {"full": 2, "disk": 3} == dict(log.lost)
    (tmp_path / "absent").mkdir()
    log.write(b"{}\n")
    await log.flush()
    assert b"{}\n" == (tmp_path / "absent" / "audit.log").read_bytes()


async def test_events_are_written_while_the_server_runs(tmp_path):
    """Nobody flushes by hand: the log follows."""
    clock = ManualClock()
    log = AuditLog(Place(tmp_path / "audit.log"), clock)
    task = asyncio.ensure_future(log.run())
    log.write(b"{}\n")
    written = tmp_path / "audit.log"
    for _ in range(2000):  # a thread writes: it makes the file first
        clock.advance(0.1)
        await asyncio.sleep(0.001)
        if written.exists() and written.stat().st_size:
            break
    task.cancel()

    assert b"{}\n" == (tmp_path / "audit.log").read_bytes()


@pytest.mark.parametrize(("text", "fault"), [
    pytest.param("", "must be a Policy", id="empty"),
    pytest.param(HEAD, "loaded illegal policy with 0 rules", id="no rules"),
    pytest.param("apiVersion: v1\nkind: Pod\nrules: []", "must be a Policy of audit.k8s.io/v1 (got Pod", id="something else"),
    pytest.param(HEAD + "rules: [{}]", "rules[0].level: Required value", id="no level"),
    pytest.param(HEAD + "rules: [{level: All}]", 'rules[0].level: Unsupported value: "All"', id="level"),
    pytest.param(HEAD + "rules: [{level: None, nonResourceURLs: [/a], namespaces: [b]}]", "cannot apply to both", id="both"),
    pytest.param(HEAD + "rules: [{level: None, nonResourceURLs: [a]}]", "rules[0].nonResourceURLs[0]", id="no slash"),
    pytest.param(HEAD + "rules: [{level: None, nonResourceURLs: [/a*b]}]", "must be the final character", id="star within"),
    pytest.param(HEAD + "rules: [{level: None, resources: [{resourceNames: [a]}]}]", "requires at least one resource", id="names alone"),
    pytest.param(HEAD + "omitStages: [Later]\nrules: [{level: None}]", 'omitStages[0]: Invalid value: "Later"', id="stage"),
    pytest.param(HEAD + "rules: [{level: None, user: [x]}]", "unknown field `user`", id="misspelt"),
    pytest.param("{", "failed decoding: yaml", id="no yaml"),
])  # fmt: skip
def test_a_policy_that_means_nothing_is_refused(text, fault):
    """The administrator is told what is wrong, with the path of the field."""
    with pytest.raises(BadPolicy) as caught:
        read(text.encode())

    assert fault in str(caught.value)


LAST = "omitStages: [RequestReceived]\nrules: [{level: Metadata}]"


class Members:
    """Knows everybody by certificate, as one name; only `root` may act as others."""

    def __init__(self, name: str, wish: Any) -> None:
        self.name, self._wish = name, wish

    async def authenticate(self, call: Call) -> User | None:
        return await Callers(self, None, lambda: self, wish=self._wish).authenticate(call)

    def user(self, call: Call) -> User:
        return User(self.name, groups=("system:masters",) if self.name == "root" else ())

    def authorize(self, attributes: Attributes) -> Decision:
        return Decision(attributes.user.name == "root")


async def test_who_may_not_act_as_another_is_told(tmp_path):
    """Eve asks to be the administrator, then for groups without a name: both refusals stand under her own name."""
    asker = await audited(tmp_path, LAST)
    asker.server.security = Security(Members("eve", asker.server.wish), JaneMayRead(), asker.server.security.audit)
    for headers in ({"impersonate-user": "admin"}, {"impersonate-group": "system:masters"}):
        await asker.server.handle(Call("GET", "/api/v1/namespaces/web/pods", headers=headers))
    forbidden, bad = await told(asker)

    assert [403, 400] == [event["responseStatus"]["code"] for event in (forbidden, bad)]
    assert [("eve", None, "list"), ("eve", None, "list")] == [
        (event["user"]["username"], event.get("impersonatedUser"), event["verb"]) for event in (forbidden, bad)]
    assert {"resource": "pods", "namespace": "web", "apiVersion": "v1"} == forbidden["objectRef"]


async def test_rules_are_about_who_sends_a_request(tmp_path):
    """The policy watches root; that root acts as Jane does not hide it, and a rule about Jane does not see it."""
    asker = await audited(tmp_path, "omitStages: [RequestReceived]\nrules: [{level: None, users: [jane]}, {level: Metadata, users: [root]}]")
    asker.server.security = Security(Members("root", asker.server.wish), JaneMayRead(), asker.server.security.audit)
    await asker.server.handle(Call("GET", "/api/v1/pods", headers={"impersonate-user": "jane"}))

    assert [("root", "jane")] == [(event["user"]["username"], event["impersonatedUser"]["username"]) for event in await told(asker)]


async def test_health_probes_are_told_and_still_open(tmp_path):
    """A load balancer without credentials, or with bad ones, looks whether the server lives: 200, and a line each."""
    asker = await audited(tmp_path, 'omitStages: [RequestReceived]\nrules: [{level: Metadata, nonResourceURLs: ["/livez", "/readyz*"]}]')
    answers = [await asker.server.handle(Call("GET", path, headers={"authorization": "Bearer bad"})) for path in ("/livez", "/readyz/ping", "/healthz")]
    events = await told(asker)

    assert [200, 200, 200] == [answer.status for answer in answers]
    assert [("/livez", "system:anonymous"), ("/readyz/ping", "system:anonymous")] == [
        (event["requestURI"], event["user"]["username"]) for event in events]


async def test_a_body_nobody_could_read_is_told(tmp_path):
    """Too large, from one who may write: 413; from one who may not: 403, and no word about the body."""
    asker = await audited(tmp_path, LAST)
    large = TooLarge("Request entity too large: limit is 3145728")
    for user in (ADMIN, JANE):
        await asker.server.handle(Call("POST", "/api/v1/namespaces/web/pods", user=user, unread=large))
    told_large, told_forbidden = await told(asker)

    assert (413, "RequestEntityTooLarge") == (told_large["responseStatus"]["code"], told_large["responseStatus"]["reason"])
    assert 403 == told_forbidden["responseStatus"]["code"]


async def test_a_bug_is_told_as_a_panic(tmp_path, monkeypatch):
    """A handler raises what it should not: 500, and the last stage says why there is no other."""
    asker = await audited(tmp_path, "rules: [{level: Metadata}]")
    monkeypatch.setitem(asker.server._verbs, "get", None)
    answer = await asker.server.handle(Call("GET", "/api/v1/namespaces/web", user=JANE))
    stages = [(event["stage"], event.get("responseStatus", {}).get("code")) for event in await told(asker)]

    assert (500, [("RequestReceived", None), ("Panic", 500)]) == (answer.status, stages)


async def test_what_was_found_out_about_a_caller_is_told(tmp_path):
    """A door notes that a token is stale: the note stands in the event."""
    asker = await audited(tmp_path, LAST)
    await asker.server.handle(Call("GET", "/api/v1/pods", user=JANE, notes={"authentication.k8s.io/stale-token": "subject: jane"}))
    event = (await told(asker))[0]

    assert {"authentication.k8s.io/stale-token": "subject: jane"}.items() <= event["annotations"].items()


class Wire:
    """A connection that can be taken over."""

    def __init__(self) -> None:
        self.taken, self.on_taken = asyncio.Event(), None

    def take(self) -> None:
        self.on_taken()
        self.taken.set()


async def test_exec_is_told_while_it_lasts(tmp_path):
    """Somebody opens a shell: that it began is written down at once, with 101, and that it ended when it ends."""
    asker = await audited(tmp_path, "rules: [{level: Metadata}]")
    wire, leave = Wire(), asyncio.Event()

    async def shell(_: Any) -> Answer:
        wire.take()
        await leave.wait()
        return Answer(101)

    call = Call("POST", "/api/v1/namespaces/web/pods/p/exec", user=ADMIN, upgrade=wire)
    asker.server._subresources["exec", "create"] = shell
    task = asyncio.ensure_future(asker.server.handle(call))
    await wire.taken.wait()
    early = await told(asker)
    leave.set()
    await task
    whole = await told(asker)

    assert ["RequestReceived", "ResponseStarted"] == [event["stage"] for event in early]
    assert [101, 101] == [event["responseStatus"]["code"] for event in whole[1:]]
    assert ("ResponseComplete", "exec") == (whole[2]["stage"], whole[2]["objectRef"]["subresource"])


async def test_what_lasts_begins_even_where_it_is_refused(tmp_path):
    """Jane asks for the log of a pod that is not there: its answer begins and ends. That of an ordinary read only ends."""
    asker = await audited(tmp_path, LAST)
    for path in ("p/log", "p"):
        await asker.server.handle(Call("GET", f"/api/v1/namespaces/web/pods/{path}", user=JANE))

    assert [("ResponseStarted", 404), ("ResponseComplete", 404), ("ResponseComplete", 404)] == [
        (event["stage"], event["responseStatus"]["code"]) for event in await told(asker)]


async def test_a_client_that_goes_before_its_answer(tmp_path):
    """The client hangs up while its request is worked on: the log says so in Kubernetes' words."""
    asker = await audited(tmp_path, LAST)
    begun = asyncio.Event()

    async def work(*_: Any) -> Answer:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody wakes it")

    asker.server._verbs["get"] = work
    task = asyncio.ensure_future(asker.server.handle(Call("GET", "/api/v1/namespaces/web/pods/p", user=JANE)))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    event = (await told(asker))[0]

    assert ("ResponseComplete", "Connection closed early", 200) == (
        event["stage"], event["responseStatus"]["message"], event["responseStatus"]["code"])


async def test_a_status_is_told_also_where_all_went_well(tmp_path):
    """A ConfigMap is deleted: the answer is a Status, whose words stand there at every level."""
    asker = await audited(tmp_path, LAST)
    await asker.make("/api/v1/namespaces/web/configmaps", {"metadata": {"name": "c"}})
    await asker.ask("DELETE", "/api/v1/namespaces/web/configmaps/c")
    said = (await told(asker))[-1]["responseStatus"]

    assert ("Success", {"name": "c", "kind": "configmaps"}, 200) == (
        said["status"], {key: said["details"][key] for key in ("name", "kind")}, said["code"])


@pytest.mark.parametrize(("call", "ways"), [
    pytest.param(Call("GET", "/api/v1/pods"), None, id="nothing"),
    pytest.param(Call("GET", "/api/v1/pods", headers={"authorization": "Basic eDp5"}), "basic", id="basic"),
    pytest.param(Call("GET", "/api/v1/pods", headers={"authorization": "Bearer x"}, peer_certificate=b"x"), "bearer, x509", id="two"),
    pytest.param(Call("GET", "/api/v1/pods", {"access_token": "x"}), "access_token", id="in the query"),
    pytest.param(Call("GET", "/api/v1/pods", headers={"authorization": "Bearer"}), None, id="a word alone"),
])  # fmt: skip
def test_by_what_a_stranger_tried_to_come_in(call, ways):
    """What the log says of somebody whom nobody knows."""
    expected = f"Authentication failed, attempted: {ways}" if ways else "Authentication failed, no credentials provided"

    assert expected == tried(call)
